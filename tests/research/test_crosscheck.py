"""vectorbt agrees with our orders, a difference of one unit is named, and live never loads it."""

import json
import os
import subprocess
import sys
import warnings
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from gpt_trader.backtesting.backtest import backtest
from gpt_trader.backtesting.candles import CandleTape, load
from gpt_trader.backtesting.setup import COINBASE_TIERS, EXCHANGE_MARKET
from gpt_trader.domain.errors import UsageError
from gpt_trader.research.crosscheck import crosscheck, portfolio
from tests.builders import a_product
from tests.live.commands import environment
from tests.research.played import Play, a_play, a_tape

ONE_LOT = 1e-8
RESEARCH_ONLY = {
    "bokeh", "dask", "holoviews", "hvplot", "jupyterlab", "matplotlib", "numexpr", "panel",
    "pandas", "plotly", "vectorbt", "vectorbt_rust",
}  # fmt: skip


def candle_files() -> list[Path | None]:
    """Every file of trade candles of the data folder; None stands for a generated tape."""
    folder = os.environ.get("GPT_TRADER_DATA")
    if folder is None:
        return [None]
    paths = sorted((Path(folder) / "candles").glob("*.parquet"))
    return [path for path in paths if "_quotes_" not in path.name]


def tape_of(path: Path | None) -> CandleTape:
    tape = a_tape(candles=5_000) if path is None else load(path)
    assert isinstance(tape, CandleTape)
    return tape


def altered(play: Play, order: int, **fields: str | float | pd.Timestamp) -> Play:
    """The same with one order's fill written down otherwise."""
    fills = play.fills.copy()
    for field, value in fields.items():
        fills.loc[fills["order"] == order, field] = value
    return replace(play, fills=fills)


def field_of(play: Play, order: int, field: str) -> float:
    return float(play.fills.loc[play.fills["order"] == order, field].iloc[0])


@pytest.mark.parametrize("path", candle_files(), ids=lambda path: path.stem if path else "made")
def test_vectorbt_agrees_with_exact_arithmetic(path: Path | None) -> None:
    play = a_play(tape_of(path))

    found = crosscheck(play)

    assert found.orders == len(play.fills) >= 50
    assert found.differences == ()
    assert "agrees" in str(found)


@pytest.mark.parametrize("path", candle_files(), ids=lambda path: path.stem if path else "made")
def test_vectorbt_agrees_with_every_order_of_a_backtest(path: Path | None) -> None:
    result = backtest(
        tape_of(path),
        "ma_crossover",
        params={"fast": 5, "slow": 20},
        market="close",
        fees=0.001,
        sizing={"patience_candles": 0, "market_orders": 1},
        limits={
            "daily_loss_rate_max": 1,
            "drawdown_rate_max": 1,
            "order_notional_max": 1_000_000_000,
            "position_rate_max": 10,
        },
    )

    found = crosscheck(result)

    assert found.orders == len(result.fills) >= 50
    assert found.differences == ()


@pytest.mark.parametrize(
    ("field", "step"), [("base_size", ONE_LOT), ("price", 0.01), ("fee", 1e-8)]
)
def test_a_difference_of_one_unit_is_named(field: str, step: float) -> None:
    """One lot more in a buy changes its fee too, and what vectorbt has left in the end."""
    play = a_play(a_tape())
    value = field_of(play, 7, field)

    found = crosscheck(altered(play, 7, **{field: value + step}))

    named = [difference for difference in found.differences if difference.order == 7]
    expected = {"base_size": "fee", "price": "price", "fee": "fee"}[field]
    assert expected in {difference.field for difference in named}
    assert {difference.order for difference in found.differences} <= {7, 8, None}
    assert f"order 7, candle {named[0].candle}" in str(found)


def test_a_sale_of_more_than_is_held_is_named() -> None:
    play = a_play(a_tape())
    value = field_of(play, 4, "base_size")

    found = crosscheck(altered(play, 4, base_size=value + ONE_LOT))

    size = next(difference for difference in found.differences if difference.field == "base_size")
    assert size.order == 4
    assert Decimal(size.ours) - Decimal(size.theirs) == Decimal("0.00000001")


