"""The command `gpt-trader live`, also `perps-bot` and `python -m gpt_trader.live`."""

import asyncio
import json
import os
import sys
from pathlib import Path

from gpt_trader.live.options import parse

INTERRUPTED = 130


def run(argv: list[str]) -> int:
    """Run one session and print what came of it."""
    options = parse(argv, os.environ, "gpt-trader live")
    os.umask(0o077)  # logs and events are nobody else's

    from tqdm import tqdm

    from gpt_trader.live.app import run_session
    from gpt_trader.live.summary import text

    with tqdm(unit=" candles", leave=False, disable=None, file=sys.stderr) as bar:

        def show(candles: int, rounds: int) -> None:
            bar.total = rounds or None
            bar.update(candles - bar.n)

        result = asyncio.run(run_session(options, os.environ, show))
    if options.json_to == "-":
        print(json.dumps(result.document))
    else:
        if options.json_to is not None:
            Path(options.json_to).write_text(json.dumps(result.document) + "\n")
        print(text(result.document, str(options.settings.var)))
    return INTERRUPTED if result.interrupted else 0
