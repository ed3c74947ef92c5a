"""The controls tried out: an engine and a log of their own, in a folder that is thrown away."""

import time
from decimal import Decimal
from pathlib import Path

from gpt_trader.domain.controls import TradingStateChanged
from gpt_trader.domain.events import (
    BalancesSeen,
    Draft,
    Event,
    FeedChanged,
    OrderAsked,
    OrderDenied,
    OrderIntended,
    QuoteSeen,
    Request,
    SessionOpened,
    Trade,
    TradesSeen,
)
from gpt_trader.domain.order import OrderType, Side, TimeInForce, TradingState
from gpt_trader.domain.product import Product
from gpt_trader.risk.limits import DEFAULTS
from gpt_trader.store.event_log import EventLog
from gpt_trader.store.reading import LogReader

NS = 1_000_000_000
START_NS = 1_700_000_000 * NS
PRICE = Decimal(100)
PRODUCT = Product(
    "DRY-USD",
    "DRY",
    "USD",
    base_increment=Decimal("0.01"),
    price_increment=Decimal("0.01"),
    quote_increment=Decimal("0.01"),
    base_min_size=Decimal("0.01"),
    base_max_size=Decimal(1_000_000),
    quote_min_size=Decimal(1),
    quote_max_size=Decimal(1_000_000),
)


class _Outbox(list[Request]):
    """What would leave."""

    def put(self, request: Request) -> None:
        self.append(request)


def controls_hold(folder: Path) -> str:
    """Ask for the same order in each trading state; "" if each did what it must.

    An order that active lets out must be refused when halted and in reduce-only, nothing may leave
    then, and the log must say so to whoever reads it.
    """
    # 0.6 s that --help need not wait for
    from gpt_trader.engine.engine import Engine
    from gpt_trader.engine.step import step

    opened = _opening()
    log, engine, outbox = (
        EventLog.create(folder / "events.db", {}, time.time_ns),
        Engine(opened),
        _Outbox(),
    )

    def take(event: Event) -> None:
        step(event, engine, log, outbox)

    take(opened)
    take(BalancesSeen(START_NS, {"USD": opened.cash}))
    take(FeedChanged(START_NS, True, "a dry run"))
    printed = Trade(1, PRICE, Decimal(1), "BUY", START_NS)
    take(TradesSeen(START_NS, "DRY-USD", (printed,)))
    take(QuoteSeen(START_NS, "DRY-USD", PRICE, PRICE, PRICE))
    wanted = (TradingState.ACTIVE, TradingState.REDUCE_ONLY, TradingState.HALTED)
    left = []
    for state in wanted:
        if state is not TradingState.ACTIVE:
            take(TradingStateChanged(START_NS, state, "preflight", "a dry run"))
        before = len(outbox)
        take(OrderAsked(START_NS, "preflight", _order(state.value)))
        left.append(len(outbox) - before)
    log.commit_durable()
    log.close()
    with LogReader(folder / "events.db") as reader:
        events = [event for _, event in reader.events()]
    return _fault(left, events)


def _fault(left: list[int], events: list[Event]) -> str:
    denied = [event for event in events if isinstance(event, OrderDenied)]
    allowed = [event for event in events if isinstance(event, OrderIntended)]
    if left[0] != 1 or len(allowed) != 1:
        return "active did not let out an order that every rule allows"
    if any(left[1:]):
        return "an entry left while trading was held back"
    by_state = [any(v.rule == "trading_state" and v.denies for v in d.verdicts) for d in denied]
    if by_state != [True, True]:
        return "a refusal does not name the trading state"
    return ""


def _opening() -> SessionOpened:
    from gpt_trader.broker.sizing import sizing_of
    from gpt_trader.strategies.registry import BY_HAND, strategy_named

    return SessionOpened(
        ts_ns=START_NS,
        profile="dev",
        namespace="gt-preflight",
        products=(PRODUCT,),
        strategy=BY_HAND,
        strategy_source=strategy_named(BY_HAND).source_hash,
        params={},
        sizing=sizing_of({}),
        limits=dict(DEFAULTS),
        maker_fee_rate=Decimal("0.004"),
        taker_fee_rate=Decimal("0.006"),
        candle_s=60,
        candle_grace_ns=0,
        cash=Decimal(100_000),
        day_pnl=Decimal(0),
        trading_state=TradingState.ACTIVE,
    )


def _order(name: str) -> Draft:
    return Draft(
        product_id="DRY-USD",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        base_size=Decimal(1),
        limit_price=PRICE,
        stop_price=None,
        end_ns=None,
        post_only=False,
        reduces=False,
        target=Decimal(1),
        mark_price=PRICE,
        why="a dry run",
        asked=name,
    )
