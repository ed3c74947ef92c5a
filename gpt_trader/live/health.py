"""`health.json`: alive, ready, trading allowed, each with its reasons and their ages."""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gpt_trader.domain.order import TradingState
from gpt_trader.engine.engine import Engine

MESSAGE_AGE_S_MAX = 5.0
LOOP_AGE_S_MAX = 2.0


@dataclass(frozen=True, slots=True)
class Pulse:
    """What the loop knows of itself, in seconds on the monotonic clock."""

    session_id: str
    profile: str
    now_s: float
    started_s: float
    loop_s: float  # when the loop last came round
    message_s: float  # when the exchange last said anything
    recovered: bool
    lockstep: bool  # the tape waits for us: silence of the machine's clock means nothing


def health_of(engine: Engine, pulse: Pulse, wall_ns: int) -> dict[str, object]:
    """Answer the three questions from named conditions, each with its age and threshold."""
    loop_age = pulse.now_s - pulse.loop_s
    message_age = pulse.now_s - pulse.message_s
    alive = [_condition("loop_turns", loop_age <= LOOP_AGE_S_MAX, loop_age, LOOP_AGE_S_MAX)]
    heard = pulse.lockstep or message_age <= MESSAGE_AGE_S_MAX
    ready = [
        _condition("recovered", pulse.recovered, pulse.now_s - pulse.started_s, None),
        _condition("feed_ready", engine.feed_ready, message_age, None),
        _condition("messages_arrive", heard, message_age, MESSAGE_AGE_S_MAX),
        _condition("books_agree", engine.books_agree, None, None),
    ]
    owing = sum(1 for order in engine.orders.working() if order.owes_fills)
    allowed = [
        _condition("trading_active", engine.trading_state is TradingState.ACTIVE, None, None),
        _condition("not_stopping", not engine.stopping, None, None),
        _condition("fills_booked", owing == 0, None, None),
    ]
    is_alive = all(c["ok"] for c in alive)
    is_ready = is_alive and all(c["ok"] for c in ready)
    return {
        "session_id": pulse.session_id,
        "profile": pulse.profile,
        "pid": os.getpid(),
        "written": datetime.fromtimestamp(wall_ns / 1e9, UTC).isoformat(timespec="milliseconds"),
        "event_time_ns": engine.now_ns,
        "trading_state": engine.trading_state.value,
        "alive": {"ok": is_alive, "conditions": alive},
        "ready": {"ok": is_ready, "conditions": ready},
        "trading_allowed": {
            "ok": is_ready and all(c["ok"] for c in allowed),
            "conditions": allowed,
        },
    }


def write_health(folder: Path, health: dict[str, object]) -> None:
    """Replace `health.json` at once: a reader sees the old one or the new one, never half."""
    path = folder / "health.json"
    fresh = folder / ".health.json.new"
    fresh.write_text(json.dumps(health, indent=1) + "\n")
    fresh.replace(path)


def _condition(
    name: str, ok: bool, age_s: float | None, age_s_max: float | None
) -> dict[str, object]:
    return {
        "condition": name,
        "ok": ok,
        "age_s": None if age_s is None else round(age_s, 3),
        "age_s_max": age_s_max,
    }
