"""Code run in a process of its own, in which compiled code checks every index."""

import os
import subprocess
import sys


def checked_lines(code: str) -> list[str]:
    """What `code` prints there, and what it complains of."""
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"NUMBA_BOUNDSCHECK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return [*run.stdout.splitlines(), *run.stderr.splitlines()]
