"""From the command line's choices to a running exchange, and in order down again."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex

import msgspec

from gpt_trader.exchange.authority import issue
from gpt_trader.exchange.catalog import UnknownProduct, default_market, find_contract, find_product
from gpt_trader.exchange.choices import DEFAULT_CANDLES, Choices
from gpt_trader.exchange.faults import Faults
from gpt_trader.exchange.faults_plan import read_plan
from gpt_trader.exchange.faults_port import FaultPort
from gpt_trader.exchange.follow import Follower, Following, Unreachable, fetch_market, find_source
from gpt_trader.exchange.journal import Journal, JournalError
from gpt_trader.exchange.journal_records import journal_header
from gpt_trader.exchange.keys import ApiKey, Kind, load_keys, make_key
from gpt_trader.exchange.rules import FeeTier, VenueRules, default_rules
from gpt_trader.exchange.server import ExchangeServer, Options, Stage
from gpt_trader.exchange.synthetic import synthetic_tape
from gpt_trader.exchange.tape import FollowedTape, Tape, TapeError
from gpt_trader.exchange.tape_files import Reading, read_tape
from gpt_trader.exchange.venue import Venue

REFUSED, BAD_INPUT, UNREACHABLE, INTERRUPTED = 1, 2, 3, 130
HOST = "127.0.0.1"  # this machine only: the exchange is nobody else's
READY = b'{"port":'  # what the ready line begins with: a file that does may be written over


class LaunchError(Exception):
    """Why the exchange cannot run, in a sentence that says what to do, and the exit code."""

    def __init__(self, exit_code: int, reason: str) -> None:
        super().__init__(reason)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Credentials:
    """The files of the TLS folder, and the keys that are accepted."""

    ca: Path
    certificate: tuple[Path, Path]
    key_file: Path
    keys: dict[str, ApiKey]


def launch(choices: Choices) -> int:
    """Run the exchange until it is told to end, and return the exit code.

    Raises
    ------
    LaunchError
        It cannot start, or cannot go on.
    """
    return asyncio.run(_serve(choices))


async def _serve(choices: Choices) -> int:
    # Clients that break off or distrust us are their own business; errors of ours still show.
    logging.getLogger("tornado.general").setLevel(logging.CRITICAL)
    credentials = _credentials(choices.tls)
    with _refused():
        rules = _rules(choices)
        following = None if choices.follow is None else await _follow(choices, choices.follow)
        tape = _recorded_tape(choices) if following is None else following.tape
        _check_deep(choices.deep_books, tape)
        journal = _journal(choices, tape, rules)
        venue = Venue(tape, rules, None) if journal is None else Venue.restore(tape, rules, journal)
        faults = _faults(choices)
    follower = None if following is None else Follower(following, venue, _warn)
    stage = Stage(tape, venue, follower, faults)
    options = Options(
        host=HOST,
        port=choices.port,
        plain_port=choices.plain_port,
        speed=choices.speed,
        answer_first=choices.answer_first,
        limits=choices.limits,
    )
    end: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    server = ExchangeServer(
        stage,
        credentials.keys,
        credentials.certificate,
        options,
        lambda error: None if end.done() else end.set_exception(error),
    )
    port = None if faults is None else FaultPort(faults, token_hex(16), waits=choices.waits)
    try:
        await _open(server, port, choices)
        _listen_for_the_end(choices, end)
        _announce(_ready_line(server, stage, credentials, port), choices.ready_file)
        return await end
    except JournalError as error:  # what could not be written was not done, nor answered
        raise LaunchError(REFUSED, f"stopped: {error}") from error
    finally:
        if port is not None:
            port.stop()
        await server.stop()
        if journal is not None:
            journal.close()


def _credentials(folder: Path) -> Credentials:
    try:
        certificate = issue(folder)
        key_file = make_key(folder, Kind.ES256)
        return Credentials(folder / "ca.pem", certificate, key_file, load_keys(folder))
    except OSError as error:
        reason = f"{folder}: {error.strerror}; choose a folder you can write with --tls DIR"
        raise LaunchError(REFUSED, reason) from error
    except ValueError as error:
        raise LaunchError(REFUSED, str(error)) from error


async def _follow(choices: Choices, host: str) -> Following:
    try:
        source = find_source(host, None if choices.follow_ca is None else str(choices.follow_ca))
    except OSError as error:  # also what OpenSSL says about a file that holds no certificate
        reason = f"--follow-ca {choices.follow_ca}: {error.strerror or error}"
        raise LaunchError(BAD_INPUT, reason) from error
    market = await fetch_market(source, choices.product_ids)
    products = list(dict.fromkeys(market.products.values()))
    return Following(source, market, FollowedTape(choices.seed, market.now_ns, products))


def _journal(choices: Choices, tape: Tape, rules: VenueRules) -> Journal | None:
    if choices.state is None:
        return None
    return Journal(choices.state, journal_header(tape, rules), sync=choices.sync)


def _faults(choices: Choices) -> Faults | None:
    if choices.faults is None:
        return None
    plan = read_plan(choices.faults, waits=choices.waits)
    return Faults(plan.seed, plan.armed)


def _recorded_tape(choices: Choices) -> Tape:
    wanted = choices.product_ids
    if not choices.data:
        products = [find_product(one) for one in wanted] or default_market()
        products += [find_contract(one) for one in choices.contract_ids]
        return synthetic_tape(choices.seed, products, choices.candles or DEFAULT_CANDLES)
    reading = Reading(
        product_id=wanted[0] if len(wanted) == 1 else None,
        granularity_s=choices.granularity_s,
        candles=choices.candles,
        seed=choices.seed,
    )
    tape = read_tape(choices.data, reading)
    if wanted and set(wanted) != set(tape.parts):
        raise TapeError(
            f"the data hold {', '.join(tape.parts)}, but --product asks for {', '.join(wanted)}; "
            "name exactly what the files hold, or leave --product out"
        )
    return tape


def _check_deep(deep_books: frozenset[str], tape: Tape) -> None:
    unknown = sorted(deep_books - set(tape.parts))
    if unknown:
        raise TapeError(
            f"--deep-book {unknown[0]}: not traded here; traded are {', '.join(tape.parts)}"
        )


def _rules(choices: Choices) -> VenueRules:
    rules = replace(
        default_rules(choices.seed),
        duplicate_client_order_id=choices.duplicate,
        fee_rounding=choices.fee_rounding,
        trade_side=choices.trade_side,
        pending_first=choices.pending_first,
        usdc_alias=choices.usdc_alias,
        deep_books=choices.deep_books,
        futures_balance=choices.futures_balance,
    )
    if choices.balances is not None:
        rules = replace(rules, balances=choices.balances)
    if choices.fees is not None:
        maker, taker = choices.fees
        rules = replace(rules, fee_tiers=(FeeTier("Custom", type(maker)(0), maker, taker),))
    return rules


@contextlib.contextmanager
def _refused() -> Iterator[None]:
    """Turn what the market, the ledger or the network refuse into one sentence."""
    try:
        yield
    except (TapeError, UnknownProduct, ValueError) as error:
        raise LaunchError(BAD_INPUT, str(error)) from error
    except Unreachable as error:
        raise LaunchError(UNREACHABLE, str(error)) from error
    except (JournalError, OSError) as error:
        raise LaunchError(REFUSED, str(error)) from error


async def _open(server: ExchangeServer, port: FaultPort | None, choices: Choices) -> None:
    try:
        await server.start()
        if port is not None:
            await port.start()
    except OSError as error:
        ports = " or ".join(str(port) for port in (choices.port, choices.plain_port) if port)
        cause = os.strerror(error.errno or 0)
        reason = f"port {ports}: {cause}; choose another, or 0 for any free one"
        raise LaunchError(REFUSED, reason) from error


def _listen_for_the_end(choices: Choices, end: asyncio.Future[int]) -> None:
    """Let standard input decide if a parent holds it, and the usual signals if not."""
    loop = asyncio.get_running_loop()

    def finish(exit_code: int) -> None:
        if not end.done():
            end.set_result(exit_code)

    if not choices.parent:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, finish, INTERRUPTED)
        return

    def wait_for_parent() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            continue
        loop.call_soon_threadsafe(finish, 0)

    # A thread, since the loop can watch pipes but not every other kind of standard input.
    threading.Thread(target=wait_for_parent, daemon=True).start()


def _ready_line(
    server: ExchangeServer, stage: Stage, credentials: Credentials, port: FaultPort | None
) -> bytes:
    tape, venue = stage.tape, stage.venue
    return msgspec.json.encode(
        {
            "port": server.port,
            "plain_port": server.plain_port,
            "ca": str(credentials.ca.absolute()),
            "key_file": str(credentials.key_file.absolute()),
            "rounds": tape.rounds,
            "candle_s": tape.granularity_s,
            "round": venue.round,
            "products": list(tape.parts),
            "seed": tape.seed,
            "tape_sha256": tape.sha256,
            "pid": os.getpid(),
            "now_ns": venue.now_ns,
            "ends_ns": tape.ends_ns[-1] if tape.ends_ns else None,
            "faults": None if port is None else {"port": port.port, "token": port.token},
        }
    )


def _announce(line: bytes, ready_file: str) -> None:
    if ready_file == "-":
        print(line.decode(), flush=True)
        return
    with _refused():
        path = Path(ready_file)
        if path.is_file() and path.read_bytes()[: len(READY)] not in (b"", READY):
            raise ValueError(f"--json {ready_file}: that file is there and is no line of ours")
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(file, "wb") as out:
            if path.is_file():
                os.fchmod(file, 0o600)  # the token of the faults is for its owner alone
            out.write(line + b"\n")


def _warn(sentence: str) -> None:
    print(f"gpt-trader exchange: {sentence}", file=sys.stderr, flush=True)
