"""Cases run at both speeds, and how often the rare things happened in them."""

from collections import Counter
from collections.abc import Iterable

from gpt_trader.backtesting.course import course_of
from gpt_trader.backtesting.difference import first_run_difference
from gpt_trader.backtesting.engine_run import engine_run
from gpt_trader.backtesting.fused import Arena, Run
from gpt_trader.kernels import account
from gpt_trader.risk.verdicts import RULE_NAMES
from tests.backtesting.cases import Case, case
from tests.tier import scaled

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


def differing_in(drawn: Case) -> tuple[str | None, Run]:
    """Run one case at both speeds: what differs first, and the engine's run."""
    run = replayed(drawn)
    return first_run_difference(fused(drawn), run), run


def differing(numbers: Iterable[int]) -> tuple[dict[int, str], Counter[str]]:
    """Run cases at both speeds: what differs by case, and what happened in all of them."""
    found: dict[int, str] = {}
    happened: Counter[str] = Counter()
    for number in numbers:
        drawn = case(number)
        words, run = differing_in(drawn)
        if words is not None:
            found[number] = words
        happened += count(drawn, run)
    return found, happened


def said(happened: Counter[str]) -> str:
    """One line of what happened."""
    return ", ".join(f"{name} {n:,}" for name, n in happened.items() if n)


def too_rare(happened: Counter[str]) -> dict[str, int]:
    """What happened too seldom to prove anything."""
    return {name: happened[name] for name, least in LEAST.items() if happened[name] < least}
