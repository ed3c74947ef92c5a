"""Table B: ten thousand pairs of windows over a year of minutes."""

from collections.abc import Callable
from dataclasses import dataclass

import gpt_trader as gt
from benchmarks import vectorbt_runs as vbt
from benchmarks.agreement import Unequal, check_drawdown, check_orders, check_plausible, check_value
from benchmarks.crossover import CASH, FEE_RATE, SIZE_FRACTION, by_hand, crossover
from benchmarks.goals import Goal
from benchmarks.ours import OPTIONS
from benchmarks.pairs import FAST, PAIRS, SLOW, grid, sampled, swept
from benchmarks.single import Measured
from benchmarks.stopwatch import Timing, interleaved
from benchmarks.tables import Table, ratio
from benchmarks.tape import Tape

CHUNKS = (1, 2, 5, 10)
FINALISTS = 2  # ways of vectorbt that are timed on all sampled pairs; the faster one counts
TERMS = vbt.Terms(float(CASH), SIZE_FRACTION, FEE_RATE)
FEW = ("orders", "equity_end_quote")

Call = Callable[..., object]


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to sweep with vectorbt, and how many pairs at once are fastest for it."""

    engine: str
    way: str
    call: Call
    chunk: int
    s_per_pair: float


def checked(tape: Tape, pairs: list[tuple[int, int]]) -> str:
    """Compare each pair's orders, final equity and drawdown with vectorbt's.

    The orders of the first five are compared one by one, of all the others their number.

    Raises
    ------
    Unequal
        At the first difference, of any of our ways to sweep.
    """
    tables = []
    for strategy, by_sight in ((crossover, True), (by_hand, False)):
        result = swept(tape, strategy, grid(pairs))
        if result.recognised is not by_sight:
            raise Unequal(f"{strategy.name}: recognised = {result.recognised}")
        tables.append(result.table)
    value_error = fall_error = 0.0
    for place, pair in enumerate(pairs):
        portfolio = vbt.orders_only(tape, [pair], TERMS, "from_orders", "rust")
        value, fall = vbt.with_drawdown(tape, [pair], TERMS, "from_orders", "rust")
        for table in tables:
            row = table.iloc[place]
            assert (int(row["fast"]), int(row["slow"])) == pair, "the table keeps the grid's order"
            assert int(row["orders"]) == len(portfolio.order_records), (pair, row["orders"])
            value_error = max(
                value_error, check_value(float(row["equity_end_quote"]), float(value[0]))
            )
            fall_error = max(
                fall_error, check_drawdown(float(row["max_drawdown_rate"]), -float(fall[0]))
            )
        if place < 5:
            params = {"fast": pair[0], "slow": pair[1]}
            ours = gt.backtest(tape.closes, crossover, params=params, **OPTIONS)
            check_orders(tape, ours.fills, portfolio.order_records)
    return (
        f"equal in this run for {len(pairs)} sampled pairs: number of orders, final value to "
        f"{value_error:.0e}, drawdown to {fall_error:.0e}; every order of the first 5"
    )


def fastest(tape: Tape, call: Call) -> list[Peer]:
    """The best few of both engines, both calls and every chunk size, the best first.

    Each is tried three times and its least time counts: chosen by one noisy try, a slow way
    could stand for vectorbt, and every ratio would flatter us.
    """
    tried = []
    for engine in vbt.ENGINES:
        for way in vbt.WAYS:
            calls = {
                str(chunk): _chunked(call, tape, sampled(chunk), way, engine, chunk)
                for chunk in CHUNKS
            }
            times = interleaved(calls, 3, budget_s=20.0)
            tried += [
                Peer(engine, way, call, chunk, times[str(chunk)].cpu_s_min / chunk)
                for chunk in CHUNKS
            ]
    return sorted(tried, key=lambda peer: peer.s_per_pair)[:FINALISTS]


def _chunked(
    call: Call, tape: Tape, pairs: list[tuple[int, int]], way: str, engine: str, chunk: int
) -> Callable[[], None]:
    def run() -> None:
        for first in range(0, len(pairs), chunk):
            call(tape, pairs[first : first + chunk], TERMS, way, engine)

    return run


def measured(tape: Tape, columns: int, generic_share: int, repeats: int) -> Measured:
    """Time vectorbt on sampled pairs and our sweeps on all, but for the slow one: on a share."""
    agreement = checked(tape, sampled(columns))
    peers = {
        f"{name} {place}": peer
        for name, call in (("few", vbt.with_value), ("full", vbt.with_drawdown))
        for place, peer in enumerate(fastest(tape, call))
    }
    pairs = sampled(columns)
    theirs = {
        name: _chunked(peer.call, tape, pairs, peer.way, peer.engine, peer.chunk)
        for name, peer in peers.items()
    }
    every = grid(PAIRS)
    part = grid(sampled(len(PAIRS) // generic_share))
    ours: dict[str, Callable[[], object]] = {
        "by hand": lambda: swept(tape, by_hand, part),
        "recognised": lambda: swept(tape, crossover, every),
        "orders": lambda: swept(tape, crossover, every, metrics=FEW),
    }
    times = interleaved({**theirs, **ours}, repeats, budget_s=120.0)
    best = {}
    for kind in ("few", "full"):
        name = min((n for n in peers if n.startswith(kind)), key=lambda n: times[n].cpu_s)
        best[kind], times[kind] = peers[name], times[name]
    shown = {name: times[name] for name in (*best, *ours)}
    scale = {"few": columns, "full": columns, "by hand": len(part)}
    return _laid_out(tape, (best["few"], best["full"]), shown, scale, agreement)


def _laid_out(
    tape: Tape,
    peers: tuple[Peer, Peer],
    times: dict[str, Timing],
    measured_pairs: dict[str, int],
    agreement: str,
) -> Measured:
    bars, count = tape.ticks.size, len(PAIRS)
    table = Table(
        f"B. {count:,} pairs of windows (fast {FAST.start} to {FAST[-1]}, slow {SLOW.start} to "
        f"{SLOW[-1]}) x {bars:,} bars, long only, fee {FEE_RATE:.1%}",
        ("engine", "CPU s for all", "wall s", "CPU ns/bar and pair", "ratio"),
    )
    whole = {
        name: timing.cpu_s * count / measured_pairs.get(name, count)
        for name, timing in times.items()
    }
    few, full = peers
    for name, words in (
        ("orders", "gpt-trader: orders and final equity"),
        ("recognised", "gpt-trader: every figure, per-bar equity and rules"),
        ("by hand", "gpt-trader: a step it does not know by sight, every figure"),
        ("few", f"vectorbt {few.engine}, final value ({few.way}, {few.chunk} at once)"),
        ("full", f"vectorbt {full.engine}, + max drawdown ({full.way}, {full.chunk} at once)"),
    ):
        wall = times[name].wall_s * count / measured_pairs.get(name, count)
        table.rows.append(
            (
                words,
                f"{whole[name]:,.2f}",
                f"{wall:,.2f}",
                f"{whole[name] / count / bars * 1e9:,.3f}",
                ratio(whole[name], whole["recognised"]),
            )
        )
    for name in ("few", "full"):
        check_plausible("vectorbt", whole[name] / count / bars * 1e9)
    table.notes += [
        agreement,
        f"scaled: vectorbt from {measured_pairs['full']} sampled pairs, the unknown step from "
        f"{measured_pairs['by hand']:,}; ours are otherwise timed whole",
        f"vectorbt: the fastest of 2 engines, 2 calls and chunks of {CHUNKS} in this run, its "
        "cache on; one thread; ours use all cores, and CPU counts all of them",
    ]
    return Measured(
        table,
        tuple(
            Goal(
                f"sweep, {words}, against vectorbt with drawdown", whole["full"] / whole[name], *at
            )
            for name, words, at in (
                ("by hand", "user-written step", (50, 80)),
                ("recognised", "recognised, per-bar equity and rules", (300, 400)),
                ("orders", "recognised, orders and final equity", (800, 1_000)),
            )
        ),
    )
