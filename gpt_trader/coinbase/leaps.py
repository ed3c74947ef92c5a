"""Trades at prices that nobody should believe at once: a digit too many, or a hundredfold."""

from decimal import Decimal

from gpt_trader.domain.errors import WireError
from gpt_trader.domain.events import TradesSeen

LEAP = 2
"""Between two trades that follow one another, up or down."""
STEPS = 20
"""Of the last decimal written: so few are no leap, however small the price."""


class Leaps:
    """Follows the trades of one connection.

    What a connection begins with is believed, since it is Coinbase's own record of what was traded.
    """

    def __init__(self) -> None:
        self._last: dict[str, Decimal] = {}  # by product

    def check(self, event: TradesSeen) -> None:
        """Refuse trades that leap: their candle, and every signal on it, would be nonsense.

        Raises
        ------
        WireError
            A price is more than twice, or less than half, of the trade before it.
        """
        newest = event.trades[-1].price
        before = self._last.get(event.product_id, newest)
        for trade in event.trades:
            if event.product_id in self._last and not _is_near(trade.price, before):
                raise WireError(
                    f"{event.product_id}: a trade at {trade.price:f} after one at {before:f}"
                )
            before = trade.price
        self._last[event.product_id] = newest


def _is_near(price: Decimal, other: Decimal) -> bool:
    step = Decimal(1).scaleb(min(_exponent(price), _exponent(other)))
    few = abs(price - other) <= STEPS * step
    return few or (price <= other * LEAP and other <= price * LEAP)


def _exponent(price: Decimal) -> int:
    return int(price.as_tuple().exponent)
