"""Each gate allows, denies, and allows on the very limit; what is not known stops all but exits."""

import random
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from gpt_trader.domain.order import Side, TradingState
from gpt_trader.kernels import gates
from gpt_trader.kernels.money import UNCOUNTABLE
from gpt_trader.risk.verdicts import Facts
from tests.risk.builders import (
    SECOND_NS,
    USD,
    Changes,
    a_buy,
    an_exit,
    broken_facts,
    random_facts,
    some_limits,
)
from tests.tier import scaled

MINUTES_3_NS = 180 * SECOND_NS
CAPS = ~gates.FORM_RULES & (1 << gates.RULES) - 1


def mask_of(facts: Facts) -> int:
    values = np.zeros(2 * gates.RULES, np.int64)
    return gates.verdict_step(facts.vector(), some_limits().vector(), values)


ENTRIES: list[tuple[int, Changes, Changes]] = [
    # rule, on the limit, one step above it
    (gates.TRADING_STATE, {}, {"trading_state": TradingState.REDUCE_ONLY}),
    (gates.TRADING_STATE, {}, {"trading_state": TradingState.HALTED}),
    (gates.FEED_READY, {}, {"feed_ready": False}),
    (gates.STALE_MARK, {"mark_age_ns": MINUTES_3_NS}, {"mark_age_ns": MINUTES_3_NS + 1}),
    (gates.STALE_MARK, {"mark_age_ns": 0}, {"mark_age_ns": -1}),
    (gates.BOOKS_AGREE, {}, {"books_agree": False}),
    (gates.ORDER_NOTIONAL, {"lots": 5000}, {"lots": 5001}),
    (gates.POSITION_CAP, {"position_lots": 4000}, {"position_lots": 4001}),
    (gates.POSITION_CAP, {"working_buy_lots": 4000}, {"working_buy_lots": 4001}),
    (gates.POSITION_CAP, {"equity": 2000 * USD}, {"equity": 2000 * USD - 1}),
    (gates.EXPOSURE_CAP, {"exposure_others": 7000 * USD}, {"exposure_others": 7000 * USD + 1}),
    (gates.PRICE_COLLAR, {"ask_ticks": 101_000}, {"ask_ticks": 101_001}),
    (gates.PRICE_COLLAR, {"limit_ticks": 101_000}, {"limit_ticks": 101_001}),
    (gates.PRICE_COLLAR, {"limit_ticks": 1}, {"limit_ticks": 0}),
    (gates.PRICE_COLLAR, {"limit_ticks": None}, {"limit_ticks": gates.MARKET_PRICE}),
    (gates.ORDER_RATE, {"orders_last_minute": 29}, {"orders_last_minute": 30}),
    (gates.DAILY_LOSS, {"equity": 9000 * USD}, {"equity": 9000 * USD - 1}),
    (gates.DRAWDOWN, {"equity": 7000 * USD}, {"equity": 7000 * USD - 1}),
    (gates.CASH, {"cash_free": 1006 * USD}, {"cash_free": 1006 * USD - 1}),
    (gates.CASH, {"cash_free": 1006 * USD}, {"cash_free": -(10**18)}),
    (gates.SIZE_FORM, {"lots": 10}, {"lots": 9}),
    (gates.SIZE_FORM, {"lots": 1, "base_min_lots": 0}, {"lots": 0, "base_min_lots": 0}),
    (gates.SIZE_FORM, {"lots": 1000, "base_max_lots": 1000}, {"base_max_lots": 999}),
    (gates.REDUCE_ONLY, {}, {"side": Side.SELL}),
    (gates.SPREAD, {"bid_ticks": 95_000}, {"bid_ticks": 94_999}),
    (
        gates.SPREAD,
        {"mark_ticks": 3, "bid_ticks": 2, "ask_ticks": 3},
        {"mark_ticks": 3, "bid_ticks": 1, "ask_ticks": 3},
    ),
    (gates.REFERENCE, {"last_ticks": 90_910}, {"last_ticks": 90_909}),
    (
        gates.REFERENCE,
        {"limit_ticks": 99_000, "last_ticks": 90_000},
        {"limit_ticks": 99_001, "last_ticks": 90_000},
    ),
]

MONEY: list[tuple[int, dict[str, Decimal], Changes, Changes]] = [
    # rule, its limit, on the limit, one step above it
    (
        gates.POSITION_CAP,
        {"position_notional_max": Decimal(1400)},
        {"position_lots": 400},
        {"position_lots": 401},
    ),
    (
        gates.DAILY_LOSS,
        {"daily_loss_max": Decimal(250)},
        {"equity": 9750 * USD},
        {"equity": 9750 * USD - 1},
    ),
    (
        gates.ORDER_NOTIONAL,
        {"order_equity_rate_max": Decimal("0.1")},
        {"equity": 10_000 * USD},
        {"equity": 10_000 * USD - 10},
    ),
]

