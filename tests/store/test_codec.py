"""Events come back from their bytes as they were, and nothing else comes back as an event."""

import dataclasses
import hashlib
import inspect
import random
from decimal import Decimal
from typing import get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt_trader.domain import controls
from gpt_trader.domain import events as ev
from gpt_trader.domain.errors import StoreDamaged, StoreRefused
from gpt_trader.domain.futures import FundingPaid, PositionLiquidated
from gpt_trader.domain.order import Liquidity, Side, Terms, Verdict
from gpt_trader.store.codec import DECISION_KINDS, INPUT_KINDS, VERSIONS, decode, encode, kind_of
from tests.store.samples import EVENT_TYPES, a_session, a_tick, any_event, some_trades
from tests.tier import scaled

PARTS = {ev.Trade, ev.Candle, ev.Draft, Terms, Verdict}
SHAPES = {
    "session_opened": (4, "d3536934"),
    "trades_seen": (1, "642c4e49"),
    "quote_seen": (1, "8853df87"),
    "clock_ticked": (1, "0970bcea"),
    "candles_loaded": (1, "97c2186f"),
    "feed_changed": (2, "f9705151"),
    "funding_paid": (1, "7e6db748"),
    "position_liquidated": (1, "fee5adbb"),
    "order_accepted": (1, "b9ef6f25"),
    "order_rejected": (1, "2596ad41"),
    "order_lost": (1, "f551f766"),
    "order_absent": (1, "61ecf659"),
    "order_changed": (2, "26c93070"),
    "order_filled": (1, "a86d0e41"),
    "cancel_answered": (1, "49b92a98"),
    "foreign_order_seen": (1, "3e75d184"),
    "balances_seen": (1, "37429349"),
    "books_compared": (1, "2dc324b3"),
    "fee_revised": (1, "e4aedcb1"),
    "trading_state_changed": (2, "c908c1f0"),
    "order_asked": (4, "7bbfaadc"),
    "cancel_asked": (1, "4f209d0d"),
    "edit_asked": (2, "6f974d5b"),
    "edit_answered": (1, "ffa6d194"),
    "edit_lost": (1, "cf318e0d"),
    "edit_intended": (2, "a2c9a25d"),
    "holding_adopted": (2, "39a80d41"),
    "session_resumed": (1, "71aed082"),
    "stop_requested": (1, "88799e9c"),
    "session_closed": (1, "d666af37"),
    "candle_closed": (1, "db615b97"),
    "stop_reached": (1, "eb5ef6a9"),
    "stop_supervised": (2, "0dc1af01"),
    "trigger_reached": (1, "af326897"),
    "stop_withheld": (1, "095398ab"),
    "stop_ended": (1, "15ed42f7"),
    "order_intended": (5, "5606013b"),
    "order_denied": (5, "6f04027b"),
    "cancel_intended": (1, "1d646545"),
}


def shape(event_type: type) -> str:
    """A digest of a class's field names and types, and of those inside them."""
    schema = msgspec.json.schema(event_type)
    return hashlib.sha256(msgspec.json.encode(schema, order="sorted")).hexdigest()[:8]


@pytest.mark.parametrize("event_type", EVENT_TYPES, ids=kind_of)
def test_every_event_comes_back_as_it_was(event_type: type) -> None:
    @settings(max_examples=scaled(300))
    @given(any_event(event_type))
    def comes_back(event: ev.Event) -> None:
        kind, version, body = encode(event)

        again = decode(kind, version, body)

        assert again == event
        assert encode(again) == (kind, version, body)

    comes_back()


def test_every_class_of_the_events_module_is_an_event_or_a_part_of_one() -> None:
    found = {
        member
        for module in (ev, controls)
        for _, member in inspect.getmembers(module, dataclasses.is_dataclass)
        if inspect.isclass(member) and member.__module__ == module.__name__
    }

    assert found - PARTS | {FundingPaid, PositionLiquidated} == set(EVENT_TYPES)


def test_inputs_and_decisions_are_told_apart_and_none_is_both() -> None:
    assert INPUT_KINDS | DECISION_KINDS == set(VERSIONS) == {kind_of(t) for t in EVENT_TYPES}
    assert not INPUT_KINDS & DECISION_KINDS
    orders = {"order_intended", "order_denied", "edit_intended", "cancel_intended"}
    stops = {"stop_reached", "stop_supervised", "trigger_reached", "stop_withheld", "stop_ended"}
    assert {"candle_closed"} | stops | orders == DECISION_KINDS


