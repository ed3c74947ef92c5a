"""The rules of contracts: each allows, denies, and is looked at on its very limit."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from gpt_trader.domain.order import Verdict
from gpt_trader.risk.limits import Limits
from gpt_trader.risk.margin import NOT_KNOWN, MarginFacts, margin_verdicts
from gpt_trader.risk.verdicts import reasons

USD = 10**8
LIMITS = Limits.from_mapping(
    {
        "leverage_max": Decimal(2),
        "liquidation_buffer_min": Decimal(200),
        "contracts_max": Decimal(10),
    }
)
FACTS = MarginFacts(
    reduce_only=False,
    lots=2,
    reducible_lots=0,
    lots_after=2,
    notional_after=1_240 * USD,
    margin_after=310 * USD,
    fees=USD // 2,
    equity=5_000 * USD,
)


def judged(*, is_exit: bool = False, **changes: Any) -> dict[str, Verdict]:
    facts = replace(FACTS, **changes)
    told = margin_verdicts(facts, LIMITS, is_exit=is_exit, quote="USD")
    return {verdict.rule: verdict for verdict in told}


def test_an_entry_that_its_margin_carries_passes_every_rule() -> None:
    verdicts = judged()

    assert not any(verdict.denies for verdict in verdicts.values())
    assert verdicts["margin"].value == Decimal("310.5")
    assert verdicts["leverage"].value == Decimal("0.2480")
    assert verdicts["liquidation_buffer"].value == Decimal("3125.80")


@pytest.mark.parametrize(
    ("rule", "on_the_limit", "past_it"),
    [
        ("margin", {"margin_after": 5_000 * USD, "fees": 0}, {"margin_after": 5_000 * USD}),
        ("leverage", {"notional_after": 10_000 * USD}, {"notional_after": 10_000 * USD + 1}),
        (
            "liquidation_buffer",  # equity is three times the half of the margin there
            {"margin_after": 2_000 * USD, "equity": 3_000 * USD},
            {"margin_after": 2_000 * USD, "equity": 3_000 * USD - 1},
        ),
        ("contracts_cap", {"lots_after": 10}, {"lots_after": 11}),
        (
            "reduce_only",
            {"reduce_only": True, "reducible_lots": 2},
            {"reduce_only": True, "reducible_lots": 1},
        ),
    ],
)
def test_a_limit_itself_is_allowed_and_one_step_above_it_is_not(
    rule: str, on_the_limit: dict[str, Any], past_it: dict[str, Any]
) -> None:
    assert not judged(**on_the_limit)[rule].denies
    denied = judged(**past_it)[rule]

    assert denied.denies
    [said] = reasons((denied,))
    assert rule == "reduce_only" or "would be" in said


@pytest.mark.parametrize("changes", [{"equity": 0}, {"margin_after": -1}, {"notional_after": -1}])
def test_what_is_not_known_denies_an_entry_and_no_exit(changes: dict[str, Any]) -> None:
    denied = [verdict for verdict in judged(**changes).values() if verdict.denies]

    assert {one.rule for one in denied} == {"margin", "leverage", "liquidation_buffer"}
    assert {one.value for one in denied} == {NOT_KNOWN}
    assert all("not known" in said for said in reasons(tuple(denied)))
    assert not any(verdict.denies for verdict in judged(is_exit=True, **changes).values())


def test_an_exit_passes_whatever_it_costs_and_frees_but_not_beyond_what_is_held() -> None:
    worst = {"margin_after": 9_000 * USD, "notional_after": 99_000 * USD, "lots_after": 99}

    exits = judged(is_exit=True, **worst)
    beyond = judged(is_exit=False, reduce_only=True, reducible_lots=1)

    assert not any(verdict.denies for verdict in exits.values())
    assert beyond["reduce_only"].denies
