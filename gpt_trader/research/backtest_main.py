"""The command `gpt-trader backtest`: a strategy over candle files, in a second."""

import argparse
import math
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpt_trader.broker.sizing import SIZING
from gpt_trader.domain.errors import UsageError
from gpt_trader.flags import Flags
from gpt_trader.kernels.compile import set_cache_folder
from gpt_trader.research.command import check_report, spoken
from gpt_trader.settings import LIMITS, load_settings
from gpt_trader.store.document import check_target, write_document
from gpt_trader.strategies.registry import strategy_names

if TYPE_CHECKING:
    from gpt_trader.backtesting.backtest import Speed
    from gpt_trader.backtesting.result import BacktestResult
    from gpt_trader.backtesting.setup import Slippage

EPILOG = """\
  gpt-trader backtest --data btc.parquet
  gpt-trader backtest --data btc.parquet --strategy ma_crossover --param fast=10 --param slow=60
  gpt-trader backtest --data btc.parquet --strategy mine.py:crossover --market close --fees 0.001
  gpt-trader backtest --data "BTC-USD 1m" --json - --report result.html
With the same candles, strategy and options `gpt-trader live --data FILE --speed max` reports the
same orders, fills, fees and equity_end, to the last unit.
exit codes: 0 ok, 1 the two speeds differ, 2 bad usage or unusable candles, 130 interrupted.
"""


def parser() -> argparse.ArgumentParser:
    """The command line; strategies are listed without loading them."""
    p = Flags(
        prog="gpt-trader backtest",
        description="Trade a strategy on candles, through the rules and the market of a live "
        "session, and say what came of it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_market(p)
    p.add_argument("--param", action="append", default=[], metavar="K=V", help="of the strategy")
    p.add_argument(
        "--speed",
        choices=("fused", "engine", "both"),
        default="fused",
        help="compiled, the live engine event by event, or both to compare them [fused]",
    )
    p.add_argument("--report", metavar="FILE", help="write a page of the result, HTML")
    p.add_argument("--json", nargs="?", const="-", metavar="F.json|-", help="one document [-]")
    return p


def add_market(p: argparse.ArgumentParser) -> None:
    """The options that a backtest and a sweep share."""
    p.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="FILE|NAME",
        help='candles: a Parquet or CSV file, or stored ones such as "BTC-USD 1m"',
    )
    p.add_argument("--product", metavar="ID", help="for files that do not say it")
    p.add_argument("--candle-s", type=int, metavar="S", help="width of a candle [as the data]")
    p.add_argument(
        "--strategy",
        default="ma_crossover",
        metavar="NAME|FILE.py:NAME",
        help=f"{', '.join(strategy_names())}, or one of a file of yours [ma_crossover]",
    )
    p.add_argument(
        "--sizing", action="append", default=[], metavar="K=V", help=f"one of {', '.join(SIZING)}"
    )
    p.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="K=V",
        help=f"a risk limit: {', '.join(LIMITS)}",
    )
    p.add_argument(
        "--market",
        choices=("exchange", "close"),
        default="exchange",
        help="the embedded exchange's book, or any size at the close [exchange]",
    )
    p.add_argument(
        "--slippage",
        metavar="BPS|BPS,SHARE",
        help="what taking costs beyond the middle, on average, in the exchange's book, and the "
        "share of a minute's volume in its first level [0.0625,0.01]",
    )
    p.add_argument(
        "--fees", metavar="RATE|MAKER,TAKER", help="fractions, as 0.001 [Coinbase's tiers]"
    )
    p.add_argument("--cash", default="100000", metavar="X", help="quote to begin with [100000]")
    p.add_argument("--seed", type=int, default=1, metavar="N", help="of the market [1]")
    p.add_argument(
        "--var", metavar="DIR", help="where candles are stored and trials counted [./var]"
    )


def options_of(args: argparse.Namespace) -> dict[str, Any]:
    """What `backtest` and `sweep` take, from their command lines.

    Raises
    ------
    UsageError
        Something is not written as it should be.
    """
    settings = load_settings({"var": args.var}, os.environ, Path.cwd())
    set_cache_folder(settings.kernel_cache or settings.var / "cache")
    if not args.data:
        raise UsageError("--data FILE: which candles? `gpt-trader data list` shows stored ones")
    limits = {**settings.limits, **numbers(args.limit, "--limit")}
    return {
        "product": args.product,
        "candle_s": args.candle_s,
        "sizing": {k: float(v) for k, v in numbers(args.sizing, "--sizing").items()},
        "limits": limits,
        "market": args.market,
        "slippage": slippage_of(args.slippage),
        "fees": fees_of(args.fees),
        "cash": number(args.cash, "--cash"),
        "seed": args.seed,
    }


