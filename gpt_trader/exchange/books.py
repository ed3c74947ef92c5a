"""What orders, contracts and margin must know of the market."""

from typing import Protocol

from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.liquidity import LiveBook


class Books(Protocol):
    """The market as the account's side sees it: ``Market``, or one drawn by a test."""

    products: dict[str, Product]

    def live(self, product_id: str) -> LiveBook:
        """Give the book of now."""

    def queue_ahead(self, product_id: str, price: int, buys: bool) -> int:
        """Give the lots of others before a new order of ours at a price."""

    def last_price(self, product_id: str) -> int | None:
        """Give the price of the last printed trade, None before the first."""

    def mark_price(self, product_id: str) -> int | None:
        """Give a contract's mark price in price increments, None before its first trade."""

    def funding_rate(self, product_id: str, hour_ns: int) -> int:
        """Give a contract's funding rate of the hour that begins then, in millionths."""
