"""How many lots a target exposure is: from a strategy's fraction to a whole signed count."""

import math

from gpt_trader.kernels.compile import compile_step

NOT_KNOWN = -(2**63)
"""Answer in place of lots when an input is NaN or makes no sense: keep what is held."""

TOO_LARGE = -(2**63) + 1
"""Answer in place of lots when there would be more than `LOTS_MAX` of them."""

LOTS_MAX = 2**53
"""Above it a float64 no longer tells one lot from the next."""

NO_VOLATILITY_TARGET = 0.0
"""`volatility_target` for sizing by fraction alone; `volatility` is then not looked at."""


@compile_step
def volatility_scale(volatility: float, volatility_target: float) -> float:
    """Share of the full size that brings `volatility` down to its target, never above 1.

    NaN when either is NaN or negative. A price that does not move gets the full size.
    """
    if volatility_target == NO_VOLATILITY_TARGET:
        return 1.0
    if not volatility_target > 0.0 or not volatility >= 0.0:
        return math.nan
    if volatility <= volatility_target:
        return 1.0
    return volatility_target / volatility


@compile_step
def target_lots_step(
    fraction: float,
    size_fraction: float,
    equity_units: int,
    mark_ticks: int,
    num: int,
    den: int,
    volatility: float,
    volatility_target: float,
) -> int:
    """Base increments to hold, signed, so that their notional is the wanted share of equity.

    ``sign * floor(|fraction| * size_fraction * scale * equity / notional of one lot)``, with
    `scale` from `volatility_scale`. Rounded toward zero, once: a short is not made larger by it
    either. The products and the quotient are float64 in exactly this order, so that every caller
    gets the same count; their error, 1e-15 of the size, may grant one lot too many, which is why
    cash is checked in whole units by the risk gates and not here.

    Parameters
    ----------
    fraction : float
        The strategy's target, in [-1, 1]; NaN while it is not known.
    size_fraction : float
        Share of equity that a fraction of 1 means, in [0, 1].
    equity_units : int
        Cash units of 1e-8 quote. Zero or less wants nothing held.
    mark_ticks : int
        Price increments, at least 1.
    num, den : int
        Cash units in one price increment of one base increment, as a fraction.
    volatility, volatility_target : float
        Annualised, as fractions. See `NO_VOLATILITY_TARGET`.

    Returns
    -------
    int
        Lots in [-LOTS_MAX, LOTS_MAX], or `NOT_KNOWN`, or `TOO_LARGE`.
    """
    scale = volatility_scale(volatility, volatility_target)
    if math.isnan(scale) or not abs(fraction) <= 1.0 or not 0.0 <= size_fraction <= 1.0:
        return NOT_KNOWN
    if mark_ticks <= 0 or num <= 0 or den <= 0:
        return NOT_KNOWN
    if equity_units <= 0:
        return 0
    wanted = abs(fraction) * size_fraction * scale * float(equity_units)
    lot_notional = float(mark_ticks) * float(num) / float(den)
    lots = wanted / lot_notional
    # Asked of the float: an int64 made from a larger one would be whatever the processor leaves.
    if lots > LOTS_MAX:
        return TOO_LARGE
    if fraction < 0.0:
        return -math.floor(lots)
    return math.floor(lots)
