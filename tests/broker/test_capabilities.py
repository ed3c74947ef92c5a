"""The one table of orders: complete, and each refusal has a reason."""

from pathlib import Path

import pytest

from gpt_trader.broker.capabilities import (
    ORDER_TYPES,
    PRICES,
    PROFILES,
    USUAL,
    Cell,
    Kind,
    ProductType,
    Way,
    cell,
    check,
    matrix,
    table,
)
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.order import TimeInForce
from gpt_trader.store import folders

CELLS = list(matrix())


def test_the_table_has_each_combination_once() -> None:
    keys = {(c.kind, c.time_in_force, c.product_type, c.profile) for c in CELLS}

    assert len(CELLS) == len(keys) == len(Kind) * len(TimeInForce) * len(ProductType) * 4
    assert PROFILES == folders.PROFILES
    assert set(USUAL) == set(PRICES) == set(Kind)


@pytest.mark.parametrize("one", CELLS, ids=str)
def test_a_refusal_has_a_reason_and_is_raised_with_it(one: Cell) -> None:
    arguments = one.kind, one.time_in_force, one.product_type, one.profile

    if one.way is not Way.REFUSED:
        check(*arguments)
        assert one.why == "" and one.kind in ORDER_TYPES
    else:
        with pytest.raises(UsageError, match=one.time_in_force.name) as refused:
            check(*arguments)
        assert str(refused.value).endswith(one.why) and one.why


def test_the_usual_time_in_force_is_allowed() -> None:
    for kind in ORDER_TYPES:
        assert cell(kind, USUAL[kind], ProductType.SPOT, "prod").way is (
            Way.ENGINE if kind is Kind.STOP else Way.EXCHANGE
        )


def test_the_document_shows_the_table() -> None:
    assert table() in (Path(__file__).parents[2] / "docs" / "orders.md").read_text("utf-8")
