"""The owner's holdings stay the owner's, and a difference is seen in every digit."""

import random
from decimal import Decimal

import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.events import BalancesSeen
from gpt_trader.domain.order import Side
from gpt_trader.portfolio.allocation import Allocation
from gpt_trader.portfolio.ledger import Ledger
from tests.portfolio.builders import a_fill, a_product, random_fills

BTC = a_product()
ETH = a_product("ETH-USD", "0.01", "0.001")
TINY = Decimal("0.000000000000000001")


def an_account(**changes: str) -> BalancesSeen:
    totals = {"USD": "100000", "BTC": "0.5", "ETH": "2", "SOL": "7"} | changes
    return BalancesSeen(1, {currency: Decimal(total) for currency, total in totals.items()})


def an_allocation(cash: str = "1000", **changes: str) -> Allocation:
    return Allocation.from_balances(an_account(**changes), (BTC, ETH), Decimal(cash))


def test_before_the_first_fill_the_account_shows_what_was_there() -> None:
    allocation = an_allocation()
    ledger = Ledger.open(allocation.cash_units())

    assert ledger.cash_units == 1000 * 10**8
    assert allocation.differences(ledger, an_account().totals) == {}


def test_holdings_from_before_are_no_position_and_stay_in_the_expected_totals() -> None:
    allocation = an_allocation()
    ledger = Ledger.open(allocation.cash_units())
    ledger.apply(a_fill("1", Side.BUY, "500.00", "0.25", "0.75"), BTC)

    expected = allocation.expected_totals(ledger)

    assert ledger.position("BTC-USD").lots == 25_000_000
    assert expected == {
        "USD": Decimal("99874.25"),
        "BTC": Decimal("0.75"),
        "ETH": Decimal(2),
    }


def test_differences_are_account_minus_expectation_and_only_where_not_zero() -> None:
    allocation = an_allocation()
    ledger = Ledger.open(allocation.cash_units())

    seen = an_account(USD="99999.99999999", BTC="0.6").totals

    assert allocation.differences(ledger, seen) == {
        "USD": Decimal("-0.00000001"),
        "BTC": Decimal("0.1"),
    }


def test_currencies_outside_the_session_are_the_owners_business() -> None:
    allocation = an_allocation()
    ledger = Ledger.open(allocation.cash_units())

    assert allocation.differences(ledger, an_account(SOL="0", DOGE="9").totals) == {}


def test_a_currency_the_account_no_longer_lists_is_nothing_of_it() -> None:
    allocation = an_allocation()
    totals = an_account().totals
    del totals["ETH"]

    found = allocation.differences(Ledger.open(allocation.cash_units()), totals)

    assert found == {"ETH": Decimal(-2)}


def test_eighteen_decimals_beside_a_billion_invent_no_difference_and_hide_none() -> None:
    long = "1234567890.123456789012345678"
    allocation = an_allocation(USD=long, BTC=long)
    ledger = Ledger.open(allocation.cash_units())
    ledger.apply(a_fill("1", Side.BUY, "500.00", "0.25", "0.75"), BTC)
    exact = {
        "USD": Decimal("1234567764.373456789012345678"),
        "BTC": Decimal("1234567890.373456789012345678"),
        "ETH": Decimal(2),
    }

    assert allocation.differences(ledger, exact) == {}
    assert allocation.differences(ledger, exact | {"ETH": Decimal(2) - TINY}) == {"ETH": -TINY}


def test_a_difference_of_forty_digits_is_told_in_all_of_them() -> None:
    much = "1234567890123456789012.123456789012345678"
    allocation = an_allocation(BTC=much)

    found = allocation.differences(Ledger.open(allocation.cash_units()), an_account(BTC="0").totals)

    assert found == {"BTC": Decimal("-" + much)}


def test_an_account_that_follows_the_fills_never_differs() -> None:
    allocation = an_allocation("100000")
    ledger = Ledger.open(allocation.cash_units())
    totals = dict(an_account().totals)
    products = {"BTC-USD": BTC, "ETH-USD": ETH}

    for fill in random_fills(random.Random(3), (BTC, ETH), 100):
        product = products[fill.product_id]
        before = ledger.cash_units
        ledger.apply(fill, product)
        totals["USD"] += (ledger.cash_units - before) * Decimal("0.00000001")
        totals[product.base] += fill.side.sign * fill.base_size

        assert allocation.differences(ledger, totals) == {}


@pytest.mark.parametrize("cash", ["0", "-1", "100000.00000001", "NaN", "Infinity"])
def test_cash_that_the_account_cannot_give_is_refused_with_what_it_has(cash: str) -> None:
    with pytest.raises(UsageError, match=f"{cash} USD; must be above 0, and at most the 100000"):
        an_allocation(cash)


def test_all_the_cash_of_the_account_may_be_allocated() -> None:
    assert an_allocation("100000").cash_units() == 100_000 * 10**8


def test_cash_finer_than_a_cash_unit_is_refused() -> None:
    with pytest.raises(UsageError, match="finer than"):
        an_allocation("1.000000001")


def test_an_empty_account_is_refused() -> None:
    with pytest.raises(UsageError, match="at most the 0 USD"):
        Allocation.from_balances(BalancesSeen(1, {}), (BTC,), Decimal(1))


def test_products_of_several_quotes_are_refused() -> None:
    with pytest.raises(UsageError, match="not of EUR, USD"):
        Allocation.from_balances(an_account(), (BTC, a_product("BTC-EUR")), Decimal(1))


def test_a_session_without_products_is_refused() -> None:
    with pytest.raises(UsageError, match="one quote currency"):
        Allocation.from_balances(an_account(), (), Decimal(1))
