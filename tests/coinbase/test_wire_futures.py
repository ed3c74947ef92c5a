"""Contracts and the futures wallet, read from recorded answers."""

import json
from decimal import Decimal
from typing import Any

import pytest

from gpt_trader.coinbase.wire_futures import (
    contract_names,
    parse_contract_fee,
    parse_contracts,
    parse_futures,
)
from gpt_trader.domain.errors import WireError
from gpt_trader.domain.product import CASH_UNIT
from tests.coinbase.builders import a_product, sample

NAME = "BIP-20DEC30-CDE"
FEES = {NAME: Decimal("0.2")}
DETAILS = {
    "contract_code": "BIP",
    "contract_size": "0.01",
    "contract_root_unit": "BTC",
    "intraday_margin_rate": {"long_margin_rate": "0.1000185", "short_margin_rate": "0.1000008"},
    "overnight_margin_rate": {"long_margin_rate": "0.245625", "short_margin_rate": "0.306375"},
}
CONTRACT = a_product(
    product_id=NAME,
    product_type="FUTURE",
    base_currency_id="",
    base_increment="1",
    price_increment="5",
    base_min_size="1",
    base_max_size="5000",
    quote_min_size="0",
    future_product_details=DETAILS,
)


def amounts(**values: str) -> dict[str, Any]:
    return {name: {"value": value, "currency": "USD"} for name, value in values.items()}


SUMMARY = {
    **amounts(cfm_usd_balance="8000.00", initial_margin="1000.00", liquidation_threshold="300.00"),
    "liquidation_buffer_percentage": "2400",
}
POSITION = {
    "product_id": NAME,
    "side": "LONG",
    "number_of_contracts": "2",
    **amounts(current_price="50000.00", avg_entry_price="49000.00", unrealized_pnl="20.00"),
}


def recorded(name: str, made: Any) -> Any:
    return json.loads(sample(name, made))


def test_a_recorded_contract_has_its_size_and_the_dearer_margin_rates() -> None:
    body = recorded("http_products_future.json", {"products": [CONTRACT]})
    body["products"].append(a_product())

    [product] = parse_contracts(body, FEES)

    assert NAME in contract_names(body) and "BTC-USD" not in contract_names(body)
    assert (product.product_id, product.base, product.quote) == (NAME, "BIP", "USD")
    assert (product.base_increment, product.price_increment) == (Decimal(1), Decimal(5))
    assert product.contract is not None
    assert (product.contract.size, product.contract.underlying) == (Decimal("0.01"), "BTC")
    rates = product.contract.long_margin_rate, product.contract.short_margin_rate
    assert rates == (Decimal("0.245625"), Decimal("0.306375"))


def test_a_step_of_a_contract_is_worth_its_size_times_the_price_step() -> None:
    [product] = parse_contracts({"products": [CONTRACT]}, FEES)

    assert product.cash_units_per_tick_lot() == (5_000_000, 1)
    three = product.notional_paid(product.ticks(Decimal(62_000)), 3)
    assert three * CASH_UNIT == 3 * 620


def test_the_recorded_wallet_and_its_position_are_read() -> None:
    summary = recorded("http_cfm_balance_summary.json", {"balance_summary": SUMMARY})
    positions = recorded("http_cfm_positions.json", {"positions": [POSITION]})

    wallet = parse_futures(summary, positions)

    assert wallet is not None
    assert (wallet.cash, wallet.funding_today) == (Decimal(8000), Decimal(0))
    assert (wallet.initial_margin, wallet.maintenance_margin) == (Decimal(1000), Decimal(300))
    assert (wallet.liquidation_buffer_percent, wallet.contracts(NAME)) == (
        Decimal(2400),
        Decimal(2),
    )
    [held] = wallet.positions
    assert (held.entry_price, held.mark_price) == (Decimal(49000), Decimal(50000))


def test_a_short_and_what_is_below_zero_keep_their_sign() -> None:
    """Docs show these as plain text, recordings as amounts: both are read."""
    plain = {"current_price": "50000", "avg_entry_price": "51000", "unrealized_pnl": "-30.5"}
    short = {**POSITION, **plain, "side": "SHORT", "number_of_contracts": "3"}
    owed = {**SUMMARY, **amounts(cfm_usd_balance="-12.5", funding_pnl="-0.01")}

    wallet = parse_futures({"balance_summary": owed}, {"positions": [short]})

    assert wallet is not None
    assert (wallet.cash, wallet.funding_today) == (Decimal("-12.5"), Decimal("-0.01"))
    assert (wallet.contracts(NAME), wallet.contracts("BIT")) == (Decimal(-3), Decimal(0))
    assert wallet.positions[0].unrealized_pnl == Decimal("-30.5")


def test_a_row_of_no_contracts_is_no_position() -> None:
    closed = {**POSITION, "side": "UNKNOWN", "number_of_contracts": "0"}

    wallet = parse_futures({"balance_summary": SUMMARY}, {"positions": [closed, POSITION]})

    assert wallet is not None
    assert [one.contracts for one in wallet.positions] == [Decimal(2)]


@pytest.mark.parametrize(
    "changes",
    [
        {"side": "UNKNOWN"},
        {"number_of_contracts": "-2"},
        {"avg_entry_price": "NaN"},
        {"unrealized_pnl": "--1"},
        {"unrealized_pnl": "1e3"},
    ],
)
def test_an_impossible_position_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(WireError):
        parse_futures({"balance_summary": SUMMARY}, {"positions": [{**POSITION, **changes}]})


def test_a_contract_without_its_details_is_refused() -> None:
    bare = {name: value for name, value in CONTRACT.items() if name != "future_product_details"}

    with pytest.raises(WireError, match="without its details"):
        parse_contracts({"products": [bare]}, FEES)


def test_a_fee_of_nothing_is_no_fee_yet() -> None:
    assert parse_contract_fee({"commission_total": "0.2"}) == Decimal("0.2")
    assert parse_contract_fee({"commission_total": "0"}) is None
