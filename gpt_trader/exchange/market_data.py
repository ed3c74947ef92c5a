"""The market on the wire: products, books, trades, candles and tickers of what is released."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpt_trader.exchange.candle_history import MINUTE_S, Candle, History, join
from gpt_trader.exchange.catalog import Product, product_record
from gpt_trader.exchange.decimals import CASH_PLACES, decimal_text, ratio_text
from gpt_trader.exchange.liquidity import Book, Level
from gpt_trader.exchange.rules import TradeSide
from gpt_trader.exchange.tape import ProductTape
from gpt_trader.exchange.timestamps import SECOND_NS, time_text

Wire = dict[str, Any]

DAY_NS = 86_400 * SECOND_NS
YEAR_NS = 52 * 7 * DAY_NS
FIVE_MINUTES_S = 300
SIDES = ("SELL", "BUY")


@dataclass(frozen=True, slots=True)
class Window:
    """What happened to a product in a stretch of time, in whole increments."""

    first: int
    high: int
    low: int
    volume: int


class MarketData:
    """Writes one product's market as far as ``count`` trades of it are released."""

    def __init__(self, part: ProductTape, product: Product, trade_side: TradeSide) -> None:
        """Begin; ``product`` is the part's own, or another name for it that shares its book."""
        self._part = part
        self._product = product
        self._flip = trade_side is TradeSide.TAKER
        self._history: History | None = None
        self._seen = 0
        self._high = 0
        self._low = 0

    def last_price(self, count: int) -> int | None:
        """Give the last trade's price in price increments."""
        return self._part.prices[count - 1] if count else None

    def channel_trades(self, start: int, stop: int) -> list[Wire]:
        """Write trades start..stop-1, oldest first, as market_trades shows them."""
        part, product = self._part, self._product
        return [
            {
                "trade_id": str(part.trade_id(index)),
                "product_id": product.product_id,
                "price": product.price_text(part.prices[index]),
                "size": product.base_text(part.sizes[index]),
                "side": SIDES[part.maker_buys[index] ^ self._flip],
                "time": time_text(part.times_ns[index]),
            }
            for index in range(start, stop)
        ]

    def rest_trades(self, start: int, stop: int) -> list[Wire]:
        """Write trades start..stop-1, newest first, as REST shows them."""
        trades = self.channel_trades(start, stop)
        return [{**trade, "bid": "", "ask": "", "exchange": "coinbase"} for trade in trades[::-1]]

    def trades_between(self, start_ns: int, end_ns: int, count: int) -> tuple[int, int]:
        """Give the range of released trades from one time to before another."""
        times = _view(self._part.times_ns, count)
        first, last = np.searchsorted(times, (start_ns, end_ns))
        return int(first), int(last)

    def candles(self, start_s: int, end_s: int, width_s: int, count: int) -> list[Wire]:
        """Write the candles that begin from one second to before another, newest first.

        Intervals without a trade give no candle, nor do those we know a part of only.
        """
        history = self._history
        if history is None:
            found = self._traded(start_s, end_s, width_s, count)
        else:
            heard_s = max(start_s, history.whole_s)
            heard = self._traded(heard_s, end_s, MINUTE_S, count)
            joined = join(history, heard, width_s)
            found = [candle for candle in joined if start_s <= candle.start_s < end_s]
        return [self._candle(candle) for candle in reversed(found)]

    def recall(self, history: History) -> None:
        """Take in what another exchange tells of the past, in place of our trades of that time."""
        self._history = history

    def _traded(self, start_s: int, end_s: int, width_s: int, count: int) -> list[Candle]:
        """Build the candles of our trades, oldest first."""
        first, last = self.trades_between(start_s * SECOND_NS, end_s * SECOND_NS, count)
        if first >= last:
            return []
        part = self._part
        starts_s = _view(part.times_ns, count)[first:last] // SECOND_NS // width_s * width_s
        prices = _view(part.prices, count)[first:last]
        sizes = _view(part.sizes, count)[first:last]
        opens = np.concatenate(([0], np.flatnonzero(np.diff(starts_s)) + 1))
        closes = np.append(opens[1:], last - first) - 1
        columns = (
            starts_s[opens],
            np.minimum.reduceat(prices, opens),
            np.maximum.reduceat(prices, opens),
            prices[opens],
            prices[closes],
            np.add.reduceat(sizes, opens),
        )
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [Candle(*row) for row in rows]

    def _candle(self, candle: Candle) -> Wire:
        product = self._product
        return {
            "start": str(candle.start_s),
            "low": product.price_text(candle.low),
            "high": product.price_text(candle.high),
            "open": product.price_text(candle.open),
            "close": product.price_text(candle.close),
            "volume": product.base_text(candle.volume),
        }

    def changed_candles(self, start: int, stop: int) -> list[Wire]:
        """Write the 5-minute candles that trades start..stop-1 changed, oldest first."""
        if start == stop:
            return []
        times = self._part.times_ns
        step_ns = FIVE_MINUTES_S * SECOND_NS
        first_s = times[start] // step_ns * FIVE_MINUTES_S
        end_s = (times[stop - 1] // step_ns + 1) * FIVE_MINUTES_S
        candles = self.candles(first_s, end_s, FIVE_MINUTES_S, stop)[::-1]
        return [{**candle, "product_id": self._product.product_id} for candle in candles]

    def ticker(self, count: int, now_ns: int, bid: Level | None, ask: Level | None) -> Wire:
        """Write the ticker; 52 weeks reach back to the tape's begin at most."""
        product = self._product
        last = self._part.prices[count - 1]
        day = self._window(count, now_ns - DAY_NS)
        year_high, year_low = self._year(count, now_ns)
        return {
            "type": "ticker",
            "product_id": product.product_id,
            "price": product.price_text(last),
            "volume_24_h": product.base_text(day.volume),
            "low_24_h": product.price_text(day.low),
            "high_24_h": product.price_text(day.high),
            "low_52_w": product.price_text(year_low),
            "high_52_w": product.price_text(year_high),
            "price_percent_chg_24_h": _percent(last - day.first, day.first),
            "best_bid": "" if bid is None else product.price_text(bid[0]),
            "best_bid_quantity": "" if bid is None else product.base_text(bid[1]),
            "best_ask": "" if ask is None else product.price_text(ask[0]),
            "best_ask_quantity": "" if ask is None else product.base_text(ask[1]),
        }

    def status(self) -> Wire:
        """Write the product as the status channel shows it."""
        product = self._product
        return {
            "product_type": product.product_type,
            "id": product.product_id,
            "base_currency": product.base,
            "quote_currency": product.quote,
            "base_increment": decimal_text(1, product.base_places),
            "quote_increment": decimal_text(1, product.quote_places),
            "display_name": f"{product.base or product.product_id}/{product.quote}",
            "status": "online",
            "status_message": "",
            "min_market_funds": decimal_text(product.quote_min, CASH_PLACES),
        }

    def product(self, count: int, now_ns: int, book: Book, disabled: bool) -> Wire:
        """Write the product (coinbase-wire.md, 1.4); without a trade its prices are empty."""
        product = self._product
        return {
            **product_record(product),
            **self._day_fields(count, now_ns),
            "watched": False,
            "is_disabled": False,
            "new": False,
            "status": "online",
            "cancel_only": False,
            "limit_only": False,
            "post_only": False,
            "trading_disabled": disabled,
            "auction_mode": False,
            "product_type": "SPOT",
            "fcm_trading_session_details": None,
            "mid_market_price": _mid_text(product, book),
            "alias": product.alias,
            "base_display_symbol": product.base,
            "quote_display_symbol": product.quote,
            "view_only": False,
            "display_name": product.product_id,
            "product_venue": "CBE",
            "new_at": None,
            "market_cap": "",
            "base_cbrn": "",
            "quote_cbrn": "",
            "product_cbrn": "",
            "icon_color": "",
            "icon_url": "",
            "display_name_overwrite": "",
            "is_alpha_testing": False,
            "about_description": "",
            "best_bid_price": product.price_text(book.bids[0][0]) if book.bids else "",
            "best_ask_price": product.price_text(book.asks[0][0]) if book.asks else "",
        }

    def day_volume(self, count: int, now_ns: int) -> int:
        """Give the last 24 hours' volume in base increments."""
        return self._window(count, now_ns - DAY_NS).volume if count else 0

    def day_notional(self, count: int, now_ns: int) -> int:
        """Give the last 24 hours' volume at the last price, in 1e-16 of the quote currency."""
        if not count:
            return 0
        day = self._window(count, now_ns - DAY_NS)
        numerator, denominator = self._product.tick_value()
        return day.volume * self._part.prices[count - 1] * numerator * 10**8 // denominator

    def price_book(self, book: Book, limit: int, now_ns: int) -> Wire:
        """Write a price book with at most ``limit`` levels a side."""
        product = self._product
        return {
            "product_id": product.product_id,
            "bids": _levels(product, book.bids[:limit]),
            "asks": _levels(product, book.asks[:limit]),
            "time": time_text(now_ns),
        }

    def book_summary(self, book: Book, count: int) -> Wire:
        """Write last price, middle and spread, as they stand beside a price book."""
        product = self._product
        last = self.last_price(count)
        summary = {
            "last": "" if last is None else product.price_text(last),
            "mid_market": _mid_text(product, book),
            "spread_bps": "",
            "spread_absolute": "",
        }
        if book.bids and book.asks:
            bid, ask = book.bids[0][0], book.asks[0][0]
            summary["spread_bps"] = ratio_text(20_000 * (ask - bid), ask + bid, 12)
            summary["spread_absolute"] = product.price_text(ask - bid)
        return summary

    def level2(self, before: Book, now: Book, touched: frozenset[int], now_ns: int) -> list[Wire]:
        """Write the changes between two books; ``touched`` prices are told in any case."""
        when = time_text(now_ns)
        updates: list[Wire] = []
        for side, old, new in (("bid", before.bids, now.bids), ("offer", before.asks, now.asks)):
            sizes = dict(new)
            former = dict(old)
            gone = [price for price in former if price not in sizes]
            kept = [price for price in sizes if former.get(price) != sizes[price]]
            told = [price for price in sizes if price in touched and price not in kept]
            for price in (*gone, *kept, *told):
                updates.append(self._update(side, price, sizes.get(price, 0), when))
        return updates

    def level2_snapshot(self, book: Book, now_ns: int) -> list[Wire]:
        """Write the whole book: bids best first, then offers best first."""
        when = time_text(now_ns)
        bids = [self._update("bid", price, lots, when) for price, lots in book.bids]
        return bids + [self._update("offer", price, lots, when) for price, lots in book.asks]

    def _update(self, side: str, price: int, lots: int, when: str) -> Wire:
        return {
            "side": side,
            "event_time": when,
            "price_level": self._product.price_text(price),
            "new_quantity": self._product.base_text(lots),
        }

    def _day_fields(self, count: int, now_ns: int) -> dict[str, str]:
        product = self._product
        if not count:
            names = ("price", "price_percentage_change_24h", "volume_24h", "high_24h", "low_24h")
            more = ("volume_percentage_change_24h", "approximate_quote_24h_volume")
            return dict.fromkeys((*names, *more), "")
        last = self._part.prices[count - 1]
        day = self._window(count, now_ns - DAY_NS)
        start, stop = self.trades_between(now_ns - 2 * DAY_NS, now_ns - DAY_NS, count)
        former = int(_view(self._part.sizes, count)[start:stop].sum())
        return {
            "price": product.price_text(last),
            "price_percentage_change_24h": _percent(last - day.first, day.first),
            "volume_24h": product.base_text(day.volume),
            "volume_percentage_change_24h": _percent(day.volume - former, former),
            "high_24h": product.price_text(day.high),
            "low_24h": product.price_text(day.low),
            "approximate_quote_24h_volume": ratio_text(self.day_notional(count, now_ns), 10**16, 2),
        }

    def _window(self, count: int, start_ns: int) -> Window:
        """Look at the trades from a time on; at least at the last one."""
        part = self._part
        first = min(int(np.searchsorted(_view(part.times_ns, count), start_ns)), count - 1)
        prices = _view(part.prices, count)[first:]
        return Window(
            first=part.prices[first],
            high=int(prices.max()),
            low=int(prices.min()),
            volume=int(_view(part.sizes, count)[first:].sum()),
        )

    def _year(self, count: int, now_ns: int) -> tuple[int, int]:
        if now_ns - self._part.times_ns[0] > YEAR_NS:
            year = self._window(count, now_ns - YEAR_NS)
            return year.high, year.low
        if count < self._seen or not self._seen:
            self._seen = 0
            self._high = self._low = self._part.prices[0]
        news = self._part.prices[self._seen : count]
        if news:
            self._high = max(self._high, max(news))
            self._low = min(self._low, min(news))
        self._seen = count
        return self._high, self._low


def without_best(ticker: Wire) -> Wire:
    """Give a ticker as ticker_batch shows it: without the best prices."""
    return {name: text for name, text in ticker.items() if not name.startswith("best_")}


def _view(column: "array[int]", count: int) -> NDArray[np.int64]:
    """Look at the released part of a column without copying it."""
    if not count:
        return np.empty(0, np.int64)
    return np.frombuffer(column, np.int64, count)


def _levels(product: Product, levels: Sequence[Level]) -> list[Wire]:
    return [
        {"price": product.price_text(price), "size": product.base_text(lots)}
        for price, lots in levels
    ]


def _mid_text(product: Product, book: Book) -> str:
    if not book.bids or not book.asks:
        return ""
    doubled = (book.bids[0][0] + book.asks[0][0]) * 5
    return decimal_text(doubled * product.price_step, product.price_places + 1)


def _percent(change: int, base: int) -> str:
    if not base:
        return ""
    sign = "-" if change < 0 else ""
    return sign + ratio_text(100 * abs(change), base, CASH_PLACES)