REDUCING: Changes = {"trading_state": TradingState.REDUCE_ONLY}
HALTED: Changes = {"trading_state": TradingState.HALTED}

EXITS: list[tuple[int, Changes, Changes]] = [
    (gates.TRADING_STATE, REDUCING, HALTED),
    (gates.PRICE_COLLAR, {"bid_ticks": 99_000}, {"bid_ticks": 98_999}),
    (gates.PRICE_COLLAR, {"limit_ticks": 99_000}, {"limit_ticks": 98_999}),
    (gates.PRICE_COLLAR, {"limit_ticks": 10**9}, {"limit_ticks": 0}),
    (gates.SIZE_FORM, {"lots": 10}, {"lots": 9}),
    (gates.SIZE_FORM, {"lots": 900, "base_max_lots": 900}, {"lots": 901, "base_max_lots": 900}),
    (gates.REDUCE_ONLY, {"lots": 1000}, {"lots": 1001}),
    (
        gates.REDUCE_ONLY,
        {"lots": 10, "working_sell_lots": 990},
        {"lots": 10, "working_sell_lots": 991},
    ),
    (gates.REDUCE_ONLY, {"working_buy_lots": 9}, {"working_buy_lots": 9, "position_lots": 0}),
]


@pytest.mark.parametrize(("rule", "allowed", "denied"), ENTRIES)
def test_a_rule_allows_an_entry_on_its_limit_and_denies_it_one_step_further(
    rule: int, allowed: Changes, denied: Changes
) -> None:
    inside = mask_of(a_buy(**allowed))
    outside = mask_of(a_buy(**denied))

    assert inside >> rule & 1 == 0
    assert outside >> rule & 1 == 1


@pytest.mark.parametrize(("rule", "limits", "allowed", "denied"), MONEY)
def test_the_tighter_of_a_sum_and_a_share_binds(
    rule: int, limits: dict[str, Decimal], allowed: Changes, denied: Changes
) -> None:
    vector, values = some_limits(**limits).vector(), np.zeros(2 * gates.RULES, np.int64)

    masks = [
        gates.verdict_step(a_buy(**changes).vector(), vector, values)
        for changes in (allowed, denied)
    ]

    assert masks == [0, 1 << rule]
    assert mask_of(a_buy(**denied)) >> rule & 1 == 0


@pytest.mark.parametrize(("rule", "allowed", "denied"), EXITS)
def test_a_rule_of_form_allows_an_exit_on_its_limit_and_denies_it_one_step_further(
    rule: int, allowed: Changes, denied: Changes
) -> None:
    inside = mask_of(an_exit(**allowed))
    outside = mask_of(an_exit(**denied))

    assert inside == 0
    assert outside >> rule & 1 == 1


def test_a_sound_entry_and_a_sound_exit_pass_every_rule() -> None:
    assert mask_of(a_buy()) == 0
    assert mask_of(an_exit()) == 0


def test_the_worst_day_refuses_every_entry_and_no_exit() -> None:
    worst: Changes = {
        "trading_state": TradingState.REDUCE_ONLY,
        "feed_ready": False,
        "books_agree": False,
        "mark_age_ns": 10**18,
        "equity": 1,
        "cash_free": 0,
        "exposure_others": 10**17,
        "orders_last_minute": 10**6,
        "ask_ticks": 105_010,
        "last_ticks": 90_000,
        "limit_ticks": 100_000,
    }

    assert mask_of(a_buy(**worst)) & CAPS == CAPS
    assert mask_of(an_exit(**worst)) == 0


UNKNOWN: list[tuple[Changes, set[int]]] = [
    (
        {"mark_ticks": 0},
        {
            gates.STALE_MARK,
            gates.ORDER_NOTIONAL,
            gates.POSITION_CAP,
            gates.EXPOSURE_CAP,
            gates.PRICE_COLLAR,
            gates.SPREAD,
        },
    ),
    ({"ask_ticks": 0}, {gates.PRICE_COLLAR, gates.CASH, gates.SPREAD, gates.REFERENCE}),
    ({"bid_ticks": 0}, {gates.SPREAD}),
    ({"last_ticks": 0}, {gates.REFERENCE}),
    (
        {"equity": 0},
        {
            gates.ORDER_NOTIONAL,
            gates.POSITION_CAP,
            gates.EXPOSURE_CAP,
            gates.DAILY_LOSS,
            gates.DRAWDOWN,
        },
    ),
    ({"equity_day_start": 0}, {gates.DAILY_LOSS}),
    ({"equity_peak": 0}, {gates.DRAWDOWN}),
    ({"exposure_others": -1}, {gates.EXPOSURE_CAP}),
    ({"orders_last_minute": -1}, {gates.ORDER_RATE}),
    ({"taker_fee_rate": Decimal("NaN")}, {gates.CASH}),
    ({"taker_fee_rate": Decimal("-0.001")}, {gates.CASH}),
    ({"working_buy_lots": -1}, {gates.POSITION_CAP, gates.EXPOSURE_CAP}),
    ({"position_lots": 2**63}, {gates.POSITION_CAP, gates.EXPOSURE_CAP}),
]


