"""The embedded exchange as a child: whoever begins it ends it, whenever they are interrupted."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gpt_trader.live.venues import ExchangeProcess


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_child_that_is_being_started_is_ended_before_the_interruption_goes_on(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would make the folder of its session anew, a second after that was removed."""
    begun: list[subprocess.Popen[str]] = []

    class Interrupted(subprocess.Popen[str]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            begun.append(self)
            os.kill(os.getpid(), number)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            ExchangeProcess(["--port", "0", "--tls", str(tmp_path / "tls")], tmp_path / "log")
        handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        ended = begun[0].poll()
    finally:
        signal.signal(signal.SIGTERM, before)
        begun[0].kill()
        begun[0].wait()

    assert ended is not None
    assert handlers == (signal.default_int_handler, signal.default_int_handler)
