"""What a person asked `gpt-trader live` to do, parsed and checked."""

import argparse
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from gpt_trader.broker.capabilities import ProductType
from gpt_trader.broker.derivatives import check_gate, check_profile, product_type_of
from gpt_trader.broker.sizing import SIZING, sizing_of
from gpt_trader.coinbase.wire_products import GRANULARITIES
from gpt_trader.domain.errors import UsageError
from gpt_trader.flags import Flags
from gpt_trader.settings import LIMITS, Settings, load_settings
from gpt_trader.store.document import check_target
from gpt_trader.strategies.registry import BY_HAND, strategy_names

PROFILES = ("dev", "paper", "canary", "prod")
EPILOG = """\
A first session, on a synthetic market, as fast as it goes:
  gpt-trader live --candles 2000
On real candles, with a document of the result:
  gpt-trader live --data candles.parquet --speed max --json result.json
Orders by hand, also as perps-bot --preview-order ...:
  gpt-trader orders --help
The same command again goes on with a session that was killed. `gpt-trader replay latest` proves
that the recorded session makes the same decisions again.

profiles: dev (embedded exchange), paper (Coinbase's market, orders to an embedded exchange),
canary and prod (Coinbase; start halted).
exit codes: 0 ok, 1 check failed or refused, 2 bad usage, 3 exchange unreachable or outcome
unknown, 4 needs review, 130 interrupted.
"""


@dataclass(frozen=True, slots=True)
class Options:
    """One run of the live command."""

    settings: Settings
    profile: str
    data: tuple[Path, ...]
    products: tuple[str, ...]
    strategy: str
    params: dict[str, float]
    sizing: dict[str, float]
    limits: dict[str, Decimal]
    speed: str  # "max", "real" or a multiple
    candles: int | None
    candle_s: int
    seed: int
    host: str | None
    ca: Path | None
    key_file: Path | None
    json_to: str | None
    dev_fast: bool
    discard: bool
    by_hand: bool  # no strategy: people's requests are served, and that is all
    once: bool  # until they are answered
    balances: tuple[str, ...]  # of the embedded exchange's new account, CURRENCY=AMOUNT
    faults: str | None  # of the embedded exchange: a seed or the path of a file

    @property
    def trades_contracts(self) -> bool:
        """Whether it is a session of contracts; none trades both."""
        return any(product_type_of(name) is ProductType.FUTURE for name in self.products)

    @property
    def lockstep(self) -> bool:
        """The tape waits for us."""
        return self.speed == "max" and self.profile == "dev"

    def choices(self) -> dict[str, str]:
        """What makes one session another: an unfinished one goes on only with the same."""
        if self.by_hand:
            return {"profile": self.profile, "strategy": self.strategy, "host": str(self.host)}
        return {
            "profile": self.profile,
            "data": json.dumps([_fingerprint(path) for path in self.data]),
            "products": json.dumps(self.products),
            "strategy": self.strategy,
            "params": json.dumps(self.params, sort_keys=True),
            "sizing": json.dumps(self.sizing, sort_keys=True),
            "limits": json.dumps({k: str(v) for k, v in sorted(self.limits.items())}),
            "speed": self.speed,
            "candles": str(self.candles),
            "candle_s": str(self.candle_s),
            "seed": str(self.seed),
            "host": str(self.host),
            "balances": json.dumps(self.balances),
            "faults": str(self.faults),
        }


