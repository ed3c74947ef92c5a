"""The risk limits a person chose: what each means, its unit, its default and the reason for it.

A limit itself is allowed, one step above it is not. Every limit binds what could raise a position;
none refuses an exit, but for the collar.
"""

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from decimal import ROUND_FLOOR, Decimal

import numpy as np

from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.product import cash_units_held
from gpt_trader.kernels import gates
from gpt_trader.kernels.money import COUNT_MAX, RATE_DEN
from gpt_trader.kernels.vectors import Ints

BPS = Decimal("0.0001")
MONEY_MAX = Decimal(1_000_000_000)


@dataclass(frozen=True, slots=True)
class LimitNote:
    """What a trader should know of one limit before changing it."""

    unit: str
    default: Decimal
    maximum: Decimal  # above it, a typing error is likelier than a wish
    meaning: str
    why: str  # who chose the default, and why


LIMIT_NOTES: dict[str, LimitNote] = {
    "order_notional_max": LimitNote(
        "quote",
        Decimal(25000),
        Decimal(1_000_000_000),
        "largest notional of one order, at the dearer of its own price and the mark",
        "the project: one entry of the default position cap on the 100,000 USD of a dev account. "
        "The original's (RISK_MAX_NOTIONAL_PER_SYMBOL) was empty",
    ),
    "position_rate_max": LimitNote(
        "fraction of equity",
        Decimal("0.25"),
        Decimal(10),
        "largest notional of one product, with everything that works on a side filled",
        "the runbook's template (RISK_MAX_POSITION_PCT_PER_SYMBOL); the original counted only the "
        "new order, so six orders of 19 % passed",
    ),
    "exposure_rate_max": LimitNote(
        "fraction of equity",
        Decimal("0.80"),
        Decimal(10),
        "largest notional of all products together, counted like the position's",
        "the runbook (RISK_MAX_EXPOSURE_PCT): a fifth of the account stays cash for fees and exits",
    ),
    "mark_age_s_max": LimitNote(
        "seconds",
        Decimal(180),
        Decimal(86400),
        "oldest mark an entry may rest on",
        "the runbook (RISK_MAX_MARK_STALENESS_SECONDS): three candles of a minute. The original "
        "refused only at twice that",
    ),
    "collar_bps_max": LimitNote(
        "bps of the mark",
        Decimal(100),
        Decimal(10000),
        "farthest a price may be worse than the mark: the limit price, or a market order's touch",
        "the project: twice the runbook's 50 bps (RISK_SLIPPAGE_GUARD_BPS), since the collar binds "
        "exits too and must let them out of a fast minute; a misplaced point is 9,000 bps or more",
    ),
    "orders_per_minute_max": LimitNote(
        "orders",
        Decimal(30),
        Decimal(1800),
        "most orders in any minute, the new one included",
        "the project: a strategy on closed minute candles of 25 products needs fewer, and a loop "
        "gone wild is stopped after 30; Coinbase allows 30 requests a second",
    ),
    "daily_loss_rate_max": LimitNote(
        "fraction of the equity at midnight UTC",
        Decimal("0.10"),
        Decimal(1),
        "largest loss of a UTC day before entries stop",
        "the project: the runbook's 100 USD (RISK_DAILY_LOSS_LIMIT) says nothing about accounts of "
        "other sizes; a full default position must fall by 40 % in a day to lose a tenth",
    ),
    "drawdown_rate_max": LimitNote(
        "fraction of the highest equity",
        Decimal("0.30"),
        Decimal(1),
        "largest loss from the highest equity before entries stop",
        "the project: three times the worst day, for losses too slow for the daily limit to see",
    ),
    "position_notional_max": LimitNote(
        "quote",
        MONEY_MAX,
        MONEY_MAX,
        "largest notional of one product in money, with everything that works on a side filled",
        "the runbook's RISK_MAX_NOTIONAL_PER_SYMBOL was empty: none",
    ),
    "daily_loss_max": LimitNote(
        "quote",
        MONEY_MAX,
        MONEY_MAX,
        "largest loss of a UTC day in money before entries stop",
        "none: the runbook's 100 USD (RISK_DAILY_LOSS_LIMIT) fits one account and no other; "
        "daily_loss_rate_max fits all",
    ),
    "order_equity_rate_max": LimitNote(
        "fraction of equity",
        Decimal(10),
        Decimal(10),
        "largest notional of one order as a share of the account, where positions take several",
        "the project: as wide as it goes, since position_rate_max binds a single order already",
    ),
    "spread_bps_max": LimitNote(
        "bps of the mark",
        Decimal(500),
        Decimal(10000),
        "widest gap between bid and ask an entry may be made in; one price increment always may",
        "the project: a gap of 5 % says that nobody makes a market, and the mark is its middle",
    ),
    "reference_bps_max": LimitNote(
        "bps of the last trade",
        Decimal(1000),
        Decimal(10000),
        "farthest an entry's price may be worse than the last trade, a witness beside the quote",
        "the project: ten collars, so that a fast minute passes and a wrong quote does not",
    ),
    "leverage_max": LimitNote(
        "times the equity",
        Decimal(2),
        Decimal(10),
        "contracts only: largest notional of all positions, with all that works filled",
        "the project: at twice the equity a fall of a tenth costs a fifth; the original's prod "
        "profile had 3, and Coinbase's rates for the night allow about 4",
    ),
    "liquidation_buffer_min": LimitNote(
        "percent of the maintenance margin",
        Decimal(200),
        Decimal(10_000),
        "contracts only: least distance of the equity from liquidation after an entry",
        "the project: the initial margin alone leaves 100 percent, and a position at that edge is "
        "liquidated by a fall of an eighth at the rates of the night",
    ),
    "contracts_max": LimitNote(
        "contracts",
        Decimal(10),
        Decimal(5_000),
        "contracts only: largest position in one contract, with all that works filled",
        "the project: a tenth of a bitcoin in contracts of a hundredth; a misplaced digit is ten "
        "times more",
    ),
}

