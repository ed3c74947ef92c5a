"""Candles another exchange tells: read, put together, and never shown where a part is missing."""

import pytest

from gpt_trader.exchange.candle_history import (
    Candle,
    History,
    HistoryError,
    join,
    read_candles,
    widen,
)
from tests.exchange.markets import BTC

TEXT = {
    "start": "600",
    "low": "1.5",
    "high": "4",
    "open": "2",
    "close": "3.01",
    "volume": "0.00000007",
}


def minute(number: int, price: int = 100, volume: int = 1) -> Candle:
    return Candle(60 * number, price - 1, price + 1, price, price, volume)


def starts(history: History, heard: list[Candle], width_s: int) -> list[int]:
    return [candle.start_s // 60 for candle in join(history, heard, width_s)]


def test_candles_are_read_into_increments_oldest_first() -> None:
    body = {"candles": [TEXT, TEXT | {"start": "540"}]}

    candles = read_candles(body, BTC)

    assert [candle.start_s for candle in candles] == [540, 600]
    assert candles[1] == Candle(600, 150, 400, 200, 301, 7)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"candles": None},
        {"candles": [{"start": "600"}]},
        {"candles": [TEXT | {"low": "1.501"}]},
        {"candles": [TEXT | {"volume": "-1"}]},
        {"candles": [TEXT | {"start": "soon"}]},
    ],
)
def test_what_is_no_candle_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(HistoryError):
        read_candles(body, BTC)


def test_minutes_make_wider_candles() -> None:
    minutes = [minute(5, 100, 2), minute(7, 90, 3), minute(9, 120, 4), minute(10, 50, 1)]

    assert widen(minutes, 300) == [Candle(300, 89, 121, 100, 120, 9), minute(10, 50, 1)]


def test_past_and_present_join_where_nothing_is_missing() -> None:
    history = History(0, 180, 180, (minute(0), minute(2)))

    assert starts(history, [minute(3), minute(4)], 60) == [0, 2, 3, 4]


def test_an_interval_that_touches_an_unknown_minute_is_not_shown() -> None:
    history = History(0, 300, 420, tuple(minute(number) for number in range(5)))
    heard = [minute(number) for number in range(7, 16)]

    assert starts(history, heard, 60) == [0, 1, 2, 3, 4, *range(7, 16)]
    assert starts(history, heard, 300) == [0, 10, 15]
    assert starts(history, heard, 900) == [15]


def test_an_interval_that_began_before_the_history_is_not_shown() -> None:
    history = History(120, 600, 600, tuple(minute(number) for number in range(1, 10)))

    assert starts(history, [], 60) == list(range(2, 10))
    assert starts(history, [], 300) == [5]


def test_minutes_of_a_later_join_are_not_told_twice() -> None:
    """After a break the history still reaches beyond where we heard everything again."""
    history = History(0, 600, 300, tuple(minute(number) for number in range(10)))

    assert starts(history, [minute(5), minute(6)], 60) == [0, 1, 2, 3, 4, 5, 6]
