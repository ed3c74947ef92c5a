"""Which session a command goes on with, and which two may not be at once."""

from pathlib import Path

import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.events import SessionClosed
from gpt_trader.live.opening import choose
from gpt_trader.live.options import Options, parse
from gpt_trader.store.event_log import EventLog
from gpt_trader.store.folders import new_session
from tests.builders import START_NS, an_opening

HAND_ID, STRATEGY_ID = "20260101T000000.000000Z-aa-hand", "20260101T000000.000000Z-aa"


def options(var: Path, *words: str) -> Options:
    return parse([*words, "--var", str(var)], {}, "gpt-trader live")


def a_session_of(var: Path, profile: str, session_id: str, *, closed: bool) -> None:
    log = EventLog.create(new_session(var, profile, session_id).log, {}, lambda: 1)
    log.append(an_opening())
    if closed:
        log.append(SessionClosed(START_NS, "a test"))
    log.commit()
    log.close()


@pytest.mark.parametrize("profile", ["canary", "prod"])
@pytest.mark.parametrize(
    ("there", "words", "said"),
    [
        (HAND_ID, (), "orders close"),
        (STRATEGY_ID, ("--by-hand",), "run its own command again"),
    ],
)
def test_two_kinds_of_session_do_not_share_real_money(
    tmp_path: Path, profile: str, there: str, words: tuple[str, ...], said: str
) -> None:
    a_session_of(tmp_path, profile, there, closed=False)

    with pytest.raises(UsageError, match=said):
        choose(options(tmp_path, "--profile", profile, *words))


@pytest.mark.parametrize("words", [(), ("--by-hand",)])
def test_a_closed_session_is_in_nobodys_way(tmp_path: Path, words: tuple[str, ...]) -> None:
    a_session_of(tmp_path, "prod", STRATEGY_ID if words else HAND_ID, closed=True)

    folder, goes_on = choose(options(tmp_path, "--profile", "prod", *words))

    assert not goes_on
    assert folder.session_id.endswith("-hand") is bool(words)


@pytest.mark.parametrize("words", [(), ("--by-hand",)])
def test_embedded_accounts_are_each_sessions_own(tmp_path: Path, words: tuple[str, ...]) -> None:
    a_session_of(tmp_path, "dev", STRATEGY_ID if words else HAND_ID, closed=False)

    _, goes_on = choose(options(tmp_path, *words))

    assert not goes_on


@pytest.mark.parametrize(
    "words",
    [
        ("--by-hand", "--strategy", "breakout"),
        ("--by-hand", "--speed", "max"),
        ("--by-hand", "--dev-fast"),
        ("--by-hand", "--balance", "USD=1"),
        ("--once",),
    ],
)
def test_a_session_by_hand_has_one_form(tmp_path: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="--by-hand"):
        options(tmp_path, *words)
