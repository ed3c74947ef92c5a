"""The embedded exchange as a child: whoever begins it ends it, whenever they are interrupted."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import commands

INTERRUPTED = """
import os, signal, subprocess, sys
from pathlib import Path

from gpt_trader.live.venues import ExchangeProcess

number, folder = signal.Signals[sys.argv[1]], Path(sys.argv[2])
begun = []


class Interrupted(subprocess.Popen):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        begun.append(self)
        os.kill(os.getpid(), number)


subprocess.Popen = Interrupted
signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    ExchangeProcess(["--port", "0", "--tls", str(folder / "tls")], folder / "log")
except KeyboardInterrupt:
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    as_before = handlers == (signal.default_int_handler, signal.default_int_handler)
    print("ended", begun[0].poll() is not None, as_before)
"""


@pytest.mark.parametrize("signal_name", ["SIGINT", "SIGTERM"])
def test_a_child_that_is_being_started_is_ended_before_the_interruption_goes_on(
    signal_name: str, tmp_path: Path
) -> None:
    """Else it would make the folder of its session anew, a second after that was removed."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, signal_name, str(tmp_path)],
        env=commands.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.stdout.strip() == "ended True True", done.stderr
