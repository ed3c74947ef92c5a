"""The tape: every trade of the market in time order, cut into rounds that are released one by one.

A round is one candle's time, with every product that has a row then. All of a tape is known before
the exchange starts, but for a ``FollowedTape``, whose rounds come in while it runs.
"""

import hashlib
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.seeds import seed_key
from gpt_trader.exchange.timestamps import SECOND_NS

DEPTH_ROUNDS = 30  # the book's depth follows the mean volume of as many rounds before
MINUTE_S = 60


class TapeError(Exception):
    """Market data that cannot be used, with one sentence that says why."""


@dataclass(frozen=True, slots=True)
class TradeColumns:
    """The trades of one product, oldest first, all arrays of shape (trades,)."""

    product: Product
    times_ns: NDArray[np.int64]
    prices: NDArray[np.int64]  # price increments
    sizes: NDArray[np.int64]  # base increments
    maker_buys: NDArray[np.int8]  # 1: the maker bought, so the taker sold
    row_starts_s: NDArray[np.int64]  # the rounds the product has a row in, with trades or not


@dataclass(frozen=True, slots=True)
class Quote:
    """The best prices another exchange showed, in price and base increments."""

    bid: int
    bid_lots: int
    ask: int
    ask_lots: int


class ProductTape:
    """The trades of one product, and how many of them each round has released."""

    def __init__(self, product: Product, seed: int) -> None:
        self.product = product
        self.key = seed_key(seed, "book", product.product_id)
        self.times_ns = array("q")
        self.prices = array("q")  # price increments
        self.sizes = array("q")  # base increments
        self.maker_buys = array("b")
        self.trade_ids = array("q")  # as another exchange published them; else empty
        self.ends = array("q", [0])  # [k]: trades in rounds 1..k
        self.depths = array("q", [1])  # [k]: lots a minute, known before round k is over
        self.quote_rounds: list[int] = []
        self.quotes: list[Quote] = []

    def trade_id(self, trade: int) -> int:
        """Give the id of a trade: another exchange's own, or its place on the tape, from 1."""
        return self.trade_ids[trade] if self.trade_ids else trade + 1

    def round_of(self, trade: int) -> int:
        """Give the number of the round that holds a trade."""
        return bisect_right(self.ends, trade)

    def quote_at(self, round_number: int) -> tuple[int, Quote] | None:
        """Give the latest quote of rounds 1..k and its round; None when the book is synthetic."""
        found = bisect_right(self.quote_rounds, round_number)
        if not found:
            return None
        return self.quote_rounds[found - 1], self.quotes[found - 1]


class Tape:
    """All rounds of a market, numbered from 1.

    Attributes
    ----------
    seed, granularity_s : int
    sha256 : str
        Stands for everything on the tape.
    parts : dict of str to ProductTape
        By product id, in the order the products were given.
    starts_ns, ends_ns : array of int
        Of round k at index k - 1.
    begin_ns : int
        The exchange's clock before the first round.
    """

    grows = False

    def __init__(self, seed: int, granularity_s: int, products: Sequence[Product]) -> None:
        self.seed = seed
        self.granularity_s = granularity_s
        self.parts = {product.product_id: ProductTape(product, seed) for product in products}
        self.starts_ns = array("q")
        self.ends_ns = array("q")
        self.begin_ns = 0
        listed = ",".join(f"{name} {steps}" for name, steps in self.increments.items())
        self.sha256 = hashlib.sha256(f"{seed} {granularity_s} {listed}".encode()).hexdigest()

    @property
    def rounds(self) -> int:
        """How many rounds there are."""
        return len(self.starts_ns)

    @property
    def increments(self) -> dict[str, list[int]]:
        """What all counts are counts of, by product.

        Decimals of price, base and quote increment; of a contract also price step and size.
        """
        return {name: _increments(part.product) for name, part in self.parts.items()}

    @property
    def products(self) -> list[Product]:
        """What can be traded."""
        return [part.product for part in self.parts.values()]


@dataclass(frozen=True, slots=True)
class FollowedTrade:
    """A trade another exchange published."""

    product_id: str
    trade_id: int  # as it was published
    time_ns: int
    price: int  # price increments
    size: int  # base increments
    maker_buys: bool


@dataclass(frozen=True, slots=True)
class FollowedRound:
    """All that another exchange published since the round before, oldest first."""

    end_ns: int
    trades: tuple[FollowedTrade, ...]
    quotes: tuple[tuple[str, Quote], ...]  # by product id


