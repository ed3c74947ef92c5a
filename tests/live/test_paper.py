"""Paper: another exchange's market, orders to one of our own, and nothing is ever sent there."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from gpt_trader.coinbase.rest import RestClient
from gpt_trader.domain.events import Candle, CandleClosed, Event
from gpt_trader.live.options import parse
from gpt_trader.live.venues import Venue, open_venue
from gpt_trader.store.folders import SessionFolder, find
from gpt_trader.store.reading import LogReader
from tests.live import commands
from tests.live.commands import Finished
from tests.live.proxy import CountingProxy, Counts
from tests.tier import scaled

ORDERS = scaled(200)
PRODUCTS = ("BTC-USD", "ETH-USD", "SOL-USD")
CHANGING = (  # an order or two for each candle that goes the other way
    *("--param", "fast=1", "--param", "slow=2", "--param", "band_bps=0"),
    *("--sizing", "patience_candles=0", "--sizing", "size_fraction=0.1"),
    *("--limit", "mark_age_s_max=900", "--limit", "orders_per_minute_max=100"),
    *("--limit", "drawdown_rate_max=1", "--limit", "daily_loss_rate_max=1"),
)


@dataclass(frozen=True, slots=True)
class Papered:
    """A paper session that has ended, seen from both sides."""

    done: Finished
    counts: Counts  # what passed between it and the market
    events: list[Event]
    candles: dict[str, tuple[Candle, ...]]  # of the market, by product


@pytest.fixture(scope="module")
def papered(tmp_path_factory: pytest.TempPathFactory) -> Papered:
    """A session on the market of an exchange that stands in for Coinbase, 600 times as fast."""
    folder = tmp_path_factory.mktemp("paper")
    named = [word for name in PRODUCTS for word in ("--product", name)]
    with (
        commands.exchange(folder, "--speed", "600", *named) as coinbase,
        CountingProxy(coinbase.host, coinbase.tls) as proxy,
    ):
        done = commands.live(
            folder / "var",
            *("--profile", "paper", *named, *CHANGING),
            *("--candles", str(2 * ORDERS)),
            *coinbase.session_options(proxy.host),  # with a key that could trade there
        )
        rest = RestClient(
            coinbase.host, None, ca_file=Path(coinbase.ready["ca"]), timeout_s=10, now_ns=lambda: 0
        )
        begin_s = coinbase.ready["now_ns"] // 10**9
        end_s = rest.server_time_ns() // 10**9
        candles = {name: rest.candles(name, begin_s, end_s, 60) for name in PRODUCTS}
        rest.close()
    with LogReader(find(folder / "var", "latest").log) as reader:
        events = [event for _, event in reader.events()]
    return Papered(done, proxy.counts, events, candles)


def test_orders_are_filled_here_and_none_is_sent_there(papered: Papered) -> None:
    done, counts = papered.done, papered.counts

    assert done.code == 0, done.err
    assert done.document["profile"] == "paper"
    assert done.document["orders"] >= ORDERS
    assert done.document["fills"] >= ORDERS
    assert done.document["ledger_difference"] == "0"
    assert counts.frames > 0
    assert counts.requests
    assert counts.writes() == 0
    assert counts.signed == 0


def test_watched_candles_are_those_of_the_market_that_is_followed(papered: Papered) -> None:
    """All but the first, which began before anybody watched."""
    for name in PRODUCTS:
        watched = [
            event.candle
            for event in papered.events
            if isinstance(event, CandleClosed) and event.fresh and event.product_id == name
        ]
        theirs = {candle.start_ns: candle for candle in papered.candles[name]}
        assert len(watched) > 10
        assert [candle for candle in watched[1:] if candle != theirs.get(candle.start_ns)] == []


def test_the_session_knows_no_address_and_no_key_but_its_own_exchanges(tmp_path: Path) -> None:
    """Whatever else fails: who holds no key of Coinbase cannot send it an order."""
    key = tmp_path / "key.json"
    key.write_text("not read")

    with commands.exchange(tmp_path, "--speed", "real", "--product", "BTC-USD") as coinbase:
        venue = asyncio.run(_venue(tmp_path, coinbase.host, Path(coinbase.ready["ca"]), key))

        assert venue.is_child
        assert venue.host != coinbase.host
        assert venue.stream_url == f"wss://{venue.host}/"
        assert venue.key_file.parent == tmp_path / "var" / "tls"
        assert venue.key_file.read_text() != Path(coinbase.ready["key_file"]).read_text()


async def _venue(folder: Path, host: str, ca: Path, key: Path) -> Venue:
    arguments = [
        *("--profile", "paper", "--var", str(folder / "var"), "--coinbase-host", host),
        *("--coinbase-ca", str(ca), "--coinbase-key-file", str(key)),
    ]
    session = SessionFolder(folder / "session", "session")
    session.path.mkdir()
    async with AsyncExitStack() as stack:
        return open_venue(parse(arguments, {}, "gpt-trader live"), session, stack)
