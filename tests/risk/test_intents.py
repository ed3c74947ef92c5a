"""A million intents, many within one increment of a cap: none goes over one, no good one is held.

The judge of the judge is `twin`, the rules in fractions of unlimited size.
"""

import random
from collections.abc import Callable
from dataclasses import astuple, replace
from decimal import Decimal

import pytest

from gpt_trader.domain.order import TradingState
from gpt_trader.risk.limits import Limits
from gpt_trader.risk.verdicts import RULE_NAMES, Facts, judge, reasons
from tests.printing import Said
from tests.risk import twin
from tests.risk.builders import (
    SECOND_NS,
    USD,
    a_buy,
    an_exit,
    broken_facts,
    random_facts,
    some_limits,
)
from tests.tier import scaled

INTENTS = 1_000_000
GOOD = 10_000
ROUNDS = 500  # in which a rule that is off by one increment must be seen
LOT = USD  # cash units of one lot at the mark of `a_buy`
SUMS = some_limits(position_notional_max=Decimal(4000), daily_loss_max=Decimal(250))
RICH = {"cash_free": 10**6 * USD, "equity": 10**6 * USD, "equity_day_start": 10**6 * USD}
Near = Callable[[random.Random, int], Facts]


def _rich(**changes: object) -> Facts:
    facts = replace(a_buy(), **RICH, equity_peak=10**6 * USD)  # type: ignore[arg-type]
    return replace(facts, **changes)  # type: ignore[arg-type]


def _order_notional(dice: random.Random, off: int) -> Facts:
    return _rich(lots=5000 + off)


def _position_cap(dice: random.Random, off: int) -> Facts:
    held, waits = dice.randrange(2000), dice.randrange(2000)
    return a_buy(lots=5000 - held - waits + off, position_lots=held, working_buy_lots=waits)


def _position_sum(dice: random.Random, off: int) -> Facts:
    held = dice.randrange(1000, 3000)
    return _rich(lots=4000 - held + off, position_lots=held)


def _exposure_cap(dice: random.Random, off: int) -> Facts:
    lots = dice.randrange(10, 2000)
    return a_buy(lots=lots, exposure_others=(8000 - lots) * LOT + off)


def _price_collar(dice: random.Random, off: int) -> Facts:
    return dice.choice([a_buy(limit_ticks=101_000 + off), an_exit(limit_ticks=99_000 - off)])


