"""Equity, its peak, its day and its worst fall, as the loss limits read them."""

import json
import random
from decimal import Decimal
from fractions import Fraction

import pytest

from gpt_trader.domain.order import Side
from gpt_trader.portfolio.ledger import Ledger
from gpt_trader.portfolio.valuation import DAY_NS, Valuation, equity_units
from tests.portfolio.builders import a_fill, a_product
from tests.tier import scaled

BTC = a_product()
USD = 10**8


def a_ledger_with_one_bitcoin() -> Ledger:
    ledger = Ledger.open(1000 * USD)
    ledger.apply(a_fill("1", Side.BUY, "100.00", "1", "1"), BTC)
    return ledger


def a_course(*equities: int) -> Valuation:
    valuation = Valuation(0, 0)
    for ts_ns, equity in enumerate(equities):
        valuation.update(ts_ns, equity)
    return valuation


def test_equity_is_cash_and_positions_at_their_marks() -> None:
    ledger = a_ledger_with_one_bitcoin()

    assert equity_units(ledger, {"BTC-USD": BTC}, {"BTC-USD": 15_000}) == 1049 * USD
    assert ledger.unrealized_units(BTC, 15_000) == 49 * USD


@pytest.mark.parametrize("marks", [{}, {"BTC-USD": 0}, {"ETH-USD": 5}])
def test_equity_is_not_known_while_a_held_product_has_no_mark(marks: dict[str, int]) -> None:
    assert equity_units(a_ledger_with_one_bitcoin(), {"BTC-USD": BTC}, marks) is None


def test_a_flat_product_needs_no_mark() -> None:
    ledger = a_ledger_with_one_bitcoin()
    ledger.apply(a_fill("2", Side.SELL, "100.00", "1", "1"), BTC)

    assert equity_units(ledger, {"BTC-USD": BTC}, {}) == 998 * USD


def test_before_the_first_value_nothing_is_known_which_denies_entries() -> None:
    valuation = Valuation(0, 0)

    assert (valuation.equity, valuation.equity_day_start, valuation.equity_peak) == (0, 0, 0)
    assert valuation.max_drawdown == 0


@pytest.mark.parametrize("carried", [-30, 0, 20])
def test_a_day_counts_from_its_midnight_whatever_session_began_it(carried: int) -> None:
    """What earlier sessions of the day made or lost is in the day's start, and no longer after."""
    valuation = Valuation(3 * DAY_NS + 7, carried)

    valuation = Valuation.thaw(json.loads(json.dumps(valuation.freeze())))
    valuation.update(3 * DAY_NS + 8, 100)
    same_day = valuation.equity_day_start
    valuation.update(4 * DAY_NS - 1, 90)
    at_its_end = valuation.equity_day_start
    valuation.update(4 * DAY_NS, 80)

    assert (same_day, at_its_end) == (100 - carried, 100 - carried)
    assert valuation.equity_day_start == 80


def test_what_was_carried_is_of_its_day_alone() -> None:
    valuation = Valuation(4 * DAY_NS - 1, -30)

    valuation.update(4 * DAY_NS, 100)

    assert valuation.equity_day_start == 100


def test_the_peak_stays_and_the_drawdown_is_the_worst_fall_from_its_own_peak() -> None:
    valuation = a_course(100, 80, 90, 200, 170)

    assert (valuation.equity, valuation.equity_peak) == (170, 200)
    assert valuation.max_drawdown == Decimal("0.2")


def test_a_day_starts_with_the_first_value_at_or_after_midnight() -> None:
    valuation = Valuation(0, 0)
    starts = []

    for ts_ns, equity in [(5, 100), (DAY_NS - 1, 90), (DAY_NS, 80), (DAY_NS + 1, 70), (1, 60)]:
        valuation.update(ts_ns, equity)
        starts.append(valuation.equity_day_start)

    assert starts == [100, 100, 80, 80, 80]


def test_what_is_adopted_is_no_profit_and_undoes_no_loss() -> None:
    valuation = a_course(100, 200, 170)

    valuation.adopt(50)
    valuation.update(4, 220)

    assert (valuation.equity_day_start, valuation.equity_peak) == (150, 250)
    assert valuation.max_drawdown == Decimal("0.15")


@pytest.mark.parametrize("seed", range(scaled(100)))
def test_the_drawdown_is_the_worst_over_all_pairs_of_moments(seed: int) -> None:
    generator = random.Random(seed)
    equities = [generator.randint(1, 10**17) for _ in range(40)]

    valuation = a_course(*equities)

    worst = max(
        Fraction(earlier - later, earlier)
        for place, earlier in enumerate(equities)
        for later in equities[place:]
    )
    assert abs(Fraction(valuation.max_drawdown) - worst) < Fraction(1, 10**17)


def test_a_valuation_frozen_to_json_and_thawed_goes_on_as_if_nothing_had_happened() -> None:
    generator = random.Random(1)
    course = [(n * DAY_NS // 7, generator.randint(1, 10**17)) for n in range(40)]
    whole, half = Valuation(0, 0), Valuation(0, 0)
    for ts_ns, equity in course:
        whole.update(ts_ns, equity)

    for ts_ns, equity in course[:20]:
        half.update(ts_ns, equity)
    thawed = Valuation.thaw(json.loads(json.dumps(half.freeze())))
    for ts_ns, equity in course[20:]:
        thawed.update(ts_ns, equity)

    assert thawed.freeze() == whole.freeze()


def test_a_frozen_valuation_does_not_follow_the_living_one() -> None:
    valuation = a_course(100)
    frozen = valuation.freeze()

    valuation.update(1, 50)

    assert Valuation.thaw(frozen).equity == 100
