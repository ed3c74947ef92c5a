"""Candles to learn on: real ones where this machine has them, else made from a seed."""

import os
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from gpt_trader.domain.errors import UsageError

START = pd.Timestamp("2024-01-01", tz="UTC")
FIRST_PRICES = {"BTC-USD": 40_000.0, "ETH-USD": 2_200.0, "SOL-USD": 100.0}
FIRST_PRICE = 50.0  # of any other product
QUIET_RATE = 0.01  # of the intervals have no trade, and so no candle
CANDLE_VOLATILITY = 0.0008  # of a minute's return
REGIME_CANDLES = 400  # a drift lasts about so long: something for a trend to follow
REGIME_LEAN = 0.04  # of a candle's volatility


def sample(
    product_id: str = "BTC-USD", *, candles: int = 10_000, candle_s: int = 60, seed: int = 1
) -> pd.DataFrame:
    """Made-up candles that look like a market: the same ones for the same arguments, always.

    Parameters
    ----------
    product_id
        Each product has a walk of its own, in steps of a cent.
    candles
        Rows. About one interval in a hundred has no trade and therefore no row.
    candle_s
        Seconds of one candle.
    seed
        Another seed, another market.

    Returns
    -------
    DataFrame
        open, high, low, close in quote per base and volume in base, by the candle's start (UTC).

    Raises
    ------
    UsageError
        Fewer than one candle, or no width.

    Examples
    --------
    >>> sample("BTC-USD", candles=3)["close"].round(2).size
    3
    """
    if candles < 1 or candle_s < 1:
        raise UsageError(f"a sample needs at least one candle of one second, not {candles}")
    dice = np.random.default_rng([seed, zlib.crc32(product_id.encode())])
    width = np.sqrt(candle_s / 60) * CANDLE_VOLATILITY
    regimes = dice.choice([-1.0, 0.0, 1.0], candles // REGIME_CANDLES + 1)
    drift = np.repeat(regimes, REGIME_CANDLES)[:candles] * REGIME_LEAN * width
    returns = drift + width * dice.standard_t(5, candles) / np.sqrt(5 / 3)
    path = FIRST_PRICES.get(product_id, FIRST_PRICE) * np.exp(np.cumsum(returns))
    close = np.maximum(np.round(path, 2), 0.01)
    before = np.concatenate([close[:1], close[:-1]])
    reach = np.abs(dice.normal(0.0, width / 2, (2, candles)))
    frame = pd.DataFrame(
        {
            "open": before,
            "high": np.round(np.maximum(before, close) * (1 + reach[0]), 2),
            "low": np.maximum(np.round(np.minimum(before, close) * (1 - reach[1]), 2), 0.01),
            "close": close,
            "volume": np.round(dice.lognormal(1.0, 0.8, candles), 8),
        }
    )
    intervals = np.cumsum(1 + (dice.random(candles) < QUIET_RATE))
    frame.index = START + pd.to_timedelta((intervals - intervals[0]) * candle_s, unit="s")
    frame.index.name = "time"
    return frame


def candles_of(file: str, product_id: str, *, candles: int, candle_s: int = 60) -> pd.DataFrame:
    """The first real candles of a file in the folder `GPT_TRADER_DATA`, or a sample without it.

    Parameters
    ----------
    candle_s
        Width of the file's candles, for the sample to have the same.

    Raises
    ------
    UsageError
        The folder is named, but has no such file.
    """
    folder = os.environ.get("GPT_TRADER_DATA", "")
    if not folder:
        return sample(product_id, candles=candles, candle_s=candle_s)
    path = Path(folder) / "candles" / file
    if not path.is_file():
        raise UsageError(f"GPT_TRADER_DATA is set, but there is no {path}")
    frame = pd.read_parquet(path).head(candles)
    frame.index = pd.to_datetime(frame["time"], unit="s", utc=True)
    return frame[["open", "high", "low", "close", "volume"]]
