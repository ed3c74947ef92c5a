"""The candles of before we listened to another exchange, as that exchange itself tells them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.decimals import parse_number, whole_steps

MINUTE_S = 60


class HistoryError(ValueError):
    """An answer that does not hold candles as Coinbase would send them."""


class CandleText(msgspec.Struct, frozen=True):
    """A candle as REST shows it (coinbase-wire.md, 1.4)."""

    start: str
    low: str
    high: str
    open: str
    close: str
    volume: str


@dataclass(frozen=True, slots=True)
class Candle:
    """One interval's trades, in price and base increments."""

    start_s: int
    low: int
    high: int
    open: int
    close: int
    volume: int


@dataclass(frozen=True, slots=True)
class History:
    """What another exchange tells of one product's past, minute by minute.

    Between ``until_s`` and ``whole_s`` nobody knows all trades: it has not told of that time yet,
    and we did not hear all of it.
    """

    start_s: int  # nothing is known of before
    until_s: int  # it told of all minutes up to here
    whole_s: int  # from here on we heard every trade
    candles: tuple[Candle, ...]  # oldest first; none for a minute without a trade


def read_candles(body: Mapping[str, object], product: Product) -> tuple[Candle, ...]:
    """Read an answer to GET candles, oldest first.

    Raises
    ------
    HistoryError
        It is of another form, or a number in it is no whole number of increments.
    """
    try:
        texts = msgspec.convert(body.get("candles"), list[CandleText])
    except msgspec.ValidationError as error:
        raise HistoryError(f"no candles: {error}") from error
    candles = [
        Candle(
            start_s=_steps(text.start, 0),
            low=_steps(text.low, product.price_places),
            high=_steps(text.high, product.price_places),
            open=_steps(text.open, product.price_places),
            close=_steps(text.close, product.price_places),
            volume=_steps(text.volume, product.base_places),
        )
        for text in texts
    ]
    return tuple(sorted(candles, key=lambda candle: candle.start_s))


def widen(candles: Sequence[Candle], width_s: int) -> list[Candle]:
    """Put the candles of each interval of ``width_s`` together, oldest first."""
    intervals: dict[int, list[Candle]] = {}
    for candle in candles:
        intervals.setdefault(candle.start_s // width_s * width_s, []).append(candle)
    return [
        Candle(
            start_s=start_s,
            low=min(part.low for part in parts),
            high=max(part.high for part in parts),
            open=parts[0].open,
            close=parts[-1].close,
            volume=sum(part.volume for part in parts),
        )
        for start_s, parts in intervals.items()
    ]


def join(history: History, heard: Sequence[Candle], width_s: int) -> list[Candle]:
    """Give the candles of past and present, oldest first; an interval not wholly known has none.

    Parameters
    ----------
    heard
        Minutes from ``history.whole_s`` on, oldest first.
    """
    told = [
        candle
        for candle in history.candles
        if history.start_s <= candle.start_s < min(history.until_s, history.whole_s)
    ]
    return [
        candle
        for candle in widen([*told, *heard], width_s)
        if candle.start_s >= history.start_s
        and not _overlaps(candle.start_s, width_s, history.until_s, history.whole_s)
    ]


def _overlaps(start_s: int, width_s: int, unknown_s: int, known_s: int) -> bool:
    return unknown_s < known_s and start_s < known_s and start_s + width_s > unknown_s


def _steps(text: str, places: int) -> int:
    value = parse_number(text)
    steps = None if value is None else whole_steps(value, places)
    if steps is None or steps < 0:
        raise HistoryError(f"{text!r} is not a whole number of increments of 1e-{places}")
    return steps
