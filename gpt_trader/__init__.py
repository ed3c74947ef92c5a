"""GPT-Trader: from a notebook to a live Coinbase account on one decision path.

``import gpt_trader as gt`` gives a notebook all the names below; each is loaded when it is first
used, so that importing the package loads nothing else. Rooms are imported by their full name, and
`gpt_trader/ARCHITECTURE.md` says what lives in which.
"""

from typing import Any

__version__ = "0.1.0"

_FACE = {
    "load": "gpt_trader.backtesting.candles:load",
    "sample": "gpt_trader.research.samples:sample",
    "backtest": "gpt_trader.research.backtest:backtest",
    "walk_forward": "gpt_trader.research.walk_forward:walk_forward",
    "cross_validate": "gpt_trader.research.honest:cross_validate",
    "overfitting": "gpt_trader.research.honest:overfitting",
    "deflated_sharpe": "gpt_trader.research.honest:deflated_sharpe",
    "monte_carlo": "gpt_trader.research.honest:monte_carlo",
    "bootstrap": "gpt_trader.research.honest:bootstrap",
    "permutation_test": "gpt_trader.research.honest:permutation_test",
    "sweep": "gpt_trader.research.sweep:sweep",
    "session": "gpt_trader.research.session:session",
    "orders": "gpt_trader.ops.orders_notebook:orders",
    "snapshot": "gpt_trader.ops.snapshot_main:notebook_snapshot",
    "setup": "gpt_trader.research.setup:setup",
    "MarketModel": "gpt_trader.backtesting.setup:MarketModel",
    "Slippage": "gpt_trader.backtesting.setup:Slippage",
    "Product": "gpt_trader.domain.product:Product",
    "TradingState": "gpt_trader.domain.order:TradingState",
    "HandOrder": "gpt_trader.backtesting.setup:HandOrder",
    "strategy": "gpt_trader.strategies.user:strategy",
    "whole": "gpt_trader.strategies.user:whole",
    "real": "gpt_trader.strategies.user:real",
    "sma": "gpt_trader.kernels.averages:sma",
    "roc": "gpt_trader.kernels.averages:roc",
    "ema": "gpt_trader.kernels.averages:ema",
    "macd": "gpt_trader.kernels.averages:macd",
    "vwap": "gpt_trader.kernels.averages:vwap",
    "highest": "gpt_trader.kernels.channels:highest",
    "lowest": "gpt_trader.kernels.channels:lowest",
    "donchian": "gpt_trader.kernels.channels:donchian",
    "rolling_std": "gpt_trader.kernels.channels:rolling_std",
    "bollinger": "gpt_trader.kernels.channels:bollinger",
    "zscore": "gpt_trader.kernels.channels:zscore",
    "rsi": "gpt_trader.kernels.oscillators:rsi",
    "atr": "gpt_trader.kernels.oscillators:atr",
    "supertrend": "gpt_trader.kernels.oscillators:supertrend",
    "stochastic": "gpt_trader.kernels.oscillators:stochastic",
    "ring_size": "gpt_trader.kernels.rolling:ring_size",
    "rolling_mean": "gpt_trader.kernels.rolling:rolling_mean",
    "rolling_deviation": "gpt_trader.kernels.rolling:rolling_deviation",
    "rolling_highest": "gpt_trader.kernels.rolling:rolling_highest",
    "rolling_lowest": "gpt_trader.kernels.rolling:rolling_lowest",
    "wider": "gpt_trader.kernels.wider:wider",
    "wide_count": "gpt_trader.kernels.wider:wide_count",
    "wide_open": "gpt_trader.kernels.wider:wide_open",
    "wide_high": "gpt_trader.kernels.wider:wide_high",
    "wide_low": "gpt_trader.kernels.wider:wide_low",
    "wide_close": "gpt_trader.kernels.wider:wide_close",
    "wide_volume": "gpt_trader.kernels.wider:wide_volume",
    "check_leaks": "gpt_trader.signals.leaks:check_leaks",
    "Candles": "gpt_trader.kernels.candles:Candles",
    "UsageError": "gpt_trader.domain.errors:UsageError",
}
"""What notebooks use, and where it comes from."""


def __getattr__(name: str) -> Any:
    """Load a name of the face when it is first asked for, and keep it."""
    if name not in _FACE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    room, _, attribute = _FACE[name].partition(":")
    found = vars(import_module(room))[attribute]
    globals()[name] = found  # compiled code finds it there
    return found


def __dir__() -> list[str]:
    """Every name there is, loaded or not."""
    return sorted({*globals(), *_FACE})
