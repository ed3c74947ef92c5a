"""hftbacktest's side: the same strategy over a book of one level a side, moved once a minute.

It has no candle: each close becomes a best bid and, one price increment above, a best ask.
"""

import warnings

import numpy as np
from numba import njit

from benchmarks.crossover import CASH, FAST, FEE_RATE, SIZE_FRACTION, SLOW
from benchmarks.tape import Tape

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import hftbacktest as hbt

MINUTE_NS = 60_000_000_000
DEPTH = 1e6  # base, on either side: any size fills at once
BID = hbt.EXCH_EVENT | hbt.LOCAL_EVENT | hbt.DEPTH_EVENT | hbt.BUY_EVENT
ASK = hbt.EXCH_EVENT | hbt.LOCAL_EVENT | hbt.DEPTH_EVENT | hbt.SELL_EVENT

Feed = np.ndarray[tuple[int], np.dtype[np.void]]


def events(tape: Tape) -> Feed:
    """Per bar: the old level of each side goes, the new one comes."""
    bars = tape.ticks.size
    out = np.zeros((bars, 4), hbt.event_dtype)
    before = np.concatenate([tape.ticks[:1], tape.ticks[:-1]])
    out["ev"] = np.array([BID, ASK, BID, ASK], dtype=np.uint64)
    moments = (1 + np.arange(bars, dtype=np.int64)) * MINUTE_NS
    out["exch_ts"] = out["local_ts"] = moments[:, None]
    out["px"] = np.stack([before, before + 1, tape.ticks, tape.ticks + 1], axis=1) / 100.0
    out["qty"][:, 2:] = DEPTH
    return np.ascontiguousarray(out.reshape(-1))


@njit
def _play(game, bars, fast, slow, fraction, cash, fee_rate):  # type: ignore[no-untyped-def]
    closes = np.zeros(slow)
    sums = np.zeros(2)
    orders, held = 0, 0.0
    game.elapse(1)
    for t in range(bars):
        price = game.depth(0).best_bid
        if t >= fast:
            sums[0] -= closes[(t - fast) % slow]
        if t >= slow:
            sums[1] -= closes[t % slow]
        closes[t % slow] = price * 100.0
        sums += price * 100.0
        if t >= slow - 1:
            above = sums[0] / fast > sums[1] / slow
            if above and held == 0.0:
                held = np.floor(fraction * cash / price * 1000.0) / 1000.0
                game.submit_buy_order(0, orders, price + 0.01, held, hbt.GTC, hbt.MARKET, False)
                cash -= held * price * (1.0 + fee_rate)
                orders += 1
            elif not above and held > 0.0:
                game.submit_sell_order(0, orders, price, held, hbt.GTC, hbt.MARKET, False)
                cash += held * price * (1.0 - fee_rate)
                held = 0.0
                orders += 1
        game.clear_inactive_orders(0)
        if game.elapse(MINUTE_NS) != 0:
            break
    return orders


def orders_and_position(tape: Tape, feed: Feed) -> tuple[int, int, float]:
    """Orders sent, trades done, and the base size held at the end.

    The feed is made before: it keeps a bare pointer, so the caller must hold the array meanwhile.
    """
    asset = (
        hbt.BacktestAsset()
        .data(feed)
        .linear_asset(1.0)
        .constant_latency(0, 0)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(FEE_RATE, FEE_RATE)
        .tick_size(0.01)
        .lot_size(0.001)
        .last_trades_capacity(0)
    )
    game = hbt.HashMapMarketDepthBacktest([asset])
    sent = _play(game, tape.ticks.size, FAST, SLOW, SIZE_FRACTION, float(CASH), FEE_RATE)
    state = game.state_values(0)
    done = int(sent), int(state.num_trades), float(state.position)
    game.close()
    return done
