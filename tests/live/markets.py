"""Candle files that sessions play, and what must come out of them, worked out without our code.

Real ones where this machine has them (`GPT_TRADER_DATA`), else ones of the same shape that are
made here: with minutes that are missing and minutes in which nothing was traded.
"""

import math
import os
import random
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gpt_trader.domain.events import Candle

PRICE_INCREMENT = Decimal("0.01")  # of BTC-USD and SOL-USD alike
BASE_INCREMENT = Decimal("0.00000001")
NAMES = ("open", "high", "low", "close")
NS = 1_000_000_000
BEGIN_S = 1_677_628_800
QUOTE_A_MINUTE = 150_000.0  # usual turnover of a candle that is made here


@dataclass(frozen=True, slots=True)
class Recording:
    """Candle files of one width, one a product."""

    files: dict[str, Path]  # by product id
    candle_s: int

    def options(self) -> list[str]:
        """The `--data` options that play it."""
        return [word for path in self.files.values() for word in ("--data", str(path))]


def minutes_of_bitcoin(folder: Path) -> Recording:
    """BTC-USD, about 30,000 candles of a minute."""
    real = _real("coinbase_BTC-USD_1m_20230301-20230321.parquet")
    return Recording({"BTC-USD": real or _made(folder, "BTC-USD", 60, 29_950, 23_000.0)}, 60)


def five_minutes_of_two(folder: Path) -> Recording:
    """BTC-USD and SOL-USD, candles of five minutes."""
    bitcoin = _real("coinbase_BTC-USD_5m_20250916-20251115.parquet")
    solana = _real("coinbase_SOL-USD_5m_20250916-20251115.parquet")
    return Recording(
        {
            "BTC-USD": bitcoin or _made(folder, "BTC-USD", 300, 17_500, 110_000.0),
            "SOL-USD": solana or _made(folder, "SOL-USD", 300, 17_500, 200.0),
        },
        300,
    )


def candles_of(recording: Recording, rounds: int) -> dict[str, list[Candle]]:
    """The candles of the first `rounds` rows in time, in the products' increments, half to even.

    A row without volume is a tick of the clock and no candle.
    """
    tables = {name: pq.read_table(path) for name, path in recording.files.items()}
    times = sorted({time for table in tables.values() for time in table["time"].to_pylist()})
    before_s = times[rounds - 1] + 1 if rounds < len(times) else math.inf
    return {name: _candles(table, before_s) for name, table in tables.items()}


def _candles(table: pa.Table, before_s: float) -> list[Candle]:
    return [
        _candle(row)
        for row in table.to_pylist()
        if row["time"] < before_s and _steps(row["volume"], BASE_INCREMENT) > 0
    ]


def _candle(row: dict[str, Any]) -> Candle:
    opened, high, low, close = (
        max(_steps(row[name], PRICE_INCREMENT), PRICE_INCREMENT) for name in NAMES
    )
    volume = _steps(row["volume"], BASE_INCREMENT)
    return Candle(row["time"] * NS, opened, high, low, close, volume)


def _steps(value: float, increment: Decimal) -> Decimal:
    return Decimal(repr(value)).quantize(increment, ROUND_HALF_EVEN)


def _real(name: str) -> Path | None:
    folder = os.environ.get("GPT_TRADER_DATA")
    return None if folder is None else (Path(folder) / "candles" / name).absolute()


def _made(folder: Path, product_id: str, candle_s: int, count: int, price: float) -> Path:
    dice = random.Random(product_id)
    usual = QUOTE_A_MINUTE * candle_s / 60
    rows: list[dict[str, object]] = []
    time_s = BEGIN_S
    for place in range(count):
        time_s += candle_s * (1 + dice.randrange(5) * (dice.random() < 0.01))
        drift = 0.0003 * math.sin(place / 25)
        opened, price = price, price * math.exp(dice.gauss(drift, 0.0008))
        wick = price * abs(dice.gauss(0, 0.0005))
        rows.append(
            {
                "time": time_s,
                "open": round(opened, 2),
                "high": round(max(opened, price) + wick, 2),
                "low": round(min(opened, price) - wick, 2),
                "close": round(price, 2),
                "volume": 0.0
                if dice.random() < 0.01
                else usual / price * dice.lognormvariate(0, 1),
                "product_id": product_id,
                "granularity": candle_s,
            }
        )
    path = folder / f"{product_id}_{candle_s}.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path
