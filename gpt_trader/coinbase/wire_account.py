"""Answers about the account: balances, fee rates and what the key may do."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from gpt_trader.coinbase.decimals import parse_amount
from gpt_trader.coinbase.page import Page, convert, next_cursor
from gpt_trader.coinbase.wording import one_line
from gpt_trader.domain.errors import WireError

SPENDABLE = frozenset({"ACCOUNT_TYPE_CRYPTO", "ACCOUNT_TYPE_FIAT", "CRYPTO", "FIAT"})
SET_ASIDE = frozenset({"ACCOUNT_TYPE_VAULT", "ACCOUNT_TYPE_PERP_FUTURES", "VAULT"})
"""Accounts that spot orders can neither spend nor fill."""

SPOT_PLATFORMS = frozenset({"ACCOUNT_PLATFORM_CONSUMER", "ACCOUNT_PLATFORM_UNSPECIFIED", ""})
FEE_RATE_MAX = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Balance:
    """What the account holds of one currency."""

    currency: str
    available: Decimal
    hold: Decimal  # reserved for open orders, not part of `available`


@dataclass(frozen=True, slots=True)
class FeeRates:
    """What an order costs, as fractions of its notional."""

    maker: Decimal
    taker: Decimal
    tier: str  # Coinbase's name of it, "" where it gives none


@dataclass(frozen=True, slots=True)
class KeyPermissions:
    """What the API key may do, and in which portfolio."""

    can_view: bool
    can_trade: bool
    can_transfer: bool
    portfolio_uuid: str


class _Amount(msgspec.Struct):
    value: str


class _Account(msgspec.Struct):
    currency: str
    available_balance: _Amount
    hold: _Amount
    type: str
    platform: str = ""


class _Currency(msgspec.Struct):
    currency: str


class _AccountsPage(msgspec.Struct):
    accounts: list[Any]  # row by row, as other currencies may have shapes we do not know
    has_next: bool
    cursor: str = ""


class _FeeTier(msgspec.Struct):
    maker_fee_rate: str
    taker_fee_rate: str
    pricing_tier: str = ""


class _Summary(msgspec.Struct):
    fee_tier: _FeeTier


class _Permissions(msgspec.Struct):
    can_view: bool
    can_trade: bool
    can_transfer: bool
    portfolio_uuid: str


def parse_accounts(body: Any, ours: Collection[str]) -> Page[Balance]:
    """One page of balances that spot orders can use.

    Accounts in currencies that are not `ours` are left out if they cannot be read.

    Raises
    ------
    WireError
        A field is missing or wrong, or an account of ours is of a kind we do not know.

    References
    ----------
    https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/accounts/list-accounts
    """
    page = convert(body, _AccountsPage)
    balances = []
    for row in page.accounts:
        try:
            balance = _parse_account(convert(row, _Account))
        except WireError:
            if convert(row, _Currency).currency in ours:
                raise
            continue
        if balance is not None:
            balances.append(balance)
    return Page(tuple(balances), next_cursor(page.has_next, page.cursor))


def _parse_account(account: _Account) -> Balance | None:
    """The balance of an account; None for one that spot orders cannot use."""
    if account.type not in SPENDABLE | SET_ASIDE:
        raise WireError(f"unknown type of account: {account.type[:40]!r}")
    if account.type in SET_ASIDE or account.platform not in SPOT_PLATFORMS:
        return None
    available = parse_amount(account.available_balance.value)
    return Balance(account.currency, available, parse_amount(account.hold.value))


def parse_fee_rates(body: Any) -> FeeRates:
    """The fee rates of the account's present tier.

    Raises
    ------
    WireError
        A rate is missing, or is not a fraction below a tenth.

    References
    ----------
    docs.cdp.coinbase.com, Advanced Trade, REST API: fees, get transaction summary
    """
    tier = convert(body, _Summary).fee_tier
    maker, taker = parse_amount(tier.maker_fee_rate), parse_amount(tier.taker_fee_rate)
    rates = FeeRates(maker, taker, one_line(tier.pricing_tier))
    if max(rates.maker, rates.taker) >= FEE_RATE_MAX:
        raise WireError(f"a fee rate of {max(rates.maker, rates.taker)} is no fraction")
    return rates


def parse_key_permissions(body: Any) -> KeyPermissions:
    """What the key may do.

    Raises
    ------
    WireError
        An answer is missing: a missing "no" is not taken for one.
    """
    wire = convert(body, _Permissions)
    return KeyPermissions(wire.can_view, wire.can_trade, wire.can_transfer, wire.portfolio_uuid)
