"""From exposure to lots: rounded down, shrunk by volatility, and unknown when it cannot be told."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_trader.kernels.sizing import UNKNOWN_LOTS, target_lots_step

NAN = float("nan")
EQUITY = 10_000_000_000_000  # 100,000 in cash units
MARK = 2_000_000  # 20,000.00


def lots(
    exposure: float = 1.0,
    equity: int = EQUITY,
    mark_ticks: int = MARK,
    volatility: float = NAN,
    volatility_target: float = 0.0,
) -> int:
    return target_lots_step(
        exposure, 0.2, equity, mark_ticks, 1, 100, volatility, volatility_target
    )


def test_a_fifth_of_the_equity_is_one_bitcoin_at_twenty_thousand() -> None:
    assert lots() == 100_000_000


@given(st.floats(0, 1), st.integers(1, 10**17), st.integers(1, 10**9))
def test_the_size_is_never_larger_than_meant(exposure: float, equity: int, mark: int) -> None:
    got = lots(exposure, equity, mark)

    meant = Fraction(exposure) * Fraction(0.2) * equity * 100 / mark
    assert got <= meant * (1 + Fraction(1, 10**15))
    assert got >= meant * (1 - Fraction(1, 10**14)) - 1


def test_a_volatile_market_shrinks_the_size_and_a_calm_one_does_not_grow_it() -> None:
    assert lots(volatility=0.8, volatility_target=0.4) == 50_000_000
    assert lots(volatility=0.1, volatility_target=0.4) == 100_000_000


@pytest.mark.parametrize(
    "unknown",
    [
        {"exposure": NAN},
        {"equity": 0},
        {"equity": -1},
        {"mark_ticks": 0},
        {"volatility_target": 0.4},
        {"volatility": 0.0, "volatility_target": 0.4},
        {"equity": 2**62, "mark_ticks": 1},
    ],
)
def test_what_cannot_be_told_is_unknown(unknown: dict[str, float]) -> None:
    assert lots(**unknown) == UNKNOWN_LOTS  # type: ignore[arg-type]


def test_a_short_is_cut_off_for_spot() -> None:
    assert lots(exposure=-1.0) == 0
