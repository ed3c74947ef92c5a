"""What all sessions with faults share: one authority, one key, and no waits that prove nothing."""

from pathlib import Path

import pytest

from gpt_trader.exchange import faults_rest
from gpt_trader.exchange.keys import Kind, make_key


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one authority and one key."""
    folder = tmp_path_factory.mktemp("tls")
    make_key(folder, Kind.ES256)
    return folder


@pytest.fixture(autouse=True)
def in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that hangs does so for a moment."""
    monkeypatch.setattr(faults_rest, "HALF_OPEN_S", 0.02)
