"""Candles over REST for what the feed did not show: the warm-up, and the holes of an outage."""

from collections.abc import Awaitable, Callable
from functools import partial

from gpt_trader.coinbase.errors import NotAuthorized
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.domain.errors import ExchangeUnreachable, WireError
from gpt_trader.domain.events import CandlesLoaded, Event
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.market import NS
from gpt_trader.live.desk import Desk

PAGE = 300  # candles in one request; Coinbase gives at most 350
WARM_UP = 600  # candles before the first one watched
RETRY_NS = 5 * NS


class History:
    """Fills the holes of every market's candles as soon as the exchange has them."""

    def __init__(
        self,
        engine: Engine,
        rest: RestClient,
        desk: Desk,
        take: Callable[[Event], Awaitable[None]],
    ) -> None:
        self._engine = engine
        self._rest = rest
        self._desk = desk
        self._take = take
        self._tried_ns = 0

    async def fill(self) -> None:
        """Load the candles of every hole whose last interval is over."""
        now_ns = self._engine.now_ns
        due = [m for m in self._engine.markets.values() if m.builder.hole_ns is not None]
        if not due or now_ns - self._tried_ns < RETRY_NS:
            return
        for market in due:
            hole = market.builder.hole_ns
            assert hole is not None
            if now_ns >= hole[1] + self._engine.opened.candle_grace_ns:
                self._tried_ns = now_ns
                await self._load(market.product.product_id, *hole)

    async def _load(self, product_id: str, start_ns: int, end_ns: int) -> None:
        candle_s = self._engine.opened.candle_s
        start_s, end_s = start_ns // NS - WARM_UP * candle_s, end_ns // NS
        builder = self._engine.markets[product_id].builder
        if not builder.is_new:
            start_s = builder.next_start_ns // NS  # after a failed page: from where it stopped
        while start_s < end_s:
            page_s = min(end_s, start_s + PAGE * candle_s)
            ask = partial(self._rest.candles, product_id, start_s, page_s, candle_s)
            try:
                candles = await self._desk.call(ask)
            except (ExchangeUnreachable, NotAuthorized, WireError):
                return  # tried again in a while; until then nothing is decided on the hole
            if candles:
                await self._take(CandlesLoaded(self._engine.now_ns, product_id, candles))
            start_s = page_s
