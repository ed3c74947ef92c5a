"""What the operator of the embedded exchange chooses: fees, balances, book, switches."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Duplicate(StrEnum):
    """What a repeated ``client_order_id`` gets: the first order, a refusal, a second order."""

    EXISTING = "existing"
    REJECT = "reject"
    ACCEPT = "accept"


class FeeRounding(StrEnum):
    """How a fee becomes whole cash units (1e-8). Coinbase does not publish its rule."""

    UP = "up"
    HALF_EVEN = "half_even"
    DOWN = "down"


class TradeSide(StrEnum):
    """Whose side ``side`` of a public trade names: sources disagree (coinbase-wire.md, 1.5)."""

    MAKER = "maker"
    TAKER = "taker"


@dataclass(frozen=True, slots=True)
class FeeTier:
    """Fee rates, as fractions, from a traded 30-day volume on."""

    name: str
    volume_from: Decimal  # USD
    maker_rate: Decimal
    taker_rate: Decimal


@dataclass(frozen=True, slots=True)
class VenueRules:
    """All that decides, besides tape and commands, what the exchange answers."""

    seed: int
    fee_tiers: tuple[FeeTier, ...]  # the first from volume 0, rising
    fee_rounding: FeeRounding
    balances: Mapping[str, Decimal]  # by currency
    duplicate_client_order_id: Duplicate
    trade_side: TradeSide
    spread_bps: Decimal  # the widest seeded spread; the usual one is an eighth of it
    level_gap_bps: Decimal  # the widest seeded step between two levels of the book
    level_count: int  # a side
    depth_share: Decimal  # of a minute's usual volume, in the first level
    max_open_orders: int
    pending_first: bool  # the user channel shows PENDING before OPEN
    cancel_queued: bool  # the user channel shows CANCEL_QUEUED before CANCELLED
    trading_disabled: frozenset[str]  # product ids
    futures_balance: Decimal | None  # USD in the futures wallet at first; None: no such wallet
    deep_books: frozenset[str]  # products with as many levels as Coinbase's largest book
    usdc_alias: bool  # each X-USD can be traded as X-USDC too, in the same book

    def __post_init__(self) -> None:
        assert self.fee_tiers, "no fee tier"
        assert self.fee_tiers[0].volume_from == 0, "the first fee tier begins at volume 0"
        assert self.level_count >= 1, self.level_count


FEE_TIERS = tuple(
    FeeTier(name, Decimal(volume_from), Decimal(maker), Decimal(taker))
    for name, volume_from, maker, taker in (
        ("Advanced 1", "0", "0.004", "0.006"),
        ("Advanced 2", "10000", "0.0025", "0.004"),
        ("Advanced 3", "50000", "0.0015", "0.0025"),
        ("Advanced 4", "100000", "0.001", "0.002"),
        ("Advanced 5", "1000000", "0.0008", "0.0018"),
        ("Advanced 6", "15000000", "0.0006", "0.0016"),
        ("Advanced 7", "75000000", "0.0003", "0.0012"),
        ("Advanced 8", "250000000", "0", "0.0008"),
        ("Advanced 9", "400000000", "0", "0.0005"),
    )
)


def default_rules(seed: int) -> VenueRules:
    """Give the rules of an exchange nobody has configured; change them with ``replace``."""
    return VenueRules(
        seed=seed,
        fee_tiers=FEE_TIERS,
        fee_rounding=FeeRounding.UP,
        balances={"USD": Decimal("100000"), "BTC": Decimal("0.5"), "ETH": Decimal("2")},
        duplicate_client_order_id=Duplicate.EXISTING,
        trade_side=TradeSide.MAKER,
        spread_bps=Decimal("0.5"),
        level_gap_bps=Decimal("0.5"),
        level_count=15,
        depth_share=Decimal("0.01"),
        max_open_orders=500,
        pending_first=False,
        cancel_queued=False,
        trading_disabled=frozenset(),
        futures_balance=None,
        deep_books=frozenset(),
        usdc_alias=False,
    )


RULES_SINCE: Mapping[str, Any] = {"futures_balance": None, "deep_books": [], "usdc_alias": False}
"""Rules that journals of earlier versions do not name, as those versions played."""


def rules_record(rules: VenueRules) -> dict[str, Any]:
    """Give the rules as JSON, by which a journal knows the rules it was written under."""
    return {
        "seed": rules.seed,
        "fee_tiers": [
            [tier.name, str(tier.volume_from), str(tier.maker_rate), str(tier.taker_rate)]
            for tier in rules.fee_tiers
        ],
        "fee_rounding": str(rules.fee_rounding),
        "balances": {name: str(rules.balances[name]) for name in sorted(rules.balances)},
        "duplicate_client_order_id": str(rules.duplicate_client_order_id),
        "trade_side": str(rules.trade_side),
        "spread_bps": str(rules.spread_bps),
        "level_gap_bps": str(rules.level_gap_bps),
        "level_count": rules.level_count,
        "depth_share": str(rules.depth_share),
        "max_open_orders": rules.max_open_orders,
        "pending_first": rules.pending_first,
        "cancel_queued": rules.cancel_queued,
        "trading_disabled": sorted(rules.trading_disabled),
        "futures_balance": None if rules.futures_balance is None else str(rules.futures_balance),
        "deep_books": sorted(rules.deep_books),
        "usdc_alias": rules.usdc_alias,
    }
