"""What a person chose on the command line of the embedded exchange, as values."""

import argparse
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NoReturn

from gpt_trader.exchange.clients import SNIPPETS
from gpt_trader.exchange.faults_table import listed
from gpt_trader.exchange.rate_limits import COINBASE_LIMITS, Limited, RateLimits
from gpt_trader.exchange.rules import Duplicate, FeeRounding, TradeSide

MAX_SPEED = math.inf  # lockstep: as fast as the session settles
DEFAULT_CANDLES = 10_080  # a week of minutes
PORT_MAX = 65_535
SHOWN_MAX = 300  # characters of what argparse says: it repeats what was typed

DESCRIPTION = """\
A whole exchange on this machine that speaks Coinbase Advanced Trade: REST and WebSocket over TLS,
signed tokens, order matching, holds and fees. No money is real. Without --data it trades a seeded
synthetic market of 25 products, and contracts if they are named. When it is ready it prints one
line of JSON that says where it listens, which certificate to trust and where your API key is."""

FAULTS_TOLD = """\
faults, for --faults FILE: {"seed": 1, "faults": {"answer_lost": 0.1, "A4": {"rate": 0.05,
"after": 10, "times": 3}}}; a case such as A4 stands for all its lines. While it runs they are
armed and healed on the port that the ready line names under "faults", with the token there: a line
of JSON such as {"token": T, "do": "arm", "fault": "A10", "rate": 0.2}; do is arm, disarm, heal or
show, and each answer counts the strikes."""

EPILOG = f"""\
examples
  gpt-trader exchange --port 8443
      25 synthetic products at real speed
  gpt-trader exchange --port 8443 --data btc.parquet --data sol.parquet --speed 60
      recorded candles, a minute each second
  gpt-trader exchange --port 8443 --follow api.coinbase.com --product BTC-USD
      Coinbase's market as it is now, orders filled here (nothing is sent to Coinbase)

{FAULTS_TOLD}
{listed()}

{SNIPPETS}
exit codes
  0 ended by its parent   1 refused by the machine (port in use, folder not writable)
  2 bad option or market data   3 the followed exchange cannot be reached   130 interrupted
"""


@dataclass(frozen=True, slots=True)
class Choices:
    """The command line, read."""

    port: int
    plain_port: int | None
    data: tuple[Path, ...]
    product_ids: tuple[str, ...]
    contract_ids: tuple[str, ...]
    candles: int | None
    granularity_s: int | None
    seed: int
    speed: float  # tape seconds per second; MAX_SPEED is lockstep
    state: Path | None
    sync: bool
    tls: Path
    balances: dict[str, Decimal] | None
    futures_balance: Decimal | None
    fees: tuple[Decimal, Decimal] | None  # maker, taker
    duplicate: Duplicate
    fee_rounding: FeeRounding
    trade_side: TradeSide
    answer_first: bool
    limits: RateLimits | None
    pending_first: bool
    usdc_alias: bool
    deep_books: frozenset[str]
    faults: str | None  # a seed or the name of a file
    follow: str | None
    follow_ca: Path | None
    parent: bool
    ready_file: str  # "-" is standard output

    @property
    def waits(self) -> bool:
        """The tape waits for its session, and all silence with it."""
        return self.speed == MAX_SPEED and self.follow is None


def read_choices(argv: Sequence[str]) -> Choices:
    """Read the command line; a mistake ends the program with exit code 2 and one sentence."""
    parser = build_parser()
    given = parser.parse_args(argv)
    if given.follow and (given.data or given.speed != 1.0 or given.candles):
        parser.error("--follow takes its market from there: drop --data, --candles and --speed")
    if given.follow and not given.product:
        parser.error("--follow needs at least one --product, such as --product BTC-USD")
    if given.speed == MAX_SPEED and given.rate_limits:
        parser.error("--rate-limits counts the machine's seconds, which lockstep does not know")
    if given.contract and (given.follow or given.data):
        parser.error("--contract is for the synthetic market: drop --data and --follow")
    if given.contract and given.futures_balance is None:
        parser.error("--contract needs an account with futures: add --futures-balance USD")
    limits: RateLimits | None = given.rate_limits
    if limits is None and given.speed == 1.0:
        limits = COINBASE_LIMITS
    if given.follow_ca and not given.follow:
        parser.error("--follow-ca goes with --follow HOST[:PORT]")
    return Choices(
        port=given.port,
        plain_port=given.plain_port,
        data=tuple(given.data),
        product_ids=tuple(dict.fromkeys(given.product)),
        contract_ids=tuple(dict.fromkeys(given.contract)),
        candles=given.candles,
        granularity_s=given.granularity,
        seed=given.seed,
        speed=given.speed,
        state=given.state,
        sync=given.sync,
        tls=given.tls,
        balances=dict(given.balance) or None,
        futures_balance=given.futures_balance,
        fees=given.fees,
        duplicate=given.duplicate,
        fee_rounding=given.fee_rounding,
        trade_side=given.trade_side,
        answer_first=given.answer_first,
        limits=limits or None,
        pending_first=given.pending_first,
        usdc_alias=given.usdc_alias,
        deep_books=frozenset(given.deep_book),
        faults=given.faults,
        follow=given.follow,
        follow_ca=given.follow_ca,
        parent=given.parent,
        ready_file=given.json,
    )


