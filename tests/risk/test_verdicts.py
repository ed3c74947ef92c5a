"""Verdicts against a twin in unlimited fractions, and the sentences an operator reads."""

import random
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from gpt_trader.domain.order import Side, TradingState, Verdict
from gpt_trader.kernels import gates
from gpt_trader.risk.limits import Limits
from gpt_trader.risk.margin import NOT_KNOWN
from gpt_trader.risk.verdicts import RULE_NAMES, Facts, judge, reasons
from tests.risk import twin
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


def denying(facts: Facts, limits: Limits) -> set[str]:
    return {verdict.rule for verdict in judge(facts, limits) if verdict.denies}


def verdict_of(rule: str, facts: Facts) -> Verdict:
    (found,) = [verdict for verdict in judge(facts, some_limits()) if verdict.rule == rule]
    return found


def random_limits(generator: random.Random) -> Limits:
    return some_limits(
        order_notional_max=Decimal(generator.choice([0, 1000, 5000])),
        position_rate_max=Decimal(generator.choice(["0", "0.1", "0.5", "2"])),
        exposure_rate_max=Decimal(generator.choice(["0", "0.3", "0.8", "2"])),
        collar_bps_max=Decimal(generator.choice(["0", "0.5", "100", "10000"])),
        orders_per_minute_max=Decimal(generator.choice([0, 1, 29, 30])),
        daily_loss_rate_max=Decimal(generator.choice(["0", "0.1", "1"])),
        drawdown_rate_max=Decimal(generator.choice(["0", "0.3", "1"])),
        position_notional_max=Decimal(generator.choice([1000, 4000, 10**9, 10**9])),
        daily_loss_max=Decimal(generator.choice([0, 999, 1000, 10**9])),
        order_equity_rate_max=Decimal(generator.choice(["0.1", "0.5", "10"])),
        spread_bps_max=Decimal(generator.choice(["0", "500", "10000"])),
        reference_bps_max=Decimal(generator.choice(["0", "1000", "10000"])),
        leverage_max=Decimal(2),
        liquidation_buffer_min=Decimal(200),
        contracts_max=Decimal(10),
    )


