"""Candles over REST: a page that failed is asked for again, and nothing before it."""

import asyncio
from dataclasses import replace
from pathlib import Path

from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.signer import Signer
from gpt_trader.domain.events import CandlesLoaded, ClockTicked, Event, TradesSeen
from gpt_trader.engine.engine import Engine
from gpt_trader.live.control import Control
from gpt_trader.live.desk import Desk
from gpt_trader.live.history import PAGE, RETRY_NS, WARM_UP, History
from gpt_trader.live.seams import Probes, wall_ns
from tests.builders import a_trade, an_opening
from tests.live import commands
from tests.live.proxy import Answer, CountingProxy, json_answer

NS = 10**9
MINUTE_NS = 60 * NS


class FlakyCandles:
    """Answers one request for candles, the `failing`-th, with an error of the server's."""

    def __init__(self, failing: int) -> None:
        self.failing = failing

    def __call__(self, method: str, path: str, body: bytes) -> Answer:
        if not path.endswith("/candles"):
            return None
        self.failing -= 1
        return json_answer("503 Service Unavailable", {}) if self.failing == 0 else None


def test_a_failed_page_of_the_warm_up_is_asked_for_again_and_none_before_it(
    tmp_path: Path,
) -> None:
    flaky = FlakyCandles(failing=2)
    data = ("--candles", str(WARM_UP + PAGE), "--speed", "100000", "--product", "BTC-USD")
    with (
        commands.exchange(tmp_path, *data) as exchange,
        CountingProxy(exchange.host, exchange.tls, flaky) as proxy,
    ):
        loaded, whole = asyncio.run(_fill_twice(exchange, proxy.host))

    starts = [candle.start_ns for page in loaded for candle in page.candles]
    assert starts == whole, "no candle twice, none left out, none out of order"


async def _fill_twice(
    exchange: commands.RunningExchange, host: str
) -> tuple[list[CandlesLoaded], list[int]]:
    """What was loaded in two attempts, and the starts of all that should be."""
    rest = RestClient(
        host,
        Signer.from_key_file(Path(exchange.ready["key_file"]), wall_ns),
        ca_file=Path(exchange.ready["ca"]),
        timeout_s=10.0,
        now_ns=lambda: 0,
    )
    end_ns = exchange.ready["ends_ns"] // MINUTE_NS * MINUTE_NS
    while rest.server_time_ns() < end_ns:
        await asyncio.sleep(0.02)
    engine = Engine(replace(an_opening(), ts_ns=end_ns - 2 * MINUTE_NS))
    taken: list[Event] = []

    async def take(event: Event) -> None:
        taken.append(event)
        engine.apply(event)
        for decision in engine.decide(event):
            engine.apply(decision)

    desk = Desk(rest, engine, Probes(None), Control(exchange.tls.parent / "var", "dev"), None)
    history = History(engine, rest, desk, take)
    joined = replace(a_trade(9, "20000.00"), ts_ns=end_ns - 2 * MINUTE_NS + 1)
    await take(TradesSeen(end_ns - 2 * MINUTE_NS, "BTC-USD", (joined,)))
    await take(ClockTicked(end_ns))
    await history.fill()
    after_failure = len([event for event in taken if isinstance(event, CandlesLoaded)])
    await take(ClockTicked(end_ns + RETRY_NS))
    await history.fill()
    begin_s, end_s = end_ns // NS - (WARM_UP + 2) * 60, end_ns // NS - 60
    whole = [candle.start_ns for candle in rest.candles("BTC-USD", begin_s, end_s, 60)]
    desk.close()
    rest.close()
    loaded = [event for event in taken if isinstance(event, CandlesLoaded)]
    assert 0 < after_failure < len(loaded)
    assert len(whole) > 2 * PAGE * 0.9
    return loaded, whole
