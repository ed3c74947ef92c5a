"""The exchange of a backtest, round by round: its trades, its quotes, its answers to our orders.

The market itself is compiled (`gpt_trader.kernels.{printing,book,resting,fees}`); here it is fed
from candle tapes, and what it did is told in whole numbers.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.setup import MarketModel, Setup
from gpt_trader.backtesting.venue import FAULTS, new_venue
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.product import Product
from gpt_trader.kernels import book, fees, printing, resting
from gpt_trader.kernels.seeded import seed_key
from gpt_trader.kernels.vectors import Ints, Table

NS = 1_000_000_000
PRICE_ONLY_LOTS = printing.TRADES
"""Volume of a candle of which only the price is known: one lot a trade."""
Print = list[int]
"""A trade of the market, in the places of `gpt_trader.kernels.printing`."""


class Executed(NamedTuple):
    """One fill of an order of ours, in increments and cash units."""

    product: int  # its place among the tapes
    number: int  # of the order
    sign: int
    ticks: int
    lots: int
    fee_units: int
    maker: int  # 1 or 0
    time_ns: int


class Changed(NamedTuple):
    """What became of an order of ours."""

    number: int
    product: int
    status: int  # of `gpt_trader.kernels.resting`


class SimulatedExchange:
    """Plays candle tapes of one width, and holds at most one waiting order of each product."""

    def __init__(self, setup: Setup, tapes: Sequence[CandleTape]) -> None:
        starts_s = np.unique(np.concatenate([tape.row_starts_s for tape in tapes]))
        model = setup.market
        self._parts = [_Part(tape, starts_s, model) for tape in tapes]
        self._candle_s = tapes[0].candle_s
        self.starts_s: list[int] = starts_s.tolist()
        count = len(tapes)
        self._venue = new_venue(setup, count)
        for place, part in enumerate(self._parts):
            part.enter(self._venue.markets[place], setup.market.seed)
        self._prints = np.zeros((count, printing.TRADES, printing.PRINT), np.int64)
        self._counts = np.zeros(count, np.int64)
        self._request = np.zeros(resting.REQUEST, np.int64)
        self._waiting = [0] * count  # number of the order that waits, by product; 0: none
        self._changes: list[Changed] = []

    def play(self, round_number: int, end_ns: int) -> list[list[Print]]:
        """Release a round: waiting orders fill or expire; give each product's trades."""
        trades: list[list[Print]] = []
        for place, part in enumerate(self._parts):
            count = part.print_candle(round_number, self._candle_s, self._prints[place])
            self._counts[place] = count
            trades.append(self._prints[place, :count].tolist())
        if any(self._waiting):
            _checked(resting.play_round(self._venue, self._prints, self._counts, end_ns))
            self._look_at_waiting()
        for place, printed in enumerate(trades):
            if printed:
                row, last = self._venue.markets[place], printed[-1]
                row[book.COUNT] += len(printed)
                row[book.PRICE] = last[printing.TICKS]
                row[book.MAKER_BUYS] = last[printing.MAKER_BUYS]
                row[book.DEPTH] = self._parts[place].depths[round_number]
        return trades

    def quote(self, place: int) -> tuple[int, int]:
        """Best bid and ask of a product in ticks; 0 where there is none."""
        row = self._venue.markets[place]
        bid, _, ask, _ = book.tops(
            row[book.KEY],
            row[book.COUNT],
            row[book.PRICE],
            row[book.MAKER_BUYS],
            row[book.DEPTH],
            self._venue.model,
        )
        return int(bid), int(ask)

    def place(self, place: int, request: Sequence[int], now_ns: int) -> int:
        """Take in an order (the places of `resting.REQUEST`); give the status it has then."""
        self._request[:] = request
        number = request[resting.ASK_NUMBER]
        status = _checked(resting.place(self._venue, place, self._request, now_ns))
        self._changes.append(Changed(number, place, status))
        if status == resting.OPEN:
            self._waiting[place] = number
        return status

    def cancel(self, place: int, number: int) -> bool:
        """Cancel a waiting order; False if it does not wait any more."""
        if self._waiting[place] != number:
            return False
        _checked(resting.cancel(self._venue, place))
        self._look_at_waiting()
        return True

    def take_news(self) -> tuple[list[Executed], list[Changed]]:
        """Give fills and changes since they were taken last, each in the order they happened."""
        count = int(self._venue.state[resting.FILLS])
        self._venue.state[resting.FILLS] = 0
        fills = [
            Executed(
                product=row[resting.FILL_PRODUCT],
                number=row[resting.FILL_NUMBER],
                sign=row[resting.FILL_SIGN],
                ticks=row[resting.FILL_TICKS],
                lots=row[resting.FILL_LOTS],
                fee_units=row[resting.FILL_FEE],
                maker=row[resting.FILL_MAKER],
                time_ns=row[resting.FILL_TIME_NS],
            )
            for row in self._venue.fills[:count].tolist()
        ]
        changes, self._changes = self._changes, []
        return fills, changes

    def _look_at_waiting(self) -> None:
        for place, number in enumerate(self._waiting):
            status = int(self._venue.orders[place, resting.STATUS])
            if number and status != resting.OPEN:
                self._waiting[place] = 0
                self._changes.append(Changed(number, place, status))


class _Part:
    """The tape of one product, played forward."""

    def __init__(self, tape: CandleTape, starts_s: Ints, market: MarketModel) -> None:
        self.product: Product = tape.product
        self._candles = tape.candles
        own = np.searchsorted(starts_s, tape.row_starts_s)
        self._rounds: Ints = own[tape.rows].astype(np.int64)
        self._next = 0
        self._key = seed_key(market.seed, "trades", self.product.product_id)
        self.depths: Ints = np.zeros(starts_s.size, np.int64)
        if not market.at_close:
            self.depths = book.depths(self._key, tape.candles, self._rounds, starts_s.size)

    def enter(self, row: Ints, seed: int) -> None:
        """Write down what stays as it is all the time."""
        numerator, denominator = self.product.cash_units_per_tick_lot()
        row[book.KEY] = seed_key(seed, "book", self.product.product_id)
        row[book.NUM] = numerator
        row[book.DEN] = denominator
        row[book.DOLLARS] = self.product.quote in fees.DOLLARS

    def print_candle(self, round_number: int, candle_s: int, out: Table) -> int:
        """Write the trades of the round's candle, and give their number: none without one."""
        at = self._next
        if at >= self._rounds.size or self._rounds[at] != round_number:
            return 0
        self._next += 1
        candles = self._candles
        return int(
            printing.candle_trades(
                self._key,
                int(candles.start_ns[at]) // NS,
                candle_s,
                int(candles.open[at]),
                int(candles.high[at]),
                int(candles.low[at]),
                int(candles.close[at]),
                int(candles.volume[at]) or PRICE_ONLY_LOTS,
                out,
            )
        )


def _checked(answer: int) -> int:
    """The answer, unless it says that the run cannot go on."""
    if answer < 0:
        raise UsageError(f"the backtest stops: {FAULTS[int(answer)]}")
    return int(answer)
