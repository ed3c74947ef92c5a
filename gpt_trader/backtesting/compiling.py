"""Says why the first run on a machine takes its time: kernels are compiled once and kept."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_S = 2.0
WORDS = "compiling kernels for this machine, once: up to a minute"


@contextmanager
def compiling() -> Iterator[None]:
    """Tell a person who waits longer than two seconds for a first call what is going on."""
    notice = threading.Timer(PATIENCE_S, _say)
    notice.daemon = True
    notice.start()
    try:
        yield
    finally:
        notice.cancel()


def _say() -> None:
    print(WORDS, file=sys.stderr, flush=True)
