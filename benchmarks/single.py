"""Table A: one backtest of a year of minutes, every engine on the same rule."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from tempfile import TemporaryDirectory

import gpt_trader as gt
from benchmarks import backtesting_run, hftbacktest_run, nautilus_run
from benchmarks import vectorbt_runs as vbt
from benchmarks.agreement import (
    Agreement,
    check_drawdown,
    check_orders,
    check_plausible,
    check_value,
)
from benchmarks.crossover import CASH, FAST, FEE_RATE, SIZE_FRACTION, SLOW, crossover
from benchmarks.goals import Goal
from benchmarks.ours import OPTIONS
from benchmarks.stopwatch import Timing, interleaved
from benchmarks.tables import Table, ratio
from benchmarks.tape import Tape, a_tape
from gpt_trader.backtesting.result import BacktestResult

PAIR = [(FAST, SLOW)]
TERMS = vbt.Terms(float(CASH), SIZE_FRACTION, FEE_RATE)
OURS = "gpt-trader: all rules, equity and drawdown followed each bar"
OURS_SERIES = "gpt-trader: the same, and the series of equity looked at"
OURS_STATS = "gpt-trader: the same, and .stats: data hashed, the trial recorded"
OURS_FRESH = "gpt-trader: first call on new data: the leak check besides"
CENT = 0.01
NAUTILUS_BARS = 45_000


@dataclass(frozen=True, slots=True)
class Measured:
    """A table and the goals it answers."""

    table: Table
    goals: tuple[Goal, ...]


def checked(tape: Tape) -> Agreement:
    """Compare our orders, final equity and drawdown with vectorbt's, in both its engines.

    Raises
    ------
    Unequal
        At the first difference.
    """
    ours = gt.backtest(tape.closes, crossover, **OPTIONS)
    errors = []
    for engine in vbt.ENGINES:
        portfolio = vbt.orders_only(tape, PAIR, TERMS, "from_orders", engine)
        orders = check_orders(tape, ours.fills, portfolio.order_records)
        value, fall = vbt.with_drawdown(tape, PAIR, TERMS, "from_orders", engine)
        errors.append(
            Agreement(
                orders,
                check_value(float(ours.equity_end), float(value[0])),
                check_drawdown(ours.max_drawdown_rate, -float(fall[0])),
            )
        )
    return max(errors, key=lambda error: error.value_error)


def measured(tape: Tape, repeats: int) -> Measured:
    """Time every engine; the fastest call of each of vectorbt's engines stands for it."""
    agreement = checked(tape)
    closes = tape.closes
    calls = count(1)
    var = TemporaryDirectory()
    quick: dict[str, Callable[[], object]] = {
        OURS: lambda: _figures(gt.backtest(closes, crossover, **OPTIONS)),
        OURS_SERIES: lambda: gt.backtest(closes, crossover, **OPTIONS).equity,
        OURS_STATS: lambda: gt.backtest(closes, crossover, var=var.name, **OPTIONS).stats,
        OURS_FRESH: lambda: _figures(
            gt.backtest(closes + CENT * next(calls), crossover, **OPTIONS)
        ),
    }
    for engine in vbt.ENGINES:
        for way in vbt.WAYS:
            quick[f"{engine} {way} orders"] = _call(vbt.orders_only, tape, way, engine)
            quick[f"{engine} {way} all"] = _call(vbt.with_drawdown, tape, way, engine)
    with var:
        times = interleaved(quick, repeats, budget_s=45.0)
    feed = hftbacktest_run.events(tape)
    slow: dict[str, Callable[[], object]] = {
        "hftbacktest": lambda: hftbacktest_run.orders_and_position(tape, feed)
    }
    times |= interleaved(slow, 3, budget_s=10.0)
    times |= interleaved({"backtesting": lambda: backtesting_run.trades_and_equity(tape)}, 1, 1.0)
    return _laid_out(tape, times, agreement)


def _figures(result: BacktestResult) -> tuple[Decimal, float]:
    return result.equity_end, result.max_drawdown_rate


def _call(
    function: Callable[..., object], tape: Tape, way: str, engine: str
) -> Callable[[], object]:
    return lambda: function(tape, PAIR, TERMS, way, engine)


def _laid_out(tape: Tape, times: dict[str, Timing], agreement: Agreement) -> Measured:
    bars, ours = tape.ticks.size, times[OURS].cpu_s
    table = Table(
        f"A. One backtest, SMA {FAST}/{SLOW} long only, fee {FEE_RATE:.1%}, {bars:,} bars, "
        f"{agreement.orders:,} orders",
        ("engine", "CPU ms", "least", "CPU ns/bar", "ratio"),
    )

    def add(name: str, timing: Timing) -> None:
        cpu, least = timing.cpu_s, timing.cpu_s_min
        table.rows.append(
            (
                name,
                f"{cpu * 1e3:,.2f}",
                f"{least * 1e3:,.2f}",
                f"{cpu / bars * 1e9:,.1f}",
                ratio(cpu, ours),
            )
        )

    add(OURS, times[OURS])
    for row in (OURS_SERIES, OURS_STATS, OURS_FRESH):
        add(row, times[row])
    best = {}
    for detail, words in (("orders", "orders only"), ("all", "+ final value + max drawdown")):
        for engine in vbt.ENGINES:
            way = min(vbt.WAYS, key=lambda way: times[f"{engine} {way} {detail}"].cpu_s)
            best[engine, detail] = times[f"{engine} {way} {detail}"]
            check_plausible(f"vectorbt {engine}", best[engine, detail].cpu_s / bars * 1e9)
            add(f"vectorbt {engine}, {words} ({way})", best[engine, detail])
    add("hftbacktest, feed made before (2 rows a side and bar)", times["hftbacktest"])
    add("backtesting.py (1 repeat)", times["backtesting"])
    _add_nautilus(table, ours / bars)
    table.notes += [
        f"tape: {tape.source}",
        agreement.text(),
        f"CPU: median of {times[OURS].repeats} interleaved repeats; nothing is scaled",
        "ours: the public call from a pandas series of closes to the result, conversion included; "
        "the first call on new data or parameters looks for leaks, its repeats do not",
        "vectorbt: means, levels, simulation; the faster of its two calls; its orders are equal "
        "with from_orders, while from_signals counts the fee into the size",
        "backtesting.py and hftbacktest: their number of orders was compared, nothing else",
    ]
    fastest = min(best[engine, "all"].cpu_s for engine in vbt.ENGINES)
    numba = best["numba", "all"].cpu_s
    return Measured(
        table,
        (
            Goal(
                "one backtest, vectorbt's fastest with value and drawdown", fastest / ours, 20, 27
            ),
            Goal("one backtest, vectorbt numba with value and drawdown", numba / ours, 35, 45),
        ),
    )


def _add_nautilus(table: Table, ours_s_per_bar: float) -> None:
    run = nautilus_run.timed(a_tape(NAUTILUS_BARS))
    if isinstance(run, nautilus_run.NotRun):
        table.rows.append(("nautilus_trader", "not run", "", "", ""))
        table.notes.append(f"nautilus_trader was not run: {run.reason}")
        return
    per_bar = run.cpu_s / NAUTILUS_BARS
    table.rows.append(
        (
            f"nautilus_trader {run.version}, {NAUTILUS_BARS:,} bars, {run.orders:,} orders",
            f"{run.cpu_s * 1e3:,.0f}",
            "",
            f"{per_bar * 1e9:,.0f}",
            ratio(per_bar, ours_s_per_bar),
        )
    )
    table.notes.append("nautilus_trader: fewer bars, not scaled; only its engine's run is timed")
