"""Market messages of Coinbase's WebSocket: trades, best prices and the book."""

from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter

import msgspec

from gpt_trader.coinbase.decimals import parse_amount, parse_count, parse_positive
from gpt_trader.coinbase.times import parse_time
from gpt_trader.coinbase.wire_frame import Frame, decode
from gpt_trader.domain.errors import WireError
from gpt_trader.domain.events import QuoteSeen, Trade, TradesSeen
from gpt_trader.domain.order import Side

WIRE_SIDES = frozenset({"BUY", "SELL", "UNKNOWN_ORDER_SIDE"})
BOOK_SIDES = {"bid": Side.BUY, "offer": Side.SELL}


@dataclass(frozen=True, slots=True)
class Level:
    """One price of the book, with all that waits there; zero when nothing does any more."""

    side: Side  # BUY is a bid
    price: Decimal  # quote/base
    base_size: Decimal


@dataclass(frozen=True, slots=True)
class Level2Update:
    """Levels of one product's book: all of them in a snapshot, the changed ones otherwise."""

    ts_ns: int
    product_id: str
    is_snapshot: bool
    levels: tuple[Level, ...]


class WireTrade(msgspec.Struct):
    """One public trade, as WebSocket and REST both write it."""

    trade_id: str
    product_id: str
    price: str
    size: str
    side: str
    time: str


class _TradesEvent(msgspec.Struct):
    type: str
    trades: list[WireTrade]


class _Ticker(msgspec.Struct):
    product_id: str
    price: str
    best_bid: str
    best_ask: str


class _TickerEvent(msgspec.Struct):
    type: str
    tickers: list[_Ticker]


class _Level(msgspec.Struct):
    side: str
    price_level: str
    new_quantity: str


class _Level2Event(msgspec.Struct):
    type: str
    product_id: str
    updates: list[_Level]


_TRADE_ID = attrgetter("trade_id")
_TRADES = msgspec.json.Decoder(list[_TradesEvent])
_TICKERS = msgspec.json.Decoder(list[_TickerEvent])
_LEVEL2 = msgspec.json.Decoder(list[_Level2Event])


def parse_trades(frame: Frame) -> tuple[TradesSeen, ...]:
    """The trades of one `market_trades` message, oldest first, one value for each product.

    A subscription begins with trades of the past; they look like any others, and the trade id
    tells what was seen before.

    Raises
    ------
    WireError
        A field is missing or is not what the page says. Nothing is guessed.

    References
    ----------
    https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/websocket/market-trades

    Notes
    -----
    Whose side `side` is, the maker's or the taker's, is told differently by different sources
    (coinbase-wire, 1.5), so it is kept as `wire_side` and no signal may use it.
    """
    by_product: dict[str, list[Trade]] = {}
    for event in decode(_TRADES, frame.events):
        for wire in event.trades:
            by_product.setdefault(wire.product_id, []).append(parse_trade(wire))
    return tuple(
        TradesSeen(frame.ts_ns, product_id, tuple(sorted(trades, key=_TRADE_ID)))
        for product_id, trades in by_product.items()
    )


def parse_trade(wire: WireTrade) -> Trade:
    """One public trade.

    Raises
    ------
    WireError
        Its id, price, size, side or time is not what the page says.
    """
    if wire.side not in WIRE_SIDES:
        raise WireError(f"unknown side of a trade: {wire.side[:40]!r}")
    return Trade(
        parse_count(wire.trade_id),
        parse_positive(wire.price),
        parse_positive(wire.size),
        wire.side,
        parse_time(wire.time),
    )


def parse_quotes(frame: Frame) -> tuple[QuoteSeen, ...]:
    """The best bid and ask of each product in one `ticker` message.

    A product without a bid, an ask or a last price (empty or zero) gives no value: its mark
    grows old, and what needs a fresh one is denied.

    Raises
    ------
    WireError
        A field is missing or wrong, or the bid is above the ask.

    References
    ----------
    https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/websocket/ticker
    """
    quotes = []
    for event in decode(_TICKERS, frame.events):
        for wire in event.tickers:
            prices = [_price_or_none(t) for t in (wire.best_bid, wire.best_ask, wire.price)]
            bid_price, ask_price, last_price = prices
            if bid_price is None or ask_price is None or last_price is None:
                continue
            if bid_price > ask_price:
                raise WireError(f"{wire.product_id}: bid {bid_price} above ask {ask_price}")
            quotes.append(QuoteSeen(frame.ts_ns, wire.product_id, bid_price, ask_price, last_price))
    return tuple(quotes)


def parse_levels(frame: Frame) -> tuple[Level2Update, ...]:
    """The book's levels in one `l2_data` message.

    Raises
    ------
    WireError
        A field is missing or wrong, or a snapshot's best bid is not below its best ask.

    References
    ----------
    https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/websocket/level2
    """
    updates = []
    for event in decode(_LEVEL2, frame.events):
        if event.type not in ("snapshot", "update"):
            raise WireError(f"unknown kind of l2_data: {event.type[:40]!r}")
        levels = tuple(_level(wire) for wire in event.updates)
        is_snapshot = event.type == "snapshot"
        if is_snapshot:
            _check_uncrossed(event.product_id, levels)
        updates.append(Level2Update(frame.ts_ns, event.product_id, is_snapshot, levels))
    return tuple(updates)


def _price_or_none(text: str) -> Decimal | None:
    return (parse_amount(text) or None) if text else None


def _level(wire: _Level) -> Level:
    side = BOOK_SIDES.get(wire.side)
    if side is None:
        raise WireError(f"unknown side of a book: {wire.side[:40]!r}")
    return Level(side, parse_positive(wire.price_level), parse_amount(wire.new_quantity))


def _check_uncrossed(product_id: str, levels: tuple[Level, ...]) -> None:
    bids = [level.price for level in levels if level.side is Side.BUY and level.base_size]
    asks = [level.price for level in levels if level.side is Side.SELL and level.base_size]
    if bids and asks and max(bids) >= min(asks):
        raise WireError(f"{product_id}: the book is crossed, {max(bids)} against {min(asks)}")
