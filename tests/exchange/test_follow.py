"""A paper market: an exchange whose tape is what another exchange publishes."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gpt_trader.exchange.catalog import find_product, product_record
from gpt_trader.exchange.follow import (
    Follower,
    Following,
    Source,
    Unreachable,
    fetch_market,
    find_source,
    products_by_message,
)
from gpt_trader.exchange.followed_news import NewsError, parse_news
from gpt_trader.exchange.journal import Journal
from gpt_trader.exchange.journal_records import journal_header
from gpt_trader.exchange.server import Stage
from gpt_trader.exchange.tape import FollowedRound, FollowedTape, FollowedTrade, TapeError
from gpt_trader.exchange.venue import Venue
from tests.exchange.markets import COIN, START_S, a_kept_venue, a_print_tape
from tests.exchange.serving import (
    Exchange,
    Socket,
    a_tape,
    an_exchange,
    lockstep_options,
    some_rules,
)

BTC = ["BTC-USD"]


class PaperExchange(Exchange):
    """An exchange that follows another one which runs beside it."""

    def __init__(self, folder: Path, followed: Exchange, state: Path) -> None:
        tape = a_tape(rounds=1)  # replaced by the followed one when it starts
        super().__init__(folder, Venue(tape, some_rules(), None), tape, lockstep_options())
        self._followed = followed
        self._state = state
        self.warnings: list[str] = []

    async def stage(self) -> Stage:
        ca = str(self._followed.folder / "ca.pem")
        source = find_source(f"127.0.0.1:{self._followed.server.port}", ca)
        market = await fetch_market(source, BTC)
        tape = FollowedTape(7, market.now_ns, [market.products["BTC-USD"]])
        rules = some_rules()
        self.journal = Journal(self._state, journal_header(tape, rules), sync=False)
        self.venue = Venue.restore(tape, rules, self.journal)
        following = Following(source, market, tape)
        return Stage(tape, self.venue, Follower(following, self.venue, self.warnings.append), None)


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[Exchange]:
    with an_exchange(tmp_path / "followed", product_ids=("BTC-USD", "ETH-USD")) as exchange:
        exchange.advance()
        yield exchange


@pytest.fixture
def paper(tmp_path: Path, followed: Exchange) -> Iterator[PaperExchange]:
    with PaperExchange(tmp_path / "paper", followed, tmp_path / "state") as exchange:
        yield exchange
    exchange.journal.close()


def listen(exchange: Exchange) -> Socket:
    socket = exchange.socket()
    socket.subscribe("market_trades", BTC)
    socket.read_until("subscriptions")
    return socket


def prints(exchange: Exchange) -> list[tuple[str, str, str]]:
    """All trades of an exchange, oldest first, without their numbers."""
    trades = exchange.venue.snapshot("market_trades", "BTC-USD")[0]["trades"]
    return [(one["price"], one["size"], one["side"]) for one in reversed(trades)]


def hear(socket: Socket, count: int) -> list[tuple[str, str, str]]:
    trades: list[dict[str, Any]] = []
    while len(trades) < count:
        trades += socket.read()["events"][0]["trades"]
    return [(one["price"], one["size"], one["side"]) for one in trades]


def test_trades_and_prices_are_the_followed_exchanges(
    followed: Exchange, paper: PaperExchange
) -> None:
    socket = listen(paper)
    begun = hear(socket, 1)
    old = prints(followed)

    followed.advance()
    new = prints(followed)[len(old) :]
    heard = hear(socket, len(new))
    bid = paper.rest().get_best_bid_ask(BTC).pricebooks[0].bids[0].price
    followed_bid = followed.rest().get_best_bid_ask(BTC).pricebooks[0].bids[0].price

    assert begun == old[-1:]
    assert heard == new
    assert bid == followed_bid
    assert paper.venue.now_ns == followed.venue.now_ns


def test_orders_stay_here_and_fill_at_the_followed_prices(
    followed: Exchange, paper: PaperExchange
) -> None:
    hear(listen(paper), 1)

    placed = paper.rest().market_order_buy("paper-1", "BTC-USD", base_size="0.0001")
    fills = paper.rest().get_fills().fills

    assert placed.success is True
    ask = followed.rest().get_best_bid_ask(BTC).pricebooks[0].asks[0].price
    assert [fill.price for fill in fills] == [ask]
    assert followed.rest().list_orders().orders == []


def test_after_a_break_the_missed_trades_are_told_once(
    followed: Exchange, paper: PaperExchange
) -> None:
    socket = listen(paper)
    hear(socket, 1)
    begun = len(prints(followed))

    followed.call(drop_connections(followed))
    followed.advance()  # unheard: the follower is away
    missed = prints(followed)[begun:]
    heard = hear(socket, len(missed))
    followed.advance()
    new = prints(followed)[begun + len(missed) :]

    assert heard == missed
    assert hear(socket, len(new)) == new
    assert any("closed" in warning for warning in paper.warnings)


def test_a_restart_goes_on_with_orders_prices_and_the_trades_missed_meanwhile(
    tmp_path: Path, followed: Exchange
) -> None:
    with PaperExchange(tmp_path / "paper", followed, tmp_path / "state") as first:
        hear(listen(first), 1)
        first.rest().limit_order_gtc_buy("paper-1", "BTC-USD", "0.01", "20000")
        begun = prints(first)
    first.journal.close()
    told = len(prints(followed))
    followed.advance()
    missed = prints(followed)[told:]

    with PaperExchange(tmp_path / "paper", followed, tmp_path / "state") as second:
        restored = prints(second)[: len(begun)]
        socket = second.socket()
        socket.subscribe("market_trades", BTC)
        while len(prints(second)) < len(begun) + len(missed):
            socket.read()
        everything = prints(second)
        orders = second.rest().list_orders(order_status=["OPEN"]).orders
    second.journal.close()

    assert restored == begun
    assert everything == begun + missed
    assert [order.client_order_id for order in orders] == ["paper-1"]


async def drop_connections(exchange: Exchange) -> None:
    for socket in tuple(exchange.server.open_sockets):
        socket.close()


def test_the_followed_exchange_must_be_trusted(tmp_path: Path, followed: Exchange) -> None:
    stranger = Source(f"127.0.0.1:{followed.server.port}", "unused", ssl.create_default_context())

    with pytest.raises(Unreachable, match="certificate verify failed"):
        followed.call(fetch_market(stranger, BTC))


@pytest.mark.parametrize("product_ids", [["NO-SUCH"], ["BTC-USD", "NO-SUCH"]])
def test_an_unknown_product_is_refused_at_the_start(
    followed: Exchange, product_ids: list[str]
) -> None:
    ca = str(followed.folder / "ca.pem")
    source = find_source(f"127.0.0.1:{followed.server.port}", ca)

    with pytest.raises(Unreachable, match="NO-SUCH"):
        followed.call(fetch_market(source, product_ids))


def test_coinbase_itself_has_a_host_of_its_own_for_websocket() -> None:
    source = find_source("api.coinbase.com", None)

    assert (source.rest, source.socket) == (
        "api.coinbase.com",
        "advanced-trade-ws.coinbase.com",
    )


@pytest.mark.parametrize(
    "message, reason",
    [
        ("{", "unreadable"),
        ('{"channel":"ticker","events":[{"tickers":[{}]}]}', "unreadable"),
        ('{"type":"error","message":"too many"}', "the exchange says: too many"),
        ('{"channel":"heartbeats","sequence_num":0,"timestamp":"today"}', "not a time"),
    ],
)
def test_a_message_that_is_not_coinbases_is_refused(message: str, reason: str) -> None:
    with pytest.raises(NewsError, match=reason):
        parse_news(message, {})


@pytest.mark.parametrize(
    "field, value", [("price", "1.001"), ("size", "x"), ("trade_id", "a1"), ("trade_id", "9" * 19)]
)
def test_a_trade_off_its_increments_is_refused(field: str, value: str) -> None:
    product = a_tape(rounds=1).products[0]
    trade = {
        "trade_id": "1", "product_id": "BTC-USD", "price": "1.01", "size": "1", "side": "BUY",
        "time": "2026-01-05T00:00:00Z",
    } | {field: value}  # fmt: skip
    message = (
        '{"channel":"market_trades","timestamp":"2026-01-05T00:00:01Z","sequence_num":4,'
        f'"events":[{{"type":"update","trades":[{json_text(trade)}]}}]}}'
    )

    with pytest.raises(NewsError):
        parse_news(message, {"BTC-USD": product})


def json_text(value: dict[str, str]) -> str:
    return str(value).replace("'", '"')


@pytest.mark.parametrize(
    "bid, ask, expected", [("1.00", "1.01", 1), ("", "1.01", 0), ("1.01", "1.00", 0)]
)
def test_a_one_sided_or_crossed_book_is_no_quote(bid: str, ask: str, expected: int) -> None:
    product = a_tape(rounds=1).products[0]
    ticker = {
        "product_id": "BTC-USD", "best_bid": bid, "best_bid_quantity": "1", "best_ask": ask,
        "best_ask_quantity": "2",
    }  # fmt: skip
    message = (
        '{"channel":"ticker","timestamp":"2026-01-05T00:00:01Z","sequence_num":4,'
        f'"events":[{{"type":"update","tickers":[{json_text(ticker)}]}}]}}'
    )

    news = parse_news(message, {"BTC-USD": product})

    assert len(news.quotes) == expected


def a_listing(product_id: str, alias: str) -> dict[str, Any]:
    record = product_record(find_product("BTC-USD"))
    return record | {"product_id": product_id, "alias": alias}


def test_messages_about_an_alias_carry_the_other_id() -> None:
    products = products_by_message("host", {"BTC-USDC": a_listing("BTC-USDC", "BTC-USD")})

    assert {one: product.product_id for one, product in products.items()} == {
        "BTC-USD": "BTC-USDC",
        "BTC-USDC": "BTC-USDC",
    }


@pytest.mark.parametrize("first", ["BTC-USD", "BTC-USDC"])
def test_two_products_that_share_a_book_cannot_be_followed_together(first: str) -> None:
    listings = {
        "BTC-USD": a_listing("BTC-USD", ""),
        "BTC-USDC": a_listing("BTC-USDC", "BTC-USD"),
    }
    ordered = {first: listings.pop(first), **listings}

    with pytest.raises(TapeError, match=r"share one book.*follow only one"):
        products_by_message("host", ordered)


def candles(exchange: Exchange, end_s: int) -> list[dict[str, str]]:
    shown = exchange.rest().get_candles("BTC-USD", str(START_S), str(end_s), "ONE_MINUTE").candles
    assert shown is not None
    return [candle.to_dict() for candle in shown]


def test_trades_keep_the_ids_they_were_published_with(
    followed: Exchange, paper: PaperExchange
) -> None:
    """A session sees by them that it joined in the middle."""
    hear(listen(paper), 1)

    told = paper.venue.snapshot("market_trades", "BTC-USD")[0]["trades"]

    newest = followed.venue.snapshot("market_trades", "BTC-USD")[0]["trades"][0]
    assert [trade["trade_id"] for trade in told] == [newest["trade_id"]]
    assert int(newest["trade_id"]) > 1


def test_candles_of_before_the_join_are_the_followed_exchanges(
    followed: Exchange, paper: PaperExchange
) -> None:
    socket = listen(paper)
    hear(socket, 1)
    before = candles(paper, START_S)

    followed.advance()  # the minute of the join: ours in part only
    hear(socket, 1)
    during = candles(paper, START_S + 60)
    followed.advance()
    while len(candles(paper, START_S + 120)) < 3:
        assert not paper.failures
    after = candles(paper, START_S + 120)

    told = candles(followed, START_S + 120)
    assert len(told) == 3
    assert before == during == told[-1:]
    assert after == told


def test_a_restart_tells_trades_of_the_same_instant_apart(tmp_path: Path) -> None:
    """The followed exchange printed two trades at once; we had heard of the first when we fell."""
    tape = a_print_tape([(1, 6_200_000, COIN, True), (1, 6_200_001, COIN, True)])
    followed = Exchange(tmp_path / "a", Venue(tape, some_rules(), None), tape, lockstep_options())
    heard = FollowedTape(7, tape.begin_ns, tape.products)
    venue, journal = a_kept_venue(heard, some_rules(), tmp_path / "state")
    first = FollowedTrade("BTC-USD", 1, tape.parts["BTC-USD"].times_ns[0], 6_200_000, COIN, True)
    heard.append(FollowedRound(tape.ends_ns[0] - 1, (first,), ()))
    venue.advance()
    journal.close()

    with followed:
        followed.advance()
        with PaperExchange(tmp_path / "b", followed, tmp_path / "state") as paper:
            socket = listen(paper)
            while len(prints(paper)) < 2:
                socket.read()
            told = prints(paper)
        paper.journal.close()

    assert [price for price, *_ in told] == ["62000", "62000.01"]
