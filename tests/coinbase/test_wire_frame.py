import pytest

from gpt_trader.coinbase.heard import items_of
from gpt_trader.coinbase.wire_frame import ErrorFrame, Frame, parse_frame, parse_subscriptions
from gpt_trader.domain.errors import WireError
from gpt_trader.domain.events import ClockTicked
from tests.coinbase.builders import TS_NS, a_frame, sample

HEARTBEAT = {"current_time": "2026-11-23 09:15:04.25 +0000 UTC m=+5.5", "heartbeat_counter": 5}


def opened(text: bytes | str) -> Frame:
    frame = parse_frame(text)
    assert isinstance(frame, Frame)
    return frame


def test_an_envelope_gives_channel_number_and_time() -> None:
    frame = opened(a_frame("ticker", {"tickers": []}, sequence=7))

    assert (frame.channel, frame.sequence, frame.ts_ns) == ("ticker", 7, TS_NS)


def test_an_error_comes_without_an_envelope() -> None:
    frame = parse_frame('{"type":"error","message":"authentication failure"}')

    assert frame == ErrorFrame("authentication failure")


@pytest.mark.parametrize("counter", [5120, "5120"])
def test_a_heartbeat_is_the_exchanges_clock(counter: int | str) -> None:
    frame = opened(a_frame("heartbeats", HEARTBEAT | {"heartbeat_counter": counter}))

    assert items_of(frame) == (ClockTicked(TS_NS),)


def test_a_recorded_heartbeat_is_read() -> None:
    frame = opened(sample("ws_heartbeats.json", a_frame("heartbeats", HEARTBEAT)))

    assert items_of(frame) == (ClockTicked(frame.ts_ns),)


def test_an_acknowledgement_lists_everything_subscribed() -> None:
    made = {"subscriptions": {"level2": ["BTC-USD"], "market_trades": ["BTC-USD", "ETH-USD"]}}
    frame = opened(sample("ws_subscriptions.json", a_frame("subscriptions", made)))

    subscribed = parse_subscriptions(frame)

    assert subscribed == {
        "level2": frozenset({"BTC-USD"}),
        "market_trades": frozenset({"BTC-USD", "ETH-USD"}),
    }


WRONG = {
    "nothing": b"",
    "not JSON": b"{",
    "not an object": b"[1]",
    "not text": b"\xff\xfe",
    "a lone surrogate": rb'{"channel":"\ud800"}',
    "deep nesting": b'{"channel":' + b"[" * 200_000,
    "deep nesting in what we skip": b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "no channel": b'{"timestamp":"2026-11-23T09:15:06Z","sequence_num":1,"events":[]}',
    "no number": b'{"channel":"user","timestamp":"2026-11-23T09:15:06Z","events":[]}',
    "no events": b'{"channel":"user","timestamp":"2026-11-23T09:15:06Z","sequence_num":1}',
    "no time": b'{"channel":"user","sequence_num":1,"events":[]}',
    "a number as text": b'{"channel":"user","sequence_num":"1"}',
    "a negative number": a_frame("user", {}, sequence=-2),
    "a fractional number": b'{"channel":"user","sequence_num":1.5}',
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_anything_else_is_refused(text: bytes) -> None:
    with pytest.raises(WireError):
        parse_frame(text)


def test_an_unknown_channel_is_refused() -> None:
    with pytest.raises(WireError, match="unknown channel 'weather'"):
        items_of(opened(a_frame("weather", {})))


@pytest.mark.parametrize("events", [{}, {"subscriptions": None}, {"subscriptions": {"user": "x"}}])
def test_a_malformed_acknowledgement_is_refused(events: dict[str, object]) -> None:
    with pytest.raises(WireError):
        parse_subscriptions(opened(a_frame("subscriptions", events)))