class _Flags(argparse.ArgumentParser):
    """Says what is wrong with a command line in one line."""

    def error(self, message: str) -> NoReturn:
        said = " ".join(message[:SHOWN_MAX].split())
        self.exit(2, f"{self.prog}: {said}; see `{self.prog} --help`\n")


def build_parser() -> argparse.ArgumentParser:
    """Describe every option of ``gpt-trader exchange``."""
    parser = _Flags(
        prog="gpt-trader exchange",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_market(parser.add_argument_group("market"))
    _add_rules(parser.add_argument_group("rules"))
    _add_process(parser.add_argument_group("server"))
    return parser


def _add_market(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--data",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="candles or trades to play, Parquet or CSV; may be given again for more products",
    )
    group.add_argument(
        "--product",
        action="append",
        default=[],
        metavar="ID",
        help="which products to trade (default: all); names the product of a file without the"
        " column product_id",
    )
    group.add_argument(
        "--candles",
        type=_positive,
        metavar="N",
        help=f"play only the first N (default: all of a file, {DEFAULT_CANDLES} synthetic ones)",
    )
    group.add_argument(
        "--granularity",
        type=_positive,
        metavar="SECONDS",
        help="length of a candle, for files without the column granularity",
    )
    group.add_argument(
        "--seed",
        type=int,
        default=1,
        metavar="N",
        help="decides everything that is left to chance (default: 1)",
    )
    group.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        metavar="real|N|max",
        help="real time (default), N times as fast, or max: in lockstep with one session",
    )
    group.add_argument(
        "--follow",
        metavar="HOST[:PORT]",
        help="play what another exchange publishes now; nothing is sent there but requests to read",
    )
    group.add_argument(
        "--follow-ca",
        type=Path,
        metavar="FILE",
        help="trust this authority for --follow instead of the machine's",
    )


def _add_rules(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--balance",
        type=_balance,
        action="append",
        default=[],
        metavar="CUR=AMOUNT",
        help="what the account holds at first (default: USD=100000 BTC=0.5 ETH=2)",
    )
    _add_futures(group)
    group.add_argument(
        "--fees",
        type=_fees,
        metavar="MAKER,TAKER",
        help="one fee tier, as fractions: 0.004,0.006 (default: Coinbase's tiers by volume)",
    )
    group.add_argument(
        "--duplicate",
        type=Duplicate,
        choices=list(Duplicate),
        default=Duplicate.EXISTING,
        metavar="existing|reject|accept",
        help="what a repeated client_order_id gets: the first order (default), a refusal, or a"
        " second order",
    )
    group.add_argument(
        "--fee-rounding",
        type=FeeRounding,
        choices=list(FeeRounding),
        default=FeeRounding.UP,
        metavar="up|half_even|down",
        help="how a fee becomes units of 1e-8 (default: up)",
    )
    group.add_argument(
        "--trade-side",
        type=TradeSide,
        choices=list(TradeSide),
        default=TradeSide.MAKER,
        metavar="maker|taker",
        help="whose side public trades show (default: maker)",
    )
    group.add_argument(
        "--pending-first", action="store_true", help="the user channel shows PENDING before OPEN"
    )
    _add_unwritten_rules(group)


def _add_futures(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--futures-balance",
        type=_dollars,
        metavar="USD",
        help="give the account a futures wallet that holds this much (default: it has none)",
    )
    group.add_argument(
        "--contract",
        action="append",
        default=[],
        metavar="ID",
        help="trade this US future of perpetual style too, such as BIP-20DEC30-CDE; needs"
        " --futures-balance",
    )


