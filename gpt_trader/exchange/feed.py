"""One client connection as the exchange sees it: what it subscribed to and what it was sent."""

from collections.abc import Callable, Collection

from gpt_trader.exchange.frames import Frame, wrap_text

HEARTBEATS = "heartbeats"
USER = "user"
FUTURES = "futures_balance_summary"
PRIVATE = (USER, FUTURES)  # of the account: they need a key, and no products


class Feed:
    """Numbers the messages of one connection and sends them in batches.

    Messages wait in the outbox until ``flush``, so that all of a tape round leaves in one write.

    Parameters
    ----------
    feed_id
        The name the client gave this connection, "" for none.
    write
        Takes the bytes of whole WebSocket frames; must not block.
    """

    def __init__(self, feed_id: str, write: Callable[[bytes], None]) -> None:
        self.feed_id = feed_id
        self.sequence = -1  # of the last message sent; the first is number 0
        self._subscriptions: dict[str, frozenset[str]] = {}
        self._write = write
        self._outbox: list[bytes] = []

    def send(self, frame: Frame) -> None:
        """Number a message and put it into the outbox."""
        self.sequence += 1
        self._outbox.append(wrap_text(frame.numbered(self.sequence)))

    def send_bare(self, payload: bytes) -> None:
        """Put a message without envelope and number (an error) into the outbox."""
        self._outbox.append(wrap_text(payload))

    def flush(self) -> None:
        """Write all that waits in the outbox at once."""
        if self._outbox:
            waiting = b"".join(self._outbox)
            self._outbox.clear()
            self._write(waiting)

    def subscription(self, channel: str) -> frozenset[str] | None:
        """Give the products subscribed to on a channel; None when there is no subscription.

        On the user channel the empty set stands for all products.
        """
        return self._subscriptions.get(channel)

    def subscribe(self, channel: str, product_ids: Collection[str]) -> None:
        """Add products to a channel; nothing to add is no subscription, but for the account's."""
        held = self._subscriptions.get(channel)
        wanted = frozenset(product_ids)
        if channel == HEARTBEATS:
            wanted = frozenset({HEARTBEATS})
        if channel == FUTURES or (channel == USER and (not wanted or held == frozenset())):
            self._subscriptions[channel] = frozenset()
            return
        if wanted:
            self._subscriptions[channel] = wanted | (held or frozenset())

    def unsubscribe(self, channel: str, product_ids: Collection[str]) -> None:
        """Take products off a channel; heartbeats, and user without products, end entirely.

        A product cannot be taken off ``user`` for all products: that subscription stays.
        """
        held = self._subscriptions.get(channel, frozenset())
        left = held - frozenset(product_ids)
        whole = channel in (HEARTBEATS, FUTURES) or (channel == USER and not product_ids)
        if channel == USER and not held and not whole:
            return
        if whole or not left:
            self._subscriptions.pop(channel, None)
        else:
            self._subscriptions[channel] = left

    def subscriptions(self, user_id: str) -> dict[str, list[str]]:
        """Give the complete set that an acknowledgement lists; the account's show the user's id."""
        return {
            channel: [user_id] if channel in PRIVATE else sorted(product_ids)
            for channel, product_ids in self._subscriptions.items()
        }
