"""The first thing that differs between two runs of one backtest, in words."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import NamedTuple

import numpy as np

from gpt_trader.backtesting.fused import Run, result_of
from gpt_trader.backtesting.simulation_result import FillRow, OrderRow, SimulationResult
from gpt_trader.kernels import account, tables
from gpt_trader.kernels.vectors import Ints
from gpt_trader.risk.verdicts import RULE_NAMES

_COUNTED = {
    "orders": account.ORDERS,
    "denials": account.DENIALS,
    "fills": account.FILLS,
    "partial fills": account.PARTIAL_FILLS,
    "maker fills": account.MAKER_FILLS,
    "notional of all fills": account.TRADED,
    "candles with a position": account.HELD,
}
_HELD = {"cost": account.COST, "realized profit": account.REALIZED}


class _Found(NamedTuple):
    """A difference, and the round it belongs to."""

    round: int
    words: str


def first_difference(a: SimulationResult, b: SimulationResult) -> str | None:
    """Say what differs first between two results; None where they are equal to the last unit.

    Orders and fills are named before the account they lead to, those of earlier rounds first, and
    an order before its fills. Values stand in the order of the arguments.
    """
    if a == b:
        return None
    rows = _of_rows("order", a.orders, b.orders), _of_rows("fill", a.fills, b.fills)
    found = [difference for difference in rows if difference is not None]
    if found:
        return min(found, key=lambda difference: difference.round).words
    mine, others = _account(a), _account(b)
    name = next(name for name in mine if mine[name] != others.get(name))
    return f"{name}: {mine[name]} and {others.get(name)}"


def first_run_difference(a: Run, b: Run) -> str | None:
    """Say what differs first between two runs, the course of their equity included.

    Both must have kept their orders and fills, and the equity of every round.
    """
    words = first_difference(result_of(a), result_of(b))
    if words is not None:
        return words
    for name, place in _COUNTED.items():
        if a.session[place] != b.session[place]:
            return f"{name}: {a.session[place]} and {b.session[place]}"
    for name, place in _HELD.items():
        words = _of_columns(f"{name} of product", a.products[:, place], b.products[:, place])
        if words is not None:
            return words
    filled = a.orders[:, tables.ORDER_FILLED], b.orders[:, tables.ORDER_FILLED]
    notional = a.fills[:, tables.FILL_NOTIONAL], b.fills[:, tables.FILL_NOTIONAL]
    return (
        _of_columns("lots filled of order", *filled)
        or _of_columns("notional of fill", *notional)
        or _of_columns("equity of round", a.equity, b.equity)
        or _of_columns("equity at the end of day", a.days, b.days)
    )


def _of_columns(noun: str, a: Ints, b: Ints) -> str | None:
    if a.size != b.size:
        return f"{noun}: {a.size} of them and {b.size}"
    if np.array_equal(a, b):
        return None
    place = int(np.argmax(a != b))
    return f"{noun} {place}: {a[place]} and {b[place]}"


def _of_rows(
    noun: str, a: Sequence[OrderRow | FillRow], b: Sequence[OrderRow | FillRow]
) -> _Found | None:
    for place, (one, other) in enumerate(zip(a, b, strict=False), 1):
        if one != other:
            mine, others = one._asdict(), other._asdict()
            named = [f"{k} {mine[k]} and {others[k]}" for k in mine if mine[k] != others[k]]
            first = min(one.round, other.round)
            return _Found(first, f"{noun} {place} of round {first}: {', '.join(named)}")
    if len(a) == len(b):
        return None
    extra = max(a, b, key=len)[min(len(a), len(b))]
    counts = f"{noun}s: {len(a)} and {len(b)}"
    return _Found(extra.round, f"{counts}; the first of one alone is {extra}")


def _account(result: SimulationResult) -> dict[str, object]:
    """All but orders and fills by name: counts a rule and a product each by their own."""
    flat = asdict(replace(result, orders=(), fills=(), denials=(), position_lots=()))
    denials = zip(RULE_NAMES, result.denials, strict=True)
    lots = enumerate(result.position_lots)
    return {
        **{f"denials by {rule}": count for rule, count in denials},
        **{f"position_lots of product {place}": count for place, count in lots},
        **flat,
    }
