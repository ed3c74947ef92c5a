"""The command `gpt-trader config show`: which setting holds, in which unit, and who said so."""

import argparse
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from gpt_trader.flags import Flags
from gpt_trader.risk.limits import LIMIT_NOTES, Limits
from gpt_trader.settings import (
    MEANINGS,
    VARIABLES,
    Settings,
    limit_setting,
    load_settings,
)
from gpt_trader.store.document import check_target, write_document

EPILOG = """\
Order of precedence: flags, environment, .env, gpt_trader.toml, defaults. A name that is not known
is refused, and so is a value that cannot be meant. No key or secret is a setting, and none is
shown: the API key stays in its file. A running session keeps the limits it was opened with.

examples:
  gpt-trader config show
  gpt-trader config show --json

exit codes: 0 ok, 2 bad usage: an unknown name, or a value that cannot be meant.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One setting or limit as it holds now."""

    name: str
    value: str  # "" for none
    unit: str
    origin: str  # "default", "environment NAME", ".env line 3", "gpt_trader.toml", "flag --var"
    meaning: str
    variables: tuple[str, ...]  # environment variables that set it


def run(argv: list[str]) -> int:
    """Print every setting and limit and return the exit code."""
    parser = Flags(prog="gpt-trader config", description="The settings, as they hold.")
    commands = parser.add_subparsers(required=True, metavar="show")
    show = commands.add_parser(
        "show",
        description="Every setting and limit with value, unit, origin and meaning.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    show.add_argument("--var", metavar="DIR", help="where everything is written [./var]")
    show.add_argument("--json", nargs="?", const="-", metavar="F.json|-", help="a document [-]")
    args = parser.parse_args(argv)
    check_target(args.json)
    rows = tuple(rows_of(load_settings({"var": args.var}, os.environ, Path.cwd())))
    if args.json is not None:
        write_document({"settings": [asdict(row) for row in rows]}, args.json)
    if args.json != "-":
        print(text(rows))
    return 0


def rows_of(settings: Settings) -> Iterator[Row]:
    """Every setting, then every limit.

    Raises
    ------
    UsageError
        A limit's value cannot be meant.
    """
    limits = Limits.from_mapping(settings.limits).as_mapping()
    values = {
        "var": str(settings.var),
        "coinbase_host": settings.coinbase_host or "",
        "coinbase_key_file": str(settings.coinbase_key_file or ""),
        "contacts": settings.contacts,
        "status_page": settings.status_page,
        "kernel_cache": str(settings.kernel_cache or ""),
        "log_max_bytes": str(settings.log_max_bytes),
        "log_backup_count": str(settings.log_backup_count),
        "kill_switch": str(int(settings.kill_switch)),
        "reduce_only": str(int(settings.reduce_only)),
        "derivatives": str(int(settings.derivatives)),
    }
    for name, (unit, meaning) in MEANINGS.items():
        yield Row(name, values[name], unit, settings.origin(name), meaning, _variables(name))
    for limit, value in limits.items():
        note, name = LIMIT_NOTES[limit.partition(":")[0]], limit_setting(limit)
        origin, variables = settings.origin(name), _variables(name.partition(":")[0])
        yield Row(limit, f"{value:f}", note.unit, origin, note.meaning, variables)


def text(rows: tuple[Row, ...]) -> str:
    """The rows for a terminal: two lines each."""
    lines = []
    for row in rows:
        lines.append(f"{row.name:<24} {row.value or 'none'}  [{row.unit}]  {row.origin}")
        lines.append(f"{'':<4}{row.meaning}")
    return "\n".join(lines)


def _variables(name: str) -> tuple[str, ...]:
    return tuple(variable for variable, setting in VARIABLES.items() if setting == name)