def numbers(given: list[str], flag: str) -> dict[str, Decimal]:
    """NAME=NUMBER pairs."""
    pairs = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"{flag} {text}: write NAME=NUMBER")
        pairs[name.strip()] = number(value, f"{flag} {name}=")
    return pairs


def number(text: str, flag: str) -> Decimal:
    """A finite number."""
    try:
        value = Decimal(text)
    except ArithmeticError as e:
        raise UsageError(f"{flag} {text}: that is no number") from e
    if not value.is_finite():
        raise UsageError(f"{flag} {text}: that is no number")
    return value


def slippage_of(text: str | None) -> "Slippage | None":
    """Half of the mean spread in bps, and how deep the book is."""
    if text is None:
        return None
    from gpt_trader.backtesting.setup import Slippage

    parts = [number(part, "--slippage") for part in text.split(",")]
    if len(parts) > 2:
        raise UsageError(f"--slippage {text}: one number of bps, or BPS,SHARE")
    return Slippage(half_spread_bps=parts[0], volume_share=parts[1] if len(parts) == 2 else None)


def fees_of(text: str | None) -> float | tuple[float, float] | None:
    """One rate, or maker's and taker's."""
    if text is None:
        return None
    rates = [float(number(part, "--fees")) for part in text.split(",")]
    if len(rates) == 1:
        return rates[0]
    if len(rates) == 2:
        return rates[0], rates[1]
    raise UsageError(f"--fees {text}: one rate, or MAKER,TAKER")


def run(argv: list[str]) -> int:
    """Run one backtest and say what came of it."""
    return spoken(_run, argv)


def _run(argv: list[str]) -> int:
    args = parser().parse_args(argv)
    options = options_of(args)
    check_target(args.json)
    check_report(args.report)
    from gpt_trader.research.backtest import backtest

    params = {name: float(value) for name, value in numbers(args.param, "--param").items()}
    given = {**options, "params": params, "var": args.var}
    speed: Speed = "engine" if args.speed == "engine" else "fused"
    result = backtest(args.data, args.strategy, speed=speed, **given)
    if args.report:
        result.tearsheet(args.report)
    say(result, args.json)
    if args.speed != "both":
        return 0
    return compared(result, backtest(args.data, args.strategy, speed="engine", **given))


def compared(fused: "BacktestResult", engine: "BacktestResult") -> int:
    """Say whether both speeds did the same; the exit code."""
    from gpt_trader.backtesting.difference import first_difference
    from gpt_trader.backtesting.fused import result_of

    difference = first_difference(result_of(fused.run), result_of(engine.run))
    if difference is None:
        print("both speeds made the same orders, fills and books", file=sys.stderr)
        return 0
    print(f"the two speeds differ, compiled first: {difference}", file=sys.stderr)
    return 1


def say(result: "BacktestResult", json_to: str | None) -> None:
    """Print the figures beside buy-and-hold's, or one document."""
    document = summary(result)
    if json_to is not None:
        write_document(document, json_to)
    if json_to == "-":
        return
    products = ", ".join(tape.product.product_id for tape in result.tapes)
    values = ", ".join(f"{name}={value:g}" for name, value in result.values.items())
    print(f"{result.strategy.name} ({values}) on {products}, {result.course.rounds:,} candle times")
    stats = result.stats
    print(f"  {'':<26} {'strategy':>16} {'buy and hold':>16}")
    for name, value in stats.items():
        if not name.startswith("buy_and_hold_"):
            held = stats.get(f"buy_and_hold_{name}")
            print(f"  {name:<26} {shown(value):>16} {'' if held is None else shown(held):>16}")
    for rule, count in result.denials_by_rule.items():
        print(f"  denied by {rule:<16} {count:>16,}")
    if result.denial_note:
        print(f"  {result.denial_note}")


def shown(value: object) -> str:
    """A figure for people: counts with commas, the rest with six places."""
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.6g}"
    return f"{value:,f}" if isinstance(value, Decimal) else str(value)


def summary(result: "BacktestResult") -> dict[str, object]:
    """Everything a script may ask of a result; `live` names its figures alike."""
    from gpt_trader.kernels import account

    stats = result.stats
    return {
        "strategy": result.strategy.name,
        "params": result.values,
        "products": [tape.product.product_id for tape in result.tapes],
        "candles": int(result.run.session[account.CANDLES]),
        "orders": stats["orders"],
        "fills": stats["fills"],
        "denials": stats["denials"],
        "denials_by_rule": result.denials_by_rule,
        "denial_note": result.denial_note or None,
        "equity_start": str(result.setup.cash),
        "equity_end": str(result.equity_end),
        "fees": str(stats["fees_quote"]),
        "stats": {name: _plain(value) for name, value in stats.items()},
        "content_hash": result.content_hash,
    }


def _plain(value: object) -> object:
    """JSON knows no NaN and no exact decimals."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Decimal) else value
