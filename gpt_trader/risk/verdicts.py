"""What every risk rule says of one order: from facts to verdicts to sentences.

The rules are `gpt_trader.kernels.gates`; here their numbers become values with units. All of
them come back each time, since an operator wants all the reasons and not the first. Pure and
total: facts that fit no int64 count as not known, and not known denies whatever is no exit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

import numpy as np

from gpt_trader.domain.order import Side, TradingState, Verdict
from gpt_trader.domain.product import amount_of, plain
from gpt_trader.kernels import gates
from gpt_trader.kernels.money import COUNT_MAX, RATE_DEN, UNCOUNTABLE
from gpt_trader.kernels.vectors import Ints
from gpt_trader.risk.limits import Limits
from gpt_trader.risk.margin import NOT_KNOWN, MarginFacts, margin_verdicts


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the rules may know of one order and of the moment it is judged in."""

    side: Side
    lots: int
    limit_ticks: int | None  # None for a market order
    trigger_ticks: int | None  # of a stop-limit order: the market it will meet is there
    position_lots: int  # signed
    working_buy_lots: int  # may still fill, orders of unknown outcome included, this one not
    working_sell_lots: int
    dearer_units: int  # cash units that buys with a trigger, this one too, cost above the mark
    base: str  # currency, for the sentences, as the next two
    quote: str
    base_increment: Decimal
    base_min_lots: int
    base_max_lots: int
    num: int  # num / den: cash units of one tick of one lot
    den: int
    mark_ticks: int  # 0: not known
    mark_age_ns: int
    bid_ticks: int  # 0: not known
    ask_ticks: int
    last_ticks: int  # of the last trade, 0: not known
    cash_free: int  # cash units, without what working buys hold
    taker_fee_rate: Decimal
    equity: int  # cash units; 0 or less: not known, as for the next two
    equity_day_start: int  # at the last midnight UTC
    equity_peak: int
    exposure_others: int  # cash units, worst case of all other products; negative: not known
    orders_last_minute: int  # this one not
    trading_state: TradingState
    feed_ready: bool
    books_agree: bool
    margin: MarginFacts | None = None  # of a contract; None: coins

    def vector(self) -> Ints:
        """The facts in the gates' order and units.

        Returns
        -------
        int64, shape (gates.FACTS,)
        """
        vector = np.zeros(gates.FACTS, np.int64)
        vector[gates.SIGN] = self.side.sign
        vector[gates.LOTS] = _count(self.lots)
        vector[gates.LIMIT_TICKS] = _limit_count(self.limit_ticks)
        vector[gates.POSITION] = _count(self.position_lots)
        vector[gates.WORKING_BUY] = _count(self.working_buy_lots)
        vector[gates.WORKING_SELL] = _count(self.working_sell_lots)
        vector[gates.BASE_MIN] = _count(self.base_min_lots)
        vector[gates.BASE_MAX] = _count(self.base_max_lots)
        vector[gates.NUM] = _count(self.num)
        vector[gates.DEN] = _count(self.den)
        vector[gates.MARK_TICKS] = _count(self.mark_ticks)
        vector[gates.MARK_AGE_NS] = _count(self.mark_age_ns)
        vector[gates.BID_TICKS] = _count(self.bid_ticks)
        vector[gates.ASK_TICKS] = _count(self.ask_ticks)
        vector[gates.CASH_FREE] = _count(self.cash_free)
        vector[gates.TAKER_RATE] = _rate_count(self.taker_fee_rate)
        vector[gates.EQUITY] = _count(self.equity)
        vector[gates.EQUITY_DAY_START] = _count(self.equity_day_start)
        vector[gates.EQUITY_PEAK] = _count(self.equity_peak)
        vector[gates.EXPOSURE_OTHERS] = _count(self.exposure_others)
        vector[gates.ORDERS_LAST_MINUTE] = _count(self.orders_last_minute)
        vector[gates.STATE] = _STATES[self.trading_state]
        vector[gates.FEED_IS_READY] = int(self.feed_ready)
        vector[gates.BOOKS_DO_AGREE] = int(self.books_agree)
        vector[gates.LAST_TICKS] = _count(self.last_ticks)
        return vector


def compile_gates() -> None:
    """Compile the rules now, so that no order waits for it: it takes seconds on a new machine."""
    limits = Limits.from_mapping({}).vector()
    facts = np.zeros(gates.FACTS, np.int64)
    gates.verdict_step(facts, limits, np.zeros(2 * gates.RULES, np.int64))
    gates.exits(facts)