def _cash(dice: random.Random, off: int) -> Facts:
    lots = dice.randrange(10, 3000)
    return a_buy(lots=lots, cash_free=lots * LOT * 1006 // 1000 - off)


def _size_form(dice: random.Random, off: int) -> Facts:
    return dice.choice([a_buy(lots=10 - off), a_buy(lots=500 + off, base_max_lots=500)])


def _reduce_only(dice: random.Random, off: int) -> Facts:
    offered = dice.randrange(900)
    return an_exit(lots=1000 - offered + off, working_sell_lots=offered)


NEAR: dict[str, Near] = {
    "order_notional": _order_notional,
    "position_cap": _position_cap,
    "position_sum": _position_sum,
    "exposure_cap": _exposure_cap,
    "price_collar": _price_collar,
    "cash": _cash,
    "size_form": _size_form,
    "reduce_only": _reduce_only,
    "stale_mark": lambda dice, off: a_buy(mark_age_ns=180 * SECOND_NS + off),
    "order_rate": lambda dice, off: a_buy(orders_last_minute=29 + off),
    "daily_loss": lambda dice, off: a_buy(equity=9000 * USD - off),
    "daily_sum": lambda dice, off: a_buy(equity=9750 * USD - off),
    "drawdown": lambda dice, off: a_buy(equity=7000 * USD - off, equity_day_start=7000 * USD),
    "spread": lambda dice, off: a_buy(bid_ticks=95_000 - off),
    "reference": lambda dice, off: a_buy(limit_ticks=99_000 + off, last_ticks=90_000),
}
"""By what it is near: an order on the cap, or `off` increments over it."""


def near(dice: random.Random) -> tuple[Facts, Limits]:
    """An order within one increment of a cap, and the limits it is judged by."""
    name = dice.choice(list(NEAR))
    limits = SUMS if name.endswith("_sum") else some_limits()
    return NEAR[name](dice, dice.choice((-1, 0, 1))), limits


def drawn(dice: random.Random) -> tuple[Facts, Limits]:
    """A random or a hostile order: numbers past every limit, and past an int64."""
    draw = random_facts if dice.random() < 0.8 else broken_facts
    return draw(dice), dice.choice((some_limits(), SUMS))


def over_a_cap(facts: Facts, limits: Limits) -> set[str]:
    """What the slow model refuses it for.

    What no int64 holds, and no market has, is not known: it bars entries, and holds no exit in.
    """
    counts = [count for count in astuple(facts) if isinstance(count, int)]
    if twin.is_exit(facts) and not all(0 <= count < 2**62 for count in counts):
        return set()
    return twin.refusing(facts, limits) if facts.den > 0 else set(RULE_NAMES)


def let_out(facts: Facts, limits: Limits) -> bool:
    return not any(verdict.denies for verdict in judge(facts, limits))


def test_no_intent_goes_over_a_cap_and_every_refusal_says_why(say: Said) -> None:
    dice, at_caps, out = random.Random(5), 0, 0
    count = scaled(INTENTS)

    for _ in range(count):
        by_a_cap = dice.random() < 0.4
        at_caps += by_a_cap
        facts, limits = (near if by_a_cap else drawn)(dice)
        verdicts = judge(facts, limits)
        denying = [verdict for verdict in verdicts if verdict.denies]
        if not denying:
            out += 1
            assert not over_a_cap(facts, limits), facts
            continue
        told = reasons(verdicts)
        assert len(told) == len(denying) and all(told)
        for verdict, sentence in zip(denying, told, strict=True):
            has_numbers = any(letter.isdigit() for letter in sentence)
            is_a_state = verdict.rule in ("trading_state", "feed_ready", "books_agree")
            assert has_numbers or is_a_state or "cannot be decided" in sentence, sentence

    say(f"{count} intents, {at_caps} within an increment of a cap, {out} let out")
    assert at_caps >= count * 3 // 10 and count // 10 < out < count * 9 // 10


def test_no_good_intent_is_refused() -> None:
    """Well within everything, and exits on any day: good by how they are made."""
    dice = random.Random(6)
    for _ in range(GOOD):
        if dice.random() < 0.5:
            held = dice.randrange(500)
            facts = a_buy(
                lots=dice.randrange(10, 2000),
                limit_ticks=dice.choice((None, dice.randrange(95_000, 101_000))),
                position_lots=held,
                working_sell_lots=dice.randrange(held + 1),
                exposure_others=dice.randrange(4000) * USD,
                orders_last_minute=dice.randrange(29),
                equity=dice.randrange(9500, 12_000) * USD,
                equity_peak=12_000 * USD,
            )
        else:
            facts = an_exit(
                lots=dice.randrange(10, 1001),
                mark_age_ns=dice.choice((-1, 0, 10**18)),
                equity=dice.choice((0, 1, 10_000 * USD)),
                orders_last_minute=dice.randrange(100),
                feed_ready=dice.random() < 0.5,
                books_agree=dice.random() < 0.5,
                trading_state=dice.choice((TradingState.ACTIVE, TradingState.REDUCE_ONLY)),
            )
        assert let_out(facts, some_limits()), facts


PLANTS: dict[str, dict[str, Decimal]] = {
    "order_notional": {"order_notional_max": Decimal(1)},
    "position_cap": {"position_rate_max": Decimal("0.0001")},
    "position_sum": {"position_notional_max": Decimal(1)},
    "exposure_cap": {"exposure_rate_max": Decimal("0.000000001")},
    "price_collar": {"collar_bps_max": Decimal("0.1")},
    "stale_mark": {"mark_age_s_max": Decimal("0.000000001")},
    "order_rate": {"orders_per_minute_max": Decimal(1)},
    "daily_loss": {"daily_loss_rate_max": Decimal("0.000000001")},
    "daily_sum": {"daily_loss_max": Decimal("0.00000001")},
    "drawdown": {"drawdown_rate_max": Decimal("0.000000001")},
    "spread": {"spread_bps_max": Decimal("0.1")},
    "reference": {"reference_bps_max": Decimal("0.12")},
}
"""By rule: its limit, and one increment of what it bounds."""

FACTS: dict[str, dict[str, int]] = {
    "cash": {"cash_free": 1},
    "size_form": {"base_max_lots": 1},
    "reduce_only": {"position_lots": 1},
}
"""Rules without a limit of their own: the fact they stand on, one increment too good."""


@pytest.mark.parametrize("sign", [1, -1], ids=["too loose", "too tight"])
@pytest.mark.parametrize("rule", [*PLANTS, *FACTS])
def test_a_rule_that_is_off_by_one_increment_is_found(rule: str, sign: int) -> None:
    dice, found = random.Random(7), 0

    for _ in range(ROUNDS):
        facts, limits = near(dice)
        wrong_facts, wrong_limits = facts, limits
        if rule in PLANTS:
            [(name, step)] = PLANTS[rule].items()
            value = limits.as_mapping()[name] + sign * step
            wrong_limits = replace(limits, **{name: value})  # type: ignore[arg-type]
        else:
            [(name, count)] = FACTS[rule].items()
            before = {"cash_free": facts.cash_free, "base_max_lots": facts.base_max_lots}
            before["position_lots"] = facts.position_lots
            value_of = before[name] + sign * count
            wrong_facts = replace(facts, **{name: value_of})  # type: ignore[arg-type]
        found += let_out(wrong_facts, wrong_limits) is bool(twin.refusing(facts, limits))

    assert found > 0


def test_every_rule_with_a_cap_has_its_plant() -> None:
    states = {"trading_state", "feed_ready", "books_agree"}  # yes or no: nothing to be near to

    planted = {name.replace("_sum", "_cap" if "position" in name else "_loss") for name in PLANTS}
    assert planted | set(FACTS) | states == set(RULE_NAMES)
