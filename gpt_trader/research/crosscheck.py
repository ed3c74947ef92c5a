"""The same orders through vectorbt, as a second opinion: whatever it sees otherwise is named."""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.setup import Setup
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.product import CASH_UNIT, Product, amount_of, plain
from gpt_trader.kernels.vectors import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd
    from vectorbt import Portfolio

NS = 1_000_000_000

FLOAT_ERROR = 4 * 2.0**-52
"""How far vectorbt's floats may be from a product of three exact numbers, as a fraction."""


Flags = NDArray[np.bool_]


class Played(Protocol):
    """A backtest of one product, as far as its orders are checked."""

    @property
    def tape(self) -> CandleTape:
        """What it was played on."""

    @property
    def setup(self) -> Setup:
        """What it was played with."""

    @property
    def fills(self) -> "pd.DataFrame":
        """One row a fill: time, order, side, price, base_size, fee."""

    @property
    def equity(self) -> "pd.Series[float]":
        """Quote, at the close of each candle."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that vectorbt sees otherwise."""

    order: int | None  # its number; None for the account as a whole
    candle: int  # of the tape, from 0
    time: str  # the candle's close, UTC
    field: str  # filled, side, base_size, price, fee or equity_end
    ours: str
    theirs: str

    def __str__(self) -> str:
        name = "the account" if self.order is None else f"order {self.order}"
        return (
            f"{name}, candle {self.candle} ({self.time}): "
            f"{self.field} {self.ours}, vectorbt {self.theirs}"
        )


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """How many orders were compared, and every difference found."""

    orders: int
    differences: tuple[Difference, ...]

    def __str__(self) -> str:
        if not self.differences:
            return f"{self.orders:,} orders: vectorbt agrees with each"
        shown = [f"{self.orders:,} orders, {len(self.differences):,} differences:"]
        return "\n  ".join([*shown, *map(str, self.differences[:10])])


@dataclass(frozen=True, slots=True)
class _Fills:
    """Our fills in whole increments, and the candle each belongs to."""

    number: Ints
    candle: Ints
    on_close: Flags  # filled when the candle closed
    bought: Flags
    lots: Ints
    ticks: Ints
    fee_units: Ints

    @property
    def signed_lots(self) -> Ints:
        """Base increments, negative for sales."""
        return np.where(self.bought, self.lots, -self.lots)


@dataclass(frozen=True, slots=True)
class _Terms:
    """What vectorbt is told of prices and fees."""

    ticks: Ints | Floats  # of each fill
    fees: Floats  # of each fill, quote, besides the rate
    fee_rate: float


def crosscheck(result: Played) -> CrossCheck:
    """Give vectorbt the orders of a backtest and compare what it makes of each.

    vectorbt is told when, which side and how much, and finds the rest itself: the price (the
    candle's close), the fee, whether cash and holdings suffice, and what is left in the end. Sizes
    are handed over in base increments, so that its floats hold them exactly. Its fee is rounded
    as ours is, up to the next 1e-8 quote, before the two are compared.

    Raises
    ------
    UsageError
        The fee rate changes with the volume, or the orders did not fill at the close: vectorbt
        knows neither. ``backtest(..., market="close", fees=0.001)`` does both.
    """
    setup = result.setup
    if len(setup.fee_tiers) != 1:
        raise UsageError("vectorbt has one fee rate: backtest with fees=0.001, say, to compare")
    if not setup.market.at_close:
        raise UsageError('vectorbt fills at the close: backtest with market="close" to compare')
    fills = _fills(result)
    closes = result.tape.candles.close[fills.candle]
    rate = float(setup.fee_tiers[0].taker_rate)
    theirs = _play(result, fills, _Terms(closes, np.zeros(closes.size), rate))
    found = [*_in_orders(result.tape, fills, theirs.order_records), *_in_equity(result, theirs)]
    return CrossCheck(fills.number.size, tuple(found))


def portfolio(result: Played) -> "Portfolio":
    """The fills of a backtest as a vectorbt portfolio, for its statistics and plots.

    Prices and fees are those of our fills, whatever the market was. Its sizes are counted in base
    increments, so its prices are quote for one of them; money is quote as usual. Its times are
    the candles' closes, UTC without a zone.
    """
    fills = _fills(result)
    fees = fills.fee_units.astype(np.float64) * float(CASH_UNIT)
    paid = _Terms(fills.ticks, fees, 0.0)
    return _play(result, fills, paid)


def _fills(result: Played) -> _Fills:
    """Count our fills in increments, and find the candle each belongs to."""
    product, frame = result.tape.product, result.fills
    times = frame["time"].astype("datetime64[ns, UTC]")
    moments = times.astype(np.int64).to_numpy()
    ends = _ends(result.tape)
    candle = np.maximum(np.searchsorted(ends, moments, side="right") - 1, 0)
    return _Fills(
        number=frame["order"].to_numpy().astype(np.int64),
        candle=candle,
        on_close=ends[candle] == moments,
        bought=(frame["side"].astype(str) == "BUY").to_numpy(),
        lots=_counts(frame["base_size"], product.base_increment),
        ticks=_counts(frame["price"], product.price_increment),
        fee_units=_counts(frame["fee"], CASH_UNIT),
    )


