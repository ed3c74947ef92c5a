"""The tables of a backtest's result as pandas frames: prices in quote, sizes in base, times UTC."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gpt_trader.backtesting.course import Course
from gpt_trader.backtesting.round_trips import RoundTrip
from gpt_trader.broker.execution import REASONS
from gpt_trader.kernels import execution, gates, resting, tables
from gpt_trader.kernels.vectors import Floats, Ints, Table
from gpt_trader.risk.verdicts import RULE_NAMES

if TYPE_CHECKING:
    import pandas as pd

UNITS = 1e8  # cash units of one quote
HOUR_NS = 3_600_000_000_000
STATUSES = {
    resting.NONE: "UNSENT",
    resting.OPEN: "OPEN",
    resting.FILLED: "FILLED",
    resting.CANCELLED: "CANCELLED",
    resting.EXPIRED: "EXPIRED",
    resting.REJECTED_POST_ONLY: "REJECTED: post-only, and would take",
    resting.REJECTED_NO_LIQUIDITY: "REJECTED: no liquidity",
    resting.REJECTED_NO_FUNDS: "REJECTED: no funds",
    resting.REJECTED_END_PAST: "REJECTED: its end is past",
}
TIMES_IN_FORCE = {execution.GTC: "GTC", execution.IOC: "IOC", execution.GTD: "GTD"}
WHY = {**REASONS, tables.BY_HAND: "by hand"}


def orders_frame(course: Course, orders: Table) -> "pd.DataFrame":
    """One row an order, and one for each that risk denied."""
    import pandas as pd

    product = orders[:, tables.ORDER_PRODUCT]
    price, size = _increments(course)
    limit = np.where(
        orders[:, tables.ORDER_LIMIT] == gates.MARKET_PRICE,
        np.nan,
        orders[:, tables.ORDER_LIMIT] * price[product],
    )
    denied = orders[:, tables.ORDER_DENIED] != 0
    status = _words(orders[:, tables.ORDER_STATUS], STATUSES)
    return pd.DataFrame(
        {
            "number": orders[:, tables.ORDER_NUMBER],
            "time": _times(course.end_ns[orders[:, tables.ORDER_ROUND]]),
            "product_id": _names(course)[product],
            "side": _sides(orders[:, tables.ORDER_SIGN]),
            "order_type": np.where(np.isnan(limit), "MARKET", "LIMIT"),
            "time_in_force": _words(orders[:, tables.ORDER_TIME_IN_FORCE], TIMES_IN_FORCE),
            "base_size": orders[:, tables.ORDER_LOTS] * size[product],
            "limit_price": limit,
            "filled_size": orders[:, tables.ORDER_FILLED] * size[product],
            "status": np.where(denied, "DENIED", status),
            "denied_by": [_rules(mask) for mask in orders[:, tables.ORDER_DENIED].tolist()],
            "why": _words(orders[:, tables.ORDER_WHY], WHY),
        }
    )


def fills_frame(course: Course, fills: Table) -> "pd.DataFrame":
    """One row a fill, in the order of their booking."""
    import pandas as pd

    product = fills[:, tables.FILL_PRODUCT]
    price, size = _increments(course)
    return pd.DataFrame(
        {
            "time": _times(fills[:, tables.FILL_TIME_NS]),
            "order": fills[:, tables.FILL_ORDER],
            "product_id": _names(course)[product],
            "side": _sides(fills[:, tables.FILL_SIGN]),
            "price": fills[:, tables.FILL_TICKS] * price[product],
            "base_size": fills[:, tables.FILL_LOTS] * size[product],
            "fee": fills[:, tables.FILL_FEE] / UNITS,
            "liquidity": np.where(fills[:, tables.FILL_MAKER] == 1, "MAKER", "TAKER"),
        }
    )


def trips_frame(course: Course, trips: Sequence[Sequence[RoundTrip]]) -> "pd.DataFrame":
    """One row for each time from flat to flat; an open one has no end yet."""
    import pandas as pd

    names = _names(course)
    _, size = _increments(course)
    rows = [
        {
            "product_id": names[place],
            "start": trip.entry_ns,
            "end": trip.exit_ns,
            "hours": trip.duration_ns / HOUR_NS,
            "base_size": trip.lots_most * size[place],
            "pnl_quote": trip.pnl_units / UNITS if trip.closed else math.nan,
            "return_rate": trip.return_rate if trip.closed else math.nan,
            "fees_quote": trip.fees_units / UNITS,
            "fills": trip.fills,
            "closed": trip.closed,
        }
        for place, each in enumerate(trips)
        for trip in each
    ]
    columns = ["product_id", "start", "end", "hours", "base_size", "pnl_quote"]
    columns += ["return_rate", "fees_quote", "fills", "closed"]
    frame = pd.DataFrame(rows, columns=columns)
    for name in ("start", "end"):
        frame[name] = _times(frame[name].to_numpy(np.int64))
    return frame.sort_values("start", kind="stable", ignore_index=True)


def drawdowns_frame(course: Course, equity: Ints) -> "pd.DataFrame":
    """One row for each fall from a peak: where it began, was deepest and ended, deepest first."""
    import pandas as pd

    peak = np.maximum.accumulate(equity)
    below = equity < peak
    edges = np.flatnonzero(np.diff(below.astype(np.int8), prepend=0, append=0))
    starts, ends = edges[::2], edges[1::2]
    lows = [
        first + int(np.argmin(equity[first:last])) for first, last in zip(starts, ends, strict=True)
    ]
    end_ns = course.end_ns
    frame = pd.DataFrame(
        {
            "start": _times(end_ns[np.maximum(starts - 1, 0)]),
            "lowest": _times(end_ns[lows]) if lows else _times(end_ns[:0]),
            "end": _times(end_ns[np.minimum(ends, end_ns.size - 1)]),
            "drawdown_rate": [1.0 - equity[low] / peak[low] for low in lows],
            "recovered": ends < end_ns.size,
        }
    )
    return frame.sort_values("drawdown_rate", ascending=False, kind="stable", ignore_index=True)


def _times(ns: Ints) -> "pd.DatetimeIndex":
    import pandas as pd

    return pd.DatetimeIndex(ns, tz="UTC")


def _names(course: Course) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
    return np.array([tape.product.product_id for tape in course.tapes], dtype=object)


def _increments(course: Course) -> tuple[Floats, Floats]:
    products = [tape.product for tape in course.tapes]
    prices = np.array([float(product.price_increment) for product in products])
    return prices, np.array([float(product.base_increment) for product in products])


def _sides(signs: Ints) -> "np.ndarray[tuple[int], np.dtype[np.str_]]":
    return np.where(signs > 0, "BUY", "SELL")


def _words(codes: Ints, words: dict[int, str]) -> list[str]:
    return [words[code] for code in codes.tolist()]


def _rules(mask: int) -> str:
    return ", ".join(name for place, name in enumerate(RULE_NAMES) if mask >> place & 1)
