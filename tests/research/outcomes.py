"""Small real backtests for the tests of what is shown of them."""

from dataclasses import replace

from gpt_trader.research.backtest import Backtest, backtest
from gpt_trader.research.samples import sample
from gpt_trader.strategies.registry import strategy_named


def a_result(*, candles: int = 2_000, name: str = "ma_crossover", slow: int = 100) -> Backtest:
    """A crossover on a sample, at the closes; with a `slow` beyond the candles it never trades."""
    strategy = replace(strategy_named("ma_crossover"), name=name)
    return backtest(
        sample(candles=candles), strategy, product="BTC-USD", market="close",
        params={"slow": slow}, fees=0.001,
    )  # fmt: skip
