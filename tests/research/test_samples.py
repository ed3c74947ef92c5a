"""Sample candles are the same each time, and are such as a market could have made."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.research.samples import candles_of, sample


def test_the_same_arguments_give_the_same_candles() -> None:
    assert sample(candles=500).equals(sample(candles=500))


def test_product_and_seed_make_another_market() -> None:
    closes = [
        tuple(frame["close"])
        for frame in (sample(candles=50), sample("ETH-USD", candles=50), sample(candles=50, seed=2))
    ]

    assert len(set(closes)) == 3


@pytest.mark.parametrize("product_id", ["BTC-USD", "SOL-USD", "ODD-USD"])
def test_candles_make_sense(product_id: str) -> None:
    frame = sample(product_id, candles=20_000)

    prices = frame[["open", "high", "low", "close"]]
    assert (prices > 0).all(axis=None) and (frame["volume"] > 0).all()
    assert (frame["high"] == prices.max(axis=1)).all()
    assert (frame["low"] == prices.min(axis=1)).all()
    assert np.allclose(prices * 100, (prices * 100).round(), atol=1e-6)
    steps = pd.Series(frame.index).diff().dropna().dt.total_seconds()
    assert set(steps) == {60.0, 120.0}, "some minutes have no trade"


def test_no_candles_are_refused() -> None:
    with pytest.raises(UsageError, match="at least one candle"):
        sample(candles=0)


def test_without_real_data_there_is_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPT_TRADER_DATA", raising=False)

    frame = candles_of("any.parquet", "BTC-USD", candles=10)

    assert frame.equals(sample("BTC-USD", candles=10))


def test_real_candles_are_taken_from_the_folder_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = sample(candles=20)
    stored = wanted.assign(time=pd.DatetimeIndex(wanted.index).as_unit("s").asi8)
    (tmp_path / "candles").mkdir()
    stored.to_parquet(tmp_path / "candles" / "real.parquet", index=False)
    monkeypatch.setenv("GPT_TRADER_DATA", str(tmp_path))

    found = candles_of("real.parquet", "BTC-USD", candles=5)

    assert found.to_numpy().tolist() == wanted.head(5).to_numpy().tolist()
    assert list(found.index) == list(wanted.index[:5])


def test_a_folder_without_the_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPT_TRADER_DATA", str(tmp_path))

    with pytest.raises(UsageError, match=r"there is no .*real\.parquet"):
        candles_of("real.parquet", "BTC-USD", candles=5)