def parser(prog: str) -> argparse.ArgumentParser:
    """The command line; strategies are listed without loading them."""
    p = Flags(
        prog=prog,
        description="Trade a strategy, every event recorded. Without options: a bounded session "
        "on a synthetic market through the embedded exchange, no key and no internet needed.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("--profile", choices=PROFILES, default="dev", help="where orders go [dev]")
    p.add_argument(
        "--data", action="append", default=[], metavar="FILE", help="candles or trades to play"
    )
    p.add_argument("--product", action="append", default=[], metavar="ID", help="e.g. BTC-USD")
    p.add_argument(
        "--strategy",
        metavar="NAME|FILE.py:NAME",
        help=f"{', '.join(strategy_names())}, or one of a file of yours",
    )
    p.add_argument("--param", action="append", default=[], metavar="K=V", help="of the strategy")
    p.add_argument(
        "--sizing", action="append", default=[], metavar="K=V", help=f"one of {', '.join(SIZING)}"
    )
    p.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="K=V",
        help=f"a risk limit: {', '.join(LIMITS)}",
    )
    p.add_argument("--speed", metavar="real|N|max", help="of the tape; dev [max], others [real]")
    p.add_argument(
        "--candles",
        type=int,
        metavar="N",
        help="end after so many rows of the tape, or candles of each product without one",
    )
    p.add_argument("--candle-s", type=int, metavar="S", help="width of a candle [as the data]")
    p.add_argument("--seed", type=int, default=1, metavar="N", help="of market and matching [1]")
    p.add_argument(
        "--balance",
        action="append",
        default=[],
        metavar="CUR=X",
        help="of the embedded account [USD=100000 BTC=1.02]",
    )
    p.add_argument("--faults", metavar="FILE|SEED", help="of the exchange; its --help lists them")
    _add_place(p)
    return p


def _add_place(p: argparse.ArgumentParser) -> None:
    p.add_argument("--var", metavar="DIR", help="where everything is written [./var]")
    p.add_argument("--coinbase-host", metavar="HOST[:PORT]", help="another exchange to talk to")
    p.add_argument("--coinbase-ca", metavar="FILE", help="authority that exchange is trusted by")
    p.add_argument("--coinbase-key-file", metavar="FILE", help="API key as Coinbase's download")
    p.add_argument("--json", nargs="?", const="-", metavar="F.json|-", help="one document [-]")
    p.add_argument(
        "--dev-fast", action="store_true", help="one scripted order life, checked in five steps"
    )
    p.add_argument(
        "--by-hand",
        action="store_true",
        help="no strategy: serve the requests of `gpt-trader orders` until Ctrl-C; orders wait on",
    )
    p.add_argument(
        "--once", action="store_true", help="with --by-hand: end when every request is answered"
    )
    p.add_argument(
        "--discard", action="store_true", help="leave an unfinished session for good, begin anew"
    )


def parse(argv: list[str], environ: Mapping[str, str], prog: str) -> Options:
    """Read the command line over the settings; anything odd is one clear `UsageError`."""
    args = parser(prog).parse_args(argv)
    limits = _pairs(args.limit, "--limit")
    settings = load_settings(
        {
            "var": args.var,
            "coinbase_host": args.coinbase_host,
            "coinbase_key_file": args.coinbase_key_file,
            **{f"limit_{name}": value for name, value in limits.items()},
        },
        environ,
        Path.cwd(),
    )
    if args.by_hand:
        _only_by_hand(args)
    elif args.once:
        raise UsageError("--once goes with --by-hand")
    strategy = _strategy(args)
    products = tuple(args.product)
    _check_contracts(products, args, settings)
    data = tuple(Path(text) for text in args.data)
    for path in data:
        if not path.is_file():
            raise UsageError(f"--data {path}: no such file")
    if args.candles is not None and args.candles <= 0:
        raise UsageError(f"--candles {args.candles}: give a number above zero")
    check_target(args.json)
    return Options(
        settings=settings,
        profile=args.profile,
        data=data,
        products=products,
        strategy=strategy,
        params=_numbers(args.param, "--param"),
        sizing=_sizing(args.sizing, args.dev_fast),
        limits=settings.limits,
        speed="real" if args.by_hand else _speed(args.speed, args.profile, args.dev_fast),
        candles=40 if args.dev_fast and args.candles is None else args.candles,
        candle_s=_candle_s(args.candle_s, args.profile),
        seed=args.seed,
        host=settings.coinbase_host,
        ca=None if args.coinbase_ca is None else Path(args.coinbase_ca),
        key_file=settings.coinbase_key_file,
        json_to=args.json,
        dev_fast=args.dev_fast,
        discard=args.discard,
        by_hand=args.by_hand,
        once=args.once,
        balances=tuple(args.balance),
        faults=_faults(args.faults, args.profile, settings.coinbase_host),
    )


