"""Paper: another exchange's market, orders to an exchange of our own, and nothing ever sent there."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gpt_trader.domain.events import CandleClosed, CandlesLoaded, Event
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


@pytest.fixture(scope="module")
def papered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, Counts, list[Event]]:
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
            *("--candles", str(max(20, ORDERS))),
            *coinbase.session_options(proxy.host),  # with a key that could trade there
        )
    with LogReader(find(folder / "var", "latest").log) as reader:
        events = [event for _, event in reader.events()]
    return done, proxy.counts, events


def test_orders_are_filled_here_and_none_is_sent_there(
    papered: tuple[Finished, Counts, list[Event]],
) -> None:
    done, counts, _ = papered

    assert done.code == 0, done.err
    assert done.document["profile"] == "paper"
    assert done.document["orders"] >= ORDERS
    assert done.document["fills"] >= ORDERS
    assert done.document["ledger_difference"] == "0"
    assert counts.frames > 0
    assert counts.requests
    assert counts.writes() == 0
    assert counts.signed == 0


def test_a_market_joined_in_its_midst_is_watched_from_the_next_whole_candle_on(
    papered: tuple[Finished, Counts, list[Event]],
) -> None:
    _, _, events = papered

    for name in PRODUCTS:
        watched = [
            e.candle.start_ns
            for e in events
            if isinstance(e, CandleClosed) and e.fresh and e.product_id == name
        ]
        loaded = [e for e in events if isinstance(e, CandlesLoaded) and e.product_id == name]
        assert watched == sorted(set(watched)) != []
        assert loaded


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
