"""Answers about products and their past: increments, candles, trades, and the clock."""

from decimal import Decimal
from typing import Any

import msgspec

from gpt_trader.coinbase.decimals import parse_amount, parse_count, parse_positive
from gpt_trader.coinbase.page import convert
from gpt_trader.coinbase.times import SECOND_NS, parse_time
from gpt_trader.coinbase.wire_market import WireTrade, parse_trade
from gpt_trader.domain.book import Book, Level
from gpt_trader.domain.errors import WireError
from gpt_trader.domain.events import Candle, Trade
from gpt_trader.domain.product import Contract, Product

GRANULARITIES = {
    60: "ONE_MINUTE",
    300: "FIVE_MINUTE",
    900: "FIFTEEN_MINUTE",
    1_800: "THIRTY_MINUTE",
    3_600: "ONE_HOUR",
    7_200: "TWO_HOUR",
    14_400: "FOUR_HOUR",
    21_600: "SIX_HOUR",
    86_400: "ONE_DAY",
}
"""Widths of candles that Coinbase serves, in seconds."""

CANDLES_MAX = 300
"""Coinbase serves 350 at once; whether both ends count is not documented, so we ask for fewer."""


class WireProduct(msgspec.Struct, kw_only=True):
    """What every kind of product has: its name, and the steps and bounds of its orders."""

    product_id: str
    product_type: str
    quote_currency_id: str
    base_increment: str
    price_increment: str
    quote_increment: str
    base_min_size: str
    base_max_size: str
    quote_min_size: str
    quote_max_size: str


class _Product(WireProduct, kw_only=True):
    base_currency_id: str


class _Openness(msgspec.Struct):
    product_id: str
    is_disabled: bool
    trading_disabled: bool
    view_only: bool
    cancel_only: bool
    limit_only: bool
    post_only: bool
    auction_mode: bool


class _Opennesses(msgspec.Struct):
    products: list[_Openness]


class _Products(msgspec.Struct):
    products: list[_Product]


class _Candle(msgspec.Struct):
    start: str
    open: str
    high: str
    low: str
    close: str
    volume: str


class _Candles(msgspec.Struct):
    candles: list[_Candle]


class _Trades(msgspec.Struct):
    trades: list[WireTrade]


class _BookLevel(msgspec.Struct):
    price: str
    size: str


class _PriceBook(msgspec.Struct):
    product_id: str
    bids: list[_BookLevel]
    asks: list[_BookLevel]
    time: str


class _PriceBookAnswer(msgspec.Struct):
    pricebook: _PriceBook


class _Time(msgspec.Struct):
    iso: str


def parse_untradable(body: Any) -> dict[str, tuple[str, ...]]:
    """Products that do not take every order, with the names of the flags that say so.

    Raises
    ------
    WireError
        A flag is missing: then whether the product is traded is not known.

    References
    ----------
    https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/products/list-products
    """
    found = {}
    for one in convert(body, _Opennesses).products:
        flags = tuple(name for name in one.__struct_fields__[1:] if getattr(one, name))
        if flags:
            found[one.product_id] = flags
    return found


def parse_products(body: Any) -> tuple[Product, ...]:
    """Spot products with their increments; products of other kinds are left out.

    `price_increment` is the step of prices. `quote_increment` is the step of quote amounts only:
    taking it for the price step broke low-priced coins elsewhere (coinbase-wire, 5).

    Raises
    ------
    WireError
        A field is missing or wrong.

    References
    ----------
    https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/products/list-products
    """
    return tuple(
        _parse_product(product)
        for product in convert(body, _Products).products
        if product.product_type == "SPOT"
    )


def parse_candles(body: Any, granularity_s: int) -> tuple[Candle, ...]:
    """Candles, oldest first. One without volume is no candle.

    Coinbase stamps a candle with its start and includes the one that is still open: whoever asks
    must know until when candles are complete.

    Raises
    ------
    WireError
        A field is missing or wrong, a candle is off its grid or impossible, or two disagree.

    References
    ----------
    docs.cdp.coinbase.com, Advanced Trade, REST API: products, get product candles
    """
    by_start: dict[int, Candle] = {}
    for wire in convert(body, _Candles).candles:
        candle = _parse_candle(wire, granularity_s)
        if candle is None:
            continue
        if by_start.setdefault(candle.start_ns, candle) != candle:
            raise WireError(f"two candles start at {wire.start}")
    return tuple(by_start[start_ns] for start_ns in sorted(by_start))


def parse_past_trades(body: Any) -> tuple[Trade, ...]:
    """The latest public trades of a product, oldest first.

    Raises
    ------
    WireError
        A field is missing or wrong.
    """
    trades = [parse_trade(wire) for wire in convert(body, _Trades).trades]
    return tuple(sorted(trades, key=lambda trade: trade.trade_id))


def parse_book(body: Any) -> Book:
    """The book of one product, best prices first.

    Raises
    ------
    WireError
        A field is missing or wrong, or the levels are not in order.

    References
    ----------
    docs.cdp.coinbase.com, Advanced Trade, REST API: products, get product book
    """
    wire = convert(body, _PriceBookAnswer).pricebook
    bids, asks = _levels(wire.bids), _levels(wire.asks)
    prices = [level.price for level in (*reversed(bids), *asks)]
    if prices != sorted(set(prices)):
        raise WireError(f"the book of {wire.product_id} is not in order")
    return Book(wire.product_id, bids, asks, parse_time(wire.time))


def _levels(wire: list[_BookLevel]) -> tuple[Level, ...]:
    return tuple(Level(parse_positive(row.price), parse_positive(row.size)) for row in wire)


def parse_server_time(body: Any) -> int:
    """Coinbase's clock, nanoseconds UTC.

    Raises
    ------
    WireError
        It is missing or no time.
    """
    return parse_time(convert(body, _Time).iso)


def _parse_product(wire: _Product) -> Product:
    if not wire.product_id or not wire.base_currency_id or not wire.quote_currency_id:
        raise WireError(f"a product without a name: {wire.product_id[:40]!r}")
    return build_product(wire, wire.base_currency_id, None)


def build_product(wire: WireProduct, base: str, contract: Contract | None) -> Product:
    """A product of Coinbase's own steps and bounds; `contract` is None for coins."""
    return Product(
        product_id=wire.product_id,
        base=base,
        quote=wire.quote_currency_id,
        base_increment=parse_positive(wire.base_increment),
        price_increment=parse_positive(wire.price_increment),
        quote_increment=parse_positive(wire.quote_increment),
        base_min_size=parse_amount(wire.base_min_size),
        base_max_size=parse_positive(wire.base_max_size),
        quote_min_size=parse_amount(wire.quote_min_size),
        quote_max_size=parse_positive(wire.quote_max_size),
        contract=contract,
    )


def _parse_candle(wire: _Candle, granularity_s: int) -> Candle | None:
    start_s = parse_count(wire.start)
    if start_s % granularity_s:
        raise WireError(f"a candle of {granularity_s} s starts at {start_s}")
    volume: Decimal = parse_amount(wire.volume)
    if not volume:
        return None
    first, high, low, close = (
        parse_positive(text) for text in (wire.open, wire.high, wire.low, wire.close)
    )
    if not low <= min(first, close) or not max(first, close) <= high:
        raise WireError(f"the candle of {start_s} is impossible: {low} to {high}")
    return Candle(start_s * SECOND_NS, first, high, low, close, volume)