def test_judge_and_twin_refuse_by_the_same_rules() -> None:
    generator = random.Random(1)
    denied: Counter[str] = Counter()
    rounds = scaled(30_000)

    for _ in range(rounds):
        facts, limits = random_facts(generator), random_limits(generator)
        found = denying(facts, limits)
        denied.update(found)
        assert found == twin.refusing(facts, limits), facts

    assert all(rounds // 50 < denied[rule] < rounds * 49 // 50 for rule in RULE_NAMES), denied


def test_numbers_past_an_int64_are_judged_without_an_error_and_never_more_loosely() -> None:
    generator = random.Random(2)
    refused = 0

    for _ in range(scaled(30_000)):
        facts, limits = broken_facts(generator), random_limits(generator)
        found = denying(facts, limits)
        assert reasons(judge(facts, limits)) or not found
        if facts.den > 0 and facts.num > 0 and not twin.is_exit(facts):
            refused_by_twin = bool(twin.refusing(facts, limits))
            refused += refused_by_twin
            assert found or not refused_by_twin, facts

    assert refused > scaled(3000)


def test_an_exit_of_the_judge_is_an_exit_of_the_twin() -> None:
    generator = random.Random(3)
    exits = 0

    for _ in range(scaled(20_000)):
        facts = broken_facts(generator)
        if gates.exits(facts.vector()):
            exits += 1
            assert twin.is_exit(facts), facts

    assert exits > scaled(200)


def test_all_rules_speak_in_the_gates_order_even_of_an_order_that_is_allowed() -> None:
    verdicts = judge(a_buy(), some_limits())

    assert tuple(verdict.rule for verdict in verdicts) == RULE_NAMES
    assert len(RULE_NAMES) == gates.RULES
    assert not any(verdict.denies for verdict in verdicts)
    assert reasons(verdicts) == ()


READ: list[tuple[str, Changes, str, str, str]] = [
    ("trading_state", {"trading_state": TradingState.HALTED}, "2", "0", "state"),
    ("feed_ready", {"feed_ready": False}, "0", "1", "ready"),
    ("stale_mark", {"mark_age_ns": SECOND_NS * 3 // 2}, "1.5", "180", "s"),
    ("books_agree", {"books_agree": False}, "0", "1", "agree"),
    ("order_notional", {"lots": 1001}, "1001", "5000", "USD"),
    ("order_notional", {"limit_ticks": 100_001}, "1000.01", "5000", "USD"),
    ("order_notional", {"limit_ticks": 1}, "1000", "5000", "USD"),
    ("position_cap", {"position_lots": 500, "working_buy_lots": 7}, "1507", "5000", "USD"),
    ("position_cap", {"position_lots": -500, "working_sell_lots": 900}, "1400", "5000", "USD"),
    ("position_cap", {"dearer_units": 3 * USD}, "1003", "5000", "USD"),
    ("exposure_cap", {"exposure_others": 5 * USD, "dearer_units": 3 * USD}, "1008", "8000", "USD"),
    ("exposure_cap", {"exposure_others": 5 * USD}, "1005", "8000", "USD"),
    ("price_collar", {"ask_ticks": 100_125}, "12.5", "100", "bps"),
    ("price_collar", {"ask_ticks": 90_000}, "0", "100", "bps"),
    ("order_rate", {"orders_last_minute": 4}, "5", "30", "orders"),
    ("daily_loss", {"equity": 9999 * USD}, "1", "1000", "USD"),
    ("daily_loss", {"equity": 10_001 * USD}, "0", "1000", "USD"),
    ("drawdown", {"equity_peak": 20_000 * USD}, "10000", "6000", "USD"),
    ("cash", {"cash_free": 500 * USD}, "1006", "500", "USD"),
    ("size_form", {"lots": 1}, "0.001", "0.01", "ETH"),
    ("size_form", {"lots": 20}, "0.02", "1000", "ETH"),
    ("reduce_only", {"side": Side.SELL, "position_lots": 3}, "1", "0.003", "ETH"),
    ("daily_loss", {"equity": 0}, "-1", "1000", "USD"),
    ("spread", {"bid_ticks": 99_900}, "10", "500", "bps"),
    ("reference", {"last_ticks": 80_000}, "2500", "1000", "bps"),
    ("reference", {"last_ticks": 110_000}, "0", "1000", "bps"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "changes", "value", "limit", "unit"), READ)
def test_a_verdict_reads_in_the_units_of_a_trader(
    rule: str, changes: Changes, value: str, limit: str, unit: str
) -> None:
    verdict = verdict_of(rule, a_buy(**changes))

    assert (verdict.value, verdict.limit, verdict.unit) == (Decimal(value), Decimal(limit), unit)


def test_a_denied_price_never_reads_like_its_limit() -> None:
    verdict = verdict_of("price_collar", a_buy(mark_ticks=10**9, limit_ticks=1_010_000_001))

    assert verdict.denies
    assert (verdict.value, verdict.limit) == (Decimal("100.00001"), Decimal(100))


@pytest.mark.parametrize(
    ("limit_ticks", "denies", "value"),
    [(59_500, False, "0"), (60_000, False, "0"), (58_905, False, "100"), (58_904, True, None)],
)
def test_a_stop_limit_price_is_judged_at_its_trigger(
    limit_ticks: int, denies: bool, value: str | None
) -> None:
    """Its limit lies far from today's mark by its nature: without this no stop could be placed."""
    facts = an_exit(
        limit_ticks=limit_ticks, trigger_ticks=59_500, mark_ticks=62_000, bid_ticks=61_999
    )

    verdicts = {verdict.rule: verdict for verdict in judge(facts, some_limits())}

    assert {rule for rule, verdict in verdicts.items() if verdict.denies} == (
        {"price_collar"} if denies else set()
    )
    assert value is None or verdicts["price_collar"].value == Decimal(value)


SENTENCES: list[tuple[Facts, str]] = [
    (an_exit(trading_state=TradingState.HALTED), "trading is halted: nothing is sent"),
    (
        a_buy(trading_state=TradingState.REDUCE_ONLY),
        "trading is reduce-only: nothing is sent that could raise the position",
    ),
    (a_buy(feed_ready=False), "the market feed is not ready"),
    (a_buy(mark_age_ns=190 * SECOND_NS), "the mark is 190 s old, above 180 s"),
    (a_buy(books_agree=False), "ledger and account differ"),
    (
        a_buy(lots=6000, equity=20_000 * USD, cash_free=10_000 * USD),
        "order notional would be 6,000.00 USD, above 5,000.00 USD",
    ),
    (
        a_buy(position_lots=11_400, equity=20_000 * USD),
        "position notional would be 12,400.00 USD, above 10,000.00 USD",
    ),
    (
        a_buy(exposure_others=7000 * USD + 5),
        "total notional would be 8,000.00000005 USD, above 8,000.00 USD",
    ),
    (a_buy(ask_ticks=102_000), "price is 200 bps worse than the mark, above 100 bps"),
    (a_buy(orders_last_minute=30), "a minute would see 31 orders, above 30 orders"),
    (
        a_buy(equity=8999 * USD),
        "loss since midnight UTC is 1,001.00 USD, above 1,000.00 USD",
    ),
    (
        a_buy(equity_peak=20_000 * USD),
        "loss since the peak is 10,000.00 USD, above 6,000.00 USD",
    ),
    (
        a_buy(cash_free=1000 * USD),
        "cost with fee would be 1,006.00 USD, above the free 1,000.00 USD",
    ),
    (an_exit(lots=9), "order size is 0.009 ETH, below 0.01 ETH"),
    (an_exit(base_max_lots=100), "order size is 1 ETH, above 0.1 ETH"),
    (
        an_exit(working_sell_lots=10),
        "sale of 1 ETH, above the 0.99 ETH held and not offered",
    ),
    (a_buy(equity_peak=0), "drawdown cannot be decided: a number it needs is not known"),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "sentence"), SENTENCES)
def test_a_refusal_is_a_sentence_with_value_limit_and_unit(facts: Facts, sentence: str) -> None:
    assert sentence in reasons(judge(facts, some_limits()))


def test_all_reasons_come_back_and_not_only_the_first() -> None:
    facts = a_buy(feed_ready=False, books_agree=False, lots=5, orders_last_minute=99)

    said = reasons(judge(facts, some_limits()))

    assert len(said) == 4


def test_the_same_facts_give_equal_verdicts_even_where_a_number_is_not_known() -> None:
    facts = a_buy(mark_ticks=0, equity=0)

    assert judge(facts, some_limits()) == judge(replace(facts), some_limits())
    assert any(verdict.value == NOT_KNOWN for verdict in judge(facts, some_limits()))


def test_a_taker_rate_finer_than_the_kernels_counts_up() -> None:
    facts = a_buy(taker_fee_rate=Decimal("0.0000000001"), cash_free=1000 * USD)

    verdict = verdict_of("cash", facts)

    assert verdict.denies
    assert verdict.value == Decimal("1000.000001")
