"""Which text of ours computes results: what is kept half done must not go on with another."""

import hashlib
from pathlib import Path

from gpt_trader.kernels.cache import sources_key

ROOMS = ("backtesting", "broker", "domain", "risk")
"""Beside those that a kernel's own key names: kernels, signals and strategies."""

_PACKAGE = Path(__file__).parent.parent


def computing_key(package: Path) -> str:
    """Name all sources that can change a figure of a backtest, and what they are run by."""
    digest = hashlib.sha256(sources_key(package).encode())
    for room in ROOMS:
        for file in sorted((package / room).rglob("*.py")):
            digest.update(file.relative_to(package).as_posix().encode() + b"\0")
            digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()


COMPUTING_KEY = computing_key(_PACKAGE)
"""Taken at import, when source and memory still agree."""
