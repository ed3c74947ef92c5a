"""What a command reports to programs: one JSON document, on standard output or in a file."""

import json
from collections.abc import Mapping
from pathlib import Path

from gpt_trader.domain.errors import UsageError


def write_document(document: Mapping[str, object], to: str) -> None:
    """Write one JSON document to standard output (`-`) or to a file.

    Raises
    ------
    UsageError
        The file cannot be written.
    """
    if to == "-":
        print(json.dumps(document))
        return
    try:
        Path(to).write_text(json.dumps(document) + "\n")
    except OSError as e:
        raise UsageError(f"--json {to}: {e.strerror}") from e
