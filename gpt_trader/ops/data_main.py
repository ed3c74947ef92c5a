"""The command `gpt-trader data`: get candles, take them in, check them, list them."""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from gpt_trader.flags import Flags
from gpt_trader.ops.times import NS, moment_ns
from gpt_trader.settings import Settings, load_settings
from gpt_trader.store.document import check_target

COINBASE_HOST = "api.coinbase.com"

EPILOG = """\
examples:
  gpt-trader data download --product BTC-USD --granularity 1m --start 2023-03-01 --end 2023-03-05
  gpt-trader data download --product BTC-USD --granularity 1m        what is new since then
  gpt-trader data import mine.csv --product ETH-USD --granularity 5m
  gpt-trader data check "BTC-USD 1m" mine.csv
  gpt-trader data list

In a notebook, gt.load("BTC-USD 1m") gives what was downloaded; gpt-trader live --data FILE plays
a file. Candles are below VAR/data/candles, in Parquet parts that are hashed and never change.
exit codes: 0 done, 1 check found errors, 2 bad usage or a bad file, 3 the exchange cannot be
reached, 4 a stored part is damaged.
"""

DOWNLOAD = """\
Coinbase's public candles; no key is needed. Only what is missing is asked for, so a download that
was interrupted, even by kill -9, goes on when the same command is given again. A candle is stored
when it is complete. Coinbase has no candle for an interval without a trade: the gaps at the end of
the report are those, and times when the exchange stood still.
"""

CHECK = """\
Errors make candles useless (exit 1): missing, infinite or negative values, prices of zero, a high
that is not the highest or a low that is not the lowest, times that fall, repeat or miss the grid,
and where the product is known, prices below half its price increment: what a backtest refuses.
Warnings may be the truth: closes between the product's increments, gaps, candles without volume,
opens that merely repeat the close before, returns far outside of the usual ones, lone highs, lows
and closes.
"""


def run(argv: list[str]) -> int:
    """Run one of the data commands and return its exit code."""
    args = _parser().parse_args(argv)
    check_target(args.json)
    settings = load_settings({"var": args.var, **_host_flag(args)}, os.environ, Path.cwd())
    act: Callable[[argparse.Namespace, Settings], int] = args.act
    return act(args, settings)


def _host_flag(args: argparse.Namespace) -> dict[str, str | None]:
    return {"coinbase_host": args.coinbase_host} if args.act is _download else {}


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    shared = Flags(add_help=False)
    shared.add_argument("--var", metavar="DIR", help="where candles are kept [./var]")
    shared.add_argument("--json", nargs="?", const="-", metavar="F.json|-", help="one document [-]")
    parser = Flags(
        prog="gpt-trader data",
        description="Candles: get them, take them in, check them, list them.",
        epilog=EPILOG,
        formatter_class=raw,
    )
    commands = parser.add_subparsers(required=True, metavar="download|import|check|list")

    get = commands.add_parser(
        "download", parents=[shared], description=DOWNLOAD, formatter_class=raw
    )
    get.add_argument("--product", required=True, metavar="ID", help="like BTC-USD")
    get.add_argument("--granularity", required=True, metavar="WIDTH", help="1m 5m 15m 30m 1h .. 1d")
    get.add_argument("--start", metavar="TIME", help="like 2023-03-01, UTC [where the data end]")
    get.add_argument("--end", metavar="TIME", help="not included, UTC [now]")
    get.add_argument("--coinbase-host", metavar="HOST[:PORT]", help=f"[{COINBASE_HOST}]")
    get.add_argument("--coinbase-ca", metavar="FILE", help="authority that host is trusted by")
    get.set_defaults(act=_download)

    take = commands.add_parser("import", parents=[shared], description="Store files of candles.")
    take.add_argument("files", nargs="+", type=Path, metavar="FILE", help="Parquet or CSV")
    take.add_argument("--product", metavar="ID", help="for files without the column product_id")
    take.add_argument("--granularity", metavar="WIDTH", help="for files that do not say it")
    take.set_defaults(act=_import)

    look = commands.add_parser("check", parents=[shared], description=CHECK, formatter_class=raw)
    look.add_argument("names", nargs="*", metavar="NAME|FILE", help="[all that is stored]")
    look.add_argument("--product", metavar="ID", help="for files that do not say it")
    look.add_argument("--granularity", metavar="WIDTH", help="for files that do not say it")
    look.set_defaults(act=_check)

    show = commands.add_parser("list", parents=[shared], description="What is stored.")
    show.set_defaults(act=_list)
    return parser


def _download(args: argparse.Namespace, settings: Settings) -> int:
    from tqdm import tqdm

    from gpt_trader.coinbase.history import History
    from gpt_trader.coinbase.rest import RestClient
    from gpt_trader.ops.data_download import Wish, download, missing_intervals, settle
    from gpt_trader.ops.data_report import say_downloaded
    from gpt_trader.store.candle_table import width_of
    from gpt_trader.store.catalog import Catalog

    wish = Wish(
        args.product,
        width_of(args.granularity),
        None if args.start is None else moment_ns(args.start, "--start") // NS,
        None if args.end is None else moment_ns(args.end, "--end") // NS,
    )
    catalog = Catalog(settings.var)
    ca_file = None if args.coinbase_ca is None else Path(args.coinbase_ca)
    host = settings.coinbase_host or COINBASE_HOST
    rest = RestClient(host, None, ca_file=ca_file, timeout_s=10, now_ns=time.time_ns)
    try:
        history = History(rest, time.monotonic, time.sleep, _say_waiting)
        span = settle(catalog, history, wish)
        total = missing_intervals(catalog, wish, span)
        with tqdm(total=total, unit=" candles", delay=2, disable=None, file=sys.stderr) as bar:

            def seen(intervals: int) -> None:
                bar.update(intervals)

            stored = download(catalog, history, wish, span, seen)
    finally:
        rest.close()
    say_downloaded(catalog, wish, span, stored, args.json)
    return 0


def _say_waiting(why: str) -> None:
    print(f"gpt-trader data: {why}", file=sys.stderr)


def _import(args: argparse.Namespace, settings: Settings) -> int:
    from gpt_trader.ops.data_import import take_in
    from gpt_trader.ops.data_report import say_imported
    from gpt_trader.store.candle_table import width_of
    from gpt_trader.store.catalog import Catalog

    width_s = None if args.granularity is None else width_of(args.granularity)
    catalog = Catalog(settings.var)
    taken = [one for path in args.files for one in take_in(catalog, path, args.product, width_s)]
    say_imported(taken, args.json)
    return 0


def _check(args: argparse.Namespace, settings: Settings) -> int:
    from gpt_trader.ops.data_report import ToCheck, say_checked
    from gpt_trader.store.candle_table import width_of
    from gpt_trader.store.catalog import Catalog

    width_s = None if args.granularity is None else width_of(args.granularity)
    wanted = ToCheck(args.names, args.product, width_s)
    return say_checked(Catalog(settings.var), wanted, args.json)


def _list(args: argparse.Namespace, settings: Settings) -> int:
    from gpt_trader.ops.data_report import say_listed
    from gpt_trader.store.catalog import Catalog

    say_listed(Catalog(settings.var), args.json)
    return 0
