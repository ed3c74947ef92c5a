"""Compiled backtests equal the engine's own on recorded candles: every file there is."""

import os
import random
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gpt_trader.backtesting.backtest import prepare
from gpt_trader.backtesting.candles import CandleTape, load
from gpt_trader.coinbase.catalog import product
from tests.backtesting.cases import Case, tape
from tests.backtesting.equality import SOAKING, differing_in
from tests.tier import scaled

ROWS = 10**9 if SOAKING else scaled(8_000)
MADE = (("BTC-USD", 60), ("ETH-USD", 300), ("DOGE-USD", 3600), ("SHIB-USD", 86_400), ("BTC-EUR", 1))
CHOICES: dict[str, dict[str, object]] = {
    "defaults": {},
    "jumpy, with stops and ends": {
        "params": {"fast": 3, "slow": 11, "band_bps": 1},
        "sizing": {"stop_rate": 0.004, "good_till": 1, "patience_candles": 2, "rebalance_rate": 0},
        "limits": {"daily_loss_rate_max": "0.02", "position_rate_max": "0.201"},
        "seed": 7,
    },
}


@dataclass(frozen=True, slots=True)
class Source:
    """A candle file, or how to make a tape where this machine has none."""

    name: str
    path: Path | None
    candle_s: int

    def tape(self, folder: Path) -> CandleTape:
        """Its first candles."""
        if self.path is None:
            return tape(random.Random(self.name), product(self.name), self.candle_s, scaled(8_000))
        short = folder / self.path.name
        pq.write_table(pq.read_table(self.path).slice(0, ROWS), short)
        loaded = load(short)
        assert isinstance(loaded, CandleTape)
        return loaded


def sources() -> list[Source]:
    """Every file of trade candles but the dirty one, or tapes that are made."""
    folder = os.environ.get("GPT_TRADER_DATA")
    if folder is None:
        return [Source(name, None, candle_s) for name, candle_s in MADE]
    paths = sorted((Path(folder) / "candles").glob("*.parquet"))
    used = [p for p in paths if "_quotes_" not in p.name and "_dirty_" not in p.name]
    return [Source(path.stem, path, 0) for path in used]


def test_there_are_files_enough() -> None:
    names = [source.name for source in sources()]

    assert len(names) == (len(MADE) if "GPT_TRADER_DATA" not in os.environ else 18), names


@pytest.mark.parametrize("choices", CHOICES.values(), ids=CHOICES)
@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_recorded_candles_give_the_same_at_both_speeds(
    source: Source, choices: dict[str, object], tmp_path: Path
) -> None:
    given = source.tape(tmp_path)
    setup, tapes = prepare(given, "ma_crossover", **choices)
    drawn = Case(setup, tapes, 0)

    words, run = differing_in(drawn)

    assert words is None
    assert run is not None
    assert len(run.equity) == given.every_row_ns.size
