"""Faults as a person lets them happen: on the command line, and in real time over their port."""

import json
import signal
from pathlib import Path

import pytest

from tests.exchange.test_faults import the_port
from tests.live import commands

OFTEN = (
    *("--param", "fast=1", "--param", "slow=2", "--param", "band_bps=0"),
    *("--sizing", "patience_candles=0"),
)


def test_a_session_of_its_own_exchange_goes_on_through_its_faults(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text(json.dumps({"faults": {"A1": {"rate": 1, "times": 2}, "frame_repeated": 0.2}}))

    done = commands.live(tmp_path / "var", "--candles", "30", "--faults", str(file), *OFTEN)

    log = commands.log_text(tmp_path / "var")
    assert done.code == 0, done.err
    assert done.document["ledger_difference"] == "0"
    assert log.count("no answer from 127.0.0.1") == 2


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("frames_late", "frames come"),
        ("all_silent", "no frame for 5 s"),
    ],
)
def test_in_real_time_a_fault_stops_entries(fault: str, said: str, tmp_path: Path) -> None:
    """Late frames and silence: no lockstep waits for them here."""
    var = tmp_path / "var"
    with commands.exchange(
        tmp_path, "--speed", "real", "--product", "BTC-USD", "--faults", "5"
    ) as exchange:
        options = ["live", "--var", str(var), "--speed", "real", "--json", "-"]
        with (
            commands.begun([*options, *exchange.session_options(exchange.host)], tmp_path) as live,
            the_port(exchange.ready) as ask,
        ):
            token = exchange.ready["faults"]["token"]
            commands.wait_until(lambda: " feed ready" in commands.log_text(var), live)
            ask(token=token, do="arm", fault=fault, rate=1.0, times=1)
            commands.wait_until(lambda: said in commands.log_text(var), live)
            shown = ask(token=token, do="heal")
            commands.wait_until(lambda: commands.log_text(var).count(" feed ready") == 2, live)
            live.send_signal(signal.SIGINT)
            done = commands.ended(live)

    assert done.code == 130, done.err
    assert shown["strikes"] == {fault: 1}
    assert done.document["ledger_difference"] == "0"