def test_a_shape_that_changes_takes_a_new_version() -> None:
    """A field that is dropped would be lost without a word when an old log is read."""
    found = {kind_of(t): (VERSIONS[kind_of(t)], shape(t)) for t in EVENT_TYPES}

    assert found == SHAPES, "raise VERSIONS in store/codec.py for the kinds that differ, then: " + (
        "".join(f"\n    {kind!r}: {pair}," for kind, pair in found.items())
    )


def test_a_decimal_keeps_its_digits() -> None:
    event = some_trades(price="62000.120")

    again = decode(*encode(event))

    assert isinstance(again, ev.TradesSeen)
    assert str(again.trades[0].price) == "62000.120"


def test_equal_mappings_have_equal_bytes_in_any_order() -> None:
    assert encode(a_session(fast=1.0, slow=2.0)) == encode(a_session(slow=2.0, fast=1.0))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_float_that_is_not_finite_is_refused(number: float) -> None:
    with pytest.raises(StoreRefused, match=r"session_opened\.params\.fast is -?(nan|inf)"):
        encode(a_session(fast=number))


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "sNaN", "NaN123", "Infinity"])
def test_a_decimal_that_is_not_finite_is_refused(text: str) -> None:
    event = ev.BalancesSeen(1, {"USD": Decimal(text)})

    with pytest.raises(StoreRefused, match=r"balances_seen\.totals\.USD"):
        encode(event)


@pytest.mark.parametrize("reason", ["NaN", "Infinity", "null", 'price was "NaN"'])
def test_a_text_may_say_nan(reason: str) -> None:
    event = ev.FeedChanged(1, False, reason)

    assert decode(*encode(event)) == event


def test_a_text_that_is_not_unicode_is_refused() -> None:
    """JSON from the wire may carry half of a surrogate pair."""
    with pytest.raises(StoreRefused, match="feed_changed"):
        encode(ev.FeedChanged(1, False, "\ud800"))


def test_an_unknown_kind_is_damage() -> None:
    with pytest.raises(StoreDamaged, match="unknown kind 'order_filed'"):
        decode("order_filed", 1, b"{}")


def test_an_unknown_version_is_damage() -> None:
    kind, version, body = encode(a_tick())

    with pytest.raises(StoreDamaged, match="clock_ticked version 2"):
        decode(kind, version + 1, body)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"{}", b"[]", b'{"ts_ns":"1"}', b'{"ts_ns":1.5}', b"\xff"]
)
def test_a_body_that_does_not_read_is_damage(body: bytes) -> None:
    with pytest.raises(StoreDamaged, match="clock_ticked"):
        decode("clock_ticked", 1, body)


def test_a_fill_of_nothing_is_damage() -> None:
    """An event's own checks hold for what is read, too."""
    fill = ev.OrderFilled(
        ts_ns=1,
        client_order_id="c",
        order_id="o",
        trade_id="t",
        product_id="BTC-USD",
        side=Side.BUY,
        price=Decimal("1"),
        base_size=Decimal("3"),
        fee=Decimal("0"),
        liquidity=Liquidity.MAKER,
    )
    kind, version, body = encode(fill)

    with pytest.raises(StoreDamaged, match="order_filled"):
        decode(kind, version, body.replace(b'"base_size":"3"', b'"base_size":"0"'))


@settings(max_examples=scaled(2000))
@given(st.integers(0, 2**32))
def test_a_mutilated_body_is_damage_or_an_event(seed: int) -> None:
    kind, version, body = encode(a_session(fast=1.5))
    dice = random.Random(seed)
    mutilated = bytearray(body)
    for _ in range(dice.randint(1, 4)):
        mutilated[dice.randrange(len(mutilated))] = dice.randrange(256)

    try:
        event = decode(kind, version, bytes(mutilated))
    except StoreDamaged as error:
        assert kind in str(error)
    else:
        assert get_type_hints(type(event)).keys() == get_type_hints(ev.SessionOpened).keys()
