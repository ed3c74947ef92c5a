"""What the engine knows of one product: its candles, its quote, its signal."""

import base64
import math
from typing import Any

from gpt_trader.domain.events import Candle, QuoteSeen, SessionOpened, TradesSeen
from gpt_trader.domain.product import Product
from gpt_trader.engine.candles import CandleBuilder
from gpt_trader.signals.signal import Signal
from gpt_trader.signals.strategy import Strategy
from gpt_trader.signals.volatility import Volatility

NS = 1_000_000_000
QUOTE_LAG_NS = 10 * NS
LEAP = 2
"""A quote of more than twice or less than half of what was known says a mistake, not a market: the
worst minutes of liquid products were falls by a tenth, and a misplaced digit is tenfold."""
STEPS = 20
"""Price increments: so few are no leap, however small the price."""


class Market:
    """One product as the session sees it. Changed by the engine's `apply` alone."""

    def __init__(self, product: Product, opened: SessionOpened, strategy: Strategy) -> None:
        self.product = product
        self.tick_lot = product.cash_units_per_tick_lot()
        self.builder = CandleBuilder(opened.candle_s * NS, opened.candle_grace_ns)
        self.signal = Signal(strategy, opened.params, product, opened.candle_s)
        self.volatility = Volatility(int(opened.sizing["volatility_span"]), opened.candle_s)
        self.mind = math.nan  # the last target that was known
        self.attempts = 0  # orders since the strategy last changed its mind
        self.stopped = False  # out, and staying out until the strategy changes its mind
        self.frames = 0
        self.quote_is_odd = False  # the newest quote is not believed
        self._bid_ticks = 0
        self._ask_ticks = 0
        self._last_ticks = 0
        self._quote_ns = 0
        self._trade_ns = 0

    @property
    def quote_lags(self) -> bool:
        """Trades go on and the quote does not move: it is dead, and its price is of the past."""
        return 0 < self._quote_ns < self._trade_ns - QUOTE_LAG_NS

    @property
    def bid_ticks(self) -> int:
        """The best bid, the last trade while the quote lags; 0 is not known."""
        return self._last_ticks if self.quote_lags else self._bid_ticks

    @property
    def ask_ticks(self) -> int:
        """The best ask, the last trade while the quote lags; 0 is not known."""
        return self._last_ticks if self.quote_lags else self._ask_ticks

    @property
    def last_ticks(self) -> int:
        """The last trade; 0 is not known."""
        return self._last_ticks

    @property
    def mark_ticks(self) -> int:
        """The middle of the quote, or the last trade while there is no live quote; 0 unknown."""
        if self._bid_ticks <= 0 or self._ask_ticks <= 0 or self.quote_lags:
            return self._last_ticks
        return (self._bid_ticks + self._ask_ticks) // 2

    @property
    def mark_ns(self) -> int:
        """When the mark was seen: of the quote if it is the quote's, else of the last trade."""
        if self._bid_ticks <= 0 or self._ask_ticks <= 0 or self.quote_lags:
            return self._trade_ns
        return self._quote_ns

    def trades(self, event: TradesSeen) -> None:
        """Take in trades of the market."""
        self.builder.take(event.trades)
        self.frames += 1
        if event.trades:
            newest = event.trades[-1]
            if newest.ts_ns >= self._trade_ns:
                self._last_ticks = self.product.ticks_below(newest.price)
                self._trade_ns = newest.ts_ns

    def quote(self, event: QuoteSeen) -> None:
        """Take in the best bid and ask; an older one than we have changes nothing.

        One far from both the quote before and the last trade is not believed: the market stays
        what it was, for exits, and entries wait until quotes and trades speak of one market.
        """
        self.frames += 1
        if event.ts_ns < self._quote_ns:
            return
        bid_ticks = self.product.ticks_below(event.bid_price)
        ask_ticks = self.product.ticks_below(event.ask_price)
        self.quote_is_odd = self._is_odd((bid_ticks + ask_ticks) // 2)
        if not self.quote_is_odd:
            self._bid_ticks, self._ask_ticks = bid_ticks, ask_ticks
            self._quote_ns = event.ts_ns

    def _is_odd(self, ticks: int) -> bool:
        before = (self._bid_ticks + self._ask_ticks) // 2
        known = [price for price in (before, self._last_ticks) if price > 0]
        return bool(known) and not any(
            abs(price - ticks) <= STEPS or (price <= ticks * LEAP and ticks <= price * LEAP)
            for price in known
        )

    def candle(self, candle: Candle) -> None:
        """Let the strategy see a complete candle; a change of mind starts anew.

        History may hold candles without a trade. Those we build have some, and so have those of
        a backtest: to a strategy the others do not exist.
        """
        if candle.volume <= 0:
            return
        self.signal.update(candle)
        self.volatility.update(float(self.product.ticks_below(candle.close)))
        target = self.signal.target
        # Not knowing is no change of mind, or a stop would end with every candle of that kind.
        if not math.isnan(target) and target != self.mind:
            self.mind = target
            self.attempts = 0
            self.stopped = False

    def stop(self) -> None:
        """Stay out until the strategy changes its mind, and do not wait for a better price."""
        self.stopped = True
        self.attempts = max(1, self.attempts)

    def freeze(self) -> dict[str, Any]:
        """All of it as JSON-able values."""
        return {
            "builder": self.builder.freeze(),
            "signal": base64.b64encode(self.signal.freeze()).decode(),
            "volatility": base64.b64encode(self.volatility.freeze()).decode(),
            "mind": self.mind.hex(),
            "numbers": [
                self._bid_ticks,
                self._ask_ticks,
                self._last_ticks,
                self._quote_ns,
                self._trade_ns,
                self.attempts,
                self.frames,
                int(self.stopped),
                int(self.quote_is_odd),
            ],
        }

    def thaw(self, frozen: dict[str, Any]) -> None:
        """Become what `freeze` gave."""
        self.builder.thaw(frozen["builder"])
        self.signal.thaw(base64.b64decode(frozen["signal"]))
        self.volatility.thaw(base64.b64decode(frozen["volatility"]))
        self.mind = float.fromhex(frozen["mind"])
        (
            self._bid_ticks,
            self._ask_ticks,
            self._last_ticks,
            self._quote_ns,
            self._trade_ns,
            self.attempts,
            self.frames,
            stopped,
            odd,
        ) = frozen["numbers"]
        self.stopped = stopped == 1
        self.quote_is_odd = odd == 1
