"""Wallets: what moves where, and that nothing goes below zero."""

from decimal import Decimal

import pytest

from gpt_trader.exchange.accounts import Accounts


def some_accounts() -> Accounts:
    return Accounts({"USD": Decimal("10"), "BTC": Decimal("0.5")}, ["ETH"])


def test_wallets_exist_for_balances_and_for_what_is_traded() -> None:
    accounts = some_accounts()

    assert accounts.available == {"BTC": 50_000_000, "ETH": 0, "USD": 10 * 10**8}
    assert set(accounts.hold.values()) == {0}


def test_a_hold_is_paid_from_first_and_the_rest_is_freed() -> None:
    accounts = some_accounts()
    accounts.block("USD", 600)

    accounts.pay("USD", 500, 450)
    accounts.free("USD", 150)
    accounts.receive("USD", 7)

    assert accounts.hold["USD"] == 0
    assert accounts.available["USD"] == 10 * 10**8 - 500 + 7


def test_no_balance_goes_below_zero() -> None:
    with pytest.raises(AssertionError, match="ETH: -1 available"):
        some_accounts().block("ETH", 1)
    with pytest.raises(AssertionError, match="USD: -1 on hold"):
        some_accounts().free("USD", 1)


def test_a_balance_finer_than_a_cash_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 8 decimals"):
        Accounts({"USD": Decimal("0.000000001")}, [])
