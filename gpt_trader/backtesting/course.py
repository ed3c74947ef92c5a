"""Candle tapes laid out in rounds, as the kernels play them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.setup import MarketModel
from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels import account, book
from gpt_trader.kernels.ends import Ends, end_at, ends_of
from gpt_trader.kernels.rounds import Tape
from gpt_trader.kernels.seeded import seed_key
from gpt_trader.kernels.vectors import Floats, Grid, Ints, Table
from gpt_trader.kernels.volatility import volatility_series, volatility_size

NS = 1_000_000_000
YEAR_S = 365 * 86_400


@dataclass(frozen=True, eq=False)
class Course:
    """Candle tapes as the kernels play them: shared by all runs over them."""

    tapes: tuple[CandleTape, ...]
    starts_ns: Ints  # of each round
    tape: Tape
    places: tuple[Ints | None, ...]  # the round of each product's candle; None: one each round
    days: int

    @property
    def rounds(self) -> int:
        """Candle times, of all products together."""
        return int(self.starts_ns.size)

    @cached_property
    def end_ns(self) -> Ints:
        """UTC end of each round."""
        return self.starts_ns + self.tape.candle_s * NS

    @cached_property
    def day_first(self) -> Ints:
        """The first round of each UTC day that has one; what ends at midnight is of the old day."""
        first, last = (end_at(self.tape.ends, now) - 1 for now in (0, self.rounds - 1))
        over = np.arange(first // account.DAY_NS + 1, last // account.DAY_NS + 1) * account.DAY_NS
        begun = np.searchsorted(self.starts_ns, over - self.tape.candle_s * NS, side="right")
        return np.unique(np.append(0, begun)).astype(np.int64)

    @cached_property
    def day_gaps(self) -> Ints:
        """UTC days from each day with a round to the next one; 1 each where rounds are wider."""
        if self.tape.candle_s * NS > account.DAY_NS:
            return np.ones(self.day_first.size - 1, np.int64)
        return np.diff((self.end_ns[self.day_first] - 1) // account.DAY_NS)


def course_of(
    tapes: Sequence[CandleTape], market: MarketModel, sizing: Mapping[str, float]
) -> Course:
    """Lay tapes out.

    Raises
    ------
    UsageError
        The tapes have candles of different widths, or too little for the market model.
    """
    check_tapes(tapes, market)
    candle_s = tapes[0].candle_s
    starts = tapes[0].every_row_ns
    if len(tapes) > 1:
        starts = np.unique(np.concatenate([tape.every_row_ns for tape in tapes]))
    places = tuple(_places(tape, starts) for tape in tapes)
    ends = ends_of(starts, candle_s * NS)
    empty = np.zeros((len(tapes), 0))
    known = all(tape.complete for tape in tapes)
    keys = np.array(
        [seed_key(market.seed, "trades", t.product.product_id) for t in tapes], np.int64
    )
    close = _grid(tapes, places, starts.size, "close")
    return Course(
        tapes=tuple(tapes),
        starts_ns=starts,
        tape=Tape(
            ends=ends,
            candle_s=candle_s,
            open=_grid(tapes, places, starts.size, "open") if known else close,
            high=_grid(tapes, places, starts.size, "high") if known else close,
            low=_grid(tapes, places, starts.size, "low") if known else close,
            close=close,
            volume=_grid(tapes, places, starts.size, "volume") if known else empty,
            whole=int(all(place is None for place in places)),
            volatility=_volatility(tapes, places, starts.size, sizing),
            depth=_depth(tapes, places, starts.size, market),
            trade_keys=keys,
        ),
        places=places,
        days=_days(ends, starts.size),
    )


def check_tapes(tapes: Sequence[CandleTape], market: MarketModel) -> None:
    """Refuse tapes that cannot be played together, or not in this market."""
    if not tapes or any(len(tape) == 0 for tape in tapes):
        raise UsageError("there are no candles to trade on")
    widths = sorted({tape.candle_s for tape in tapes})
    if len(widths) > 1:
        raise UsageError(f"candles of one width only, not {widths[0]} s and {widths[1]} s together")
    names = [tape.product.product_id for tape in tapes]
    if len(set(names)) < len(names):
        raise UsageError(f"each product once, not {', '.join(names)}")
    quotes = sorted({tape.product.quote for tape in tapes})
    if len(quotes) > 1:
        raise UsageError(f"products of one quote currency only, not {', '.join(quotes)} together")
    for tape in tapes:
        if not market.at_close and not tape.complete:
            raise UsageError(
                f"{tape.product.product_id}: only {', '.join(tape.columns)} are given; the market "
                "of the embedded exchange needs open, high, low and volume too, or say "
                'market="close"'
            )


def _places(tape: CandleTape, starts: Ints) -> Ints | None:
    if tape.candle_rows is None and tape.every_row_ns.size == starts.size:
        return None
    return np.asarray(np.searchsorted(starts, tape.every_row_ns)[tape.rows], np.int64)


def _days(ends: Ends, rounds: int) -> int:
    """UTC days from the first round to the last, and one more."""
    first, last = end_at(ends, 0), end_at(ends, rounds - 1)
    return last // account.DAY_NS - first // account.DAY_NS + 2


def _grid(
    tapes: Sequence[CandleTape], places: Sequence[Ints | None], count: int, name: str
) -> Grid:
    columns: list[Floats] = [tape.candles._asdict()[name] for tape in tapes]
    if len(tapes) == 1 and places[0] is None:
        return columns[0].reshape(1, -1)
    grid = np.zeros((len(tapes), count))
    for row, column, own in zip(grid, columns, places, strict=True):
        row[slice(None) if own is None else own] = column
    return grid


def _volatility(
    tapes: Sequence[CandleTape],
    places: Sequence[Ints | None],
    count: int,
    sizing: Mapping[str, float],
) -> Grid:
    if sizing["volatility_target"] == 0.0:
        return np.zeros((len(tapes), 0))
    span = int(sizing["volatility_span"])
    grid = np.full((len(tapes), count), math.nan)
    for row, tape, own in zip(grid, tapes, places, strict=True):
        state = np.zeros(volatility_size(span))
        series = volatility_series(tape.candles.close, span, YEAR_S / tape.candle_s, state)
        row[slice(None) if own is None else own] = series
    return grid


def _depth(
    tapes: Sequence[CandleTape], places: Sequence[Ints | None], count: int, market: MarketModel
) -> Table:
    if market.at_close:
        return np.zeros((len(tapes), 0), np.int64)
    depth = np.zeros((len(tapes), count), np.int64)
    for row, tape, own in zip(depth, tapes, places, strict=True):
        key = seed_key(market.seed, "trades", tape.product.product_id)
        rows = np.arange(len(tape)) if own is None else own
        row[:] = book.depths(key, tape.candles, rows, count)
    return depth
