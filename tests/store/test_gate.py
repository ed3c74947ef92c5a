"""The gate between a session and whoever stops it, in two processes."""

import fcntl
import subprocess
import sys
import time
from pathlib import Path

from gpt_trader.store.gate import STEPS, Flight, Gate, in_flight, shut
from tests.live.commands import environment
from tests.tier import scaled

PASSES = """
import sys, time
from pathlib import Path
from gpt_trader.store.gate import STEPS, Gate
folder = Path(sys.argv[1])
gate, marks = Gate(folder, STEPS), folder / "inside"
marks.write_text("")
print("begun", flush=True)
while True:  # without a pause: only the turnstile lets anybody shut it
    with gate.passing():
        with marks.open("w") as file:
            file.write("inside")
            file.flush()
            time.sleep(0.0005)
            file.truncate(0)
"""


def test_whoever_shuts_it_finds_nobody_inside_however_often_it_is_passed(tmp_path: Path) -> None:
    rounds, waits_s = scaled(400), list[float]()
    with subprocess.Popen(
        [sys.executable, "-c", PASSES, str(tmp_path)],
        stdout=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        other = Gate(tmp_path, STEPS)
        for _ in range(rounds):
            begun_s = time.monotonic()
            assert shut(tmp_path, STEPS, lambda: True)
            waits_s.append(time.monotonic() - begun_s)
        for descriptor in (other._turnstile, other._gate):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if descriptor == other._gate:
                seen = {(tmp_path / "inside").read_text() for _ in range(200)}
        other.close()
        process.kill()

    assert seen == {""}
    assert sorted(waits_s)[rounds // 2] < 0.1


def test_one_that_stays_inside_is_given_up_and_its_death_frees_the_gate(tmp_path: Path) -> None:
    gate = Gate(tmp_path, STEPS)
    looks = iter([True, True, False])

    with gate.passing():
        stays = shut(tmp_path, STEPS, lambda: next(looks))
    gate.close()

    assert stays is False
    assert shut(tmp_path, STEPS, lambda: False)


def test_a_gate_that_was_never_made_has_nobody_inside(tmp_path: Path) -> None:
    assert shut(tmp_path, STEPS, lambda: False)
    assert in_flight(tmp_path) is None


def test_what_is_on_its_way_is_seen_from_outside(tmp_path: Path) -> None:
    flight = Flight(tmp_path)

    with flight.of("gt-1", 5):
        during = in_flight(tmp_path)
    after = in_flight(tmp_path)
    flight.close()

    assert during is not None and after is not None
    assert (during.client_order_id, during.since_ns, during.is_on_its_way) == ("gt-1", 5, True)
    assert (after.sent, after.is_on_its_way) == (1, False)


def test_one_that_was_stopped_at_the_turnstile_does_not_hold_up_the_session(tmp_path: Path) -> None:
    gate, stopped = Gate(tmp_path, STEPS), Gate(tmp_path, STEPS)
    fcntl.flock(stopped._turnstile, fcntl.LOCK_EX)

    begun_s = time.monotonic()
    with gate.passing():
        waited_s = time.monotonic() - begun_s

    assert 1.0 < waited_s < 60.0
    for one in (gate, stopped):
        one.close()
