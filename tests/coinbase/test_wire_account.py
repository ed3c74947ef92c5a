import json
from decimal import Decimal
from typing import Any

import pytest

from gpt_trader.coinbase.wire_account import (
    Balance,
    FeeRates,
    KeyPermissions,
    parse_accounts,
    parse_fee_rates,
    parse_key_permissions,
)
from gpt_trader.domain.errors import WireError
from tests.coinbase.builders import an_account, sample

OURS = ("USD", "BTC")


def page(*accounts: dict[str, Any]) -> dict[str, Any]:
    return {"accounts": list(accounts), "has_next": False, "cursor": "", "size": len(accounts)}


def test_recorded_balances_are_read() -> None:
    btc = an_account(
        currency="BTC",
        type="CRYPTO",
        available_balance={"value": "1.23456789", "currency": "BTC"},
        hold={"value": "0.00500000", "currency": "BTC"},
    )
    usd = an_account(
        available_balance={"value": "10000.50", "currency": "USD"},
        hold={"value": "450.00", "currency": "USD"},
    )

    balances = parse_accounts(json.loads(sample("http_accounts.json", page(btc, usd))), OURS).rows

    assert balances == (
        Balance("BTC", Decimal("1.23456789"), Decimal("0.005")),
        Balance("USD", Decimal("10000.50"), Decimal("450")),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "ACCOUNT_TYPE_VAULT"},
        {"type": "ACCOUNT_TYPE_PERP_FUTURES"},
        {"platform": "ACCOUNT_PLATFORM_INTX"},
        {"platform": "ACCOUNT_PLATFORM_CFM_CONSUMER"},
    ],
)
def test_what_spot_orders_cannot_spend_is_not_counted(changes: dict[str, Any]) -> None:
    assert parse_accounts(page(an_account(**changes)), OURS).rows == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "ACCOUNT_TYPE_OF_NEXT_YEAR"},
        {"hold": None},
        {"hold": {"value": "-1"}},
        {"hold": {"value": ""}},
        {"available_balance": {"value": 100.5}},
    ],
)
def test_a_wrong_account_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        parse_accounts(page(an_account(**changes)), OURS)
    others = page(an_account(**changes), an_account(currency="BTC"))
    [left] = parse_accounts(others, ["BTC"]).rows  # in a currency that is not the session's
    assert left.currency == "BTC"


def test_fee_rates_are_fractions() -> None:
    tier = {"pricing_tier": "Advanced 1", "maker_fee_rate": "0.004", "taker_fee_rate": "0.006"}

    rates = parse_fee_rates({"total_volume": 1.5, "fee_tier": tier})

    assert rates == FeeRates(Decimal("0.004"), Decimal("0.006"), "Advanced 1")


@pytest.mark.parametrize("rate", ["0.6", "0.1", "-0.001", "", "NaN", 0.006])
def test_a_rate_that_is_no_fraction_is_refused(rate: Any) -> None:
    with pytest.raises(WireError):
        parse_fee_rates({"fee_tier": {"maker_fee_rate": "0.004", "taker_fee_rate": rate}})


def test_permissions_are_told_one_by_one() -> None:
    body = {"can_view": True, "can_trade": True, "can_transfer": False, "portfolio_uuid": "p"}

    assert parse_key_permissions(body) == KeyPermissions(True, True, False, "p")


@pytest.mark.parametrize("field", ["can_view", "can_trade", "can_transfer"])
def test_a_missing_permission_is_not_taken_for_a_no(field: str) -> None:
    body = {"can_view": True, "can_trade": True, "can_transfer": False, "portfolio_uuid": "p"}
    del body[field]

    with pytest.raises(WireError):
        parse_key_permissions(body)
