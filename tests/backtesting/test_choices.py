"""The door of a backtest and a sweep: whatever cannot be meant is one sentence that names it."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpt_trader.backtesting.backtest import backtest
from gpt_trader.backtesting.candles import load
from gpt_trader.backtesting.choices import Choices, market_of, setup_of
from gpt_trader.backtesting.setup import (
    AT_CLOSE,
    EXCHANGE_MARKET,
    MarketModel,
    Slippage,
)
from gpt_trader.backtesting.sweep import sweep
from gpt_trader.backtesting.sweep_grid import Combination, chosen_of
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.order import TradingState
from gpt_trader.kernels.book import best_prices
from gpt_trader.strategies.registry import strategy_named
from gpt_trader.strategies.user import strategy
from tests.backtesting.plays import a_tape
from tests.backtesting.tapes import walk

NAN, INF = float("nan"), float("inf")


def undecorated(candles: Any, t: int, p: Any) -> float:
    return 1.0


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"cash": NAN}, "cash = nan is no number"),
    ({"cash": INF}, "cash = inf is no number"),
    ({"cash": "abc"}, "cash = 'abc' is no number"),
    ({"cash": "nan"}, "cash = 'nan' is no number"),
    ({"cash": Decimal("NaN")}, r"cash = Decimal\('NaN'\) is no number"),
    ({"cash": None}, "cash = None is no number"),
    ({"cash": True}, "cash = True is no number"),
    ({"cash": 0}, "cash = 0: there is nothing to trade with"),
    ({"cash": -1.5}, "cash = -1.5: there is nothing"),
    ({"cash": 10**12}, "cash = 1000000000000: it is counted up to 1,000,000,000 quote"),
    ({"cash": 1e15}, r"cash = 1000000000000000.0: it is counted up to"),
    ({"cash": 1e300}, r"cash = 1e\+300: it is counted up to"),
    ({"cash": "1e-9"}, "cash = 1e-9: it is counted in units of 0.00000001 quote"),
    ({"cash": 1e-9}, "cash = 1e-09: there is nothing to trade with"),
    ({"fees": "0.001"}, "fees = '0.001' is no number"),
    ({"fees": "abc"}, "fees = 'abc' is no number"),
    ({"fees": NAN}, "fees = nan is no number"),
    ({"fees": (0.001, 0.002, 0.003)}, r"fees = \(0.001, 0.002, 0.003\): one rate, or two"),
    ({"fees": [0.001]}, r"fees = \[0.001\]: one rate, or two"),
    ({"fees": {"maker": 0.001}}, "fees = {'maker': 0.001} is no number"),
    ({"fees": 1e-10}, "fees = 1e-10: rates are counted in 0.000000001"),
    ({"fees": 2}, "fees = 2.0: a fraction from 0 to 0.5"),
    ({"fees": (0.001, None)}, "fees = None is no number"),
    ({"latency": "2"}, "latency = '2' is no number"),
    ({"latency": 1.5}, "latency = 1.5: give a whole number from 0"),
    ({"latency": -1}, "latency = -1: give a whole number from 0"),
    ({"latency": 10**400}, "latency = 10+ is no number"),
    ({"seed": Decimal("sNaN")}, r"seed = Decimal\('sNaN'\) is no number"),
    ({"latency": 10**30}, "latency = 10+: give a whole number from 0"),
    ({"params": {"fast": "abc"}}, "params fast = 'abc' is no number"),
    ({"params": {"fast": None}}, "params fast = None is no number"),
    ({"params": [("fast", 5)]}, r"params = \[\('fast', 5\)\]: give numbers by name"),
    ({"params": {1: 2}}, "params = {1: 2}: give numbers by name"),
    ({"limits": {"order_notional_max": None}}, "limits order_notional_max = None is no number"),
    ({"limits": {"order_notional_max": "x"}}, "limits order_notional_max = 'x' is no number"),
    ({"limits": ["order_notional_max"]}, "limits = .*: give numbers by name"),
    ({"limits": {1: 2}}, "limits = {1: 2}: give numbers by name"),
    ({"limits": {"collar_bps_max": 0.9}}, "collar_bps_max is 0.9, must be a whole number"),
    ({"sizing": {"size_fraction": None}}, "sizing size_fraction = None is no number"),
    ({"sizing": {"size_fraction": "0.2"}}, "sizing size_fraction = '0.2' is no number"),
    ({"sizing": {"patience_candles": 9e8}}, "sizing patience_candles=900000000: give a whole"),
    ({"sizing": {"volatility_target": 0.5, "volatility_span": 0}}, "sizing volatility_span=0:"),
    ({"sizing": {"volatility_target": 0.5, "volatility_span": 1}}, "sizing volatility_span=1:"),
    ({"sizing": {"size_fraction": 2}}, "sizing size_fraction=2"),
    ({"sizing": "size_fraction"}, "sizing = 'size_fraction': give numbers by name"),
    ({"market": None}, "market = None: "),
    ({"market": "Close"}, "market = 'Close': "),
    ({"market": ["close"]}, r"market = \['close'\]: "),
    ({"candle_s": "60"}, "candle_s = '60' is no number"),
    ({"candle_s": 0.5}, "candle_s = 0.5: give a whole number from 1"),
    ({"candle_s": NAN}, "candle_s = nan is no number"),
    ({"product": 7}, "product = 7: give its name, or a gt.Product"),
    ({"seed": "x"}, "seed = 'x' is no number"),
    ({"seed": 1.5}, "seed = 1.5: give a whole number"),
    ({"trading_state": "x"}, "trading_state = 'x': one of 'active', 'reduce_only', 'halted'"),
    ({"trading_state": None}, "trading_state = None: one of"),
    ({"by_hand": 5}, "by_hand = 5: give a list of gt.HandOrder"),
    ({"by_hand": [5]}, r"by_hand\[0\] = 5: give a gt.HandOrder"),
    ({"slippage": "5"}, "slippage = '5' is no number"),
    ({"slippage": -1}, "slippage half_spread_bps = -1: give bps from 0 to 1250"),
    ({"slippage": 1251}, "slippage half_spread_bps = 1251: give bps from 0 to 1250"),
    ({"slippage": Slippage(volume_share=Decimal(2))}, "slippage volume_share = 2: give a fraction"),
    ({"slippage": 5, "market": "close"}, 'slippage: with market="close" all is traded at the'),
    ({"slippage": 5, "market": MarketModel()}, "slippage: a gt.MarketModel says it itself"),
    ({"sizzing": {}}, "no option sizzing"),
]  # fmt: skip


@pytest.fixture(scope="module")
def closes() -> Any:
    return walk(300, 1).frame()


@pytest.mark.parametrize(("choice", "says"), REFUSED, ids=str)
def test_a_choice_that_cannot_be_meant_is_one_line_at_both_doors(
    choice: dict[str, Any], says: str, closes: Any, tmp_path: Path
) -> None:
    given = {"product": "BTC-USD", **choice}
    with pytest.raises(UsageError, match=says) as refused:
        backtest(closes, "ma_crossover", var=tmp_path, **given)
    assert "\n" not in str(refused.value)

    with pytest.raises(UsageError, match=says):
        sweep(closes, "ma_crossover", {"slow": [30]}, var=tmp_path, **given)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (undecorated, r"strategy = undecorated: a function becomes a strategy by @gt.strategy"),
        (strategy(fast=5), r"a function becomes a strategy by @gt.strategy\(...\)"),
        (None, "strategy = None: give a strategy, or the name of one"),
        (5, "strategy = 5: give a strategy"),
        ("crossover", "there is no strategy crossover: did you mean ma_crossover"),
    ],
)
def test_what_is_no_strategy_is_refused_with_the_way_to_one(given: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        backtest(a_tape(), given)
    with pytest.raises(UsageError, match=says):
        sweep(a_tape(), given, {"fast": [5]})


@pytest.mark.parametrize(
    "source", [None, np.zeros(3), {"close": [1.0]}, [1.0, 2.0], 7, b"x"], ids=repr
)
def test_what_holds_no_candles_is_refused(source: Any) -> None:
    with pytest.raises(UsageError, match=r"candles: .* is none of what can be loaded"):
        load(source, "BTC-USD")
    with pytest.raises(UsageError, match=r"candles: .* is none of what can be loaded"):
        backtest(source, "ma_crossover", product="BTC-USD")


def test_numbers_of_numpy_and_whole_floats_are_numbers() -> None:
    chosen = Choices(
        params={"fast": np.int64(5)},  # type: ignore[dict-item]
        cash=np.float64(1e5),
        latency=2.0,  # type: ignore[arg-type]
        fees=[np.float32(0.5), 0.25],  # type: ignore[list-item]
        seed=np.int64(7),  # type: ignore[arg-type]
        trading_state="halted",  # type: ignore[arg-type]
    )

    setup = setup_of("ma_crossover", chosen)

    assert (setup.values["fast"], setup.cash, setup.latency) == (5.0, Decimal(100_000), 2)
    assert [setup.fee_tiers[0].maker_rate, setup.fee_tiers[0].taker_rate] == [
        Decimal("0.5"), Decimal("0.25"),
    ]  # fmt: skip
    assert setup.trading_state is TradingState.HALTED
    assert repr(setup.cash) == repr(setup_of("ma_crossover", Choices(cash=1e5)).cash)


def test_cash_is_what_was_written() -> None:
    def cash(given: Any) -> Decimal:
        return setup_of("ma_crossover", Choices(cash=given)).cash

    assert cash("63.12345678") == cash(63.12345678) == Decimal("63.12345678")
    assert cash(0.1 + 0.2) == Decimal("0.3")
    assert cash(10**9) == cash("1e9") == 10**9


def test_a_market_model_keeps_its_own_seed_unless_one_is_given() -> None:
    model = MarketModel(seed=7)

    assert market_of(model, None, None) is model
    assert market_of(model, 3, None) == replace(model, seed=3)
    assert market_of("exchange", None, None).seed == 1
    assert market_of("exchange", 2**60 + 1, None).seed == 2**60 + 1  # no float holds it


def test_a_market_model_has_the_exchange_s_defaults_and_takes_plain_numbers() -> None:
    assert MarketModel() == EXCHANGE_MARKET
    assert not AT_CLOSE.spread_bps
    assert MarketModel(spread_bps=2.5, depth_share="0.02") == MarketModel(  # type: ignore[arg-type]
        spread_bps=Decimal("2.5"), depth_share=Decimal("0.02")
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("spread_bps", -1), ("spread_bps", "x"), ("spread_bps", NAN), ("spread_bps", 10_001),
        ("level_count", 0), ("level_count", 1.5), ("level_count", 101), ("depth_share", 2),
        ("seed", 1.5),
    ],
)  # fmt: skip
def test_a_market_that_cannot_be_drawn_is_refused_where_it_is_written(
    field: str, value: Any
) -> None:
    with pytest.raises(UsageError, match=field):
        MarketModel(**{field: value})


def test_slippage_is_the_exchange_s_market_with_another_spread_and_depth() -> None:
    assert market_of("exchange", 3, 5) == MarketModel(seed=3, spread_bps=Decimal(40))
    both = Slippage(half_spread_bps=Decimal(5), volume_share=Decimal("0.002"))
    assert market_of("exchange", None, both) == MarketModel(
        spread_bps=Decimal(40), depth_share=Decimal("0.002")
    )


def test_half_of_the_mean_spread_of_the_book_is_the_slippage_asked_for() -> None:
    """The map from bps to the model rests on the law of the spread: that is measured here."""
    price, model = 100_000_000, market_of("exchange", None, 5).book()

    halves = []
    for count in range(1, 40_000):
        bid, ask = best_prices(77, count, price, count % 2, model)
        halves.append((ask - bid) / 2 / price * 1e4)

    assert np.mean(halves) == pytest.approx(5.0, rel=0.02)


def test_both_speeds_slip_alike_and_more_slippage_costs_more() -> None:
    ends = []
    for slippage in (None, 2, Slippage(half_spread_bps=Decimal(20))):
        given: dict[str, Any] = {
            "slippage": slippage, "fees": 0.0, "sizing": {"patience_candles": 0},
            "params": {"fast": 3, "slow": 9, "band_bps": 0},
        }  # fmt: skip
        fused = backtest(a_tape(), "ma_crossover", **given)
        assert (
            fused.equity_end
            == backtest(a_tape(), "ma_crossover", speed="engine", **given).equity_end
        )
        assert fused.stats["fills"] > 10
        ends.append(fused.equity_end)

    assert ends[0] > ends[1] > ends[2]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"where": "1/(fast-5) > 0"}, "where fails at fast = 5, slow = 30.*: ZeroDivisionError"),
        ({"where": lambda p: p.fsat < 7}, "where fails at .*: there is no parameter fsat"),
        ({"where": lambda p: p["fsat"] < 7}, "where fails at .*: KeyError: 'fsat'"),
        ({"where": 5}, "where = 5: give"),
        ({"grid": {5: [1]}}, "ma_crossover has no parameter 5"),
        ({"metrics": "sharpe"}, "metrics = 'sharpe': give a list of"),
        ({"metrics": [5]}, "there is no metric 5"),
        ({"grid": 5}, "the grid is empty, or neither a mapping"),
        ({"grid": {"fast": [None]}}, "fast = None is no number"),
        ({"workers": 0}, "workers = 0: give a whole number from 1"),
        ({"workers": "2"}, "workers = '2' is no number"),
        ({"memory_mb": NAN}, "memory_mb = nan is no number"),
    ],
    ids=lambda value: value if isinstance(value, str) else ", ".join(value),
)
def test_a_sweep_names_what_it_cannot_use(given: dict[str, Any], says: str) -> None:
    grid = given.pop("grid", {"fast": [5, 6], "slow": [30]})

    with pytest.raises(UsageError, match=says):
        sweep(a_tape(), "ma_crossover", grid, **given)


def test_a_where_may_ask_as_the_rules_of_a_strategy_do() -> None:
    grid = {"fast": [5, 6, 7], "slow": [30]}
    ways = "fast < 7", lambda p: p.fast < 7, lambda p: p["fast"] < 7

    chosen = [chosen_of(strategy_named("ma_crossover"), grid, None, where) for where in ways]

    assert [each.columns["fast"].tolist() for each in chosen] == [[5, 6]] * 3
    assert Combination(fast=5.0).fast == 5.0