WHOLE = ("collar_bps_max", "orders_per_minute_max", "contracts_max")
"""Counts: plans and gates use them as whole numbers, and a fraction would be cut off in silence."""

NONE_AT_MAXIMUM = ("position_notional_max", "daily_loss_max")
"""Sums of money without a default that fits all accounts: at their maximum they bind nothing."""

BY_PRODUCT = ("position_notional_max",)
"""A product may have its own, called `position_notional_max:BTC-USD`; the tighter binds."""

DEFAULTS: dict[str, Decimal] = {name: note.default for name, note in LIMIT_NOTES.items()}


@dataclass(frozen=True, slots=True)
class Limits:
    """The risk limits of one session; `LIMIT_NOTES` says what each one means."""

    order_notional_max: Decimal  # quote
    position_rate_max: Decimal  # fraction of equity
    exposure_rate_max: Decimal  # fraction of equity
    mark_age_s_max: Decimal  # seconds
    collar_bps_max: Decimal  # 1e-4 of the mark
    orders_per_minute_max: Decimal
    daily_loss_rate_max: Decimal  # fraction of the equity at midnight UTC
    drawdown_rate_max: Decimal  # fraction of the highest equity
    position_notional_max: Decimal  # quote
    daily_loss_max: Decimal  # quote
    order_equity_rate_max: Decimal  # fraction of equity
    spread_bps_max: Decimal  # 1e-4 of the mark
    reference_bps_max: Decimal  # 1e-4 of the last trade
    by_product: Mapping[str, Decimal]  # a product's own, as `BY_PRODUCT` calls them
    leverage_max: Decimal  # times the equity, of contracts
    liquidation_buffer_min: Decimal  # percent of the maintenance margin
    contracts_max: Decimal  # of one product

    @classmethod
    def from_mapping(cls, given: Mapping[str, Decimal]) -> "Limits":
        """The given limits over the defaults.

        Raises
        ------
        UsageError
            For a name that is no limit, and for a value that is NaN, negative, past its maximum or
            not whole where it counts.
        """
        for name, value in given.items():
            _check(name, value)
        common = {name: value for name, value in given.items() if ":" not in name}
        own = {name: value for name, value in given.items() if ":" in name}
        return cls(**{**DEFAULTS, **common}, by_product=own)

    def as_mapping(self) -> dict[str, Decimal]:
        """Every limit by name, as the session's first event keeps them."""
        limits = asdict(self)
        own = limits.pop("by_product")
        return {**limits, **own}

    def of(self, product_id: str) -> "Limits":
        """The limits that an order of this product meets: the tighter of its own and the common."""
        own = self.by_product.get(f"position_notional_max:{product_id}")
        if own is None or own >= self.position_notional_max:
            return self
        return replace(self, position_notional_max=own)

    @property
    def bounds_daily_loss(self) -> bool:
        """Whether a sum of money bounds the loss of a day."""
        return self.daily_loss_max < MONEY_MAX

    def daily_loss_units(self, day_start: int) -> Decimal:
        """The loss of a day that is allowed, in cash units, of the equity it began with."""
        share = day_start * self.daily_loss_rate_max
        return min(share, self.daily_loss_max * 10**8) if self.bounds_daily_loss else share

    def vector(self) -> Ints:
        """The limits in the gates' units; what is finer than a unit is cut off, which tightens.

        Returns
        -------
        int64, shape (gates.LIMITS,)
        """
        vector = np.zeros(gates.LIMITS, np.int64)
        vector[gates.ORDER_NOTIONAL_MAX] = cash_units_held(self.order_notional_max)
        vector[gates.POSITION_RATE_MAX] = _whole(self.position_rate_max * RATE_DEN)
        vector[gates.EXPOSURE_RATE_MAX] = _whole(self.exposure_rate_max * RATE_DEN)
        vector[gates.MARK_AGE_NS_MAX] = _whole(self.mark_age_s_max * 1_000_000_000)
        vector[gates.COLLAR_RATE_MAX] = _whole(self.collar_bps_max * BPS * RATE_DEN)
        vector[gates.ORDERS_PER_MINUTE_MAX] = _whole(self.orders_per_minute_max)
        vector[gates.DAILY_LOSS_RATE_MAX] = _whole(self.daily_loss_rate_max * RATE_DEN)
        vector[gates.DRAWDOWN_RATE_MAX] = _whole(self.drawdown_rate_max * RATE_DEN)
        vector[gates.POSITION_NOTIONAL_MAX] = _money(self.position_notional_max)
        vector[gates.DAILY_LOSS_MAX] = _money(self.daily_loss_max)
        vector[gates.ORDER_EQUITY_RATE_MAX] = _whole(self.order_equity_rate_max * RATE_DEN)
        vector[gates.SPREAD_RATE_MAX] = _whole(self.spread_bps_max * BPS * RATE_DEN)
        vector[gates.REFERENCE_RATE_MAX] = _whole(self.reference_bps_max * BPS * RATE_DEN)
        return vector


def _check(name: str, value: Decimal) -> None:
    """Refuse what can't be meant; better no session than one under a limit nobody chose."""
    common, colon, product_id = name.partition(":")
    if colon and common in BY_PRODUCT and product_id:
        return _check_value(name, LIMIT_NOTES[common], value)
    if name not in LIMIT_NOTES:
        near = difflib.get_close_matches(name, LIMIT_NOTES, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(LIMIT_NOTES)}"
        raise UsageError(f"there is no limit {name!r}; {hint}")
    _check_value(name, LIMIT_NOTES[name], value)


def _check_value(name: str, note: LimitNote, value: Decimal) -> None:
    if not value.is_finite() or value < 0 or value > note.maximum:
        raise UsageError(f"{name} is {value}, must be from 0 to {note.maximum} {note.unit}")
    if name in WHOLE and value != value.to_integral_value():
        raise UsageError(f"{name} is {value}, must be a whole number of {note.unit}")


def _money(value: Decimal) -> int:
    """Cash units; the maximum of those that are none there is no limit at all."""
    return COUNT_MAX if value == MONEY_MAX else cash_units_held(value)


def _whole(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_FLOOR))
