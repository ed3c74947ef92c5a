"""What a followed exchange publishes, read from its messages into whole increments."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.decimals import parse_number, whole_steps
from gpt_trader.exchange.tape import FollowedTrade, Quote
from gpt_trader.exchange.timestamps import parse_time

TRADE_ID = re.compile(r"\d{1,18}", re.ASCII)  # fits into an int64


class NewsError(ValueError):
    """A message that does not say what Coinbase's would."""


class TradeText(msgspec.Struct, frozen=True):
    """A trade as ``market_trades`` shows it (coinbase-wire.md, 3.5)."""

    trade_id: str
    product_id: str
    price: str
    size: str
    side: str  # the maker's
    time: str


class TickerText(msgspec.Struct, frozen=True):
    """The best prices as ``ticker`` shows them; "" where there is none."""

    product_id: str
    best_bid: str = ""
    best_bid_quantity: str = ""
    best_ask: str = ""
    best_ask_quantity: str = ""


class EventText(msgspec.Struct, frozen=True):
    """An event of any of the channels we subscribe to."""

    type: str = ""
    trades: list[TradeText] = []
    tickers: list[TickerText] = []


class MessageText(msgspec.Struct, frozen=True):
    """The envelope; an error has only ``type`` and ``message``."""

    channel: str = ""
    timestamp: str = ""
    sequence_num: int = -1
    events: list[EventText] = []
    type: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """One message: when it was sent, and what it tells."""

    channel: str
    time_ns: int
    sequence: int
    snapshot: bool
    trades: tuple[FollowedTrade, ...]  # as they came, mostly newest first
    quotes: tuple[tuple[str, Quote], ...]


def parse_news(message: str | bytes, products: Mapping[str, Product]) -> News:
    """Read a message; products we do not follow are left out.

    Parameters
    ----------
    products
        By the id that stands in the messages, which is the alias of a unified book's.

    Raises
    ------
    NewsError
        It is an error message, not JSON, or a number in it is no whole number of increments.
    """
    try:
        text = msgspec.json.decode(message, type=MessageText)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NewsError(f"unreadable message: {error}") from error
    if text.type == "error":
        raise NewsError(f"the exchange says: {text.message}")
    time_ns = parse_time(text.timestamp)
    if time_ns is None:
        raise NewsError(f"{text.timestamp!r} is not a time")
    trades = [one for event in text.events for one in event.trades if one.product_id in products]
    tickers = [one for event in text.events for one in event.tickers if one.product_id in products]
    return News(
        channel=text.channel,
        time_ns=time_ns,
        sequence=text.sequence_num,
        snapshot=any(event.type == "snapshot" for event in text.events),
        trades=tuple(_trade(one, products[one.product_id]) for one in trades),
        quotes=tuple(_quotes(tickers, products)),
    )


def _trade(text: TradeText, product: Product) -> FollowedTrade:
    time_ns = parse_time(text.time)
    if time_ns is None or TRADE_ID.fullmatch(text.trade_id) is None:
        raise NewsError(f"not a trade: {text}")
    return FollowedTrade(
        product_id=product.product_id,
        trade_id=int(text.trade_id),
        time_ns=time_ns,
        price=_steps(text.price, product.price_places),
        size=_steps(text.size, product.base_places),
        maker_buys=text.side == "BUY",
    )


def _quotes(
    tickers: Sequence[TickerText], products: Mapping[str, Product]
) -> list[tuple[str, Quote]]:
    """The best prices of each product; a side without an order, or a crossed book, is no quote."""
    quotes = []
    for text in tickers:
        product = products[text.product_id]
        numbers = (text.best_bid, text.best_bid_quantity, text.best_ask, text.best_ask_quantity)
        if "" in numbers:
            continue
        quote = Quote(
            bid=_steps(text.best_bid, product.price_places),
            bid_lots=_steps(text.best_bid_quantity, product.base_places),
            ask=_steps(text.best_ask, product.price_places),
            ask_lots=_steps(text.best_ask_quantity, product.base_places),
        )
        if 0 < quote.bid < quote.ask and quote.bid_lots > 0 and quote.ask_lots > 0:
            quotes.append((product.product_id, quote))
    return quotes


def _steps(text: str, places: int) -> int:
    value = parse_number(text)
    steps = None if value is None else whole_steps(value, places)
    if steps is None:
        raise NewsError(f"{text!r} is not a whole number of increments of 1e-{places}")
    return steps