def judge(facts: Facts, limits: Limits) -> tuple[Verdict, ...]:
    """Let every rule speak on one order; it may go out if none of the verdicts denies."""
    values = np.zeros(2 * gates.RULES, np.int64)
    vector, limit_vector = facts.vector(), limits.vector()
    mask = gates.verdict_step(vector, limit_vector, values)
    if facts.trigger_ticks is not None:
        mask = _at_trigger(facts, vector, limit_vector, mask, values)
    if facts.dearer_units and not gates.exits(vector):
        mask = _caps_at_triggers(facts, mask, values)
    counts = values.tolist()
    verdicts = tuple(
        Verdict(
            rule.name,
            bool(mask >> place & 1),
            _readable(counts[place], rule.read, facts),
            _readable(counts[gates.RULES + place], rule.read, facts),
            _unit(rule, facts),
        )
        for place, rule in enumerate(_RULES)
    )
    if facts.margin is None:
        return verdicts
    is_exit, quote = gates.exits(vector), facts.quote
    shared = tuple(one for one in verdicts if one.rule not in _OF_COINS)
    return (*shared, *margin_verdicts(facts.margin, limits, is_exit=is_exit, quote=quote))


def _at_trigger(facts: Facts, vector: Ints, limits: Ints, mask: int, values: Ints) -> int:
    """The mask with its price judged at the trigger: today's market is not what it will meet."""
    assert facts.trigger_ticks is not None
    vector[gates.MARK_TICKS] = vector[gates.LAST_TICKS] = _count(facts.trigger_ticks)
    there = np.zeros(2 * gates.RULES, np.int64)
    found = gates.verdict_step(vector, limits, there)
    for rule in (gates.PRICE_COLLAR, gates.REFERENCE):
        mask = mask & ~(1 << rule) | found & 1 << rule
        for place in (rule, gates.RULES + rule):
            values[place] = there[place]
    return mask


def _caps_at_triggers(facts: Facts, mask: int, values: Ints) -> int:
    """The mask with the caps counting each buy that waits at the price of the market it will meet.

    The gates count all at today's mark: the compiled backtest, which shares them, has no triggers.
    """
    for rule in (gates.POSITION_CAP, gates.EXPOSURE_CAP):
        worst, cap = int(values[rule]), int(values[gates.RULES + rule])
        if worst < 0:
            continue  # not known, and refused for that
        values[rule] = _count(worst + facts.dearer_units)
        mask |= int(not 0 <= values[rule] <= cap) << rule
    return mask


def reasons(verdicts: tuple[Verdict, ...]) -> tuple[str, ...]:
    """One sentence for each rule that denies, with its value and its limit."""
    return tuple(_sentence(verdict) for verdict in verdicts if verdict.denies)


_STATES = {
    TradingState.ACTIVE: gates.ACTIVE,
    TradingState.REDUCE_ONLY: gates.REDUCING,
    TradingState.HALTED: gates.HALTED,
}


def _count(value: int) -> int:
    """The number, or `UNCOUNTABLE` if no int64 holds it: cut to fit, it could pass a limit."""
    return value if -COUNT_MAX <= value <= COUNT_MAX else UNCOUNTABLE


def _limit_count(ticks: int | None) -> int:
    """A price of nothing or less must not read as a market order; the collar refuses it."""
    if ticks is None:
        return gates.MARKET_PRICE
    return max(0, _count(ticks))


def _rate_count(rate: Decimal) -> int:
    """A fee rate in 1e-9, up: a cost is never counted too small. NaN and below 0: not known."""
    if not rate.is_finite() or not 0 <= rate <= 1:
        return UNCOUNTABLE
    return int((rate * RATE_DEN).to_integral_value(ROUND_CEILING))


Reader = Callable[[int, Facts], Decimal]


@dataclass(frozen=True, slots=True)
class _Rule:
    """How one rule's numbers are read, and its refusal told."""

    name: str
    read: Reader
    unit: str  # "quote" and "base" stand for the product's currencies
    refusal: str  # {value} and {limit} come with their unit


def _readable(count: int, read: Reader, facts: Facts) -> Decimal:
    return read(count, facts) if count >= 0 else NOT_KNOWN


def _unit(rule: _Rule, facts: Facts) -> str:
    return {"quote": facts.quote, "base": facts.base}.get(rule.unit, rule.unit)


def _plain_count(count: int, facts: Facts) -> Decimal:
    return Decimal(count)