def _strategy(args: argparse.Namespace) -> str:
    if args.by_hand:
        return BY_HAND
    return "dev_life" if args.dev_fast else (args.strategy or "ma_crossover")


def _check_contracts(
    products: tuple[str, ...], args: argparse.Namespace, settings: Settings
) -> None:
    """Contracts are traded by hand, with the gate open, and not beside coins."""
    for name in products:
        check_gate(name, settings.derivatives)
    contracts = [n for n in products if product_type_of(n) is ProductType.FUTURE]
    if not contracts:
        return
    if len(contracts) < len(products):
        raise UsageError("a session trades coins or contracts, not both: name one kind")
    check_profile(contracts[0], args.profile)
    if not args.by_hand:
        raise UsageError(
            f"{contracts[0]} is a contract: contracts are traded by hand, with --by-hand or "
            "`gpt-trader orders`; strategies and backtests know no margin"
        )
    if args.sizing:
        raise UsageError(f"--sizing does not go with {contracts[0]}: contracts are sized by hand")


def _only_by_hand(args: argparse.Namespace) -> None:
    """A session by hand has one form, so that the next one goes on with it."""
    tape = ("data", "speed", "candles", "candle_s", "balance", "faults")
    for name in ("strategy", "param", "dev_fast", *tape):
        if getattr(args, name):
            raise UsageError(f"--{name.replace('_', '-')} does not go with --by-hand")


def _faults(text: str | None, profile: str, host: str | None) -> str | None:
    if text is not None and (profile != "dev" or host is not None):
        raise UsageError("--faults is for the embedded exchange of profile dev: leave it out here")
    return text


def _pairs(given: list[str], flag: str) -> dict[str, str]:
    pairs = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise UsageError(f"{flag} {text}: write NAME=VALUE")
        pairs[name.strip()] = value.strip()
    return pairs


def _numbers(given: list[str], flag: str) -> dict[str, float]:
    numbers = {}
    for name, value in _pairs(given, flag).items():
        try:
            numbers[name] = float(value)
        except ValueError as e:
            raise UsageError(f"{flag} {name}={value}: {value!r} is no number") from e
    return numbers


def _sizing(given: list[str], dev_fast: bool) -> dict[str, float]:
    try:
        chosen = sizing_of(_numbers(given, "--sizing"))
    except UsageError as e:
        raise UsageError(f"--{str(e).removeprefix('--')}") from e
    named = {text.partition("=")[0].strip() for text in given}
    if dev_fast and "patience_candles" not in named:
        chosen["patience_candles"] = 0.0
    return chosen


def _speed(text: str | None, profile: str, dev_fast: bool) -> str:
    if text is None:
        return "max" if profile == "dev" else "real"
    if dev_fast and text != "max":
        raise UsageError("--dev-fast runs at --speed max")
    if text == "max":
        if profile != "dev":
            raise UsageError(
                f"--speed max: only a tape can wait; profile {profile} runs in real time"
            )
        return text
    if text == "real":
        return text
    if profile != "dev":
        raise UsageError(f"--speed {text}: profile {profile} runs in real time")
    try:
        multiple = float(text)
    except ValueError as e:
        raise UsageError(f"--speed {text}: write real, max, or a number like 60") from e
    if not 0 < multiple <= 100_000:
        raise UsageError(f"--speed {text}: give a multiple above 0 and up to 100000")
    return text


def _candle_s(given: int | None, profile: str) -> int:
    if given is None:
        return 0
    if given <= 0:
        raise UsageError(f"--candle-s {given}: give a number above zero")
    if profile != "dev" and given not in GRANULARITIES:
        widths = ", ".join(str(width) for width in GRANULARITIES)
        raise UsageError(f"--candle-s {given}: Coinbase has candles of {widths} seconds")
    return given


def _fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
