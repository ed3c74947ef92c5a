"""The record of what may be sent: torn, damaged, on a full disk, killed in mid-change."""

import fcntl
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gpt_trader.domain.errors import StoreRefused
from gpt_trader.domain.order import TradingState
from gpt_trader.store.trading_state import (
    MAGIC,
    SLOT_BYTES,
    Held,
    Standing,
    TradingRecord,
    _change,
    _slot,
    begin,
    loosen,
    read_standing,
    start_of,
    tighten,
)
from tests.live import disks
from tests.live.commands import environment
from tests.tier import scaled

ACTIVE, REDUCE_ONLY, HALTED = TradingState
LOOK_US_MAX = 100.0  # it takes about 4; a step of the engine takes more than 50


def held(state: TradingState, why: str = "a test") -> Held:
    return Held(state, "a person", 1, why)


def a_record(folder: Path) -> Path:
    path = folder / "dev" / "trading_state"
    begin(path, start_of("dev", 1))
    return path


def state_in(path: Path, product_id: str = "BTC-USD") -> TradingState:
    standing = read_standing(path)
    assert standing is not None
    return standing.of(product_id).state


def test_tightening_goes_one_way_and_the_tighter_of_two_holds(tmp_path: Path) -> None:
    path = a_record(tmp_path)

    tighten(path, "BTC-USD", held(HALTED))
    first = tighten(path, "", held(REDUCE_ONLY, "the first"))
    again = tighten(path, "", held(REDUCE_ONLY, "the second"))
    tighten(path, "BTC-USD", held(ACTIVE))

    assert again == first and again.everything.why == "the first"
    assert state_in(path) is HALTED
    assert state_in(path, "SOL-USD") is REDUCE_ONLY


def test_to_loosen_nothing_may_have_been_changed_since(tmp_path: Path) -> None:
    path = a_record(tmp_path)
    seen = tighten(path, "", held(REDUCE_ONLY))
    tighten(path, "", held(HALTED))

    with pytest.raises(StoreRefused, match="changed meanwhile"):
        loosen(path, "", held(ACTIVE), seen.sequence)

    assert state_in(path) is HALTED
    assert loosen(path, "", held(ACTIVE), seen.sequence + 1).everything.state is ACTIVE


def test_where_money_is_real_a_record_begins_halted() -> None:
    states = [start_of(profile, 1).state for profile in ("dev", "paper", "canary", "prod")]

    assert states == [ACTIVE, ACTIVE, HALTED, HALTED]


def test_a_change_that_was_torn_leaves_what_stood_before(tmp_path: Path) -> None:
    """At every length that the disk may have come to."""
    path = a_record(tmp_path)
    tighten(path, "", held(REDUCE_ONLY))
    before = path.read_bytes()
    tighten(path, "", held(HALTED))
    after = path.read_bytes()
    slot = 0 if before[:SLOT_BYTES] != after[:SLOT_BYTES] else SLOT_BYTES
    whole = slot + len(after[slot : slot + SLOT_BYTES].rstrip(b"\0"))
    torn = 0

    for cut in range(slot, whole):
        found = after[:cut] + before[cut:]
        path.write_bytes(found)
        torn += found[:whole] != after[:whole]  # the old bytes may be the new ones at the end
        assert state_in(path) is (REDUCE_ONLY if found[:whole] != after[:whole] else HALTED), cut
    assert torn > 100


@pytest.mark.parametrize("size", [0, 10, SLOT_BYTES - 1, 2 * SLOT_BYTES])
def test_a_record_without_a_whole_slot_is_halted_and_says_so(tmp_path: Path, size: int) -> None:
    path = a_record(tmp_path)
    path.write_bytes((MAGIC + bytes(size))[:size])
    record = TradingRecord(path)

    standing = read_standing(path)

    assert standing is not None and standing.everything.state is HALTED
    assert record.standing().of("BTC-USD").state is HALTED
    assert standing.everything.why == "neither slot of the record is whole"
    if size == 2 * SLOT_BYTES:  # what nobody can read can be written anew, by a person
        assert loosen(path, "", held(ACTIVE), -1).everything.state is ACTIVE
        assert record.standing().everything.state is ACTIVE


def test_a_reader_follows_every_change_and_a_record_that_is_gone_is_halted(tmp_path: Path) -> None:
    path = a_record(tmp_path)
    record = TradingRecord(path)
    seen = [record.standing().everything.state]
    tighten(path, "", held(REDUCE_ONLY))
    seen.append(record.standing().everything.state)
    path.unlink()
    seen.append(record.standing().everything.state)
    begin(path, held(REDUCE_ONLY))
    seen.append(record.standing().everything.state)

    assert seen == [ACTIVE, REDUCE_ONLY, HALTED, REDUCE_ONLY]


def test_to_look_at_it_takes_microseconds(tmp_path: Path) -> None:
    record = TradingRecord(a_record(tmp_path))
    looks, best_us = 1_000, float("inf")
    for _ in range(10):
        begun_s = time.perf_counter()
        for _ in range(looks):
            record.standing()
        best_us = min(best_us, (time.perf_counter() - begun_s) / looks * 1e6)

    assert best_us <= LOOK_US_MAX


def test_it_is_changed_on_a_full_disk(tmp_path: Path) -> None:
    with disks.small(tmp_path, 64) as disk:
        path = a_record(disk.path)
        disk.fill()
        size = path.stat().st_size
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        try:
            if not disk.mounted:
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
            for number in range(20):
                tighten(path, f"P{number}-USD", held(HALTED))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

        assert state_in(path, "P19-USD") is HALTED
        assert path.stat().st_size == size


