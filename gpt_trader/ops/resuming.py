"""Letting trading go on: a person's deliberate act, in two steps, refused while its cause persists.

What held trading back may not be over: the session's own words on its books, its unknown orders and
its losses are read first, from its pulse while it runs and from its log while none does.
"""

import json
import secrets
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from gpt_trader.domain.errors import TraderError, UsageError
from gpt_trader.domain.order import OrderStatus, TradingState
from gpt_trader.engine.account import losses_allow
from gpt_trader.ops.halting import Scope, check_product
from gpt_trader.ops.stored import stored_engine
from gpt_trader.settings import WHY_GUARDED, Settings, guarded
from gpt_trader.store.document import write_durably
from gpt_trader.store.folders import SessionFolder, open_session
from gpt_trader.store.lease import is_held
from gpt_trader.store.trading_state import (
    REAL_MONEY,
    WORDS_MAX,
    Held,
    Standing,
    loosen,
    read_standing,
)

VALID_S = 120
CODE = "resume_code.json"
CAUSES = {
    "books_agree": "the books differ from the exchange",
    "outcomes_known": "an order's outcome is unknown",
    "losses_within_limits": "a limit on losses is reached, or the equity is not known",
}
"""What of a session's pulse keeps trading from going on, by the name of its condition."""


@dataclass(frozen=True, slots=True)
class Code:
    """What a person was shown, and may confirm within two minutes."""

    code: str
    until_ns: int  # the machine's clock
    sequence: int  # of the record: whatever changes it makes the code worthless
    product_id: str


def offer(scope: Scope, settings: Settings) -> tuple[Standing, Code]:
    """The first step: what stands, and a code to let it go on with.

    Raises
    ------
    TraderError
        A cause persists, or nothing holds trading back.
    """
    standing = _checked(scope, settings)
    until_ns = time.time_ns() + VALID_S * 1_000_000_000
    code = Code(secrets.token_hex(3), until_ns, standing.sequence, scope.product_id)
    write_durably(scope.folder / CODE, asdict(code))
    return standing, code


def confirm(scope: Scope, settings: Settings, code: str, who: str, reason: str) -> Standing:
    """The second step: trading goes on.

    Raises
    ------
    UsageError
        The code is none, too old, or of something else.
    TraderError
        A cause persists, or the trading state was changed since.
    """
    shown = _shown(scope)
    if shown.code != code or shown.product_id != scope.product_id:
        raise UsageError(f"{code[:40]!r} is no code for {scope}: ask for one without --confirm")
    if time.time_ns() > shown.until_ns:
        raise UsageError(f"code {code} is older than {VALID_S} s: ask for another one")
    _checked(scope, settings)
    held = Held(TradingState.ACTIVE, who[:WORDS_MAX], time.time_ns(), reason[:WORDS_MAX])
    standing = loosen(scope.record, scope.product_id, held, shown.sequence)
    (scope.folder / CODE).unlink()
    return standing


def _checked(scope: Scope, settings: Settings) -> Standing:
    check_product(scope)
    standing = read_standing(scope.record)
    own = None if standing is None else standing.own(scope.product_id)
    if standing is None or own is None or own.state is TradingState.ACTIVE:
        above = "" if standing is None else standing.everything.state.value
        hint = f": all products are {above}" if scope.product_id and above != "active" else ""
        raise TraderError(f"nothing holds back {scope}{hint}")
    if found := causes(scope, settings):
        raise TraderError(
            f"{scope} is {own.state.value} by {own.who} ({own.why}) and stays so: "
            f"{'; '.join(found)}"
        )
    return standing


def causes(scope: Scope, settings: Settings) -> tuple[str, ...]:
    """Why trading may not go on, as far as one can tell from here."""
    found = []
    if scope.profile in REAL_MONEY:
        found.append("real money stays halted until it is armed, which this version cannot do")
    if guarded(settings.kill_switch, settings.reduce_only) is not TradingState.ACTIVE:
        origins = {settings.origin(name) for name in ("kill_switch", "reduce_only")}
        where = ", ".join(sorted(origins - {"default"}))
        found.append(f"{WHY_GUARDED} is still on: {where}")
    if is_held(scope.var, scope.profile):
        return (*found, *_of_the_pulse(scope))
    known = (open_session(scope.var, scope.profile, by_hand=hand) for hand in (False, True))
    return (*found, *(why for one in known if one is not None for why in _of_the_log(one)))


def _of_the_pulse(scope: Scope) -> tuple[str, ...]:
    try:
        said = json.loads((scope.folder / "health.json").read_text())
        age_s = time.time() - datetime.fromisoformat(said["written"]).timestamp()
        conditions = said["trading_allowed"]["conditions"]
        fails = tuple(CAUSES[c["condition"]] for c in _named(conditions) if not c["ok"])
    except (OSError, ValueError, KeyError, TypeError):
        return ("the session that runs says nothing of its books",)
    if age_s > said["stale_after_s"]:
        return (f"the session that runs has said nothing for {age_s:.0f} s",)
    return fails


def _named(conditions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in conditions if one["condition"] in CAUSES]


def _of_the_log(folder: SessionFolder) -> tuple[str, ...]:
    engine, _ = stored_engine(folder)
    unknown = any(o.status is OrderStatus.UNKNOWN for o in engine.orders.working())
    holds = {
        "books_agree": engine.books_agree,
        "outcomes_known": not unknown,
        "losses_within_limits": losses_allow(engine),
    }
    return tuple(
        f"{CAUSES[name]} (session {folder.session_id})" for name, ok in holds.items() if not ok
    )


def _shown(scope: Scope) -> Code:
    try:
        return Code(**json.loads((scope.folder / CODE).read_text()))
    except FileNotFoundError as e:
        raise UsageError("no code was given out: ask for one without --confirm") from e
    except (ValueError, TypeError) as e:
        raise UsageError("the code does not read: ask for another one") from e


def when(code: Code) -> str:
    """Until when a code holds, UTC."""
    return datetime.fromtimestamp(code.until_ns / 1e9, UTC).isoformat(timespec="seconds")
