"""A compiled backtest against a real session in lockstep: order by order, fill by fill."""

import json
import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gpt_trader.backtesting.backtest import prepare
from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.course import course_of
from gpt_trader.backtesting.difference import first_difference
from gpt_trader.backtesting.fused import Arena, result_of
from gpt_trader.backtesting.simulation_result import OrderBook, SimulationResult
from gpt_trader.coinbase.catalog import product
from gpt_trader.domain.events import OrderChanged, SessionOpened, StopRequested
from gpt_trader.domain.product import amount_of
from gpt_trader.engine.engine import Engine
from gpt_trader.kernels.vectors import Ints
from gpt_trader.store.folders import find
from gpt_trader.store.reading import LogReader
from tests.backtesting.cases import tape
from tests.live import commands
from tests.tier import scaled

JUMPY = {"fast": 3.0, "slow": 9.0, "band_bps": 0.0}
STRATEGIES: dict[str, tuple[dict[str, float], ...]] = {
    "ma_crossover": (JUMPY, {"fast": 1.0, "slow": 4.0, "band_bps": 5.0}),
    "mean_reversion": ({"span": 5.0, "entry": 0.6, "exit": 0.1},),
    "breakout": ({"entry": 3.0, "exit": 2.0, "atr_span": 2.0, "stop_ranges": 1.0},),
    "dev_life": ({"entry_after": 4.0, "exit_after": 60.0},),
}
ROWS = 400  # of a named tape
CASES = 40  # 4 on the quick tier, 20 in CI
BUSY = {"stop_rate": 0.004, "good_till": 1.0, "patience_candles": 2.0, "rebalance_rate": 0.02}
SHARED = ("denials_by_rule", "equity_end", "fees", "fills", "orders", "denials", "candles")


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person chose for both."""

    strategy: str
    params: Mapping[str, float]
    sizing: Mapping[str, float]
    limits: Mapping[str, Decimal]
    seed: int

    def words(self) -> list[str]:
        """As words of `gpt-trader live` and of `gpt-trader backtest` alike."""
        pairs = (("--param", self.params), ("--sizing", self.sizing), ("--limit", self.limits))
        given = [w for flag, each in pairs for k, v in each.items() for w in (flag, f"{k}={v}")]
        return [*given, "--strategy", self.strategy, "--seed", str(self.seed)]

    def options(self) -> dict[str, object]:
        """As options of `backtest`."""
        return {
            "params": self.params,
            "sizing": self.sizing,
            "limits": self.limits,
            "seed": self.seed,
        }


def made(folder: Path, drawn: CandleTape, seed: int) -> Path:
    """Write a tape as a candle file, its rows without a trade included."""
    traded, candles = drawn.product, drawn.candles
    volume = np.zeros(drawn.every_row_ns.size)
    volume[drawn.rows] = candles.volume * float(traded.base_increment)
    columns: dict[str, object] = {"time": drawn.row_starts_s}
    for name, ticks in (
        ("open", candles.open),
        ("high", candles.high),
        ("low", candles.low),
        ("close", candles.close),
    ):
        price = np.full(drawn.every_row_ns.size, float(traded.price(int(candles.close[0]))))
        price[drawn.rows] = [float(traded.price(int(count))) for count in ticks]
        columns[name] = price
    columns["volume"] = volume
    columns["product_id"] = [traded.product_id] * volume.size
    columns["granularity"] = np.full(volume.size, drawn.candle_s, np.int32)
    path = folder / f"{traded.product_id}_{drawn.candle_s}_{seed}.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def part(folder: Path, name: str, first: int, otherwise: Callable[[Path], Path]) -> Path:
    """Some rows of a recorded file, or a tape that is made where this machine has none."""
    data = os.environ.get("GPT_TRADER_DATA")
    if data is None:
        return otherwise(folder)
    rows = pq.read_table(Path(data) / "candles" / f"{name}.parquet")
    short = folder / f"short_{name}.parquet"
    pq.write_table(rows.slice(first, ROWS), short)
    return short


def walk(product_id: str, candle_s: int) -> Callable[[Path], Path]:
    """How to make a tape of a product."""

    def written(folder: Path) -> Path:
        dice = random.Random(f"{product_id} {candle_s} d")  # that one trades
        return made(folder, tape(dice, product(product_id), candle_s, ROWS), 0)

    return written


def a_minute_of_bitcoin(folder: Path) -> list[Path]:
    name = "coinbase_BTC-USD_1m_20230301-20230321"
    return [part(folder, name, 13_000, walk("BTC-USD", 60))]


def five_minutes(folder: Path) -> list[Path]:
    name = "coinbase_SOL-USD_5m_20250916-20251115"
    return [part(folder, name, 6_900, walk("SOL-USD", 300))]


def with_gaps(folder: Path) -> list[Path]:
    name = "coinbase_BTC-USDT_1m_20230301-20230321"
    return [part(folder, name, 4_900, walk("BTC-USDT", 60))]


def two_products(folder: Path) -> list[Path]:
    return [walk("BTC-USD", 60)(folder), walk("ETH-USD", 60)(folder)]


NAMED = {
    "minutes": (a_minute_of_bitcoin, Choices("ma_crossover", JUMPY, {}, {}, 1)),
    "five minutes": (five_minutes, Choices("ma_crossover", JUMPY, BUSY, {}, 3)),
    "gaps": (with_gaps, Choices("mean_reversion", {"span": 5.0, "entry": 0.6}, BUSY, {}, 2)),
    "two products": (
        two_products,
        Choices(
            "ma_crossover",
            JUMPY,
            {"market_orders": 1.0, "patience_candles": 1.0, "rebalance_rate": 0.0},
            {"exposure_rate_max": Decimal("0.3"), "orders_per_minute_max": Decimal(1)},
            1,
        ),
    ),
}


def drawn_choices(dice: random.Random) -> Choices:
    """Random choices."""
    strategy = dice.choice((*STRATEGIES, "ma_crossover"))
    sizing: dict[str, float] = {
        "size_fraction": dice.choice((0.2, 0.2, 0.6)),
        "patience_candles": dice.choice((0, 1, 2, 3)),
        "take_bps": dice.choice((30, 0, 3)),
        "rebalance_rate": dice.choice((0.25, 0.0, 0.02)),
        "good_till": dice.choice((0, 1)),
        "market_orders": dice.choice((0, 1)),
        "stop_rate": dice.choice((0, 0.002, 0.01)),
        "volatility_target": dice.choice((0, 0, 0.8)),
        "volatility_span": 5,
    }
    limits = {
        "order_notional_max": Decimal(dice.choice(("25000", "19999.5"))),
        "exposure_rate_max": Decimal(dice.choice(("0.8", "0.3"))),
        "position_rate_max": Decimal(dice.choice(("0.25", "0.2"))),
        "orders_per_minute_max": Decimal(dice.choice((30, 1))),
        "daily_loss_rate_max": Decimal(dice.choice(("0.1", "0.004"))),
    }
    return Choices(strategy, dice.choice(STRATEGIES[strategy]), sizing, limits, dice.randrange(99))


def drawn_files(dice: random.Random, folder: Path) -> list[Path]:
    """One or two random tapes of products of the embedded exchange."""
    names = dice.sample(("BTC-USD", "ETH-USD", "XRP-USD", "DOGE-USD"), dice.choice((1, 1, 2)))
    candle_s = dice.choice((60, 60, 300, 3600))
    rows = dice.randrange(100, 150)
    return [made(folder, tape(dice, product(name), candle_s, rows), 0) for name in names]


def of_session(folder: Path, end_ns: Ints) -> SimulationResult:
    """What a session did until it was to stop, from its log."""
    with LogReader(find(folder, "latest").log) as reader:
        events = [event for _, event in reader.events()]
    opened = events[0]
    assert isinstance(opened, SessionOpened)
    engine, told = Engine(opened), OrderBook(opened.products)
    for event in events:
        if isinstance(event, StopRequested):
            break
        engine.apply(event)
        if isinstance(event, OrderChanged):
            order = engine.orders.get(event.client_order_id)
            if order is None or order.status is not event.status:
                continue  # REST and WebSocket race: an older word came later
        told.note(event, int(np.searchsorted(end_ns, event.ts_ns)))
    return told.result(engine)


def compare(files: list[Path], choices: Choices, folder: Path) -> SimulationResult:
    """Play a session and a compiled backtest, and hold them to each other."""
    data = [word for file in files for word in ("--data", str(file))]
    setup, tapes = prepare([str(file) for file in files], choices.strategy, **choices.options())
    cash = ("--balance", f"{tapes[0].product.quote}={setup.cash}")
    session = commands.live(folder / "var", "--speed", "max", *cash, *data, *choices.words())
    assert session.code == 0, session.err
    course = course_of(tapes, setup.market, setup.sizing)

    result = result_of(Arena(course, setup, with_orders=True, with_equity=False).run_setup())

    assert first_difference(result, of_session(folder / "var", course.end_ns)) is None
    assert result.equity_units is not None
    document = session.document
    assert document["equity_end"] == str(amount_of(result.equity_units))
    assert document["fees"] == str(amount_of(result.fees_units))
    assert document["fills"] == len(result.fills)
    assert document["orders"] == sum(row.refused == 0 for row in result.orders)
    told = commands.run(["backtest", "--json", "-", *data, *choices.words()], folder)
    assert told.code == 0, told.err
    shared = {name: document[name] for name in SHARED}
    assert {name: json.loads(told.out)[name] for name in SHARED} == shared
    return result


@pytest.mark.parametrize("name", NAMED)
def test_a_session_equals_its_compiled_backtest(name: str, tmp_path: Path) -> None:
    files, choices = NAMED[name]

    result = compare(files(tmp_path), choices, tmp_path)

    assert len(result.fills) > 10


@pytest.mark.parametrize("number", range(scaled(CASES)))
def test_a_random_session_equals_its_compiled_backtest(number: int, tmp_path: Path) -> None:
    dice = random.Random(number)

    result = compare(drawn_files(dice, tmp_path), drawn_choices(dice), tmp_path)

    assert result.candles > 50
