"""The gate before contracts: a name is never rewritten, and a refusal says what is missing.

Coinbase's international perpetuals (`BTC-PERP`, `BTC-PERP-INTX`) left the Advanced Trade API on
2026-10-01. What it has are US futures of Coinbase Derivatives (venue FCM), perpetual-style ones
among them, such as `BIP-20DEC30-CDE` (Advanced Trade reference, products).
"""

import re

from gpt_trader.broker.capabilities import NO_PAPER_CONTRACTS, ProductType
from gpt_trader.domain.errors import UsageError

_PERPETUAL = re.compile(r"([A-Z0-9]+)-PERP(-INTX)?")
_CONTRACT = re.compile(r"[A-Z0-9]+-\d{1,2}[A-Z]{3}\d{2}-CDE")
CONTRACTS = {"BTC": "BIP-20DEC30-CDE"}
"""The perpetual-style contract of a coin, where Coinbase's samples show it."""


def product_type_of(product_id: str) -> ProductType:
    """Whether a name is a contract's; all others are taken for spot, and looked up."""
    is_contract = _PERPETUAL.fullmatch(product_id) or _CONTRACT.fullmatch(product_id)
    return ProductType.FUTURE if is_contract else ProductType.SPOT


def check_profile(product_id: str, profile: str) -> None:
    """Refuse contracts where there is no market of them.

    Raises
    ------
    UsageError
        Profile paper, whose exchange follows Coinbase's spot market.
    """
    if profile == "paper" and product_type_of(product_id) is ProductType.FUTURE:
        raise UsageError(f"{product_id}: {NO_PAPER_CONTRACTS}")


def check_gate(product_id: str, enabled: bool) -> None:
    """Refuse contracts that cannot be traded at all, and all of them while they are not enabled.

    Raises
    ------
    UsageError
        With what is missing, or what there is instead.
    """
    if found := _PERPETUAL.fullmatch(product_id):
        coin = found[1]
        instead = (
            f"its contract there is {CONTRACTS[coin]}"
            if coin in CONTRACTS
            else (f"look for the contract of {coin} among Coinbase's futures")
        )
        raise UsageError(
            f"{product_id}: Coinbase's international perpetuals left this API on 2026-10-01, US "
            f"futures took their place: {instead}. No name is rewritten"
        )
    if product_type_of(product_id) is ProductType.FUTURE and not enabled:
        raise UsageError(
            f"{product_id} is a contract, and COINBASE_ENABLE_DERIVATIVES is not 1: contracts are "
            "off until it is, and until the account may trade them"
        )
