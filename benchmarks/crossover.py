"""The strategy that is measured, as a user writes it: long while the fast mean is above the slow.

Every peer gets the same rule in its own words.
"""

import gpt_trader as gt

FAST, SLOW = 20, 100
SIZE_FRACTION = 0.2  # of equity
FEE_RATE = 0.001
CASH = 100_000


@gt.strategy(fast=gt.whole(FAST, 2, 500), slow=gt.whole(SLOW, 3, 2_000))
def crossover(candles, t, p):  # type: ignore[no-untyped-def]
    """Hold while the mean of `fast` closes is above that of `slow` closes."""
    return 1.0 if gt.sma(candles, t, p.fast) > gt.sma(candles, t, p.slow) else 0.0


@gt.strategy(fast=gt.whole(FAST, 2, 500), slow=gt.whole(SLOW, 3, 2_000))
def by_hand(candles, t, p):  # type: ignore[no-untyped-def]
    """The same rule in arithmetic that no faster kernel knows by sight.

    Before there are enough candles it says so: a place before the first would be one at the end.
    """
    if t + 1 < p.fast or t + 1 < p.slow:
        return 0.0
    sums, now = candles.close_sum, t + 1
    fast, slow = sums[now] - sums[now - p.fast], sums[now] - sums[now - p.slow]
    return 1.0 if fast * p.slow > slow * p.fast else 0.0
