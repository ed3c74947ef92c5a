"""Candles of any width, built by us from the market's trades."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from gpt_trader.domain.events import Candle, Trade


class CandleBuilder:
    """Builds the candles of one product, oldest first, and knows when it missed something.

    Trade ids of a product are contiguous, so a skipped id is a trade we did not see: the candle
    it belongs to would be wrong. From then on nothing is announced until the candles of the
    *hole* are loaded over REST. Joining a market in the middle is such a hole too. An interval
    without a trade has no candle.
    """

    def __init__(self, candle_ns: int, grace_ns: int) -> None:
        self._candle_ns = candle_ns
        self._grace_ns = grace_ns
        self.late = 0  # trades that came after their candle was announced
        self._last_trade_id = 0
        self._open: Candle | None = None
        self._next_start_ns = 0  # everything before is announced
        self._hole_start_ns: int | None = None
        self._whole_start_ns = 0  # no trade is missing from this instant on
        self.closed: list[tuple[Candle, bool]] = []  # to be announced; True: watched, not loaded

    @property
    def hole_ns(self) -> tuple[int, int] | None:
        """Start and end of what must be loaded before candles are announced again."""
        if self._hole_start_ns is None:
            return None
        return self._hole_start_ns, self._whole_start_ns

    @property
    def next_start_ns(self) -> int:
        """Every candle that starts before is announced."""
        return self._next_start_ns

    @property
    def is_new(self) -> bool:
        """Nothing was announced yet: the strategy still has to be warmed up."""
        return self._next_start_ns == 0

    def take(self, trades: tuple[Trade, ...]) -> None:
        """Add trades, oldest first. One that was seen before changes nothing."""
        for trade in trades:
            if trade.trade_id <= self._last_trade_id:
                continue
            start_ns = trade.ts_ns - trade.ts_ns % self._candle_ns
            if trade.trade_id != self._last_trade_id + 1:
                self._tear(start_ns)
            self._last_trade_id = trade.trade_id
            if start_ns >= self._next_start_ns:
                self._add(trade, start_ns)
            else:
                # Its candle is known already: a strategy has seen it, or REST has told it whole.
                self.late += self._hole_start_ns is None

    def tick(self, now_ns: int) -> None:
        """Let the clock end the open candle, once trades of it can no longer be on their way."""
        if self._open is None:
            return
        if now_ns >= self._open.start_ns + self._candle_ns + self._grace_ns:
            self._close()

    def load(self, candles: tuple[Candle, ...]) -> None:
        """Take in candles from REST, oldest first; those that reach the hole's end close it."""
        for candle in candles:
            if candle.start_ns >= self._next_start_ns:
                self.closed.append((candle, False))
                self._next_start_ns = candle.start_ns + self._candle_ns
        if self._hole_start_ns is not None and self._next_start_ns >= self._whole_start_ns:
            self._hole_start_ns = None

    def freeze(self) -> dict[str, Any]:
        """All of it as JSON-able values."""
        assert not self.closed, "frozen between steps only"
        candle = self._open
        return {
            "last_trade_id": self._last_trade_id,
            "next_start_ns": self._next_start_ns,
            "hole_start_ns": self._hole_start_ns,
            "whole_start_ns": self._whole_start_ns,
            "late": self.late,
            "open": None
            if candle is None
            else [
                candle.start_ns,
                *(str(v) for v in (candle.open, candle.high, candle.low, candle.close)),
                str(candle.volume),
            ],
        }

    def thaw(self, frozen: dict[str, Any]) -> None:
        """Become what `freeze` gave."""
        self._last_trade_id = frozen["last_trade_id"]
        self._next_start_ns = frozen["next_start_ns"]
        self._hole_start_ns = frozen["hole_start_ns"]
        self._whole_start_ns = frozen["whole_start_ns"]
        self.late = frozen["late"]
        row = frozen["open"]
        self._open = None if row is None else Candle(row[0], *(Decimal(text) for text in row[1:]))

    def _add(self, trade: Trade, start_ns: int) -> None:
        candle, price = self._open, trade.price
        if candle is not None and start_ns < candle.start_ns:
            return  # within a hole: REST tells that candle whole
        if candle is None or start_ns > candle.start_ns:
            if candle is not None:
                self._close()
            self._open = Candle(start_ns, price, price, price, price, trade.base_size)
            return
        self._open = replace(
            candle,
            high=max(candle.high, price),
            low=min(candle.low, price),
            close=price,
            volume=candle.volume + trade.base_size,
        )

    def _close(self) -> None:
        candle, self._open = self._open, None
        assert candle is not None
        end_ns = candle.start_ns + self._candle_ns
        if self._hole_start_ns is not None:
            # Announced out of order it would be wrong, dropped it would be missing: so it is
            # loaded with the hole.
            self._whole_start_ns = max(self._whole_start_ns, end_ns)
        elif candle.start_ns >= self._next_start_ns:
            self.closed.append((candle, True))
            self._next_start_ns = end_ns

    def _tear(self, start_ns: int) -> None:
        """Trades before the one that starts at `start_ns` or later are missing."""
        if self._hole_start_ns is None:
            self._hole_start_ns = start_ns if self._open is None else self._open.start_ns
        # The interval the gap fell into is incomplete; the next one is whole.
        self._whole_start_ns = start_ns + self._candle_ns
