"""What a session's log says and what its exchange says, worked out apart and laid side by side."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from gpt_trader.domain.events import (
    CandleClosed,
    FeeRevised,
    OrderFilled,
    OrderIntended,
    SessionOpened,
)
from gpt_trader.domain.order import OrderStatus
from gpt_trader.engine.engine import Engine
from gpt_trader.exchange.catalog import find_product
from gpt_trader.exchange.journal import Journal
from gpt_trader.exchange.journal_records import journal_header
from gpt_trader.exchange.rules import VenueRules
from gpt_trader.exchange.synthetic import synthetic_tape
from gpt_trader.exchange.venue import Venue
from gpt_trader.live.recovery import fold, frozen
from gpt_trader.store.event_log import EventLog
from gpt_trader.store.folders import SessionFolder
from gpt_trader.store.reading import LogReader

NEVER_THERE = {OrderStatus.ABSENT, OrderStatus.REJECTED}
Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Books:
    """Orders by client order id, fills, balances and candles, as text that must be equal."""

    orders: dict[str, Row]  # order id, status, filled base
    fills: Counter[Row]  # order id, trade id, side, price, base, fee
    balances: dict[str, Decimal]
    candles: dict[tuple[str, int], Row]  # by product and start, seconds


def theirs(venue: Venue) -> Books:
    """The exchange's books, from its own answers."""
    listing = venue.orders({"limit": ("1000",)})
    assert not listing["has_next"]
    rows: list[dict[str, Any]] = listing["orders"]
    names = Counter(row["client_order_id"] for row in rows)
    assert not [name for name, count in names.items() if count > 1], "two orders for one intent"
    return Books(
        {
            row["client_order_id"]: (
                row["order_id"],
                row["status"],
                _plain(row["filled_size"]),
            )
            for row in rows
        },
        Counter(
            (
                row["order_id"],
                row["trade_id"],
                row["side"],
                *(_plain(row[name]) for name in ("price", "size", "commission")),
            )
            for row in _their_fills(venue)
        ),
        {
            row["currency"]: Decimal(row["available_balance"]["value"])
            + Decimal(row["hold"]["value"])
            for row in venue.accounts({"limit": ("250",)})["accounts"]
        },
        {
            (product["product_id"], int(row["start"])): tuple(
                _plain(row[name]) for name in ("open", "high", "low", "close", "volume")
            )
            for product in venue.products({})["products"]
            for row in venue.candles(product["product_id"], _all_minutes(venue))["candles"]
        },
    )


def ours(folder: SessionFolder) -> Books:
    """Our books, folded from the first event to the last."""
    engine, candles, fills = _folded(folder)
    allocation = engine.allocation
    assert allocation is not None
    return Books(
        {
            order.client_order_id: (
                order.order_id,
                order.status.value,
                _plain(str(engine.products[order.product_id].size(order.booked_lots))),
            )
            for order in engine.orders.all()
            if order.status not in NEVER_THERE
        },
        fills,
        {**allocation.opening, **allocation.expected_totals(engine.ledger)},
        candles,
    )


def intents(folder: SessionFolder) -> list[str]:
    """The client order id of every intent in the log."""
    with LogReader(folder.log) as reader:
        events = [event for _, event in reader.events()]
    return [event.client_order_id for event in events if isinstance(event, OrderIntended)]


def venue_of(state: Path, products: Sequence[str], rounds: int, rules: VenueRules) -> Venue:
    """An exchange as its journal left it, on the synthetic tape it played."""
    tape = synthetic_tape(rules.seed, [find_product(name) for name in products], rounds)
    journal = Journal(state, journal_header(tape, rules), sync=False)
    venue = Venue.restore(tape, rules, journal)
    journal.close()
    return venue


def check_snapshots(folder: SessionFolder) -> None:
    """A start from the newest snapshot must give the very state of a fold of all events."""
    whole, _, _ = _folded(folder)
    log = EventLog.open(folder.log, lambda: 0)
    try:
        assert not log.snapshots.damaged()
        started, _ = fold(log)
    finally:
        log.close()
    assert frozen(started) == frozen(whole)


def _folded(
    folder: SessionFolder,
) -> tuple[Engine, dict[tuple[str, int], Row], Counter[Row]]:
    candles: dict[tuple[str, int], Row] = {}
    fills: list[OrderFilled] = []
    fees: dict[tuple[str, str], Decimal] = {}  # by the exchange's last word
    with LogReader(folder.log) as reader:
        events = reader.events()
        _, opened = next(events)
        assert isinstance(opened, SessionOpened)
        engine = Engine(opened)
        for _, event in events:
            engine.apply(event)
            match event:
                case CandleClosed(candle=candle):
                    key = event.product_id, candle.start_ns // 10**9
                    assert key not in candles, f"candle {key} twice"
                    columns = candle.open, candle.high, candle.low, candle.close, candle.volume
                    candles[key] = tuple(_plain(str(value)) for value in columns)
                case OrderFilled():
                    fills.append(event)
                case FeeRevised():
                    fees[event.order_id, event.trade_id] = event.fee
                case _:
                    pass
    return engine, candles, Counter(_row(fill, fees) for fill in fills)


def _row(fill: OrderFilled, fees: Mapping[tuple[str, str], Decimal]) -> Row:
    key = fill.order_id, fill.trade_id
    numbers = fill.price, fill.base_size, fees.get(key, fill.fee)
    return *key, fill.side.value, *(_plain(str(value)) for value in numbers)


def _their_fills(venue: Venue) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = venue.fills({"limit": ("1000",), "cursor": (cursor,)})
        rows += page["fills"]
        cursor = page["cursor"]
        if not cursor:
            return rows


def _all_minutes(venue: Venue) -> dict[str, tuple[str, ...]]:
    end_s = venue.now_ns // 10**9
    start_s = end_s - venue.rounds * 60
    return {
        "start": (str(start_s),),
        "end": (str(end_s - 60),),
        "granularity": ("ONE_MINUTE",),
        "limit": ("350",),
    }


def _plain(text: str) -> str:
    """A number without the zeros that only its writer chose."""
    return str(Decimal(text).normalize() + 0)