@pytest.mark.parametrize(("changes", "rules"), UNKNOWN)
def test_what_is_not_known_denies_an_entry_by_exactly_the_rules_that_need_it(
    changes: Changes, rules: set[int]
) -> None:
    mask = mask_of(a_buy(**changes))

    assert {rule for rule in range(gates.RULES) if mask >> rule & 1} == rules


@pytest.mark.parametrize(
    "changes",
    [
        {"mark_ticks": 0},
        {"bid_ticks": 0},
        {"equity": 0, "equity_day_start": 0, "equity_peak": 0},
        {"equity": -(10**12)},
        {"equity": 2**63, "exposure_others": 2**80},
        {"num": 2**62, "den": 7},
    ],
)
def test_what_is_not_known_lets_an_exit_pass(changes: Changes) -> None:
    assert mask_of(an_exit(**changes)) == 0


def test_a_trading_state_that_has_no_name_sends_nothing() -> None:
    facts = an_exit().vector()
    facts[gates.STATE] = 7

    mask = gates.verdict_step(facts, some_limits().vector(), np.zeros(2 * gates.RULES, np.int64))

    assert mask == 1 << gates.TRADING_STATE


def test_no_number_past_an_int64_lets_an_entry_out() -> None:
    overflowing: list[Changes] = [
        {"lots": 10**19},
        {"lots": 10**18, "base_max_lots": 2**63 - 1},
        {"position_lots": 2**63 - 1},
        {"working_buy_lots": 2**63 - 1},
        {"working_sell_lots": 2**63 - 1},
        {"exposure_others": 2**63 - 1},
        {"mark_ticks": 2**63 - 1},
        {"ask_ticks": 2**63 - 1},
        {"limit_ticks": 2**63 - 1},
        {"num": 2**63 - 1},
        {"equity_peak": 2**63 - 1},
        {"orders_last_minute": 2**63 - 1},
        {"mark_age_ns": 2**63 - 1},
        {"den": 2**63},
    ]

    assert [changes for changes in overflowing if mask_of(a_buy(**changes)) == 0] == []


def subsets_shrink(sign: int, lots: int, position: int, same: int, other: int) -> bool:
    """By trying them: after every subset of fills the order brings the position nearer to zero."""
    if lots < 1:
        return False
    for same_filled in range(same + 1):
        for other_filled in range(other + 1):
            before = position + sign * (same_filled - other_filled)
            after = before + sign * lots
            if abs(after) >= abs(before) or after * before < 0:
                return False
    return True


def test_an_exit_is_what_shrinks_the_position_after_every_subset_of_working_fills() -> None:
    cases = [
        (sign, lots, position, same, other)
        for sign in (1, -1)
        for lots in range(-1, 5)
        for position in range(-6, 7)
        for same in range(4)
        for other in range(3)
    ]

    found = [gates.reduces(*case[:4]) for case in cases]

    assert found == [subsets_shrink(*case) for case in cases]
    assert sum(found) > 100


def test_no_cap_loss_rate_or_feed_rule_ever_refuses_an_exit() -> None:
    generator = random.Random(11)
    refused = 0

    for _ in range(scaled(20_000)):
        facts = generator.choice([random_facts, broken_facts])(generator)
        if gates.exits(facts.vector()):
            mask = mask_of(facts)
            refused += mask != 0
            assert mask & CAPS == 0, facts

    assert refused > scaled(100)


def test_orders_in_reduce_only_never_raise_the_position_however_they_fill() -> None:
    generator = random.Random(12)
    filled = 0

    for _ in range(scaled(500)):
        position = generator.randrange(3000)
        working: list[int] = []
        for _ in range(30):
            facts = replace(
                random_facts(generator),
                lots=generator.randrange(1200),
                position_lots=position,
                working_buy_lots=0,
                working_sell_lots=sum(working),
                trading_state=TradingState.REDUCE_ONLY,
            )
            if mask_of(facts) == 0:
                assert facts.side is Side.SELL
                working.append(facts.lots)
            if working and generator.random() < 0.5:
                lots = generator.randint(1, working[-1])
                working[-1] -= lots
                working = [left for left in working if left]
                before, position = position, position - lots
                assert 0 <= position < before
                filled += 1

    assert filled > scaled(500)


def test_every_gate_leaves_its_value_and_its_limit_behind() -> None:
    values = np.full(2 * gates.RULES, UNCOUNTABLE, np.int64)

    gates.verdict_step(a_buy().vector(), some_limits().vector(), values)

    assert np.all(values >= 0)
    assert values[gates.POSITION_CAP] == 1000 * USD
    assert values[gates.RULES + gates.POSITION_CAP] == 5000 * USD
