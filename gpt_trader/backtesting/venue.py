"""The exchange of a backtest before its first round: market model, fees, cash, room for fills.

The compiled backtest and the engine replay begin with the same one.
"""

from gpt_trader.backtesting.setup import Setup
from gpt_trader.domain.product import cash_units_held
from gpt_trader.kernels import book, printing, resting
from gpt_trader.kernels.fees import fees_of

WINDOW_FILLS = 1 << 16
"""Fills of 30 days that the fee tiers can remember; four times as many cost each run 0.1 ms."""

FAULTS = {
    resting.FILLS_FULL: "more fills in one round than there is room for",
    resting.WINDOW_FULL: f"more than {WINDOW_FILLS} fills within 30 days: give one fee, fees=0.001",
    resting.TOO_LARGE: "a sum of money that is too large to be counted",
    resting.SECOND_ORDER: "a second order that would wait in the book of one product",
}
"""Why a run cannot go on."""


def new_venue(setup: Setup, products: int) -> resting.Venue:
    """An exchange with the account's cash, without orders and trades."""
    model = setup.market.book()
    tiers = [(tier.volume_from, tier.maker_rate, tier.taker_rate) for tier in setup.fee_tiers]
    fills = round_fills_max(products, int(model[book.LEVELS]))
    venue = resting.venue_of(products, model, fees_of(tiers, WINDOW_FILLS), fills)
    venue.state[resting.CASH_FREE] = cash_units_held(setup.cash)
    return venue


def round_fills_max(products: int, levels: int) -> int:
    """Fills of one round at most.

    Of each product, before and after a decision, one order: it meets the trades of a candle while
    it waits, or each level of the book when it takes.
    """
    return 2 * products * (printing.TRADES + levels)
