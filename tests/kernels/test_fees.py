"""Fees are the embedded exchange's: tier of the moment, 30 days, rounded up."""

import random
from dataclasses import replace
from decimal import Decimal

import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.exchange.catalog import PRODUCTS, Product
from gpt_trader.exchange.fees import FeeSchedule, notional_paid, notional_received
from gpt_trader.exchange.rules import FEE_TIERS, FeeTier, default_rules
from gpt_trader.kernels import fees
from gpt_trader.kernels.money import COUNT_MAX, UNCOUNTABLE
from tests.tier import scaled

DAY_NS = 86_400 * 10**9
CASH_UNITS = 10**8
TIERS = [(tier.volume_from, tier.maker_rate, tier.taker_rate) for tier in FEE_TIERS]
TWO_TIERS = [
    (Decimal(0), Decimal("0.004"), Decimal("0.006")),
    (Decimal(10), Decimal(0), Decimal(0)),
]


def unit_of(product: Product) -> tuple[int, int]:
    """Cash units of one tick of one lot, as a fraction."""
    places = product.price_places + product.base_places
    return 10 ** max(8 - places, 0), 10 ** max(places - 8, 0)


@pytest.mark.parametrize("seed", range(4))
def test_every_fee_is_the_exchanges(seed: int) -> None:
    draw = random.Random(seed)
    schedule = FeeSchedule(default_rules(1))
    compiled = fees.fees_of(TIERS, 20_000)
    products = list(PRODUCTS.values())
    now_ns = 10**18
    rates = set()
    for number in range(scaled(20_000)):
        product = draw.choice(products)
        num, den = unit_of(product)
        ticks = draw.choice((1, draw.randint(1, 10**4), draw.randint(1, 10**7)))
        target = 10 ** (10 + number // 150 % 7) * den // num  # busy and quiet months
        lots = min(max(1, draw.randint(0, target) // ticks), 2**53)
        maker, now_ns = draw.randint(0, 1), now_ns + draw.choice((0, 1, DAY_NS // 9, DAY_NS))

        fee = fees.fee_step(compiled, now_ns, ticks, lots, num, den, maker)

        schedule.refresh(now_ns)
        assert fee == schedule.fee(product, ticks, lots, maker == 1)
        rates.add(fees.rate_step(compiled, now_ns, 0))
        rounded = draw.choice((notional_paid, notional_received))
        notional = rounded(product, ticks, lots)
        schedule.record(product, now_ns, notional, fee)
        if product.quote in fees.DOLLARS:
            assert fees.record_step(compiled, now_ns, notional) == fees.RECORDED
        assert compiled.state[fees.VOLUME] >= schedule.volume
    assert len(rates) > 6


def test_a_fill_leaves_the_volume_after_exactly_30_days() -> None:
    compiled = fees.fees_of(TWO_TIERS, 3)
    fees.record_step(compiled, 5, 10 * CASH_UNITS)

    rates = [fees.rate_step(compiled, 4 + fees.WINDOW_NS + late, 0) for late in (0, 1)]

    assert rates == [0, 6_000_000]


def test_the_ring_goes_round_and_says_when_it_is_full() -> None:
    compiled = fees.fees_of(TWO_TIERS, 3)
    for day in range(10):
        now_ns = day * 11 * DAY_NS  # so three of them are in the window
        fees.rate_step(compiled, now_ns, 0)

        assert fees.record_step(compiled, now_ns, 4 * CASH_UNITS) == fees.RECORDED

    full = fees.record_step(compiled, now_ns, 1)

    assert full == fees.WINDOW_FULL
    assert compiled.state[fees.VOLUME] == 12 * CASH_UNITS


def test_a_volume_that_cannot_be_counted_is_a_fault() -> None:
    compiled = fees.fees_of(TWO_TIERS, 3)
    fees.record_step(compiled, 1, COUNT_MAX)

    assert fees.record_step(compiled, 2, 1) == fees.VOLUME_TOO_LARGE


def test_a_fee_that_cannot_be_counted_is_said_to_be_so() -> None:
    compiled = fees.fees_of(TWO_TIERS, 3)

    assert fees.fee_step(compiled, 1, 2**40, 2**53, 10**8, 1, 0) == UNCOUNTABLE


def test_a_single_tier_needs_no_window() -> None:
    compiled = fees.fees_of(TWO_TIERS[:1], 1_000)

    records = [fees.record_step(compiled, now_ns, 10**15) for now_ns in range(50)]

    assert records == [fees.RECORDED] * 50
    assert [fees.rate_step(compiled, 60, maker) for maker in (0, 1)] == [6_000_000, 4_000_000]
    assert compiled.times.size == compiled.state.sum() == 0


def test_a_tier_begins_at_its_volume() -> None:
    tiers = [(Decimal(0), Decimal("0.1"), Decimal("0.1")), (Decimal(7), Decimal(0), Decimal(0))]
    rules = replace(default_rules(1), fee_tiers=tuple(FeeTier(str(row[0]), *row) for row in tiers))
    for units in (7 * CASH_UNITS - 1, 7 * CASH_UNITS, 7 * CASH_UNITS + 1):
        compiled, schedule = fees.fees_of(tiers, 2), FeeSchedule(rules)

        fees.record_step(compiled, 0, units)

        schedule.record(PRODUCTS["BTC-USD"], 0, units, 0)
        expected = schedule.fee(PRODUCTS["BTC-USD"], 100, 100, False)
        assert fees.fee_step(compiled, 0, 100, 100, 1, 100, 0) == expected


@pytest.mark.parametrize(
    ("tiers", "words"),
    [
        ([], "the first must be 0"),
        ([("1", "0", "0")], "the first must be 0"),
        ([("0", "0", "0"), ("9", "0", "0"), ("9", "0", "0")], "must rise"),
        ([("0", "0.0000000001", "0")], "finer than"),
        ([("0", "0", "1.1")], "from 0 to 1"),
        ([("0", "-0.001", "0")], "from 0 to 1"),
    ],
)
def test_tiers_that_make_no_sense_are_refused(
    tiers: list[tuple[str, str, str]], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        fees.fees_of([(Decimal(a), Decimal(b), Decimal(c)) for a, b, c in tiers], 5)
