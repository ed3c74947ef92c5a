"""Why a backtest traded less than it wanted: the rule that refused most, and what to do."""

from collections.abc import Mapping

from gpt_trader.risk.limits import LIMIT_NOTES, Limits

LIMIT_OF = {
    "stale_mark": "mark_age_s_max",
    "order_notional": "order_notional_max",
    "position_cap": "position_rate_max",
    "exposure_cap": "exposure_rate_max",
    "price_collar": "collar_bps_max",
    "order_rate": "orders_per_minute_max",
    "daily_loss": "daily_loss_rate_max",
    "drawdown": "drawdown_rate_max",
}
"""The limit behind each rule that has one."""

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
    if rule not in LIMIT_OF:
        return f"{said}: {ADVICE.get(rule, 'an order by hand brought that trouble')}"
    name = LIMIT_OF[rule]
    value, unit = limits.as_mapping()[name], LIMIT_NOTES[name].unit
    smaller = ", or lower size_fraction of sizing" if rule in SMALLER else ""
    return f"{said}: {name} of limits is {value:,f} ({unit}); raise it{smaller}"
