"""How a session begins: a new one from what a person chose, or a killed one from its log."""

import hashlib
import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from gpt_trader import __version__
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.events import Event, SessionOpened, SessionResumed
from gpt_trader.domain.order import TradingState
from gpt_trader.engine.engine import Engine
from gpt_trader.live.guards import guarded
from gpt_trader.live.lockstep import Lockstep
from gpt_trader.live.options import Options
from gpt_trader.live.recovery import fold
from gpt_trader.live.seams import new_token, wall_ns
from gpt_trader.live.venues import Venue
from gpt_trader.risk.limits import DEFAULTS, Limits
from gpt_trader.store.event_log import EventLog
from gpt_trader.store.folders import (
    HAND,
    SessionFolder,
    new_session,
    open_session,
    sessions,
    unfinished,
)
from gpt_trader.store.reading import LogReader
from gpt_trader.strategies.registry import strategy_named

PORTFOLIO = "portfolio_uuid"  # its name in the log's meta
CANDLE_GRACE_NS = 1_000_000_000
"""Coinbase batches trades for 250 ms, so a heartbeat may overtake the last ones of a candle. In
lockstep the exchange sends all trades of a round before its heartbeat."""


def choose(options: Options) -> tuple[SessionFolder, bool]:
    """The unfinished session of these choices (True), or the folder of a new one (False)."""
    var = options.settings.var
    if options.profile in ("canary", "prod"):
        _check_alone(options)
    if not options.discard:
        folder = unfinished(var, options.profile, options.choices())
        if folder is not None:
            return folder, True
    stamp = datetime.fromtimestamp(wall_ns() / 1e9, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    session_id = f"{stamp}-{new_token()}{HAND if options.by_hand else ''}"
    known = sessions(var, options.profile)
    if known and session_id < known[-1].session_id:
        raise UsageError(
            f"the machine's clock is behind session {known[-1].session_id}: set it right first"
        )
    return new_session(var, options.profile, session_id), False


def _check_alone(options: Options) -> None:
    """Two sessions of one real account would each take the other's fills for a fault.

    Raises
    ------
    UsageError
        The other kind of session is unfinished.
    """
    other = open_session(options.settings.var, options.profile, by_hand=not options.by_hand)
    if other is None:
        return
    if options.by_hand:
        raise UsageError(
            f"session {other.session_id} is unfinished: run its own command again, it takes "
            "orders by hand while it runs"
        )
    raise UsageError(
        f"session {other.session_id} by hand is unfinished: `gpt-trader orders close --profile "
        f"{options.profile}` ends its orders and leaves what it holds to you"
    )


def forget_if_unborn(folder: SessionFolder) -> None:
    """A session that did not come to its first event leaves nothing behind."""
    if folder.log.exists():
        with LogReader(folder.log) as reader:
            if reader.last_seq() > 0:
                return
    shutil.rmtree(folder.path, ignore_errors=True)


def portfolio_of(rest: RestClient, profile: str) -> str:
    """The portfolio that the key trades in, if the key may be used at all.

    Raises
    ------
    UsageError
        Where money is real, the key may do more than trade.
    """
    permissions = rest.key_permissions()
    if profile in ("canary", "prod") and permissions.can_transfer:
        raise UsageError(
            "this API key can transfer money out of the account: make one that can only view and "
            "trade"
        )
    return permissions.portfolio_uuid


def resume(
    folder: SessionFolder, portfolio: str, limits: Mapping[str, Decimal]
) -> tuple[EventLog, Engine, Event]:
    """Fold the log of a killed session into an engine.

    Raises
    ------
    UsageError
        It traded in another portfolio: its books are no books of this one. Or it has other limits
        than those that are asked for.
    """
    log = EventLog.open(folder.log, wall_ns)
    if log.meta[PORTFOLIO] != portfolio:
        log.close()
        raise UsageError(
            f"the unfinished session {folder.session_id} belongs to another portfolio than this "
            "API key: use its key, or leave it for good with --discard"
        )
    engine, folded = fold(log)
    for name, limit in limits.items():
        if (begun := engine.opened.limits[name]) != limit:
            log.close()
            raise UsageError(
                f"the unfinished session {folder.session_id} has {name} {begun}, not {limit}: a "
                "limit holds for a session; `gpt-trader orders close` ends it, --discard leaves it"
            )
    return log, engine, SessionResumed(engine.now_ns, folded)


def begin(
    options: Options, folder: SessionFolder, opened: SessionOpened, portfolio: str
) -> tuple[EventLog, Engine, Event]:
    """Make an engine and an empty log for a new session."""
    engine = Engine(opened)
    log = EventLog.create(folder.log, {**_meta(options, folder), PORTFOLIO: portfolio}, wall_ns)
    return log, engine, opened


def opening(
    options: Options, folder: SessionFolder, venue: Venue, rest: RestClient, tape: Lockstep | None
) -> SessionOpened:
    """Everything a person and the exchange have fixed for a new session."""
    products = rest.products(options.products or venue.products)
    quotes = sorted({product.quote for product in products})
    if len(quotes) != 1:
        raise UsageError(f"products of one quote currency only, not {', '.join(quotes)} together")
    cash = rest.balances(quotes).get(quotes[0], Decimal(0))
    if cash <= 0:
        raise UsageError(f"the account holds no {quotes[0]}: there is nothing to trade with")
    rates = rest.fee_rates()
    strategy = strategy_named(options.strategy)
    return SessionOpened(
        ts_ns=rest.server_time_ns(),
        profile=options.profile,
        namespace=_namespace(folder, tape),
        products=products,
        strategy=options.strategy,
        strategy_source=strategy.source_hash,
        params=strategy.values(options.params),
        sizing=options.sizing,
        limits=Limits.from_mapping({**DEFAULTS, **options.limits}).as_mapping(),
        maker_fee_rate=rates.maker,
        taker_fee_rate=rates.taker,
        candle_s=options.candle_s or venue.candle_s,
        candle_grace_ns=0 if tape is not None else CANDLE_GRACE_NS,
        cash=cash,
        trading_state=trading_state(options),
    )


def trading_state(options: Options) -> TradingState:
    """What may be sent at the start: real money waits for a person, a guard is honoured."""
    if options.profile in ("canary", "prod"):
        return TradingState.HALTED
    return guarded(options.settings.kill_switch, options.settings.reduce_only)


def _namespace(folder: SessionFolder, lockstep: Lockstep | None) -> str:
    """What our client order ids begin with: unique for ever, and the same for the same tape."""
    if lockstep is None:
        origin: Sequence[str] = (folder.session_id,)
    else:
        origin = (str(lockstep.tape.seed), lockstep.tape.sha256)
    return f"gt-{hashlib.sha256(':'.join(origin).encode()).hexdigest()[:16]}"


def _meta(options: Options, folder: SessionFolder) -> dict[str, str]:
    """What the log says of its making, outside the chain: equal sessions differ in it."""
    return {
        **options.choices(),
        "session_id": folder.session_id,
        "created": datetime.fromtimestamp(wall_ns() / 1e9, UTC).isoformat(),
        "host_name": platform.node(),
        "python": platform.python_version(),
        "version": __version__,
        "pid": str(os.getpid()),
    }