def test_a_sale_written_down_as_a_buy_shows_in_the_end() -> None:
    """As an order it is as good as any; what is left does not fit."""
    play = a_play(a_tape())

    found = crosscheck(altered(play, 2, side="BUY"))

    assert [difference.field for difference in found.differences] == ["equity_end"]


def test_a_buy_without_cash_is_named() -> None:
    play = a_play(a_tape())
    poor = replace(play, setup=replace(play.setup, cash=Decimal(10)))

    found = crosscheck(poor)

    assert {difference.field for difference in found.differences} >= {"base_size", "equity_end"}


def test_a_fill_between_two_closes_is_named() -> None:
    play = a_play(a_tape())
    moments = play.fills["time"] + pd.Timedelta(seconds=1)

    found = crosscheck(altered(play, 3, time=moments[2]))

    assert [(difference.order, difference.field) for difference in found.differences] == [
        (3, "filled")
    ]


def test_an_end_that_no_order_explains_is_named() -> None:
    play = a_play(a_tape())
    richer = replace(play, equity=play.equity + 1e-5)

    found = crosscheck(richer)

    assert [difference.field for difference in found.differences] == ["equity_end"]
    assert "the account" in str(found)


def test_two_fills_of_one_candle_are_both_checked() -> None:
    play = a_play(a_tape(product=a_product()))
    first = play.fills.iloc[[0]].copy()
    share = round(float(first["base_size"].iloc[0]) / 2, 3)
    notional = share * float(first["price"].iloc[0])
    parts = pd.concat([first, first], ignore_index=True)
    parts["base_size"] = [share, float(first["base_size"].iloc[0]) - share]
    parts["fee"] = [round(notional * 0.001, 8), 0.0]
    parts["order"] = [1, 2]
    later = play.fills.iloc[1:].assign(order=play.fills["order"].iloc[1:] + 1)

    found = crosscheck(replace(play, fills=pd.concat([parts, later], ignore_index=True)))

    assert found.orders == len(play.fills) + 1
    assert [(difference.order, difference.field) for difference in found.differences] == [
        (2, "fee")
    ]


def test_without_an_order_there_is_nothing_to_differ() -> None:
    play = a_play(a_tape(candles=19))

    found = crosscheck(play)

    assert (found.orders, found.differences) == (0, ())


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"fee_tiers": COINBASE_TIERS}, "one fee rate"), ({"market": EXCHANGE_MARKET}, "the close")],
)
def test_what_vectorbt_cannot_model_is_refused(changed: dict[str, object], words: str) -> None:
    play = a_play(a_tape())

    with pytest.raises(UsageError, match=words):
        crosscheck(replace(play, setup=replace(play.setup, **changed)))  # type: ignore[arg-type]


def test_the_portfolio_has_our_prices_and_fees() -> None:
    play = a_play(a_tape())
    dearer = altered(play, 3, price=field_of(play, 3, "price") + 5.0, fee=12.5)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of vectorbt
        records = portfolio(dearer).orders.records

    assert len(records) == len(play.fills)
    assert records["fees"][2] == pytest.approx(12.5)
    assert records["price"][2] / ONE_LOT == pytest.approx(field_of(dearer, 3, "price"))


LIVE_SESSION = """
import atexit, json, sys
from gpt_trader.cli import main
atexit.register(lambda: print("MODULES " + json.dumps(sorted(sys.modules))))
sys.exit(main(["live", "--candles", "150", "--speed", "max", "--seed", "3"]))
"""


def test_a_live_session_loads_nothing_of_research(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIVE_SESSION],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    line = next(line for line in done.stdout.splitlines() if line.startswith("MODULES "))
    modules = set(json.loads(line.partition(" ")[2]))
    loaded = {name.partition(".")[0] for name in modules}
    ours = {name for name in modules if name.startswith("gpt_trader.")}
    assert done.returncode == 0, done.stderr
    assert loaded & RESEARCH_ONLY == set()
    assert "scipy.linalg" not in modules  # half a second of every start
    assert "gpt_trader.engine.engine" in ours
    assert {name for name in ours if ".research" in name or ".backtesting" in name} == set()