def test_more_than_fits_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path = a_record(tmp_path)

    with pytest.raises(StoreRefused, match="set one for all"):
        for number in range(1_000):
            tighten(path, f"P{number}-USD", held(HALTED, "w" * 300))

    assert state_in(path, "P0-USD") is HALTED
    assert tighten(path, "", held(HALTED)).everything.state is HALTED


CHANGES = """
import sys
from pathlib import Path
from gpt_trader.domain.order import TradingState
from gpt_trader.store.trading_state import Held, loosen, read_standing, tighten
path = Path(sys.argv[1])
for number in range(10**9):
    held = Held(TradingState.HALTED, str(number), number, "w")
    standing = tighten(path, "", held)
    print(standing.sequence, flush=True)
    standing = loosen(path, "", Held(TradingState.ACTIVE, "a", number, "w"), standing.sequence)
    print(standing.sequence, flush=True)
"""


def test_killed_at_any_moment_the_last_change_that_was_told_is_there(tmp_path: Path) -> None:
    path = a_record(tmp_path)
    for turn in range(scaled(40)):
        with subprocess.Popen(
            [sys.executable, "-c", CHANGES, str(path)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.003 + turn * 0.0007)
            process.send_signal(signal.SIGKILL)
            told = [int(line) for line in process.stdout.read().split()]
        standing = read_standing(path)
        assert standing is not None
        assert standing.sequence - (told[-1] if told else 0) >= 0
        assert (standing.sequence - (told or [standing.sequence])[-1]) <= 1
        assert standing.everything.state is (ACTIVE if standing.sequence % 2 else HALTED)


def test_a_writer_that_stands_still_keeps_nobody_from_halting(tmp_path: Path) -> None:
    path = a_record(tmp_path)
    before = path.read_bytes()
    tighten(path, "SOL-USD", held(REDUCE_ONLY))
    halfway = path.read_bytes()  # what the one that stands still is about to write
    path.write_bytes(before)
    holding = os.open(path, os.O_RDWR)
    fcntl.flock(holding, fcntl.LOCK_EX)

    tighten(path, "", held(HALTED))
    with pytest.raises(StoreRefused, match="stands still"):
        loosen(path, "", held(ACTIVE), 3)
    changed = [at for at in range(0, 2 * SLOT_BYTES, SLOT_BYTES) if halfway[at:] != before[at:]]
    slot = 0 if halfway[:SLOT_BYTES] != before[:SLOT_BYTES] else SLOT_BYTES
    os.pwrite(holding, halfway[slot : slot + SLOT_BYTES], slot)  # now it goes on
    os.close(holding)

    assert changed
    assert state_in(path) is HALTED


def test_those_who_override_a_writer_that_stands_still_take_turns(tmp_path: Path) -> None:
    path = a_record(tmp_path)
    holding = os.open(path, os.O_RDWR)
    fcntl.flock(holding, fcntl.LOCK_EX)
    code = (
        "import sys; from pathlib import Path\n"
        "from gpt_trader.domain.order import TradingState\n"
        "from gpt_trader.store.trading_state import Held, tighten\n"
        "held = Held(TradingState.HALTED, 'another', 1, 'a test')\n"
        "tighten(Path(sys.argv[1]), 'ETH-USD', held)"
    )

    def halt_slowly(standing: Standing) -> Standing:
        time.sleep(1)  # by now the other one has waited for the record as long as it does
        return standing.with_state("", held(HALTED))

    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, env=environment()) as other:
        _change(path, halt_slowly, overrides=True)
        assert other.wait(timeout=30) == 0
    os.close(holding)

    standing = read_standing(path)
    assert standing is not None
    assert standing.everything.state is HALTED
    assert standing.products["ETH-USD"].state is HALTED


def test_what_the_one_who_had_the_record_wrote_meanwhile_holds_as_well(tmp_path: Path) -> None:
    """Two tighten at once, one past the lock of the other: whoever writes last keeps both."""
    path = a_record(tmp_path)
    tighten(path, "SOL-USD", held(REDUCE_ONLY))
    holding = os.open(path, os.O_RDWR)
    fcntl.flock(holding, fcntl.LOCK_EX)

    def halt_all_meanwhile(standing: Standing) -> Standing:
        if standing.sequence == 2:  # the one with the lock writes between our look and our write
            meanwhile = replace(standing.with_state("", held(HALTED)), sequence=3)
            os.pwrite(holding, _slot(meanwhile), SLOT_BYTES)
        return standing.with_state("ETH-USD", held(HALTED))

    stands = _change(path, halt_all_meanwhile, overrides=True)
    os.close(holding)

    assert stands == read_standing(path)
    assert stands.everything.state is HALTED
    assert stands.of("ETH-USD").state is HALTED


def test_whoever_is_overridden_in_mid_change_writes_again_or_is_refused(tmp_path: Path) -> None:
    path = a_record(tmp_path)

    def overridden(standing: Standing) -> Standing:
        if standing.sequence == 1:  # another one has waited for long enough, and goes past us
            with path.open("r+b") as file:
                past = replace(standing.with_state("", held(HALTED)), sequence=3)
                os.pwrite(file.fileno(), _slot(past), SLOT_BYTES)
        return standing.with_state("ETH-USD", held(REDUCE_ONLY))

    stands = _change(path, overridden, overrides=True)

    assert stands == read_standing(path)
    assert stands.everything.state is HALTED
    assert stands.products["ETH-USD"].state is REDUCE_ONLY
