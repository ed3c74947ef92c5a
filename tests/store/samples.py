"""Events for the tests of the store: one of every class by hand, and any of them at random."""

import dataclasses
import types
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from gpt_trader.domain import events as ev
from gpt_trader.domain.futures import PositionLiquidated
from gpt_trader.domain.order import TradingState
from gpt_trader.domain.product import Contract, Product

NS = 1_677_628_800_000_000_000
INT64 = st.integers(-(2**63), 2**63 - 1)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)
POSITIVE = st.decimals(Decimal("1e-20"), Decimal("1e20"), allow_nan=False, allow_infinity=False)


def a_tick(ts_ns: int = NS) -> ev.ClockTicked:
    """The smallest event."""
    return ev.ClockTicked(ts_ns)


def some_trades(ts_ns: int = NS, *, count: int = 4, price: str = "62000.12") -> ev.TradesSeen:
    """The commonest event."""
    trades = tuple(
        ev.Trade(ts_ns + at, Decimal(price), Decimal("0.01234567"), "BUY", ts_ns)
        for at in range(count)
    )
    return ev.TradesSeen(ts_ns, "BTC-USD", trades)


def a_session(**params: float) -> ev.SessionOpened:
    """The first event of a log."""
    return ev.SessionOpened(
        ts_ns=NS,
        profile="dev",
        namespace="n",
        products=(),
        strategy="ma_crossover",
        strategy_source="0" * 64,
        params=params,
        sizing={"size_fraction": 0.2},
        limits={"order_notional_max": Decimal("25000.00")},
        maker_fee_rate=Decimal("0.004"),
        taker_fee_rate=Decimal("0.006"),
        candle_s=60,
        candle_grace_ns=0,
        cash=Decimal("100000"),
        day_pnl=Decimal(0),
        trading_state=TradingState.ACTIVE,
    )


def any_event(event_type: type) -> st.SearchStrategy[ev.Event]:
    """Any value of one event class that its own checks allow."""
    return _of_dataclass(event_type)


EVENT_TYPES: tuple[type, ...] = get_args(ev.Event)


def _of_dataclass(made: type) -> st.SearchStrategy[ev.Event]:
    hints: Mapping[str, object] = get_type_hints(made)
    priced = ev.OrderFilled, ev.FeeRevised, PositionLiquidated, Product, Contract
    decimals = POSITIVE if made in priced else DECIMALS
    fields = {field.name: _of(hints[field.name], decimals) for field in dataclasses.fields(made)}
    return st.builds(made, **fields)


def _of(hint: object, decimals: st.SearchStrategy[Decimal]) -> st.SearchStrategy[object]:
    if get_origin(hint) is tuple:
        return st.lists(_of(get_args(hint)[0], decimals), max_size=3).map(tuple)
    if get_origin(hint) is dict:
        return st.dictionaries(st.text(max_size=5), _of(get_args(hint)[1], decimals), max_size=3)
    if get_origin(hint) is types.UnionType:
        return st.one_of(*(_of(inner, decimals) for inner in get_args(hint)))
    simple: dict[object, st.SearchStrategy[object]] = {
        int: INT64,
        str: st.text(max_size=20),
        bool: st.booleans(),
        float: st.floats(allow_nan=False, allow_infinity=False),
        Decimal: decimals,
        types.NoneType: st.none(),
    }
    if hint in simple:
        return simple[hint]
    assert isinstance(hint, type), hint
    return st.sampled_from(hint) if issubclass(hint, StrEnum) else _of_dataclass(hint)
