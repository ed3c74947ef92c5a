"""A seeded market of 25 products for those who bring no data: regimes, jumps, common moves, volume.

Each minute's return is a share of a common factor plus the product's own noise, both scaled by a
volatility regime that lasts some hours (calm, normal, wild), plus rare jumps. Volume rises with the
size of the move. A quiet product has minutes without a trade. Longer markets of the same seed begin
with the shorter ones. It looks like a market; it is none, and nothing earned on it means anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpt_trader.exchange.candle_trades import CandleColumns, trades_from_candles
from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.contract_tape import contract_trades
from gpt_trader.exchange.seeds import seed_key
from gpt_trader.exchange.tape import MINUTE_S, Tape, TapeError, assemble

START_S = 1_767_571_200  # 2026-01-05T00:00:00Z, a Monday
QUIET_NOTIONAL = 20_000.0  # a minute; below, some minutes pass without a trade
REGIME_MINUTES = 240.0  # a regime's mean length
REGIME_SCALES = np.array([0.5, 1.0, 1.0, 2.2])
JUMP_CHANCE = 0.0008  # a minute
JUMP_SCALE = 9.0  # standard deviations of a usual minute

# opening price, standard deviation of a minute's return in bps, usual notional of a minute
LOOKS = {
    "BTC-USD": (62000.0, 5.0, 700_000.0),
    "ETH-USD": (2450.0, 6.5, 350_000.0),
    "SOL-USD": (142.0, 8.5, 180_000.0),
    "XRP-USD": (1.92, 8.0, 120_000.0),
    "ADA-USD": (0.58, 8.5, 40_000.0),
    "DOGE-USD": (0.163, 9.0, 70_000.0),
    "LTC-USD": (84.0, 7.0, 25_000.0),
    "AVAX-USD": (21.4, 9.0, 30_000.0),
    "LINK-USD": (14.1, 8.5, 40_000.0),
    "DOT-USD": (3.35, 8.5, 15_000.0),
    "BCH-USD": (478.0, 7.5, 15_000.0),
    "UNI-USD": (7.2, 9.5, 12_000.0),
    "AAVE-USD": (212.0, 9.0, 14_000.0),
    "ATOM-USD": (3.9, 8.5, 9_000.0),
    "XLM-USD": (0.287, 8.0, 20_000.0),
    "ETC-USD": (17.2, 7.5, 8_000.0),
    "FIL-USD": (1.85, 9.0, 7_000.0),
    "NEAR-USD": (2.3, 9.5, 10_000.0),
    "APT-USD": (3.6, 9.5, 8_000.0),
    "ARB-USD": (0.34, 10.0, 9_000.0),
    "OP-USD": (0.52, 10.0, 7_000.0),
    "SUI-USD": (2.75, 10.0, 45_000.0),
    "SHIB-USD": (0.0000102, 9.5, 15_000.0),
    "HBAR-USD": (0.172, 9.0, 18_000.0),
    "ICP-USD": (4.6, 9.5, 7_000.0),
}


@dataclass(frozen=True, slots=True)
class _Common:
    """What all products share, arrays of shape (rounds,)."""

    factor: NDArray[np.float64]
    scale: NDArray[np.float64]  # of the volatility regime


def synthetic_tape(seed: int, products: Sequence[Product], rounds: int) -> Tape:
    """Make a market of one-minute candles from 2026-01-05 on.

    A contract trades near its spot market, which must be among the products.

    Raises
    ------
    TapeError
        A product has no look in the table, a contract no spot market, or no round is asked for.
    """
    spots = [product for product in products if product.contract is None]
    unknown = [product.product_id for product in spots if product.product_id not in LOOKS]
    if unknown or not spots:
        raise TapeError(
            f"the synthetic market has no {', '.join(unknown)}; it has {', '.join(LOOKS)}"
        )
    if rounds < 1:
        raise TapeError(f"a market of {rounds} candles cannot be made")
    common = _Common(
        factor=_noise(seed, "factor").standard_normal(rounds), scale=_regimes(seed, "all", rounds)
    )
    parts = {
        product.product_id: trades_from_candles(_candles(product, common, seed), MINUTE_S, seed)
        for product in spots
    }
    for product in products:
        if product.contract is not None:
            spot = parts.get(product.contract.spot_id)
            if spot is None:
                raise TapeError(
                    f"{product.product_id} follows {product.contract.spot_id}: trade that here too"
                )
            parts[product.product_id] = contract_trades(product, spot, seed)
    return assemble(seed, MINUTE_S, list(parts.values()))


def _candles(product: Product, common: _Common, seed: int) -> CandleColumns:
    product_id = product.product_id
    price, sigma_bps, _ = LOOKS[product_id]
    rounds = common.factor.size
    sigma = sigma_bps * 1e-4 * common.scale * _regimes(seed, product_id, rounds)
    own = _noise(seed, product_id, "own").standard_normal(rounds)
    moves = sigma * (0.65 * common.factor + 0.76 * own) + _jumps(seed, product_id, rounds)
    close = price * np.exp(np.cumsum(moves))
    open_ = np.concatenate(([price], close[:-1]))
    reach = np.abs(_noise(seed, product_id, "reach").standard_normal((rounds, 2)))
    ticks = {
        "open": open_,
        "high": np.maximum(open_, close) * np.exp(0.35 * sigma * reach[:, 0]),
        "low": np.minimum(open_, close) * np.exp(-0.35 * sigma * reach[:, 1]),
        "close": close,
    }
    scale = 10.0**product.price_places
    columns = {
        name: np.maximum(np.rint(values * scale), 1.0).astype(np.int64)
        for name, values in ticks.items()
    }
    return CandleColumns(
        product=product,
        starts_s=START_S + MINUTE_S * np.arange(rounds, dtype=np.int64),
        volume=_volume(product, seed, moves / sigma, close),
        **columns,
    )


def _volume(
    product: Product, seed: int, moves: NDArray[np.float64], close: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Lots of each minute; ``moves`` in standard deviations."""
    notional = LOOKS[product.product_id][2]
    noise = _noise(seed, product.product_id, "volume")
    draws = noise.standard_normal((moves.size, 2))
    base = notional / close * np.exp(0.7 * draws[:, 0] - 0.25) * (0.6 + 0.5 * np.abs(moves))
    lots = np.rint(np.minimum(base * 10.0**product.base_places, 1e15)).astype(np.int64)
    if notional >= QUIET_NOTIONAL:
        return np.maximum(lots, 1)
    return np.where(draws[:, 1] > 2.0, 0, np.maximum(lots, 1))


def _regimes(seed: int, name: str, rounds: int) -> NDArray[np.float64]:
    """A volatility scale for each minute, constant over some hours."""
    draws = _noise(seed, name, "regime").random((rounds, 2))
    starts = draws[:, 0] < 1.0 / REGIME_MINUTES
    scales = REGIME_SCALES[(draws[:, 1] * REGIME_SCALES.size).astype(np.int64)]
    latest = np.maximum.accumulate(np.where(starts, np.arange(rounds), 0))
    return np.asarray(np.where(latest > 0, scales[latest], 1.0), np.float64)


def _jumps(seed: int, product_id: str, rounds: int) -> NDArray[np.float64]:
    draws = _noise(seed, product_id, "jump").random((rounds, 2))
    sigma = LOOKS[product_id][1] * 1e-4
    sizes = (draws[:, 1] * 2.0 - 1.0) * JUMP_SCALE * sigma
    return np.asarray(np.where(draws[:, 0] < JUMP_CHANCE, sizes, 0.0), np.float64)


def _noise(seed: int, *words: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed_key(seed, "synthetic", *words)))