class FollowedTape(Tape):
    """A tape that grows while it is played: each round is what another exchange just sent."""

    grows = True

    def __init__(self, seed: int, begin_ns: int, products: Sequence[Product]) -> None:
        super().__init__(seed, MINUTE_S, products)
        self.begin_ns = begin_ns
        self._news: dict[int, FollowedRound] = {}

    def take_news(self, round_number: int) -> FollowedRound:
        """Give what a round was made of, once: the journal keeps it from then on."""
        return self._news.pop(round_number)

    def append(self, news: FollowedRound) -> None:
        """Add a round. A trade stamped outside of it counts as at its nearer end.

        Raises
        ------
        TapeError
            The round ends no later than the one before, or a trade or quote makes no sense.
        """
        start_ns = self.ends_ns[-1] if self.ends_ns else self.begin_ns
        if news.end_ns <= start_ns:
            raise TapeError(f"a round that ends at {news.end_ns} cannot follow {start_ns}")
        _check_news(news, self.parts)
        for trade in news.trades:
            part = self.parts[trade.product_id]
            last_ns = part.times_ns[-1] if part.times_ns else start_ns
            part.times_ns.append(min(max(trade.time_ns, start_ns, last_ns), news.end_ns - 1))
            part.prices.append(trade.price)
            part.sizes.append(trade.size)
            part.maker_buys.append(trade.maker_buys)
            part.trade_ids.append(trade.trade_id)
        self.starts_ns.append(start_ns)
        self.ends_ns.append(news.end_ns)
        self._news[self.rounds] = news
        for product_id, quote in news.quotes:
            self.parts[product_id].quote_rounds.append(self.rounds)
            self.parts[product_id].quotes.append(quote)
        for part in self.parts.values():
            part.ends.append(len(part.times_ns))
            part.depths.append(_recent_depth(part, news.end_ns))


def assemble(seed: int, granularity_s: int, columns: Sequence[TradeColumns]) -> Tape:
    """Merge the trades of products, whose rounds are ``granularity_s`` long, into a tape.

    Raises
    ------
    TapeError
        There is no row at all.
    """
    rows = [part.row_starts_s for part in columns]
    starts_s = np.unique(np.concatenate(rows)) if rows else np.empty(0, np.int64)
    if not starts_s.size:
        raise TapeError("the market data holds no row")
    tape = Tape(seed, granularity_s, [part.product for part in columns])
    tape.begin_ns = int(starts_s[0]) * SECOND_NS
    ends_ns = (starts_s + granularity_s) * SECOND_NS
    tape.starts_ns.frombytes((starts_s * SECOND_NS).tobytes())
    tape.ends_ns.frombytes(ends_ns.tobytes())
    digest = hashlib.sha256(tape.sha256.encode() + tape.starts_ns.tobytes())
    for column in columns:
        part = tape.parts[column.product.product_id]
        ends = np.searchsorted(column.times_ns, ends_ns).astype(np.int64)
        part.times_ns.frombytes(column.times_ns.tobytes())
        part.prices.frombytes(column.prices.tobytes())
        part.sizes.frombytes(column.sizes.tobytes())
        part.maker_buys.frombytes(column.maker_buys.tobytes())
        part.ends.frombytes(ends.tobytes())
        part.depths.frombytes(_depths(column.sizes, ends, granularity_s).tobytes())
        for text in (part.times_ns, part.prices, part.sizes, part.maker_buys, part.ends):
            digest.update(text.tobytes())
    tape.sha256 = digest.hexdigest()
    return tape


def _increments(product: Product) -> list[int]:
    steps = [product.price_places, product.base_places, product.quote_places]
    contract = product.contract
    return steps if contract is None else [*steps, product.price_step, contract.size]


def _depths(
    sizes: NDArray[np.int64], ends: NDArray[np.int64], granularity_s: int
) -> NDArray[np.int64]:
    """Mean lots a minute over the rounds before each; the first round has only itself."""
    volumes = np.concatenate(([0.0], np.cumsum(sizes.astype(np.float64))))
    after = np.concatenate(([0.0], volumes[ends]))  # [k]: lots in rounds 1..k
    last = np.arange(ends.size)
    first = np.maximum(last - DEPTH_ROUNDS, 0)
    recent = (after[last] - after[first]) / np.maximum(last - first, 1)
    ever = after[last] / np.maximum(last, 1)
    depth = np.where(last == 0, after[1], np.maximum(recent, ever / 4))
    return np.maximum(depth * (MINUTE_S / granularity_s), 1.0).astype(np.int64)


def _recent_depth(part: ProductTape, end_ns: int) -> int:
    times = np.frombuffer(part.times_ns, np.int64) if part.times_ns else np.empty(0, np.int64)
    first = int(np.searchsorted(times, end_ns - DEPTH_ROUNDS * MINUTE_S * SECOND_NS))
    return max(1, sum(part.sizes[first:]) // DEPTH_ROUNDS)


def _check_news(news: FollowedRound, parts: dict[str, ProductTape]) -> None:
    for trade in news.trades:
        if trade.product_id not in parts or trade.price <= 0 or trade.size <= 0:
            raise TapeError(f"not a trade of this tape: {trade}")
    for product_id, quote in news.quotes:
        sizes_fit = quote.bid_lots > 0 and quote.ask_lots > 0
        if product_id not in parts or not 0 < quote.bid < quote.ask or not sizes_fit:
            raise TapeError(f"not a quote of this tape: {product_id} {quote}")
