"""The others in the book: a synthetic ladder around the last trade, and what takers left of it.

After each trade the book is drawn anew. The trade printed at the best bid if its maker bought,
else at the best ask; the other side is a seeded spread of at least one price increment away. Each
side has ``level_count`` levels at seeded distances; their sizes grow away from the top and follow
the usual volume of a minute *before* the round, so that depth tells nothing about a candle that is
not over. Where a followed exchange showed a best bid and ask, those stand at the top.

All of it is a function of (seed, product, number of the trade). What our orders take from it stays
taken until the next trade; the tape itself never changes by what we do (no market impact).
REST shows it at once. Subscribers of level2 and ticker see what our takers took with the product's
next trade or quote only: messages come from the tape, and a taker is none of its items.
"""

from dataclasses import dataclass
from fractions import Fraction

from gpt_trader.exchange.rules import VenueRules
from gpt_trader.exchange.seeds import MASK, mix
from gpt_trader.exchange.tape import ProductTape, Quote

Level = tuple[int, int]  # price increments, base increments

BITS = 16
ONE = 1 << BITS  # draws are whole numbers below it
BETWEEN_LEVELS = 1 << 20  # keeps the draws for a price apart from those for the levels
BPS = 10_000


@dataclass(frozen=True, slots=True)
class Book:
    """Prices and sizes of the others, best first."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


EMPTY_BOOK = Book((), ())


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a product's tape is released, which decides its book."""

    count: int  # trades
    quote_round: int  # that brought the quote, 0 for none
    quote: Quote | None
    depth: int  # lots of a usual minute


class LiveBook:
    """One moment's book of one product, less what takers took since."""

    def __init__(self, moment: Moment, book: Book) -> None:
        self.moment = moment
        self.book = book
        self.taken: dict[int, int] = {}  # lots by price; a price stands on one side only

    def take(self, price: int, lots: int) -> None:
        """Remember what an order of ours took from a level."""
        self.taken[price] = self.taken.get(price, 0) + lots

    def bids(self) -> list[Level]:
        """Give what is left to sell to, best first."""
        return self._left(self.book.bids)

    def asks(self) -> list[Level]:
        """Give what is left to buy from, best first."""
        return self._left(self.book.asks)

    def _left(self, levels: tuple[Level, ...]) -> list[Level]:
        if not self.taken:
            return list(levels)
        rest = [(price, lots - self.taken.get(price, 0)) for price, lots in levels]
        return [level for level in rest if level[1] > 0]


class Liquidity:
    """Draws the book of any product at any moment of its tape."""

    def __init__(self, rules: VenueRules) -> None:
        self._levels = rules.level_count
        self._spread = (Fraction(rules.spread_bps) / BPS).as_integer_ratio()
        self._gap = (Fraction(rules.level_gap_bps) / BPS).as_integer_ratio()
        self._share = Fraction(rules.depth_share).as_integer_ratio()

    def moment(self, part: ProductTape, count: int, round_number: int) -> Moment:
        """Say what decides a product's book when ``count`` trades are released."""
        # The round of the last trade, not the round now: a round without trades changes nothing.
        depth = part.depths[part.round_of(count - 1)] if count else part.depths[0]
        found = part.quote_at(round_number)
        if found is None:
            return Moment(count, 0, None, depth)
        quote_round, quote = found
        return Moment(count, quote_round, quote, part.depths[quote_round])

    def book(self, part: ProductTape, moment: Moment) -> Book:
        """Draw the whole book; empty before the first trade or quote."""
        tops = self._tops(part, moment)
        if tops is None:
            return EMPTY_BOOK
        noise = self._noise(part, moment)
        (bid, bid_lots), (ask, ask_lots) = tops
        bids = [(bid, bid_lots)] if bid > 0 else []
        asks = [(ask, ask_lots)]
        for place in range(1, self._levels):
            down = mix(noise + 2 * place)
            up = mix(noise + 2 * place + 1)
            bid -= self._step(bid, down)
            ask += self._step(ask, up)
            if bid > 0:
                bids.append((bid, self._lots(moment, place, down)))
            asks.append((ask, self._lots(moment, place, up)))
        return Book(tuple(bids), tuple(asks))

    def best(self, part: ProductTape, moment: Moment) -> tuple[Level | None, Level | None]:
        """Draw only the best bid and ask, which is much quicker."""
        tops = self._tops(part, moment)
        if tops is None:
            return None, None
        bid, ask = tops
        return (bid if bid[0] > 0 else None), ask

    def queue_ahead(self, part: ProductTape, live: LiveBook, price: int, buys: bool) -> int:
        """Give the lots of others that stand before a new order of ours at a price."""
        levels = live.bids() if buys else live.asks()
        for level_price, lots in levels:
            if level_price == price:
                return lots
        if not levels or (price > levels[0][0]) == buys:
            return 0  # better than the best: nobody is there
        draw = mix((self._noise(part, live.moment) + BETWEEN_LEVELS + price) & MASK)
        return self._lots(live.moment, self._levels // 2, draw)

    def _tops(self, part: ProductTape, moment: Moment) -> tuple[Level, Level] | None:
        quote = moment.quote
        if quote is not None:
            return (quote.bid, quote.bid_lots), (quote.ask, quote.ask_lots)
        if not moment.count:
            return None
        price = part.prices[moment.count - 1]
        noise = self._noise(part, moment)
        draw = mix(noise)
        above, below = self._spread
        spread = 1 + above * price * (draw & (ONE - 1)) ** 3 // (below << (3 * BITS))
        maker_buys = part.maker_buys[moment.count - 1]
        bid, ask = (price, price + spread) if maker_buys else (price - spread, price)
        bid_lots = self._lots(moment, 0, draw >> BITS)
        return (bid, bid_lots), (ask, self._lots(moment, 0, mix(noise + 1)))

    def _step(self, price: int, draw: int) -> int:
        part = (draw >> (2 * BITS)) & (ONE - 1)
        above, below = self._gap
        return 1 + abs(price) * above * part**2 // (below << (2 * BITS))

    def _lots(self, moment: Moment, place: int, draw: int) -> int:
        """Sizes from 0.2 to 2 times the share, and half as much again for each level down."""
        part = (draw & (ONE - 1)) * 18 + 2 * ONE
        above, below = self._share
        return max(1, moment.depth * above * (2 + place) * part // (below * 2 * 10 * ONE))

    def _noise(self, part: ProductTape, moment: Moment) -> int:
        return mix((part.key + moment.count + (moment.quote_round << 40)) & MASK)
