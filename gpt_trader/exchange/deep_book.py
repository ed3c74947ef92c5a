"""The far levels of a deep book: thousands that stand still while the ladder moves before them.

Coinbase's BTC-USD book is tens of thousands of levels: its level2 snapshot is about 5 MB, more than
many a client's largest message (Advanced Trade reference, WebSocket connection rules). A market
chosen to be deep has as many; what clients do with such a message can be seen there.
"""

from bisect import bisect_left
from fractions import Fraction

from gpt_trader.exchange.liquidity import Book, Level
from gpt_trader.exchange.seeds import MASK, mix
from gpt_trader.exchange.tape import ProductTape

LEVELS = 30_000  # a side: a snapshot of 5 MB and more
SIZE_BITS = 16


class DeepBook:
    """The levels of one product beyond its ladder: a function of the seed and its first trade.

    They reach from half the first trade's price to one and a half of it, as close as the price
    increment allows; sizes are up to the share of a minute's volume that the ladder has, too.
    """

    def __init__(self, part: ProductTape, share: Fraction) -> None:
        middle = part.prices[0]
        step = max(middle // 2 // LEVELS, 1)
        most = max(int(part.depths[0] * share), 1)

        def level(price: int) -> Level:
            draw = mix((part.key + price) & MASK) >> (64 - SIZE_BITS)
            return price, 1 + (most * draw >> SIZE_BITS)

        first, last = max(middle - LEVELS * step, step), middle + LEVELS * step
        self._levels = tuple(level(price) for price in range(first, last, step))
        self._prices = [price for price, _ in self._levels]
        self._falling = self._levels[::-1]

    def behind(self, ladder: Book) -> Book:
        """Give the ladder with the levels that stand behind it."""
        bids, asks = ladder.bids, ladder.asks
        if bids:
            below = bisect_left(self._prices, bids[-1][0])
            bids += self._falling[len(self._levels) - below :]
        if asks:
            asks += self._levels[bisect_left(self._prices, asks[-1][0] + 1) :]
        return Book(bids, asks)