def _play(result: Played, fills: _Fills, terms: _Terms) -> "Portfolio":
    """Run our orders through vectorbt, with nothing said of what they leave."""
    of_row, row = _rows(fills.candle, len(result.tape))
    lot_price = _lot_price(result.tape.product)
    size = np.full(of_row.size, np.nan)
    size[row] = fills.signed_lots
    closes = result.tape.candles.close[of_row] * lot_price
    price, fixed_fees = closes.copy(), np.zeros(of_row.size)
    price[row] = terms.ticks * lot_price
    fixed_fees[row] = terms.fees
    with _quiet():
        import pandas as pd
        from vectorbt import Portfolio

        # UTC without saying so: vectorbt makes Python objects of a zoned index in every method.
        index = pd.DatetimeIndex(_ends(result.tape)[of_row], name="close_time")
        return Portfolio.from_orders(
            pd.Series(closes, index=index, name=result.tape.product.product_id),
            size=size,
            size_type="amount",
            direction="longonly",
            price=price,
            fees=terms.fee_rate,
            fixed_fees=fixed_fees,
            size_granularity=1.0,
            init_cash=float(result.setup.cash),
            freq=f"{result.tape.candle_s}s",
        )


def _rows(candle: Ints, candles: int) -> tuple[Ints, Ints]:
    """Candle of each row, and row of each fill.

    vectorbt takes one order a row, so a candle with several fills gets as many rows.
    """
    wanted = np.maximum(1, np.bincount(candle, minlength=candles))
    first = np.cumsum(wanted) - wanted
    before = np.arange(candle.size) - np.searchsorted(candle, candle, side="left")
    return np.repeat(np.arange(candles), wanted), first[candle] + before


def _in_orders(tape: CandleTape, fills: _Fills, records: NDArray[np.void]) -> Iterator[Difference]:
    """What vectorbt's order records say otherwise, order by order."""
    row = _rows(fills.candle, len(tape))[1]
    theirs = {int(record["idx"]): record for record in records}
    for place in range(fills.number.size):
        record = theirs.get(int(row[place]))
        seen = _ABSENT if record is None else _as_seen(tape.product, record)
        booked = _as_booked(tape.product, fills, place)
        for field, ours in booked.items():
            if seen[field] != ours:
                yield Difference(
                    order=int(fills.number[place]),
                    candle=int(fills.candle[place]),
                    time=_time(tape, int(fills.candle[place])),
                    field=field,
                    ours=ours,
                    theirs=seen[field],
                )


_ABSENT = dict.fromkeys(("filled", "side", "base_size", "price", "fee"), "no order")


def _as_booked(product: Product, fills: _Fills, place: int) -> dict[str, str]:
    return {
        "filled": "at the close" if fills.on_close[place] else "between two closes",
        "side": "BUY" if fills.bought[place] else "SELL",
        "base_size": _text(product.size(int(fills.lots[place]))),
        "price": _text(product.price(int(fills.ticks[place]))),
        "fee": _text(amount_of(int(fills.fee_units[place]))),
    }


def _as_seen(product: Product, record: np.void) -> dict[str, str]:
    fee = float(record["fees"]) / float(CASH_UNIT) * (1.0 - FLOAT_ERROR)
    return {
        "filled": "at the close",
        "side": "BUY" if record["side"] == 0 else "SELL",
        "base_size": _text(product.size(round(float(record["size"])))),
        "price": _text(product.price(round(float(record["price"]) / _lot_price(product)))),
        "fee": _text(amount_of(math.ceil(fee))),
    }


def _in_equity(result: Played, theirs: "Portfolio") -> Iterator[Difference]:
    """A difference in the end that rounding two amounts an order up to 1e-8 does not explain."""
    ours = float(result.equity.iloc[-1])
    with _quiet():
        other = float(theirs.final_value())
    turnover = float((result.fills["price"] * result.fills["base_size"]).astype(float).sum())
    allowed = 2 * float(CASH_UNIT) * (1 + len(result.fills)) + FLOAT_ERROR * (turnover + other)
    if not abs(ours - other) <= allowed:
        last = len(result.tape) - 1
        yield Difference(
            None, last, _time(result.tape, last), "equity_end", f"{ours:.8f}", f"{other:.8f}"
        )


def _counts(amounts: "pd.Series[float]", step: Decimal) -> Ints:
    counts: Ints = np.rint(amounts.astype(float).to_numpy() / float(step)).astype(np.int64)
    return counts


def _lot_price(product: Product) -> float:
    """Quote for one base increment at one price increment."""
    return float(product.price_increment * product.base_increment)


def _ends(tape: CandleTape) -> Ints:
    return tape.candles.start_ns + tape.candle_s * NS


def _time(tape: CandleTape, candle: int) -> str:
    return str(np.datetime64(int(_ends(tape)[candle]) // NS, "s")).replace("T", " ")


def _text(amount: Decimal) -> str:
    return f"{plain(amount):f}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Without vectorbt's warnings of what pandas and Numba will drop one day: not ours to mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
