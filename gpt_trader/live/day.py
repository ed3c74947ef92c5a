"""What a UTC day brought before a session began: the limit on its loss counts from midnight.

The truth is in the logs of the account's sessions, so nothing is kept besides that a crash or a
full disk could lose. Only the newest is asked: it knows what the day had brought before itself.
"""

from dataclasses import replace

from gpt_trader.domain.events import SessionOpened
from gpt_trader.domain.product import amount_of
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.folding import fold, thawed
from gpt_trader.live.opening import PORTFOLIO
from gpt_trader.live.options import Options
from gpt_trader.portfolio.valuation import DAY_NS
from gpt_trader.store.folders import sessions
from gpt_trader.store.reading import LogReader
from gpt_trader.store.state import decode_state


def since_midnight(opened: SessionOpened, options: Options, portfolio: str) -> SessionOpened:
    """The opening, knowing what earlier sessions of this account made or lost on its day.

    Raises
    ------
    StoreDamaged
        The log of the account's last session does not read: the day's loss is not known.
    """
    for folder in reversed(sessions(options.settings.var, options.profile)):
        with LogReader(folder.log) as reader:
            meta = reader.meta
            if (meta.get(PORTFOLIO), meta.get("host")) != (portfolio, str(options.host)):
                continue
            newest = reader.tail(1)
            if not newest:
                continue  # killed before its first event
            if newest[-1][1].ts_ns // DAY_NS != opened.ts_ns // DAY_NS:
                return opened
            return replace(opened, day_pnl=amount_of(_day_units(_left(reader))))
    return opened


def _day_units(engine: Engine) -> int:
    """Cash units that a session and those before it made on the UTC day of its last event."""
    valuation = engine.valuation
    if valuation.day < 0:  # no price came: all it knows is what came before itself
        same_day = engine.opened.ts_ns // DAY_NS == engine.now_ns // DAY_NS
        return int(engine.opened.day_pnl.scaleb(8)) if same_day else 0
    if valuation.day != engine.now_ns // DAY_NS:
        return 0
    return valuation.equity - valuation.equity_day_start


def _left(reader: LogReader) -> Engine:
    """The engine as the log leaves it."""
    opened = next(reader.events())[1]
    assert isinstance(opened, SessionOpened), "a log begins with its opening"
    saved = reader.snapshot()
    state = None if saved is None else (saved[0], decode_state(saved[1]))
    engine, seq = thawed(opened, state)
    fold(engine, reader.events(seq))
    return engine
