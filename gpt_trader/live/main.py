"""The command `gpt-trader live`, also `perps-bot` and `python -m gpt_trader.live`."""

import asyncio
import os
import signal
import sys
from dataclasses import asdict

from gpt_trader.domain.errors import TraderError
from gpt_trader.live.options import parse
from gpt_trader.store.document import write_document

INTERRUPTED = 130


def run(argv: list[str]) -> int:
    """Run one session and print what came of it."""
    options = parse(argv, os.environ, "gpt-trader live")
    os.umask(0o077)  # logs and events are nobody else's
    # Before the loop listens, SIGTERM ends a start as Ctrl-C does: nothing half-made is left.
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    from tqdm import tqdm

    from gpt_trader.live.app import run_session
    from gpt_trader.live.dev_fast import check, read_events
    from gpt_trader.live.summary import text

    with tqdm(unit=" candles", leave=False, disable=None, file=sys.stderr) as bar:

        def show(candles: int, rounds: int) -> None:
            bar.total = rounds or None
            bar.update(candles - bar.n)

        result = asyncio.run(run_session(options, os.environ, show))
    said = text(result.document, str(options.settings.var))
    code = INTERRUPTED if result.interrupted else 0
    broken = None
    if options.dev_fast:
        steps = check(read_events(options.settings.var, str(result.document["session_id"])))
        result.document["steps"] = [asdict(step) for step in steps]
        said = "\n".join(f"{'ok  ' if s.ok else 'FAIL'} {s.name:6} {s.evidence}" for s in steps)
        broken = next((step for step in steps if not step.ok), None)
    if options.json_to is not None:
        write_document(result.document, options.json_to)
    if options.json_to != "-":
        print(said)
    if broken is not None and not result.interrupted:
        raise TraderError(f"step {broken.name} failed: {broken.evidence}")
    if result.fault is not None:
        raise result.fault
    return code
