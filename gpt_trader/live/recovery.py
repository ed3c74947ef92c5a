"""Starting is recovering: the log is folded, from its newest snapshot, into a fresh engine."""

from gpt_trader.domain.errors import StoreDamaged, UsageError
from gpt_trader.domain.events import SessionOpened
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.folding import fold as fold_events
from gpt_trader.engine.folding import thawed
from gpt_trader.store.event_log import EventLog
from gpt_trader.store.state import decode_state, encode_state
from gpt_trader.strategies.registry import strategy_named


def frozen(engine: Engine) -> bytes:
    """The engine's state as a snapshot keeps it: equal states give equal bytes."""
    return encode_state(engine.freeze())


def fold(log: EventLog) -> tuple[Engine, int]:
    """Bring a fresh engine to where `log` ends; decides nothing and sends nothing.

    Returns
    -------
    engine, number of events folded after the newest snapshot

    Raises
    ------
    StoreDamaged
        The log has no opening, or its chain does not hold.
    UsageError
        The strategy was changed since: it would go on with a state it never had.
    """
    first = next(log.read(), None)
    if first is None or not isinstance(first[1], SessionOpened):
        raise StoreDamaged("the log does not begin with session_opened")
    opened = first[1]
    if strategy_named(opened.strategy).source_hash != opened.strategy_source:
        raise UsageError(
            f"strategy {opened.strategy} was changed since the unfinished session began: put its "
            "source back, or leave the session for good with --discard"
        )
    snapshot = log.snapshots.latest()
    saved = None if snapshot is None else (snapshot[0], decode_state(snapshot[1]))
    engine, seq = thawed(opened, saved)
    return engine, fold_events(engine, log.read(seq))