def _seconds(count: int, facts: Facts) -> Decimal:
    return plain(Decimal(count).scaleb(-9))


def _money(count: int, facts: Facts) -> Decimal:
    return amount_of(count)


def _size(count: int, facts: Facts) -> Decimal:
    return plain(count * facts.base_increment)


def _mark_bps(count: int, facts: Facts) -> Decimal:
    """Ticks as bps of the mark the price is judged by."""
    return _bps_of(count, facts.mark_ticks if facts.trigger_ticks is None else facts.trigger_ticks)


def _spread_bps(count: int, facts: Facts) -> Decimal:
    return _bps_of(count, facts.mark_ticks)


def _last_bps(count: int, facts: Facts) -> Decimal:
    return _bps_of(count, facts.last_ticks if facts.trigger_ticks is None else facts.trigger_ticks)


def _bps_of(count: int, ticks: int) -> Decimal:
    """Up to the next 1e-6: a denied value never reads like its limit."""
    return plain(Decimal(-(-count * 10**10 // ticks)).scaleb(-6))


_RULES = (
    _Rule("trading_state", _plain_count, "state", "trading is {state}"),
    _Rule("feed_ready", _plain_count, "ready", "the market feed is not ready"),
    _Rule("stale_mark", _seconds, "s", "the mark is {value} old, above {limit}"),
    _Rule("books_agree", _plain_count, "agree", "ledger and account differ"),
    _Rule("order_notional", _money, "quote", "order notional would be {value}, above {limit}"),
    _Rule("position_cap", _money, "quote", "position notional would be {value}, above {limit}"),
    _Rule("exposure_cap", _money, "quote", "total notional would be {value}, above {limit}"),
    _Rule("price_collar", _mark_bps, "bps", "price is {value} worse than the mark, above {limit}"),
    _Rule("order_rate", _plain_count, "orders", "a minute would see {value}, above {limit}"),
    _Rule("daily_loss", _money, "quote", "loss since midnight UTC is {value}, above {limit}"),
    _Rule("drawdown", _money, "quote", "loss since the peak is {value}, above {limit}"),
    _Rule("cash", _money, "quote", "cost with fee would be {value}, above the free {limit}"),
    _Rule("size_form", _size, "base", "order size is {value}, {side} {limit}"),
    _Rule("reduce_only", _size, "base", "sale of {value}, above the {limit} held and not offered"),
    _Rule("spread", _spread_bps, "bps", "bid and ask are {value} apart, above {limit}"),
    _Rule(
        "reference", _last_bps, "bps", "price is {value} worse than the last trade, above {limit}"
    ),
)
"""One row a rule, in the gates' order."""

RULE_NAMES = tuple(rule.name for rule in _RULES)

_OF_COINS = frozenset({"cash", "reduce_only"})
_OF_CONTRACTS = (
    _Rule("margin", _money, "quote", "margin with fees would be {value}, above the free {limit}"),
    _Rule("leverage", _plain_count, "times", "leverage would be {value}, above {limit}"),
    _Rule(
        "liquidation_buffer",
        _plain_count,
        "percent",
        "the buffer before liquidation would be {value}, below {limit}",
    ),
    _Rule("contracts_cap", _plain_count, "contracts", "position would be {value}, above {limit}"),
)
"""In the place of those of coins; `risk/margin.py` decides them."""

_RULE_OF = {rule.name: rule for rule in (*_RULES, *_OF_CONTRACTS)}

_STATE_WORDS = {
    Decimal(gates.REDUCING): "reduce-only: nothing is sent that could raise the position",
    Decimal(gates.HALTED): "halted: nothing is sent",
}


def _sentence(verdict: Verdict) -> str:
    rule = _RULE_OF[verdict.rule]
    if NOT_KNOWN in (verdict.value, verdict.limit):
        return f"{rule.name.replace('_', ' ')} cannot be decided: a number it needs is not known"
    return rule.refusal.format(
        value=_spoken(verdict.value, verdict.unit, rule),
        limit=_spoken(verdict.limit, verdict.unit, rule),
        side="below" if verdict.value < verdict.limit else "above",
        state=_STATE_WORDS.get(verdict.value, ""),
    )


def _spoken(value: Decimal, unit: str, rule: _Rule) -> str:
    """A number with its unit, thousands parted, and money with its cents at least."""
    cents_missing = rule.unit == "quote" and value == value.to_integral_value()
    return f"{value:,.2f} {unit}" if cents_missing else f"{value:,f} {unit}"
