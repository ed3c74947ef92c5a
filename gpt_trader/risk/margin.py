"""The rules of contracts: margin, leverage, distance from liquidation, contracts of one product.

They stand in the place of the rules of coins about free cash and about sales beyond what is held.
None refuses an exit, which only frees margin; what is not known refuses everything else.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from gpt_trader.domain.order import Verdict
from gpt_trader.domain.product import amount_of
from gpt_trader.risk.limits import Limits

NOT_KNOWN = Decimal(-1)  # as in every verdict
MAINTENANCE_SHARE = 2
"""The initial margin is twice the maintenance margin in the figures Coinbase shows (Advanced Trade
reference, CFM futures)."""
UNUSED_PERCENT = Decimal(1000)  # Coinbase's round figure while no margin is needed
LEVERAGE_STEP, PERCENT_STEP = Decimal("0.0001"), Decimal("0.01")


@dataclass(frozen=True, slots=True)
class MarginFacts:
    """What an order of contracts would lead to, if all that works on the worse side fills too."""

    reduce_only: bool  # it says of itself that it only reduces
    lots: int  # of the order
    reducible_lots: int  # held on the other side and not offered by orders that work
    lots_after: int  # of its product, the larger of both ends
    notional_after: int  # cash units of all products; negative: not known, as the next
    margin_after: int  # initial margin of all products, cash units
    fees: int  # cash units that it and all that works may cost
    equity: int  # cash units, less what the order loses against the mark; 0 or less: not known


def margin_verdicts(
    facts: MarginFacts, limits: Limits, *, is_exit: bool, quote: str
) -> tuple[Verdict, ...]:
    """What each rule of contracts says of one order."""
    known = facts.notional_after >= 0 and facts.margin_after >= 0 and facts.equity > 0
    money = _margin(facts, quote), _leverage(facts, limits), _buffer(facts, limits)
    contracts = Verdict(
        "contracts_cap",
        facts.lots_after > limits.contracts_max,
        Decimal(facts.lots_after),
        limits.contracts_max,
        "contracts",
    )
    free = max(0, facts.reducible_lots)
    form = Verdict(
        "reduce_only",
        facts.reduce_only and facts.lots > free,
        Decimal(facts.lots if facts.reduce_only else 0),
        Decimal(free),
        "contracts",
    )
    told = (*(money if known else tuple(_not_known(one) for one in money)), contracts)
    return (*(_passing(one) if is_exit else one for one in told), form)


def _margin(facts: MarginFacts, quote: str) -> Verdict:
    needed, free = facts.margin_after + facts.fees, max(0, facts.equity)
    return Verdict("margin", needed > free, amount_of(needed), amount_of(free), quote)


def _leverage(facts: MarginFacts, limits: Limits) -> Verdict:
    """A product and no quotient decides, so nothing is rounded away."""
    most = limits.leverage_max
    denies = facts.notional_after > most * facts.equity
    times = Decimal(facts.notional_after) / max(1, facts.equity)
    return Verdict("leverage", denies, times.quantize(LEVERAGE_STEP, ROUND_CEILING), most, "times")


def _buffer(facts: MarginFacts, limits: Limits) -> Verdict:
    least = limits.liquidation_buffer_min
    threshold = -(-facts.margin_after // MAINTENANCE_SHARE)
    percent = UNUSED_PERCENT
    if threshold > 0:
        spare = Decimal(100 * max(0, facts.equity - threshold)) / threshold
        percent = spare.quantize(PERCENT_STEP, ROUND_FLOOR)
    return Verdict("liquidation_buffer", percent < least, percent, least, "percent")


def _not_known(verdict: Verdict) -> Verdict:
    return Verdict(verdict.rule, True, NOT_KNOWN, verdict.limit, verdict.unit)


def _passing(verdict: Verdict) -> Verdict:
    return Verdict(verdict.rule, False, verdict.value, verdict.limit, verdict.unit)
