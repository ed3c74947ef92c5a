"""News that is told in steps of time: candles each second, ticker_batch every 5, status a minute.

The steps are those of the exchange's clock, so a tape in lockstep, whose rounds are a minute and
more, tells all of them with each round (Advanced Trade reference, public channels). Coinbase names
no interval for ``status``; a minute is ours.
"""

from collections.abc import Iterator

from gpt_trader.exchange.market_data import without_best
from gpt_trader.exchange.round_events import RoundEvents, Wire
from gpt_trader.exchange.timestamps import SECOND_NS

TICKER_BATCH = "ticker_batch"
CANDLES = "candles"
STATUS = "status"
STEPS_NS = {CANDLES: SECOND_NS, TICKER_BATCH: 5 * SECOND_NS, STATUS: 60 * SECOND_NS}


class PacedNews:
    """Gathers what changed until its time comes."""

    def __init__(self, now_ns: int) -> None:
        self._told = {channel: now_ns // step_ns for channel, step_ns in STEPS_NS.items()}
        self._tickers: list[RoundEvents] = []  # since the channel was told, oldest first
        self._candles: list[RoundEvents] = []

    def gather(self, events: RoundEvents) -> None:
        """Take in a step of the tape; nothing is looked at until its time comes.

        It is kept until then, which costs the collector of garbage more than anything here: where
        nobody listens, nothing should be gathered.
        """
        self._tickers.append(events)
        self._candles.append(events)

    def due(self, now_ns: int) -> Iterator[str]:
        """Give the channels whose time has come, and note that they are told."""
        for channel, step_ns in STEPS_NS.items():
            if self._told[channel] != now_ns // step_ns:
                self._told[channel] = now_ns // step_ns
                yield channel

    def tickers(self, wanted: frozenset[str]) -> list[Wire]:
        """Write the newest tickers of what changed; ticker_batch leaves the best prices out."""
        newest = {name: events for events in self._tickers for name in events.tickers}
        changed = [(name, newest[name]) for name in newest if name in wanted]
        return [without_best(events.tickers[name]) for name, events in changed]

    def candles(self, wanted: frozenset[str]) -> list[Wire]:
        """Write the candles that changed as they are now, oldest first for each product."""
        newest = {
            (name, candle["start"]): candle
            for events in self._candles
            for name in events.candles
            if name in wanted
            for candle in events.candles[name]
        }
        return list(newest.values())

    def forget(self, channel: str) -> None:
        """Begin anew to gather what a channel was told of."""
        if channel == TICKER_BATCH:
            self._tickers.clear()
        if channel == CANDLES:
            self._candles.clear()
