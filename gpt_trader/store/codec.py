"""Events to bytes and back, each under a kind and a version."""

import dataclasses
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import get_args

import msgspec

from gpt_trader.domain.errors import StoreDamaged, StoreRefused
from gpt_trader.domain.events import (
    CandleClosed,
    CandlesLoaded,
    ClockTicked,
    Decision,
    Event,
    Input,
    QuoteSeen,
    TradesSeen,
)


def encode(event: Event) -> tuple[str, int, bytes]:
    """Turn one event into its kind, its version and its body.

    The body is JSON with the keys of every mapping sorted, so that equal events have equal
    bytes. A `Decimal` is a string and keeps its digits.

    Raises
    ------
    StoreRefused
        A number in the event is NaN or infinite: JSON has no word for it, and no decision may
        rest on it. Or a text holds half of a surrogate pair.
    """
    kind, version = _KIND_OF[type(event)]
    try:
        body = _ENCODER.encode(event)
    except UnicodeEncodeError as error:
        raise StoreRefused(f"a text of a {kind} event is not Unicode: {error.reason}") from error
    # A float that is not finite becomes `null`, a Decimal becomes "NaN" or "Infinity". Texts may
    # hold these letters too, so they only call the slow look: 0.1 us instead of 3 us an event.
    if b"null" in body or b"NaN" in body or b"Infinity" in body:
        _refuse_what_is_not_finite(event, kind)
    return kind, version, body


def decode(kind: str, version: int, body: bytes) -> Event:
    """Turn a kind, a version and a body back into the event they were made from.

    Raises
    ------
    StoreDamaged
        The kind or the version is none of ours, or the body is not that event's.
    """
    decoder = _DECODERS.get(kind)
    if decoder is None:
        raise StoreDamaged(f"the log holds an event of the unknown kind {kind!r}")
    if version != VERSIONS[kind]:
        raise StoreDamaged(
            f"the log holds {kind} version {version}; this program reads version {VERSIONS[kind]}"
        )
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, AssertionError, RecursionError) as error:
        raise StoreDamaged(f"the body of a {kind} event does not read: {error}") from error


def kind_of(event_type: type) -> str:
    """The name of an event class in the log: `OrderFilled` is `order_filled`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event_type.__name__).lower()


INPUT_KINDS = frozenset(kind_of(event_type) for event_type in get_args(Input))
"""Kinds that came from outside; a replay takes them from the record."""

DECISION_KINDS = frozenset(kind_of(event_type) for event_type in get_args(Decision))
"""Kinds we decided; a replay must make them again, byte for byte."""

MARKET_KINDS = frozenset(
    kind_of(event_type)
    for event_type in (TradesSeen, QuoteSeen, ClockTicked, CandlesLoaded, CandleClosed)
)
"""Kinds of which a log has a million; none of them moves the books."""

VERSIONS: dict[str, int] = {
    **dict.fromkeys(sorted(INPUT_KINDS | DECISION_KINDS), 1),
    "session_opened": 4,  # what the day brought before, what makes a product a contract
    "order_intended": 5,  # the draft may be reduce-only on the wire, as in the next three
    "order_denied": 5,
    "order_asked": 4,
    "stop_supervised": 2,
    "order_changed": 2,  # the word for such a stop
    "holding_adopted": 2,  # its name
    "feed_changed": 2,  # whether prices come all the same
    "edit_asked": 2,  # the stop price, as in the next
    "edit_intended": 2,
    "trading_state_changed": 2,  # of which product
}
"""The version of each kind's shape. A changed field raises the number of its kind here."""

_KIND_OF: dict[type, tuple[str, int]] = {
    event_type: (kind_of(event_type), VERSIONS[kind_of(event_type)])
    for event_type in get_args(Event)
}
_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODERS: dict[str, msgspec.json.Decoder[Event]] = {
    kind: msgspec.json.Decoder(event_type) for event_type, (kind, _) in _KIND_OF.items()
}


def _refuse_what_is_not_finite(event: Event, kind: str) -> None:
    for path, number in _numbers(dataclasses.asdict(event), kind):
        finite = number.is_finite() if isinstance(number, Decimal) else math.isfinite(number)
        if not finite:
            raise StoreRefused(f"{path} is {number}: the log keeps finite numbers only")


def _numbers(value: object, path: str) -> Iterator[tuple[str, float | Decimal]]:
    match value:
        case float() | Decimal():
            yield path, value
        case dict():
            for key, inner in value.items():
                yield from _numbers(inner, f"{path}.{key}")
        case list() | tuple():
            for at, inner in enumerate(value):
                yield from _numbers(inner, f"{path}[{at}]")
