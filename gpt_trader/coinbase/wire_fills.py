"""Our executions as REST tells them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from gpt_trader.coinbase.decimals import parse_amount, parse_positive
from gpt_trader.coinbase.order_word import parse_side
from gpt_trader.coinbase.page import Page, convert
from gpt_trader.coinbase.times import parse_time
from gpt_trader.domain.errors import WireError
from gpt_trader.domain.events import OrderFilled
from gpt_trader.domain.order import Liquidity, Side

EXECUTION = "FILL"
KINDS = frozenset({EXECUTION, "REVERSAL", "CORRECTION", "SYNTHETIC"})
LIQUIDITIES = {
    "MAKER": Liquidity.MAKER,
    "TAKER": Liquidity.TAKER,
    "UNKNOWN_LIQUIDITY_INDICATOR": Liquidity.UNKNOWN,
    "UNKNOWN": Liquidity.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class FillWord:
    """One entry of the account's fills, of our orders or of any other."""

    ts_ns: int  # executed
    entry_id: str
    kind: str  # FILL, or a later REVERSAL, CORRECTION, SYNTHETIC
    order_id: str
    trade_id: str
    product_id: str
    side: Side
    price: Decimal
    base_size: Decimal | None  # None: told in quote, as no order of ours is placed
    fee: Decimal  # quote
    liquidity: Liquidity


class _Fill(msgspec.Struct):
    entry_id: str
    trade_id: str
    order_id: str
    trade_time: str
    trade_type: str
    price: str
    size: str
    commission: str
    product_id: str
    liquidity_indicator: str
    side: str
    size_in_quote: bool


class _FillsPage(msgspec.Struct):
    fills: list[_Fill]
    cursor: str


def parse_fills(body: Any) -> Page[FillWord]:
    """One page of fills, newest first. There is no `has_next`: an empty cursor is the end.

    Raises
    ------
    WireError
        A field is missing or wrong.

    References
    ----------
    https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/orders/list-fills
    """
    page = convert(body, _FillsPage)
    return Page(tuple(_parse_fill(fill) for fill in page.fills), page.cursor)


def is_execution(word: FillWord) -> bool:
    """Whether it is a plain fill told in base: the only kind that may be booked as it is."""
    return word.kind == EXECUTION and word.base_size is not None


def fill_event(word: FillWord, client_order_id: str) -> OrderFilled:
    """A fill of our own order, ready to be booked.

    Raises
    ------
    WireError
        It is a correction, or its size is told in quote: nothing that may be booked as it is.
    """
    if word.kind != EXECUTION or word.base_size is None:
        raise WireError(f"order {word.order_id}: entry {word.entry_id} is no plain fill")
    return OrderFilled(
        ts_ns=word.ts_ns,
        client_order_id=client_order_id,
        order_id=word.order_id,
        trade_id=word.trade_id,
        product_id=word.product_id,
        side=word.side,
        price=word.price,
        base_size=word.base_size,
        fee=word.fee,
        liquidity=word.liquidity,
    )


def _parse_fill(wire: _Fill) -> FillWord:
    liquidity = LIQUIDITIES.get(wire.liquidity_indicator)
    if liquidity is None or wire.trade_type not in KINDS:
        raise WireError(f"fill {wire.entry_id[:40]!r}: unknown liquidity or kind")
    if not wire.order_id or not wire.trade_id:
        raise WireError(f"fill {wire.entry_id[:40]!r} without an order id or a trade id")
    size = parse_positive(wire.size)
    return FillWord(
        ts_ns=parse_time(wire.trade_time),
        entry_id=wire.entry_id,
        kind=wire.trade_type,
        order_id=wire.order_id,
        trade_id=wire.trade_id,
        product_id=wire.product_id,
        side=parse_side(wire.side),
        price=parse_positive(wire.price),
        base_size=None if wire.size_in_quote else size,
        fee=parse_amount(wire.commission),
        liquidity=liquidity,
    )
