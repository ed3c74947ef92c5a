"""The smoke test of the whole path: one order life in five steps, each shown by its own events."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from gpt_trader.domain.events import (
    Event,
    OrderAccepted,
    OrderDenied,
    OrderFilled,
    OrderIntended,
    OrderLost,
    OrderRejected,
)
from gpt_trader.domain.order import Side
from gpt_trader.store.folders import find
from gpt_trader.store.reading import LogReader

STEPS = ("signal", "risk", "order", "fill", "exit")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the order life, and what in the log shows it or its failure."""

    name: str
    ok: bool
    evidence: str


def read_events(var: Path, session_id: str) -> tuple[tuple[int, Event], ...]:
    """All events of a session."""
    reader = LogReader(find(var, session_id).log)
    try:
        return tuple(reader.events())
    finally:
        reader.close()


def check(recorded: Iterable[tuple[int, Event]]) -> tuple[Step, ...]:
    """Find the five steps in a session's log, in their order; the first missing one is the fault.

    A step counts only if the one before it does: an exit without an entry shows nothing.
    """
    events = tuple(recorded)
    findings = (
        _signal(events),
        _risk(events),
        _order(events),
        _fill(events, Side.BUY),
        _exit(events),
    )
    steps: list[Step] = []
    for name, (ok, evidence) in zip(STEPS, findings, strict=True):
        if steps and not steps[-1].ok:
            steps.append(Step(name, False, f"not reached: {steps[-1].name} failed"))
        else:
            steps.append(Step(name, ok, evidence))
    return tuple(steps)


Recorded = tuple[tuple[int, Event], ...]
Finding = tuple[bool, str]


def _signal(events: Recorded) -> Finding:
    for seq, event in events:
        if isinstance(event, OrderIntended | OrderDenied) and event.draft.side is Side.BUY:
            return True, f"event {seq}: the strategy wants {event.draft.target}"
    return False, "the strategy never wanted a position"


def _risk(events: Recorded) -> Finding:
    said = ""
    for seq, event in events:
        if isinstance(event, OrderIntended) and event.draft.side is Side.BUY:
            return True, f"event {seq}: {len(event.verdicts)} rules allow {event.draft.base_size}"
        if isinstance(event, OrderDenied) and not said:
            said = f"event {seq}: {'; '.join(event.reasons)}"
    return False, said


def _order(events: Recorded) -> Finding:
    said = "no answer is recorded"
    for seq, event in events:
        if isinstance(event, OrderAccepted):
            return True, f"event {seq}: the exchange calls it {event.order_id}"
        if isinstance(event, OrderRejected | OrderLost):
            said = f"event {seq}: {event.reason}"
    return False, said


def _fill(events: Recorded, side: Side) -> Finding:
    fills = [e for _, e in events if isinstance(e, OrderFilled) and e.side is side]
    if not fills:
        return False, f"no fill of a {side} is recorded"
    size = sum((fill.base_size for fill in fills), Decimal(0))
    return True, f"{len(fills)} fills of {size} {fills[0].product_id}"


def _exit(events: Recorded) -> Finding:
    ok, evidence = _fill(events, Side.SELL)
    fills = [event for _, event in events if isinstance(event, OrderFilled)]
    left = sum((fill.side.sign * fill.base_size for fill in fills), Decimal(0))
    if ok and left == 0:
        return True, f"{evidence}; nothing is left"
    reasons = [
        f"event {seq}: {event.reason}"
        for seq, event in events
        if isinstance(event, OrderRejected | OrderLost)
    ]
    return False, "; ".join([f"{left} is still held", evidence, *reasons])
