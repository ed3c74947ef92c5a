"""The trades of a contract, made from those of its spot market: near it, never the same.

Each trade of the spot market is followed by one of the contract, at the same time and for the same
amount in whole contracts. Its price is the spot price plus a premium that wanders by the seed and
comes back: some basis points, mostly above. The taker bought where the price moved up.
"""

from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.decimals import CASH_UNITS
from gpt_trader.exchange.seeds import seed_key
from gpt_trader.exchange.tape import TapeError, TradeColumns
from gpt_trader.exchange.timestamps import time_text

USUAL_PREMIUM = 0.0002  # of the price
PULL = 0.002  # by which the premium comes back, a trade
SCALE = 0.00003  # standard deviation of its step, a trade


def contract_trades(product: Product, spot: TradeColumns, seed: int) -> TradeColumns:
    """Make the contract's trades; those of a longer spot market begin with those of a shorter.

    Raises
    ------
    TapeError
        The spot market goes on after the contract has ended.
    """
    contract = product.contract
    assert contract is not None, product.product_id
    if spot.times_ns.size and spot.times_ns[-1] >= contract.expiry_ns:
        end = time_text(contract.expiry_ns)
        raise TapeError(f"{product.product_id} ends at {end}: play fewer candles")
    dollars = spot.prices / 10.0**spot.product.price_places
    premium = _premiums(product, spot.prices.size, seed)
    step = product.price_step / 10.0**product.price_places
    prices = np.maximum(np.rint(dollars * (1.0 + premium) / step), 1.0).astype(np.int64)
    coins = spot.sizes / 10.0**spot.product.base_places
    sizes = np.maximum(np.rint(coins * CASH_UNITS / contract.size), 1.0).astype(np.int64)
    moves = np.diff(prices, prepend=prices[:1])
    maker_buys = np.where(moves == 0, spot.maker_buys, moves < 0).astype(np.int8)
    return TradeColumns(
        product=product,
        times_ns=spot.times_ns,
        prices=prices,
        sizes=sizes,
        maker_buys=maker_buys,
        row_starts_s=spot.row_starts_s,
    )


def _premiums(product: Product, trades: int, seed: int) -> NDArray[np.float64]:
    key = seed_key(seed, "premium", product.product_id)
    steps = np.random.Generator(np.random.PCG64(key)).standard_normal(trades) * SCALE
    walk = accumulate(steps.tolist(), lambda last, step: last * (1.0 - PULL) + step, initial=0.0)
    return USUAL_PREMIUM + np.fromiter(walk, np.float64, trades + 1)[1:]
