"""The rules once more, in fractions of unlimited size and written from their descriptions."""

from decimal import Decimal
from fractions import Fraction

from gpt_trader.domain.order import Side, TradingState
from gpt_trader.risk.limits import Limits
from gpt_trader.risk.verdicts import Facts

FORMS = {"trading_state", "price_collar", "size_form", "reduce_only"}


def is_exit(facts: Facts) -> bool:
    """The position, less all working orders of the order's side, still covers the order."""
    if facts.side is Side.SELL:
        held, working = facts.position_lots, facts.working_sell_lots
    else:
        held, working = -facts.position_lots, facts.working_buy_lots
    return working >= 0 and held > 0 and 1 <= facts.lots <= held - working


def refusing(facts: Facts, limits: Limits) -> set[str]:
    """The names of the rules that refuse this order."""
    says = {
        "trading_state": facts.trading_state is TradingState.HALTED
        or (facts.trading_state is TradingState.REDUCE_ONLY and not is_exit(facts)),
        "feed_ready": not facts.feed_ready,
        "stale_mark": _stale(facts, limits),
        "books_agree": not facts.books_agree,
        "order_notional": _order_notional(facts, limits),
        "position_cap": _above_share(_worst(facts), facts.equity, limits.position_rate_max)
        or _above_sum(_worst(facts), limits.position_notional_max),
        "exposure_cap": _exposure_cap(facts, limits),
        "price_collar": _collar(facts, limits),
        "order_rate": facts.orders_last_minute < 0
        or facts.orders_last_minute + 1 > limits.orders_per_minute_max,
        "daily_loss": _loss(facts.equity_day_start, facts.equity, limits.daily_loss_rate_max)
        or _above_sum(facts.equity_day_start - facts.equity, limits.daily_loss_max),
        "drawdown": _loss(facts.equity_peak, facts.equity, limits.drawdown_rate_max),
        "cash": _cash(facts),
        "size_form": not max(1, facts.base_min_lots) <= facts.lots <= facts.base_max_lots,
        "reduce_only": _oversold(facts),
        "spread": _spread(facts, limits),
        "reference": _reference(facts, limits),
    }
    binding = FORMS if is_exit(facts) else set(says)
    return {name for name, refuses in says.items() if refuses and name in binding}


def _cash_units(ticks: int, lots: int, facts: Facts) -> Fraction:
    return Fraction(ticks * lots * facts.num, facts.den)


def _price(facts: Facts) -> int | None:
    touch = facts.ask_ticks if facts.side is Side.BUY else facts.bid_ticks
    price = touch if facts.limit_ticks is None else facts.limit_ticks
    return price if price > 0 else None


def _stale(facts: Facts, limits: Limits) -> bool:
    fresh = 0 <= facts.mark_age_ns <= limits.mark_age_s_max * 10**9
    return facts.mark_ticks <= 0 or not fresh


def _order_notional(facts: Facts, limits: Limits) -> bool:
    if facts.mark_ticks <= 0:
        return True
    dearer = max(facts.mark_ticks, _price(facts) or 0)
    notional = _cash_units(dearer, facts.lots, facts)
    if _above_share(notional, facts.equity, limits.order_equity_rate_max):
        return True
    return notional > limits.order_notional_max * 10**8


def _worst(facts: Facts) -> Fraction | None:
    """Notional of the worse end: all buys filled and no sale, or the reverse; at the mark.

    What waiting triggers add to it is added.
    """
    if facts.mark_ticks <= 0 or facts.working_buy_lots < 0 or facts.working_sell_lots < 0:
        return None
    buys, sells = facts.working_buy_lots, facts.working_sell_lots
    if facts.side is Side.BUY:
        buys += facts.lots
    else:
        sells += facts.lots
    ends = (facts.position_lots + buys, facts.position_lots - sells)
    at_mark = _cash_units(facts.mark_ticks, max(abs(end) for end in ends), facts)
    return at_mark + facts.dearer_units


def _above_share(notional: Fraction | None, equity: int, rate: object) -> bool:
    if notional is None or equity <= 0:
        return True
    # Money we would owe counts up to the next cash unit.
    return -(-notional // 1) > Fraction(str(rate)) * equity


def _above_sum(units: Fraction | int | None, most: Decimal) -> bool:
    """Whether it is more than a sum of money; the largest that can be chosen is none."""
    return units is not None and most < 10**9 and -(-units // 1) > most * 10**8


def _exposure_cap(facts: Facts, limits: Limits) -> bool:
    worst = _worst(facts)
    if worst is None or facts.exposure_others < 0:
        return True
    return _above_share(worst + facts.exposure_others, facts.equity, limits.exposure_rate_max)


def _collar(facts: Facts, limits: Limits) -> bool:
    if facts.limit_ticks is not None and facts.limit_ticks <= 0:
        return True
    price = _price(facts)
    if price is None or facts.mark_ticks <= 0:
        return not is_exit(facts)
    worse = Fraction(price - facts.mark_ticks, facts.mark_ticks) * facts.side.sign
    return worse * 10_000 > Fraction(limits.collar_bps_max)


def _spread(facts: Facts, limits: Limits) -> bool:
    if min(facts.mark_ticks, facts.bid_ticks, facts.ask_ticks) <= 0:
        return True
    apart = facts.ask_ticks - facts.bid_ticks
    return apart > 1 and apart * 10_000 > facts.mark_ticks * limits.spread_bps_max


def _reference(facts: Facts, limits: Limits) -> bool:
    price, last = _price(facts), facts.last_ticks
    if price is None or last <= 0:
        return True
    worse = (price - last) * facts.side.sign
    return worse > 1 and worse * 10_000 > last * limits.reference_bps_max


def _loss(before: int, now: int, rate: object) -> bool:
    if before <= 0 or now <= 0:
        return True
    return Fraction(before - now, before) > Fraction(str(rate))


def _cash(facts: Facts) -> bool:
    if facts.side is Side.SELL:
        return False
    price = _price(facts)
    if price is None:
        return True
    notional = _cash_units(price, facts.lots, facts)
    fee = notional * Fraction(facts.taker_fee_rate)
    return -(-notional // 1) + -(-fee // 1) > max(0, facts.cash_free)


def _oversold(facts: Facts) -> bool:
    if facts.side is Side.BUY:
        return False
    if facts.working_sell_lots < 0:
        return True
    return facts.lots > max(0, max(0, facts.position_lots) - facts.working_sell_lots)
