"""Coinbase's past candles, page after page, within its limits and in spite of its moods."""

from collections.abc import Callable
from typing import TypeVar

from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.times import SECOND_NS
from gpt_trader.domain.errors import ExchangeUnreachable, UsageError
from gpt_trader.domain.events import Candle
from gpt_trader.domain.product import Product

Answer = TypeVar("Answer")

INTERVALS_MAX = 350
"""Coinbase answers no question for more (coinbase-wire, 1.4)."""

PAGE_CANDLES = INTERVALS_MAX - 1
"""New candles in a page. The last interval of each is asked for again as the first of the next:
whether `end` counts in is not documented, and other downloaders lose one candle a page by it."""

REQUESTS_APART_S = 0.11
"""Public reads are allowed ten times a second for each address (coinbase-wire, 2.2)."""

WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Between tries of one question, after "too many requests", a server error or no answer."""

FIRST_WAITS_S = (0.5, 1.0)
"""Of the very first question: a wrong host should be told soon."""

SETTLED_S = 5
"""So long after its end a candle is complete for sure: Coinbase still books trades for a moment."""


class History:
    """Asks for past candles, slowly enough, and again where that may help.

    Parameters
    ----------
    rest
        Without a signer: public market data needs no key.
    clock, sleep
        `time.monotonic` and `time.sleep`.
    waiting
        Told why we wait, before each wait.
    """

    def __init__(
        self,
        rest: RestClient,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        waiting: Callable[[str], None],
    ) -> None:
        self._rest = rest
        self._clock = clock
        self._sleep = sleep
        self._waiting = waiting
        self._next_s = clock()

    def complete_until(self, candle_s: int) -> int:
        """The end of the newest candle that is complete by the exchange's clock, in seconds.

        Raises
        ------
        ExchangeUnreachable
            No answer in three tries.
        """
        now_s = self._patiently(self._rest.server_time_ns, FIRST_WAITS_S) // SECOND_NS
        return max(0, now_s - SETTLED_S) // candle_s * candle_s

    def product(self, product_id: str) -> Product:
        """A product as the exchange lists it.

        Raises
        ------
        UsageError
            It lists no such spot product.
        """
        return self._patiently(lambda: self._rest.products([product_id]), WAITS_S)[0]

    def candles(
        self,
        product_id: str,
        candle_s: int,
        from_s: int,
        until_s: int,
        seen: Callable[[int], None],
    ) -> tuple[Candle, ...]:
        """All candles that start from `from_s` to before `until_s`, oldest first.

        Parameters
        ----------
        seen
            Told after each page how many intervals it covered.

        Raises
        ------
        ExchangeUnreachable
            A page got no answer, however often it was asked for.
        """
        if from_s % candle_s or until_s % candle_s:
            raise UsageError(f"{from_s} or {until_s} is no start of a candle of {candle_s} s")
        found: dict[int, Candle] = {}
        for first_s in range(from_s, until_s, PAGE_CANDLES * candle_s):
            last_s = min(first_s + PAGE_CANDLES * candle_s, until_s)
            for candle in self._page(product_id, first_s, last_s, candle_s):
                found[candle.start_ns] = candle
            seen((last_s - first_s) // candle_s)
        end_ns = until_s * SECOND_NS
        return tuple(found[start_ns] for start_ns in sorted(found) if start_ns < end_ns)

    def _page(
        self, product_id: str, first_s: int, last_s: int, candle_s: int
    ) -> tuple[Candle, ...]:
        def ask() -> tuple[Candle, ...]:
            return self._rest.candle_page(product_id, first_s, last_s, candle_s)

        return self._patiently(ask, WAITS_S)

    def _patiently(self, ask: Callable[[], Answer], waits_s: tuple[float, ...]) -> Answer:
        for wait_s in waits_s:
            self._keep_apart()
            try:
                return ask()
            except ExchangeUnreachable as e:
                self._waiting(f"{e}; trying again in {wait_s:g} s")
                self._sleep(wait_s)
        self._keep_apart()
        return ask()

    def _keep_apart(self) -> None:
        now_s = self._clock()
        if now_s < self._next_s:
            self._sleep(self._next_s - now_s)
        self._next_s = max(now_s, self._next_s) + REQUESTS_APART_S
