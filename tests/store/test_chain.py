"""The chain is the documented formula, and every part of a row is under it."""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gpt_trader.store.chain import link, wall_genesis
from gpt_trader.store.event_log import EventLog
from tests.store.samples import a_session, a_tick, some_trades

EVENT = st.tuples(st.text(max_size=8), st.integers(0, 2**32 - 1), st.binary(max_size=12))


def test_the_hashes_of_a_log_are_those_of_the_formula(tmp_path: Path) -> None:
    meta = {"session": "s-1"}
    with closing(EventLog.create(tmp_path / "events.db", meta, lambda: 7)) as log:
        for event in (a_session(fast=5.0), some_trades(), a_tick()):
            log.append(event)
        log.commit()
    with closing(sqlite3.connect(tmp_path / "events.db")) as connection:
        rows = connection.execute(
            "SELECT kind, version, body, hash, wall_hash FROM events ORDER BY seq"
        ).fetchall()
    hashed = bytes(32)
    walled = hashlib.sha256(b'{"session": "s-1"}').digest()

    for kind, version, body, found, wall_found in rows:
        framed = hashed + kind.encode("ascii") + b"\0" + version.to_bytes(4, "big") + body
        hashed = hashlib.sha256(framed).digest()
        walled = hashlib.sha256(walled + hashed + (7).to_bytes(8, "big")).digest()

        assert (found, wall_found) == (hashed, walled)
    assert len(rows) == 3


@given(EVENT, EVENT)
def test_two_different_events_never_hash_the_same_bytes(
    one: tuple[str, int, bytes], other: tuple[str, int, bytes]
) -> None:
    """Without a frame, kind "ab" with body "c" would be kind "a" with body "bc"."""
    same = link(bytes(32), *one) == link(bytes(32), *other)

    assert same == (one == other)


def test_meta_has_one_hash_in_any_order() -> None:
    assert wall_genesis({"a": "1", "b": "2"}) == wall_genesis({"b": "2", "a": "1"})
    assert wall_genesis({"a": "1"}) != wall_genesis({"a": "2"})
