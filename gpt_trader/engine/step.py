"""The whole system on one screen: write down, take in, decide, write down, and only then act."""

from gpt_trader.domain.events import CancelIntended, EditIntended, Event, OrderIntended
from gpt_trader.domain.ports import EventSink, Outbox
from gpt_trader.engine.engine import Engine


def step(event: Event, engine: Engine, log: EventSink, outbox: Outbox) -> None:
    """Take one event through: the log first, then the state, then what follows from it.

    Backtest, paper, live and replay call this very function. A decision is an event like any
    other: it is written down, it changes the state, and more may follow from it. A request only
    reaches the outbox here; whoever empties the outbox makes the log durable first.
    """
    log.append(event)
    engine.apply(event)
    if isinstance(event, OrderIntended | EditIntended | CancelIntended):
        outbox.put(event)
    for decision in engine.decide(event):
        step(decision, engine, log, outbox)
