"""Whether a new connection tells everything it was asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

from gpt_trader.coinbase.heard import Item
from gpt_trader.coinbase.wire_frame import Frame, parse_subscriptions
from gpt_trader.coinbase.wire_market import Level2Update
from gpt_trader.coinbase.wire_user import ends_snapshot
from gpt_trader.domain.errors import WireError

WITHOUT_PRODUCTS = frozenset({"heartbeats", "user"})
"""Channels that list something else than products in an acknowledgement."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One channel and its products. No products means all, on `heartbeats` and `user`."""

    channel: str
    product_ids: tuple[str, ...]


class Readiness:
    """Follows acknowledgements and snapshots of one connection until nothing is missing.

    A trade or ticker snapshot precedes its acknowledgement on the wire, so it needs no waiting.
    """

    def __init__(self, subscriptions: Sequence[Subscription]) -> None:
        self.is_ready = False
        self._subscriptions = subscriptions
        self._acknowledgements = 0
        self._acknowledged: dict[str, frozenset[str]] = {}
        self._awaited = {
            (s.channel, name)
            for s in subscriptions
            for name in (s.product_ids if s.channel == "level2" else ())
        }
        if any(s.channel == "user" for s in subscriptions):
            self._awaited.add(("user", ""))

    def acknowledge(self, frame: Frame) -> bool:
        """Take in an acknowledgement; True when it completes everything.

        Raises
        ------
        WireError
            All are here and something we asked for is not among them: Coinbase leaves out
            unknown products in silence.
        """
        self._acknowledgements += 1
        self._acknowledged = parse_subscriptions(frame)
        if self._acknowledgements >= len(self._subscriptions) and (missing := self._missing()):
            raise WireError(f"not subscribed to {', '.join(missing)}")
        return self._completed()

    def hear(self, frame: Frame, items: Sequence[Item]) -> bool:
        """Take in a frame with data; True when it completes everything."""
        if self.is_ready:
            return False
        if frame.channel == "user" and ends_snapshot(frame):
            self._awaited.discard(("user", ""))
        for item in items:
            match item:
                case Level2Update(is_snapshot=True):
                    self._awaited.discard(("level2", item.product_id))
                case _:
                    pass
        return self._completed()

    def _completed(self) -> bool:
        if self.is_ready or self._awaited:
            return False
        self.is_ready = self._acknowledgements >= len(self._subscriptions)
        return self.is_ready

    def _missing(self) -> list[str]:
        missing = []
        for wanted in self._subscriptions:
            acknowledged = self._acknowledged.get(wanted.channel)
            if acknowledged is None:
                missing.append(wanted.channel)
            elif wanted.channel not in WITHOUT_PRODUCTS:
                lacking = sorted(set(wanted.product_ids) - acknowledged)
                missing += [f"{wanted.channel} {name}" for name in lacking]
        return missing
