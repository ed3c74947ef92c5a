"""Trials of tests are counted in a folder of their own, not in that of whoever runs them."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's trials are counted."""
    folder = tmp_path / "var"
    monkeypatch.setenv("GPT_TRADER_VAR", str(folder))
    return folder
