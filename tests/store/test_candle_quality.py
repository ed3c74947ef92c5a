"""Checks of candles: every planted fault is found by kind and row, and clean ones have none."""

import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gpt_trader.coinbase.catalog import product
from gpt_trader.store.candle_files import read_candles
from gpt_trader.store.candle_quality import Finding, check, find_gaps
from gpt_trader.store.candle_table import SECOND_NS, CandleTable, told_width
from tests.store.candles import BEGIN_S, a_table, put

PRODUCT = product("BTC-USD")


def found(table: CandleTable) -> dict[str, Finding]:
    return {finding.kind: finding for finding in check(table, 60, None)}


def moved(table: CandleTable, row: int, seconds: int) -> CandleTable:
    times = table.times.copy()
    times[row] += seconds * SECOND_NS
    return replace(table, times=times)


def without(table: CandleTable, *rows: int) -> CandleTable:
    kept = np.delete(np.arange(table.times.size), rows)
    values = {name: column[kept] for name, column in table.values.items()}
    return replace(table, times=table.times[kept], values=values)


def test_clean_candles_have_no_findings() -> None:
    assert check(a_table(2000), 60, PRODUCT) == []


ERRORS: dict[str, Callable[[CandleTable], CandleTable]] = {
    "missing value": lambda table: put(table, "low", 7, math.nan),
    "infinite value": lambda table: put(table, "volume", 7, math.inf),
    "close is not above 0": lambda table: put(table, "close", 7, 0.0),
    "volume is negative": lambda table: put(table, "volume", 7, -1.0),
    "high below its open, close or low": lambda table: put(table, "high", 7, 1.0),
    "low above its open or close": lambda table: put(table, "low", 7, 500.0),
    "duplicate time": lambda table: moved(table, 7, -60),
    "falling time": lambda table: moved(table, 7, -90),
    "time off the grid": lambda table: moved(table, 7, 1),
    "no time": lambda table: replace(
        table, times=np.where(table.times == table.times[7], -1, table.times)
    ),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_a_planted_error_is_named_with_its_row(kind: str) -> None:
    findings = found(ERRORS[kind](a_table()))

    assert findings[kind].is_error
    assert findings[kind].count == 1
    assert findings[kind].says.startswith("row 7 (")


def test_a_time_that_comes_again_much_later_is_found() -> None:
    table = a_table()
    times = table.times.copy()
    times[50] = times[3]

    findings = found(replace(table, times=times))

    assert findings["duplicate time"].says.startswith("row 50 (2023-03-01 00:03:00 UTC)")


def test_gaps_are_counted_and_the_longest_comes_first() -> None:
    table = without(a_table(), 10, 20, 21, 22)

    gaps = find_gaps(table.starts_ns, 60)

    assert [(gap.start_ns // SECOND_NS - BEGIN_S, gap.absent) for gap in gaps] == [
        (600, 1),
        (1200, 3),
    ]
    finding = found(table)["gaps"]
    assert not finding.is_error and finding.count == 2
    assert finding.says.startswith(
        "4 candles absent, longest: 3 from 2023-03-01 00:20:00 UTC to 2023-03-01 00:22:00 UTC"
    )


def test_silence_and_made_up_opens_are_warned_of() -> None:
    table = a_table()
    opened = np.concatenate(([100.0], table.values["close"][:-1]))
    high = np.maximum(table.values["high"], opened)
    low = np.minimum(table.values["low"], opened)
    flat = a_table(open=opened, high=high, low=low)

    assert "flat opens" not in found(table)
    assert found(flat)["flat opens"].count == 99
    silent = found(put(put(a_table(), "volume", 7, 0.0), "volume", 70, 0.0))["zero volume"]
    assert silent.count == 2 and not silent.is_error and "row 7 (" in silent.says


def test_an_outlier_is_measured_by_the_usual_return_and_not_by_itself() -> None:
    table = a_table(2000)
    for name in ("open", "high", "low", "close"):
        table.values[name][1000:] *= 1.05

    finding = found(table)["outliers"]

    assert finding.count == 1
    assert "row 1000 (" in finding.says and "%" in finding.says


def test_lone_highs_lows_and_closes_are_spikes() -> None:
    low = found(put(a_table(2000), "low", 400, 0.06))
    high = found(put(a_table(2000), "high", 400, 200.0))
    close_spike = a_table(2000)
    close_spike.values["close"][400] *= 1.03
    close_spike.values["high"][400] *= 1.04
    lone = found(close_spike)

    assert "row 400 (" in low["spikes"].says and "low 0.06 beside" in low["spikes"].says
    assert "high 200.0 beside" in high["spikes"].says
    assert lone["lone closes"].count == 1 and "row 400 (" in lone["lone closes"].says


def test_a_jump_over_a_hole_is_no_outlier() -> None:
    table = a_table(2000)
    for name in ("open", "high", "low", "close"):
        table.values[name][1000:] *= 1.05

    findings = found(without(table, *range(900, 1000)))

    assert set(findings) == {"gaps"}


def test_very_short_and_constant_tables_have_no_outliers() -> None:
    same = np.full(50, 5.0)
    constant = a_table(50, open=same, high=same, low=same, close=same)

    assert set(found(constant)) == {"flat opens"}
    assert check(a_table(2), 60, PRODUCT) == []
    assert check(without(a_table(1), 0), 60, PRODUCT) == []


# What the data's own README says is odd, by file: kind, how often, and what must be said of it.
README = {
    "coinbase_BTC-USD_1d_dirty_20141201-20191016": {
        "gaps": (1, "12 candles absent, longest: 12 from 2019-03-20"),
        "zero volume": (38, "2014-12-05"),
        "outliers": (2, "row 44 (2015-01-14 00:00:00 UTC) -53.85%"),
        "spikes": (1, "low 0.06 beside"),
        "flat opens": (1749, "98.9%"),
        "lone closes": (1, "2015-01-14"),
    },
    "coinbase_BTC-USD_1m_20230301-20230321": {
        "gaps": (11, "277 from 2023-03-04 17:00:00 UTC to 2023-03-04 21:36:00 UTC"),
        "outliers": (15, "2023-03-13 14:08:00 UTC"),
        "lone closes": (2, "2023-03-14 12:35:00 UTC"),
    },
    "coinbase_ETH-USD_1d_20160527-20191016": {
        "gaps": (1, "12 from 2019-03-20 00:00:00 UTC to 2019-03-31"),
        "zero volume": (2, "2018-08-12"),
        "spikes": (1, "(2017-06-21 00:00:00 UTC) low 0.1 beside"),
        "flat opens": (1217, "99.3%"),
    },
    "coinbase_BTC-USDT_1m_20230301-20230321": {
        "gaps": (3917, "5761 candles absent, longest: 282 from 2023-03-04 17:00:00"),
        "outliers": (3, "2023-03-03"),
        "spikes": (1, "low"),
        "lone closes": (3, "2023-03-14"),
    },
    "coinbase_BTC-USD_1m_20171217": {
        "outliers": (3, "2017-12-17"),
        "lone closes": (1, "2017-12-17 23:04"),
    },
    "coinbase_BTC-USD_1d_20210101-20250923": {},
}


@pytest.mark.parametrize("name", README)
def test_the_oddities_of_the_real_files_are_named(name: str, tmp_path: Path) -> None:
    folder = os.environ.get("GPT_TRADER_DATA")
    if folder is None:
        table, expected = dirty(), DIRTY
    else:
        [table] = read_candles(Path(folder) / "candles" / f"{name}.parquet")
        expected = README[name]

    findings = {one.kind: one for one in check(table, told_width(table) or 0, None)}

    assert set(findings) == set(expected)
    for kind, (count, says) in expected.items():
        assert findings[kind].count == count
        assert says in findings[kind].says
        assert not findings[kind].is_error


DIRTY = {
    "gaps": (1, "12 candles absent"),
    "zero volume": (38, "row 1 ("),
    "spikes": (1, "low 0.06 beside"),
    "outliers": (2, "row 944"),
}


def dirty() -> CandleTable:
    """Where this machine has no real files: one with their faults."""
    table = put(a_table(2000), "low", 500, 0.06)
    table.values["volume"][1:39] = 0
    for column in ("open", "high", "low", "close"):
        table.values[column][944:946] *= 1.1
    return without(table, *range(1500, 1512))


def test_prices_below_half_an_increment_are_errors_where_the_product_is_known() -> None:
    low = put(a_table(), "low", 7, 0.004)

    [finding] = check(low, 60, PRODUCT)

    assert (finding.kind, finding.is_error, finding.count) == ("low too small", True, 1)
    assert not any(one.is_error for one in check(low, 60, None))
    assert not any(one.is_error for one in check(put(a_table(), "low", 7, 0.005), 60, PRODUCT))


def test_closes_between_the_increments_are_a_warning_when_they_are_more_than_a_few() -> None:
    table, few = a_table(), a_table()
    table.values["close"][:4] += 0.001
    few.values["close"][:3] += 0.001

    [finding] = [one for one in check(table, 60, PRODUCT) if one.kind == "off the increments"]

    assert not finding.is_error
    assert finding.count == 4
    assert "multiples of 0.01" in finding.says
    assert "off the increments" not in {one.kind for one in check(few, 60, PRODUCT)}
    assert "off the increments" not in {one.kind for one in check(table, 60, None)}
