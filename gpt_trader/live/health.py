"""`health.json`: alive, ready, trading allowed, each with its reasons and their ages.

With it goes how the session stands, so that one page is shown without folding a log.
"""

import json
import os
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from math import ceil
from pathlib import Path

from gpt_trader.domain.order import OrderStatus, TradingState
from gpt_trader.engine.account import losses_allow
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.standing import standing
from gpt_trader.strategies.registry import BY_HAND

MESSAGE_AGE_S_MAX = 5.0
LOOP_AGE_S_MAX = 2.0
MINUTE_S = 60.0
REST_A_SECOND = 30
"""Private requests that Coinbase takes of one user (Advanced Trade reference, rate limits)."""
STALE_AFTER_S = 5.0
"""It is written every second: an older file is a dead session's, whatever stands in it."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """What the loop knows of itself, in seconds on the monotonic clock."""

    session_id: str
    profile: str
    now_s: float
    loop_s: float  # when the loop last came round
    message_s: float  # when the exchange last said anything
    recovered: bool
    lockstep: bool  # the tape waits for us: silence of the machine's clock means nothing
    ended: str | None  # why the session ended; None while it runs
    log_seq: int  # of the newest event this is after
    requests: int  # sent to the exchange by REST so far


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold, and the age it was judged by, if it was."""

    name: str
    ok: bool
    age_s: float | None
    age_s_max: float | None


class Health:
    """Writes the file, and knows since when each condition has been as it is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._since: dict[str, tuple[bool, float]] = {}
        self._requests: deque[tuple[float, int]] = deque()  # a look a second, of the last minute

    def write(self, engine: Engine, pulse: Pulse, wall_ns: int) -> None:
        """Replace `health.json` at once: a reader sees the old one or the new one, never half."""
        text = json.dumps(self.answers(engine, pulse, wall_ns), indent=1) + "\n"
        fresh = self._folder / ".health.json.new"
        try:
            fresh.write_text(text)
            fresh.replace(self._folder / "health.json")
        except OSError:
            # A full disk. The file that stands grows old, and an old one says: not alive.
            with suppress(OSError):
                fresh.unlink(missing_ok=True)

    def answers(self, engine: Engine, pulse: Pulse, wall_ns: int) -> dict[str, object]:
        """Answer the three questions from named conditions; each needs the one before it."""
        alive = _alive(pulse)
        ready = [*alive, *_ready(engine, pulse)]
        allowed = [*ready, *_allowed(engine)]
        return {
            "session_id": pulse.session_id,
            "profile": pulse.profile,
            "pid": os.getpid(),
            "written": datetime.fromtimestamp(wall_ns / 1e9, UTC).isoformat(
                timespec="milliseconds"
            ),
            "stale_after_s": STALE_AFTER_S,
            "event_time_ns": engine.now_ns,
            "trading_state": engine.trading.everything.value,
            "ended": pulse.ended,
            "log_seq": pulse.log_seq,
            "alive": self._answer(alive, pulse.now_s),
            "ready": self._answer(ready, pulse.now_s),
            "trading_allowed": self._answer(allowed, pulse.now_s),
            "rest": self._rest(pulse),
            "standing": standing(engine),
        }

    def _rest(self, pulse: Pulse) -> dict[str, object]:
        """Requests of the last minute, and the most in any second of it, against the budget."""
        self._requests.append((pulse.now_s, pulse.requests))
        while self._requests[0][0] < pulse.now_s - MINUTE_S and len(self._requests) > 1:
            self._requests.popleft()
        rates = (
            (later[1] - before[1]) / max(1.0, later[0] - before[0])
            for before, later in pairwise(self._requests)
        )
        return {
            "last_minute": pulse.requests - self._requests[0][1],
            "second_max": ceil(max(rates, default=0.0)),
            "second_allowed": REST_A_SECOND,
        }

    def _answer(self, conditions: list[Condition], now_s: float) -> dict[str, object]:
        return {
            "ok": all(condition.ok for condition in conditions),
            "reasons": [c.name for c in conditions if not c.ok],
            "conditions": [
                {
                    "condition": c.name,
                    "ok": c.ok,
                    "since_s": round(now_s - self._begun_s(c, now_s), 3),
                    "age_s": None if c.age_s is None else round(c.age_s, 3),
                    "age_s_max": c.age_s_max,
                }
                for c in conditions
            ],
        }

    def _begun_s(self, condition: Condition, now_s: float) -> float:
        ok, begun_s = self._since.get(condition.name, (not condition.ok, now_s))
        if ok is not condition.ok:
            begun_s = now_s
        self._since[condition.name] = (condition.ok, begun_s)
        return begun_s


def _alive(pulse: Pulse) -> list[Condition]:
    loop_age_s = pulse.now_s - pulse.loop_s
    return [
        Condition("session_runs", pulse.ended is None, None, None),
        Condition("loop_turns", loop_age_s <= LOOP_AGE_S_MAX, loop_age_s, LOOP_AGE_S_MAX),
    ]


def _ready(engine: Engine, pulse: Pulse) -> list[Condition]:
    age_s = pulse.now_s - pulse.message_s
    heard = pulse.lockstep or age_s <= MESSAGE_AGE_S_MAX
    return [
        Condition("recovered", pulse.recovered, None, None),
        Condition("feed_ready", engine.feed_ready, None, None),
        Condition("messages_arrive", heard, age_s, MESSAGE_AGE_S_MAX),
        Condition("books_agree", engine.books_agree, None, None),
    ]


def _allowed(engine: Engine) -> list[Condition]:
    working = engine.orders.working()
    owing = any(order.owes_fills for order in working)
    unknown = any(order.status is OrderStatus.UNKNOWN for order in working)
    torn = any(market.builder.hole_ns is not None for market in engine.markets.values())
    # A person orders one product of many, and each order is judged by its own mark.
    by_hand = engine.opened.strategy == BY_HAND
    markets = [m for m in engine.markets.values() if m.mark_ticks > 0 or not by_hand]
    marked = bool(markets) and all(market.mark_ticks > 0 for market in markets)
    age_s = max(((engine.now_ns - m.mark_ns) / 1e9 for m in markets), default=0.0)
    age_s_max = float(engine.limits.mark_age_s_max)
    return [
        Condition("trading_active", engine.trading.everything is TradingState.ACTIVE, None, None),
        Condition("not_stopping", not engine.stopping, None, None),
        Condition("fills_booked", not owing, None, None),
        Condition("outcomes_known", not unknown, None, None),
        Condition("candles_whole", not torn, None, None),
        Condition(
            "marks_fresh", marked and age_s <= age_s_max, age_s if marked else None, age_s_max
        ),
        Condition("losses_within_limits", losses_allow(engine), None, None),
    ]
