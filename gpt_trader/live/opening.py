"""How a session begins: a new one from what a person chose, or a killed one from its log."""

import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from gpt_trader import __version__
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.wire_account import FeeRates
from gpt_trader.domain.errors import ExchangeUnreachable, UsageError
from gpt_trader.domain.events import Event, SessionOpened, SessionResumed
from gpt_trader.domain.order import TradingState
from gpt_trader.domain.product import Product
from gpt_trader.engine.engine import Engine
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
CONTRACTS = "contracts"  # the same of the contracts that the session trades, if it does
MARKET_LOOKS, MARKET_LOOK_S = 40, 0.25  # for a contract's market, before which it has no fee
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
    begun = engine.limits.as_mapping()
    for name, limit in limits.items():
        if begun.get(name) != limit:
            log.close()
            raise UsageError(
                f"the unfinished session {folder.session_id} has {name} {begun.get(name, 'unset')}"
                f", not {limit}: a "
                "limit holds for a session; `gpt-trader orders close` ends it, --discard leaves it"
            )
    return log, engine, SessionResumed(engine.now_ns, folded)


def of_session(options: Options, folder: SessionFolder) -> Options:
    """The options with the contracts that an unfinished session was begun with, or with none.

    Its exchange is the one it had: another product is refused by the session itself.
    """
    with LogReader(folder.log) as reader:
        names: list[str] = json.loads(reader.meta.get(CONTRACTS, "[]"))
    if names or options.trades_contracts:
        return replace(options, products=tuple(names))
    return options


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
    """Everything a person and the exchange have fixed for a new session that nobody holds back."""
    if options.trades_contracts:
        (products, cash), rates = of_contracts(rest, options.products), FIXED_FEES
    else:
        (products, cash), rates = _of_coins(rest, options, venue), rest.fee_rates()
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
        day_pnl=Decimal(0),
        trading_state=TradingState.ACTIVE,
    )


def _of_coins(
    rest: RestClient, options: Options, venue: Venue
) -> tuple[tuple[Product, ...], Decimal]:
    """The coins of a session and its cash."""
    products = rest.products(options.products or venue.products)
    quotes = sorted({product.quote for product in products})
    if len(quotes) != 1:
        raise UsageError(f"products of one quote currency only, not {', '.join(quotes)} together")
    cash = rest.balances(quotes).get(quotes[0], Decimal(0))
    if cash <= 0:
        raise UsageError(f"the account holds no {quotes[0]}: there is nothing to trade with")
    return products, cash


FIXED_FEES = FeeRates(Decimal(0), Decimal(0), "")
"""Of contracts, which cost a fixed sum each and no part of the notional."""


def of_contracts(rest: RestClient, names: Sequence[str]) -> tuple[tuple[Product, ...], Decimal]:
    """The contracts of a session and the cash of the futures wallet.

    Raises
    ------
    UsageError
        There is no such contract or wallet, or the wallet holds a position or no cash.
    """
    cash = _wallet_cash(rest)
    products = _contracts(rest, names)
    if len({product.base for product in products}) < len(products):
        raise UsageError("two contracts of one code are not told apart: name one of them")
    if {product.quote for product in products} != {"USD"}:
        raise UsageError("contracts of USD only: the futures wallet holds nothing else")
    return products, cash


def _contracts(rest: RestClient, names: Sequence[str]) -> tuple[Product, ...]:
    """The contracts, once they have a market: only a preview tells what one costs."""
    for _ in range(MARKET_LOOKS):
        with suppress(ExchangeUnreachable):
            return rest.contracts(names)
        time.sleep(MARKET_LOOK_S)
    return rest.contracts(names)


def _wallet_cash(rest: RestClient) -> Decimal:
    """The cash of the futures wallet, which must hold nothing else when a session begins."""
    wallet = rest.futures()
    if wallet is None or not (wallet.cash or wallet.positions):
        raise UsageError("this account may not trade contracts: Coinbase shows no futures balance")
    if wallet.positions:
        held = ", ".join(f"{one.contracts:f} {one.product_id}" for one in wallet.positions)
        raise UsageError(
            f"the futures wallet holds {held}: a session begins without a position, close it first"
        )
    if wallet.cash <= 0:
        raise UsageError(f"the futures wallet owes {-wallet.cash:f} USD: nothing can be traded")
    return wallet.cash


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
        CONTRACTS: json.dumps(options.products if options.trades_contracts else ()),
        "pid": str(os.getpid()),
    }
