"""Answers about US futures: the contracts there are, and what the futures wallet holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from gpt_trader.coinbase.decimals import parse_amount, parse_positive, parse_signed
from gpt_trader.coinbase.page import convert
from gpt_trader.coinbase.wire_products import WireProduct, build_product
from gpt_trader.domain.errors import WireError
from gpt_trader.domain.product import Contract, Product

SIDES = {"LONG": 1, "SHORT": -1}


@dataclass(frozen=True, slots=True)
class ContractsHeld:
    """A position in one contract, as Coinbase shows it at its own mark."""

    product_id: str
    contracts: Decimal  # signed: below 0 is short
    entry_price: Decimal  # average, without fees
    mark_price: Decimal
    unrealized_pnl: Decimal


@dataclass(frozen=True, slots=True)
class FuturesWallet:
    """The futures wallet of an account."""

    cash: Decimal  # USD; below 0 it is owed
    funding_today: Decimal  # USD of the exchange's trading day; below 0 was paid
    initial_margin: Decimal
    maintenance_margin: Decimal
    liquidation_buffer_percent: Decimal
    positions: tuple[ContractsHeld, ...]

    def contracts(self, product_id: str) -> Decimal:
        """How many of a contract are held, signed."""
        held = (one.contracts for one in self.positions if one.product_id == product_id)
        return sum(held, Decimal(0))


class _Amount(msgspec.Struct):
    value: str


class _Summary(msgspec.Struct):
    cfm_usd_balance: _Amount
    initial_margin: _Amount
    liquidation_threshold: _Amount
    liquidation_buffer_percentage: str
    funding_pnl: _Amount | None = None  # older answers do not have it


class _SummaryAnswer(msgspec.Struct):
    balance_summary: _Summary | None = None


class _Position(msgspec.Struct):
    product_id: str
    side: str
    number_of_contracts: str
    # Coinbase's pages show plain text here, recorded answers show amounts with their currency.
    current_price: _Amount | str
    avg_entry_price: _Amount | str
    unrealized_pnl: _Amount | str


class _PositionsAnswer(msgspec.Struct):
    positions: list[_Position]


class _Rates(msgspec.Struct):
    long_margin_rate: str
    short_margin_rate: str


class _Details(msgspec.Struct):
    contract_code: str
    contract_size: str
    contract_root_unit: str
    intraday_margin_rate: _Rates
    overnight_margin_rate: _Rates


class _Contract(WireProduct, kw_only=True):
    future_product_details: _Details | None = None


class _Contracts(msgspec.Struct):
    products: list[Any]  # row by row, as products of other kinds have other fields


class _Kind(msgspec.Struct):
    product_id: str
    product_type: str


class _FeePreview(msgspec.Struct):
    commission_total: str


def parse_contracts(body: Any, taker_fees: Mapping[str, Decimal]) -> tuple[Product, ...]:
    """The contracts whose fee is given, with what makes them such; other products are left out.

    Of the day's and the night's margin rates the dearer one counts: a position that only the
    day's rates carry is liquidated when the night's begin.

    Parameters
    ----------
    taker_fees : mapping of str to Decimal
        Quote a contract, by product id.

    Raises
    ------
    WireError
        A field is missing or wrong.

    References
    ----------
    docs.cdp.coinbase.com, Advanced Trade, REST API: products, list products
    """
    rows = convert(body, _Contracts).products
    asked = (row for row in rows if _is_future(row) and row["product_id"] in taker_fees)
    return tuple(_parse_contract(convert(row, _Contract), taker_fees) for row in asked)


def contract_names(body: Any) -> tuple[str, ...]:
    """The contracts among the products of an answer.

    Raises
    ------
    WireError
        A field is missing or wrong.
    """
    rows = convert(body, _Contracts).products
    return tuple(convert(row, _Kind).product_id for row in rows if _is_future(row))


def parse_contract_fee(body: Any) -> Decimal | None:
    """What a preview of one contract says that it costs; None where it says nothing yet.

    Raises
    ------
    WireError
        The answer cannot be read.
    """
    return parse_amount(convert(body, _FeePreview).commission_total) or None


def parse_futures(summary: Any, positions: Any) -> FuturesWallet | None:
    """The futures wallet; None for an account that has none.

    Raises
    ------
    WireError
        A field is missing or wrong.

    References
    ----------
    docs.cdp.coinbase.com, Advanced Trade, REST API: futures, balance summary and positions
    """
    wire = convert(summary, _SummaryAnswer).balance_summary
    if wire is None:
        return None
    held = convert(positions, _PositionsAnswer).positions
    funding = "0" if wire.funding_pnl is None else wire.funding_pnl.value
    return FuturesWallet(
        cash=parse_signed(wire.cfm_usd_balance.value),
        funding_today=parse_signed(funding),
        initial_margin=parse_amount(wire.initial_margin.value),
        maintenance_margin=parse_amount(wire.liquidation_threshold.value),
        liquidation_buffer_percent=parse_signed(wire.liquidation_buffer_percentage),
        positions=tuple(_parse_position(one) for one in held if _holds_something(one)),
    )


def _is_future(row: Any) -> bool:
    return convert(row, _Kind).product_type == "FUTURE"


def _parse_contract(wire: _Contract, taker_fees: Mapping[str, Decimal]) -> Product:
    details = wire.future_product_details
    if details is None or not details.contract_code or not wire.quote_currency_id:
        raise WireError(f"{wire.product_id[:40]!r} is a contract without its details")
    day, night = details.intraday_margin_rate, details.overnight_margin_rate
    contract = Contract(
        size=parse_positive(details.contract_size),
        underlying=details.contract_root_unit,
        long_margin_rate=_dearer(day.long_margin_rate, night.long_margin_rate),
        short_margin_rate=_dearer(day.short_margin_rate, night.short_margin_rate),
        taker_fee=taker_fees[wire.product_id],
    )
    return build_product(wire, details.contract_code, contract)


def _dearer(first: str, second: str) -> Decimal:
    return max(parse_positive(first), parse_positive(second))


def _holds_something(wire: _Position) -> bool:
    """A row of 0 contracts is of a position that was closed; its side and prices say nothing."""
    return bool(parse_amount(wire.number_of_contracts))


def _parse_position(wire: _Position) -> ContractsHeld:
    if wire.side not in SIDES:
        raise WireError(f"a position of an unknown side: {wire.side[:40]!r}")
    return ContractsHeld(
        product_id=wire.product_id,
        contracts=SIDES[wire.side] * parse_positive(wire.number_of_contracts),
        entry_price=parse_positive(_text(wire.avg_entry_price)),
        mark_price=parse_positive(_text(wire.current_price)),
        unrealized_pnl=parse_signed(_text(wire.unrealized_pnl)),
    )


def _text(amount: _Amount | str) -> str:
    return amount if isinstance(amount, str) else amount.value