def _add_unwritten_rules(group: argparse._ArgumentGroup) -> None:
    """What Coinbase may do either way, or in some markets only."""
    group.add_argument(
        "--usdc-alias",
        action="store_true",
        help="each X-USD can be traded as X-USDC, in the same book; market data come as X-USD",
    )
    group.add_argument(
        "--deep-book",
        action="append",
        default=[],
        metavar="ID",
        help="give this product as many levels as Coinbase's largest book: its level2 snapshot is"
        " one message of 5 MB; may be given again",
    )
    order = group.add_mutually_exclusive_group()
    order.add_argument(
        "--answer-first",
        action="store_true",
        default=True,
        help="the answer to an order comes before its user messages (default; always in lockstep)",
    )
    order.add_argument(
        "--frames-first",
        action="store_false",
        dest="answer_first",
        help="its user messages come before the answer",
    )


def _add_process(group: argparse._ArgumentGroup) -> None:
    var = Path(os.environ.get("GPT_TRADER_VAR", "var"))
    group.add_argument(
        "--port",
        type=_port,
        default=8443,
        metavar="P",
        help="the TLS port for REST and WebSocket, 0 for any free one (default: 8443)",
    )
    group.add_argument(
        "--plain-port",
        type=_port,
        metavar="P",
        help="a second port without TLS for clients that need http:// and ws://",
    )
    group.add_argument(
        "--rate-limits",
        type=_rate_limits,
        metavar="on|off|A,B,C,D",
        help="most in a second: private requests, public requests, connections, WebSocket messages"
        " without a token (default: Coinbase's 30,10,8,8 at real speed, off at any other)",
    )
    group.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="keep the ledger there and go on from it (default: it ends with the process)",
    )
    group.add_argument(
        "--sync", action="store_true", help="the ledger survives a power cut too (slower)"
    )
    group.add_argument(
        "--tls",
        type=Path,
        default=var / "tls",
        metavar="DIR",
        help="certificate authority and API keys, made on first use (default: %(default)s)",
    )
    group.add_argument(
        "--faults",
        metavar="FILE|SEED",
        help="what goes wrong: a seed chooses, or a JSON file names it (see below)",
    )
    group.add_argument(
        "--parent",
        action="store_true",
        help="end when standard input ends; SIGINT and SIGTERM are left to the parent",
    )
    group.add_argument(
        "--json",
        nargs="?",
        const="-",
        default="-",
        metavar="FILE",
        help="write the line of JSON there (default: standard output)",
    )


def _rate_limits(text: str) -> RateLimits:
    if text in ("on", "off"):
        return COINBASE_LIMITS if text == "on" else {}
    counts = text.split(",")
    if len(counts) != len(Limited):
        raise argparse.ArgumentTypeError(f"{text!r} is not on, off or four numbers like 30,10,8,8")
    return dict(zip(Limited, map(_positive, counts), strict=True))


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return number


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() else -1
    if not 0 <= number <= PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to {PORT_MAX}")
    return number


def _speed(text: str) -> float:
    if text in ("real", "max"):
        return 1.0 if text == "real" else MAX_SPEED
    try:
        multiple = float(text)
    except ValueError:
        multiple = math.nan
    if not (multiple > 0 and math.isfinite(multiple)):
        raise argparse.ArgumentTypeError(f"{text!r} is not real, max or a number above 0")
    return multiple


def _balance(text: str) -> tuple[str, Decimal]:
    currency, _, amount = text.partition("=")
    reason = f"{text!r} is not like USD=100000"
    if not (currency.isascii() and currency.isalnum() and currency.isupper()):
        raise argparse.ArgumentTypeError(reason)
    return currency, _decimal(amount, reason)


def _dollars(text: str) -> Decimal:
    return _decimal(text, f"{text!r} is not an amount like 5000")


def _fees(text: str) -> tuple[Decimal, Decimal]:
    maker, _, taker = text.partition(",")
    reason = f"{text!r} is not like 0.004,0.006"
    rates = _decimal(maker, reason), _decimal(taker, reason)
    if max(rates) >= 1:
        raise argparse.ArgumentTypeError(f"{text!r}: rates are fractions, 0.006 is 0.6 %")
    return rates


def _decimal(text: str, reason: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise argparse.ArgumentTypeError(reason)
    return value
