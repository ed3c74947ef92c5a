"""Why a backtest traded less than it wanted: the rule that refused most, and what to do."""

from collections.abc import Mapping

from gpt_trader.risk.limits import LIMIT_NOTES, NONE_AT_MAXIMUM, Limits

LIMITS_OF = {
    "stale_mark": ("mark_age_s_max",),
    "order_notional": ("order_notional_max", "order_equity_rate_max"),
    "position_cap": ("position_rate_max", "position_notional_max"),
    "exposure_cap": ("exposure_rate_max",),
    "price_collar": ("collar_bps_max",),
    "order_rate": ("orders_per_minute_max",),
    "daily_loss": ("daily_loss_rate_max", "daily_loss_max"),
    "drawdown": ("drawdown_rate_max",),
    "spread": ("spread_bps_max",),
    "reference": ("reference_bps_max",),
}
"""The limits behind each rule that has some: the tighter one binds."""

SMALLER = ("order_notional", "position_cap", "exposure_cap")
"""Rules that smaller positions would pass."""

ADVICE = {
    "cash": "fees and the collar need a rest of it: lower size_fraction of sizing",
    "size_form": "the product takes no orders that small or that large: look at size_fraction and "
    "cash",
    "trading_state": "trading_state is not active",
}


def denial_note(denials: int, orders: int, by_rule: Mapping[str, int], limits: Limits) -> str:
    """One sentence where more orders were denied than sent, with the remedy; else nothing.

    Parameters
    ----------
    denials, orders : int
        Orders that were denied; orders that were sent.
    by_rule
        How often each rule refused; several may refuse the same order.
    """
    if denials <= orders:
        return ""
    rule = max(by_rule, key=lambda name: by_rule[name])
    said = f"{denials:,} orders were denied and {orders:,} sent; most by {rule}"
    if rule not in LIMITS_OF:
        return f"{said}: {ADVICE.get(rule, 'an order by hand brought that trouble')}"
    smaller = ", or lower size_fraction of sizing" if rule in SMALLER else ""
    return f"{said}: {_told(rule, limits)}; raise it{smaller}"


def _told(rule: str, limits: Limits) -> str:
    """The limits behind a rule with their values; those that bind nothing are left out."""
    values = limits.as_mapping()
    names = [name for name in values if name.partition(":")[0] in LIMITS_OF[rule]]
    told = []
    for name in names:
        note = LIMIT_NOTES[name.partition(":")[0]]
        if not (name in NONE_AT_MAXIMUM and values[name] == note.maximum):
            told.append(f"{name} of limits is {values[name]:,f} ({note.unit})")
    return " and ".join(told)
