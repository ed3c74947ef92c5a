"""The choices of sizing: what cannot be meant is refused at the door, by name."""

import pytest

from gpt_trader.broker.sizing import SIZING, sizing_of
from gpt_trader.domain.errors import UsageError


def test_the_given_choices_stand_over_the_defaults() -> None:
    assert sizing_of({"take_bps": 9_999.0}) == {**SIZING, "take_bps": 9_999.0}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("volatility_span", 2), ("volatility_span", 100_000), ("size_fraction", 1.0),
        ("size_fraction", 1e-6), ("patience_candles", 0), ("patience_candles", 10_000),
        ("take_bps", 0), ("stop_rate", 0.999), ("good_till", 1),
    ],
)  # fmt: skip
def test_the_bound_itself_is_allowed(name: str, value: float) -> None:
    assert sizing_of({name: value})[name] == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # Spans below two wrote beyond their memory.
        ("volatility_span", 0), ("volatility_span", 1), ("volatility_span", 100_001),
        ("volatility_span", 20.5),
        # More than all traded nothing, and fractions of a count were cut off, in silence.
        ("size_fraction", 0), ("size_fraction", 1.0000001), ("size_fraction", float("nan")),
        ("take_bps", 0.9), ("take_bps", 10_000), ("patience_candles", 0.9),
        ("patience_candles", 10_001), ("patience_candles", 9e8), ("stop_rate", 1),
        ("good_till", 0.5), ("market_orders", 2), ("rebalance_rate", -0.1),
        ("volatility_target", float("inf")),
    ],
)  # fmt: skip
def test_one_beyond_it_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"^sizing {name}="):
        sizing_of({name: value})


def test_all_in_is_told_where_too_much_is_asked_for() -> None:
    with pytest.raises(UsageError, match=r"0\.98 is all in"):
        sizing_of({"size_fraction": 2})


def test_an_unknown_choice_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="sizing size: unknown, there is size_fraction"):
        sizing_of({"size": 1})
