"""The command `gpt-trader snapshot`, `perps-bot --account-snapshot` and `gt.snapshot()`."""

import argparse
import csv
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gpt_trader.broker.capabilities import PROFILES
from gpt_trader.domain.errors import ExchangeUnreachable, TraderError, UsageError
from gpt_trader.domain.product import amount_of, plain
from gpt_trader.engine.account import account_document, unknown_fields
from gpt_trader.flags import Flags
from gpt_trader.ops.asking import Place, ask, obey_guards
from gpt_trader.ops.shown import Shown
from gpt_trader.ops.snapshot_text import text
from gpt_trader.ops.stored import newest, opened_in, stored_engine
from gpt_trader.portfolio.lots import lots_of
from gpt_trader.settings import Settings, load_settings
from gpt_trader.store.document import check_target, write_document
from gpt_trader.store.folders import SessionFolder, sessions
from gpt_trader.store.reading import LogReader

EPILOG = """\
Every figure comes with its source and its age; what is not known is shown as unknown, and with
--strict ends with exit code 1. Without the exchange the newest session's log speaks alone.

examples:
  gpt-trader snapshot
  gpt-trader snapshot --profile prod --strict --json
  gpt-trader snapshot --lots lots.csv

exit codes: 0 ok, 1 something is unknown (--strict), 2 bad usage, 3 exchange unreachable and
nothing stored, 4 needs review.
"""
LOT_COLUMNS = ("product_id", "acquired", "base_size", "cost", "unit_cost", "origin")


def run(argv: list[str]) -> int:
    """Print the account and return the exit code."""
    parser = Flags(
        prog="gpt-trader snapshot",
        description="The account: balances, what is ours and what the owner's, orders, profit.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--profile", choices=PROFILES, default="dev", help="whose account [dev]")
    parser.add_argument("--var", metavar="DIR", help="where everything is written [./var]")
    parser.add_argument("--coinbase-host", metavar="HOST[:PORT]", help="another exchange")
    parser.add_argument("--coinbase-ca", metavar="FILE", help="authority it is trusted by")
    parser.add_argument("--coinbase-key-file", metavar="FILE", help="API key as downloaded")
    parser.add_argument("--json", nargs="?", const="-", metavar="F.json|-", help="a document [-]")
    add_snapshot_flags(parser)
    args = parser.parse_args(argv)
    check_target(args.json)
    flags = {"var": args.var, "coinbase_host": args.coinbase_host}
    settings = load_settings(
        {**flags, "coinbase_key_file": args.coinbase_key_file}, os.environ, Path.cwd()
    )
    obey_guards(settings, args.profile)
    given = {"--coinbase-host": args.coinbase_host, "--coinbase-ca": args.coinbase_ca}
    given["--coinbase-key-file"] = args.coinbase_key_file
    words = tuple(word for name, value in given.items() if value for word in (name, value))
    return snapshot(args, settings, Place(settings.var, args.profile, words))


def add_snapshot_flags(parser: argparse.ArgumentParser) -> None:
    """What `gpt-trader snapshot` and `perps-bot --account-snapshot` share."""
    parser.add_argument("--strict", action="store_true", help="exit 1 if anything is unknown")
    parser.add_argument("--lots", metavar="F.csv|-", help="the lots held, oldest sold first")


def snapshot(args: argparse.Namespace, settings: Settings, place: Place) -> int:
    """Ask for the account, show it, and write the lots where they are wanted."""
    if args.lots not in (None, "-") and Path(args.lots).suffix.lower() != ".csv":
        raise UsageError(f"--lots {args.lots}: name a file ending in .csv, or - to print them")
    document = account(place)
    if args.lots is not None:
        _write_lots(args.lots, newest(place.var, place.profile))
    if args.json is not None:
        write_document(document, args.json)
    if "-" not in (args.json, args.lots):
        print(text(document))
    missing = unknown_fields(document)
    if args.strict and missing:
        raise TraderError(f"unknown: {', '.join(missing)}")
    return 0


def account(place: Place) -> dict[str, Any]:
    """The account by the exchange and our books, or by our books alone while it is away.

    Raises
    ------
    ExchangeUnreachable
        It gives no answer, and no session is stored.
    """
    try:
        return ask(place, "snapshot", {})
    except ExchangeUnreachable as e:
        if not sessions(place.var, place.profile):
            raise
        print(f"gpt-trader snapshot: from the log alone: {e}", file=sys.stderr)
        return _stored(newest(place.var, place.profile))


def notebook_snapshot(profile: str = "dev", var: str | Path | None = None) -> Shown:
    """The account of a profile as a document: each figure with its source and age.

    At the end of a cell it is shown as text.

    Parameters
    ----------
    profile : str
        dev, paper, canary or prod.
    var : str, optional
        Where everything is written; by default as the settings say.

    Raises
    ------
    UsageError
        The profile is none.
    ExchangeUnreachable
        The exchange gives no answer, and no session is stored.
    """
    if profile not in PROFILES:
        raise UsageError(f"profile {profile!r}: there is {', '.join(PROFILES)}")
    where = None if var is None else str(var)
    settings = load_settings({"var": where}, os.environ, Path.cwd())
    document = account(Place(settings.var, profile, (), "in a notebook"))
    return Shown(document, text(document))


def _stored(folder: SessionFolder) -> dict[str, Any]:
    """The account as the newest session's log leaves it."""
    engine, last_ns = stored_engine(folder)
    return account_document(engine, None, (time.time_ns() - last_ns) / 1e9)


def _write_lots(to: str, folder: SessionFolder) -> None:
    with LogReader(folder.log) as reader:
        products = {product.product_id: product for product in opened_in(reader).products}
        if any(product.contract is not None for product in products.values()):
            raise UsageError("--lots is of coins: contracts are one position at an average price")
        lots = lots_of((event for _, event in reader.events()), products)
    rows = []
    for lot in lots:
        size, cost = products[lot.product_id].size(lot.lots), amount_of(lot.cost_units)
        when = datetime.fromtimestamp(lot.acquired_ns / 1e9, UTC).isoformat(timespec="seconds")
        rows.append(
            (
                lot.product_id,
                when,
                f"{plain(size):f}",
                f"{cost:f}",
                f"{cost / size:.8f}",
                lot.origin,
            )
        )
    if to == "-":
        csv.writer(sys.stdout, lineterminator="\n").writerows([LOT_COLUMNS, *rows])
        return
    try:
        with Path(to).open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([LOT_COLUMNS, *rows])
    except OSError as e:
        raise UsageError(f"--lots {to}: {e.strerror}") from e
