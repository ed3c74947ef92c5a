"""Cases run at both speeds, and how often the rare things happened in them."""

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np

from gpt_trader.backtesting.account_metrics import day_ends_of
from gpt_trader.backtesting.course import Course, course_of
from gpt_trader.backtesting.difference import first_run_difference
from gpt_trader.backtesting.engine_run import engine_run
from gpt_trader.backtesting.fused import Arena, Run
from gpt_trader.backtesting.setup import Setup
from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels import account, tables
from gpt_trader.kernels.statistics import DAY_NS, day_ends
from gpt_trader.risk.verdicts import RULE_NAMES
from tests.backtesting.cases import Case, case
from tests.tier import scaled

NS = 1_000_000_000
SOAKING = scaled(2) == 2
CASES = 3_400 if SOAKING else 340
"""Of one file. There are three, which share the work where tests run side by side."""

LEAST = {
    **{f"denied by {rule}": 30 for rule in RULE_NAMES},
    **{"partial fills": 100, "stops": 100, "gaps": 50, "expiries": 30},
}
"""How often each must happen, or the equality says little."""


def fused(drawn: Case, *, kept: bool = True) -> Run:
    """Run a case in one compiled pass."""
    course = course_of(drawn.tapes, drawn.setup.market, drawn.setup.sizing)
    return Arena(course, drawn.setup, with_orders=kept, with_equity=kept).run_setup()


def replayed(drawn: Case) -> Run:
    """Run a case through the engine itself."""
    course = course_of(drawn.tapes, drawn.setup.market, drawn.setup.sizing)
    return engine_run(course, drawn.setup)


def count(drawn: Case, run: Run) -> Counter[str]:
    """How often what is rare happened in a run."""
    session = run.session
    denied = session[account.DENIED : account.DENIED + len(RULE_NAMES)].tolist()
    return Counter(
        {
            "cases": 1,
            "candles": int(session[account.CANDLES]),
            "orders": int(session[account.ORDERS]),
            "fills": int(session[account.FILLS]),
            "maker fills": int(session[account.MAKER_FILLS]),
            "partial fills": int(session[account.PARTIAL_FILLS]),
            "stops": int(session[account.STOPS]),
            "expiries": int(session[account.EXPIRIES]),
            "gaps": drawn.gaps,
            **{f"denied by {rule}": n for rule, n in zip(RULE_NAMES, denied, strict=True)},
        }
    )


def differing_in(drawn: Case) -> tuple[str | None, Run | None]:
    """Run one case at both speeds: what differs first, and the engine's run.

    Where both refuse, for a sum that is too large, nothing differs and there is no run.
    """
    mine, judge = _or_refusal(fused, drawn), _or_refusal(replayed, drawn)
    if isinstance(mine, str) or isinstance(judge, str):
        both = isinstance(mine, str) and isinstance(judge, str)
        return None if both else f"one refuses: {mine} and {judge}", None
    course = course_of(drawn.tapes, drawn.setup.market, drawn.setup.sizing)
    words = first_run_difference(mine, judge)
    return words or wrong_sum(course, drawn.setup, mine), judge


def _or_refusal(way: Callable[[Case], Run], drawn: Case) -> Run | str:
    try:
        return way(drawn)
    except UsageError as e:
        return str(e)


def wrong_sum(course: Course, setup: Setup, run: Run) -> str | None:
    """Compute sums, days and holding anew, from fills and equity alone; say what is different."""
    fills, session = run.fills.tolist(), run.session
    candle_ns = course.tape.candle_s * NS
    ends = run.equity if candle_ns > DAY_NS else day_ends(course.end_ns, run.equity)
    found = {
        "traded": (session[account.TRADED], sum(fill[tables.FILL_NOTIONAL] for fill in fills)),
        "fees": (session[account.FEES], sum(fill[tables.FILL_FEE] for fill in fills)),
        "held": (session[account.HELD], _held(course, fills)),
        "candles": (session[account.CANDLES], sum(len(tape) for tape in course.tapes)),
        "days": (
            day_ends_of(course, run.days, int(session[account.EQUITY])).tolist(),
            ends.tolist(),
        ),
        "first day": (run.equity[0] > 0, setup.cash > 0),
    }
    return next((f"{name}: {a} and {b}" for name, (a, b) in found.items() if a != b), None)


def _held(course: Course, fills: list[list[int]]) -> int:
    """Candles at whose end their product was held."""
    count = 0
    for place, tape in enumerate(course.tapes):
        moves: Counter[int] = Counter()
        for fill in fills:
            if fill[tables.FILL_PRODUCT] == place:
                moves[fill[tables.FILL_ROUND]] += fill[tables.FILL_SIGN] * fill[tables.FILL_LOTS]
        traded = set(np.searchsorted(course.starts_ns, tape.candles.start_ns).tolist())
        lots = 0
        for each in range(course.rounds):
            lots += moves[each]
            count += lots != 0 and each in traded
    return count


def differing(numbers: Iterable[int]) -> tuple[dict[int, str], Counter[str]]:
    """Run cases at both speeds: what differs by case, and what happened in all of them."""
    found: dict[int, str] = {}
    happened: Counter[str] = Counter()
    for number in numbers:
        drawn = case(number)
        words, run = differing_in(drawn)
        if words is not None:
            found[number] = words
        happened += Counter({"refused": 1}) if run is None else count(drawn, run)
    return found, happened


def said(happened: Counter[str]) -> str:
    """One line of what happened."""
    return ", ".join(f"{name} {n:,}" for name, n in happened.items() if n)


def too_rare(happened: Counter[str]) -> dict[str, int]:
    """What happened too seldom to prove anything."""
    return {name: happened[name] for name, least in LEAST.items() if happened[name] < least}
