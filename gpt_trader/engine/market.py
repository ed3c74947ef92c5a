"""What the engine knows of one product: its candles, its quote, its signal."""

import base64
from typing import Any

from gpt_trader.domain.events import Candle, QuoteSeen, SessionOpened, TradesSeen
from gpt_trader.domain.product import Product
from gpt_trader.engine.candles import CandleBuilder
from gpt_trader.signals.signal import Signal
from gpt_trader.signals.volatility import Volatility
from gpt_trader.strategies.registry import strategy_named

NS = 1_000_000_000


class Market:
    """One product as the session sees it. Changed by the engine's `apply` alone."""

    def __init__(self, product: Product, opened: SessionOpened) -> None:
        self.product = product
        self.tick_lot = product.cash_units_per_tick_lot()
        self.builder = CandleBuilder(opened.candle_s * NS, opened.candle_grace_ns)
        self.signal = Signal(strategy_named(opened.strategy), opened.params)
        self.volatility = Volatility(int(opened.sizing["volatility_span"]), opened.candle_s)
        self.bid_ticks = 0
        self.ask_ticks = 0
        self.last_ticks = 0
        self.mark_ns = 0  # when the newest price was seen
        self.attempts = 0  # orders since the strategy last changed its mind
        self.frames = 0

    @property
    def mark_ticks(self) -> int:
        """The middle of the quote, or the last trade before there is one; 0 is not known."""
        if self.bid_ticks > 0 and self.ask_ticks > 0:
            return (self.bid_ticks + self.ask_ticks) // 2
        return self.last_ticks

    def trades(self, event: TradesSeen) -> None:
        """Take in trades of the market."""
        self.builder.take(event.trades)
        self.frames += 1
        if event.trades:
            newest = event.trades[-1]
            if newest.ts_ns >= self.mark_ns:
                self.last_ticks = self.product.ticks(newest.price)
                self.mark_ns = newest.ts_ns

    def quote(self, event: QuoteSeen) -> None:
        """Take in the best bid and ask."""
        self.bid_ticks = self.product.ticks(event.bid_price)
        self.ask_ticks = self.product.ticks(event.ask_price)
        self.last_ticks = self.product.ticks(event.last_price)
        self.mark_ns = max(self.mark_ns, event.ts_ns)
        self.frames += 1

    def candle(self, candle: Candle) -> None:
        """Let the strategy see a complete candle; a change of mind starts a new attempt."""
        before = self.signal.target
        self.signal.update(candle)
        self.volatility.update(float(candle.close))
        # NaN differs from NaN, which is right: not knowing is no mind to change.
        if self.signal.target != before:
            self.attempts = 0

    def freeze(self) -> dict[str, Any]:
        """All of it as JSON-able values."""
        return {
            "builder": self.builder.freeze(),
            "signal": base64.b64encode(self.signal.freeze()).decode(),
            "volatility": base64.b64encode(self.volatility.freeze()).decode(),
            "numbers": [
                self.bid_ticks,
                self.ask_ticks,
                self.last_ticks,
                self.mark_ns,
                self.attempts,
                self.frames,
            ],
        }

    def thaw(self, frozen: dict[str, Any]) -> None:
        """Become what `freeze` gave."""
        self.builder.thaw(frozen["builder"])
        self.signal.thaw(base64.b64decode(frozen["signal"]))
        self.volatility.thaw(base64.b64decode(frozen["volatility"]))
        (
            self.bid_ticks,
            self.ask_ticks,
            self.last_ticks,
            self.mark_ns,
            self.attempts,
            self.frames,
        ) = frozen["numbers"]
