"""A whole session over real sockets: one request an order, exact candles, books that agree."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any

import pytest

from gpt_trader.coinbase.times import parse_time
from gpt_trader.domain.events import CandleClosed, Event, OrderDenied, OrderIntended, SessionOpened
from gpt_trader.domain.product import amount_of
from gpt_trader.engine.engine import Engine
from gpt_trader.exchange.tape_files import Reading, read_tape
from gpt_trader.store.folders import find
from gpt_trader.store.reading import LogReader
from tests.live import commands, markets
from tests.live.markets import Recording
from tests.live.proxy import CountingProxy, Counts
from tests.tier import scaled

QUICK = scaled(10) == 1
CASH_UNIT = Decimal("0.00000001")
MONTH_NS = 30 * 86_400 * 10**9
OPENING = {  # of the embedded exchange's account
    "USD": Decimal(100_000),
    "BTC": Decimal("0.5"),
    "ETH": Decimal(2),
}
OFTEN = ("--param", "fast=3", "--param", "slow=12", "--param", "band_bps=0")
TIERS = (  # of Coinbase: from this 30-day volume on, maker's and taker's rate
    (Decimal(0), Decimal("0.004"), Decimal("0.006")),
    (Decimal(10_000), Decimal("0.0025"), Decimal("0.004")),
    (Decimal(50_000), Decimal("0.0015"), Decimal("0.0025")),
    (Decimal(100_000), Decimal("0.001"), Decimal("0.002")),
    (Decimal(1_000_000), Decimal("0.0008"), Decimal("0.0018")),
    (Decimal(15_000_000), Decimal("0.0006"), Decimal("0.0016")),
)


@dataclass(frozen=True, slots=True)
class Traded:
    """A session that has ended, seen from everywhere."""

    recording: Recording
    rounds: int
    var: Path
    document: dict[str, Any]
    counts: Counts  # what passed the proxy
    events: list[Event]
    accounts: dict[str, Decimal]  # free and held, by currency
    orders: list[dict[str, Any]]  # the exchange's, as the SDK gives them
    fills: list[dict[str, Any]]  # oldest first

    @property
    def intents(self) -> list[OrderIntended]:
        return [event for event in self.events if isinstance(event, OrderIntended)]


@pytest.fixture(scope="module", params=["one product by the minute", "two products"])
def traded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Traded:
    folder = tmp_path_factory.mktemp("session")
    if request.param == "two products":
        recording = markets.five_minutes_of_two(folder)
        return trade(folder, recording, 400, *OFTEN) if QUICK else trade(folder, recording, 17_500)
    return trade(folder, markets.minutes_of_bitcoin(folder), 2_995 if QUICK else 29_950)


def trade(folder: Path, recording: Recording, rounds: int, *choices: str) -> Traded:
    """Let a session trade at an exchange it knows by address only, a counting proxy between."""
    tape = ["--speed", "max", "--candles", str(rounds), *recording.options()]
    with (
        commands.exchange(folder, *tape) as exchange,
        CountingProxy(exchange.host, exchange.tls) as proxy,
    ):
        options = exchange.session_options(proxy.host)
        ended = commands.live(folder / "var", "--speed", "max", *options, *choices)
        assert ended.code == 0, ended.err
        client = exchange.client()
        accounts = {
            row["currency"]: Decimal(row["available_balance"]["value"])
            + Decimal(row["hold"]["value"])
            for row in every(client.get_accounts, "accounts")
        }
        orders = list(every(client.list_orders, "orders"))
        fills = sorted(every(client.get_fills, "fills"), key=lambda row: int(row["trade_id"]))
        client.session.close()
    return Traded(
        recording=recording,
        rounds=rounds,
        var=folder / "var",
        document=ended.document,
        counts=proxy.counts,
        events=events_of(folder / "var"),
        accounts=accounts,
        orders=orders,
        fills=fills,
    )


def every(listing: Any, name: str) -> Iterator[dict[str, Any]]:
    """All rows of one of the SDK's listings, page by page."""
    cursor = None
    while True:
        page = listing(limit=100, cursor=cursor).to_dict()
        yield from page[name]
        cursor = page.get("cursor")
        if not cursor:
            return


def events_of(var: Path) -> list[Event]:
    with LogReader(find(var, "latest").log) as reader:
        return [event for _, event in reader.events()]


def test_each_order_is_one_request_and_one_order_at_the_exchange(traded: Traded) -> None:
    sent = [body["client_order_id"] for body in traded.counts.creates]

    assert len(sent) == len(set(sent)) == traded.document["orders"]
    assert sent == [intent.client_order_id for intent in traded.intents]
    assert sorted(sent) == sorted(order["client_order_id"] for order in traded.orders)
    assert traded.counts.requests["POST /api/v3/brokerage/orders"] == len(sent)


def test_each_order_arrives_as_it_was_written_down(traded: Traded) -> None:
    for intent, body in zip(traded.intents, traded.counts.creates, strict=True):
        [terms] = body["order_configuration"].values()

        assert (body["product_id"], body["side"]) == (
            intent.draft.product_id,
            intent.draft.side.value,
        )
        assert Decimal(terms["base_size"]) == intent.draft.base_size
        assert Decimal(terms["limit_price"]) == intent.draft.limit_price


def test_every_trade_of_the_tape_came_in_a_frame(traded: Traded) -> None:
    reading = Reading(product_id=None, granularity_s=None, candles=traded.rounds, seed=1)
    tape = read_tape(list(traded.recording.files.values()), reading)

    for product_id, part in tape.parts.items():
        seen = [
            (Decimal(row["price"]), Decimal(row["size"]), parse_time(row["time"]))
            for row in traded.counts.trades[product_id].values()
        ]
        expected = [
            (price * markets.PRICE_INCREMENT, size * markets.BASE_INCREMENT, time_ns)
            for price, size, time_ns in zip(part.prices, part.sizes, part.times_ns, strict=True)
        ]
        assert sorted(seen, key=lambda row: row[2]) == expected


def test_built_candles_equal_the_tape_in_every_digit(traded: Traded) -> None:
    built = defaultdict(list)
    for event in traded.events:
        if isinstance(event, CandleClosed):
            built[event.product_id].append((event.candle, event.fresh))

    expected = markets.candles_of(traded.recording, traded.rounds)
    for product_id, candles in expected.items():
        assert built[product_id] == [(candle, True) for candle in candles]
    assert traded.document["candles"] == sum(len(candles) for candles in expected.values())


def test_a_session_learns_products_and_candle_width_from_the_tape(traded: Traded) -> None:
    opened = traded.events[0]

    assert isinstance(opened, SessionOpened)
    assert opened.candle_s == traded.recording.candle_s
    assert [product.product_id for product in opened.products] == list(traded.recording.files)


def test_orders_fill_as_makers_and_takers_and_in_parts(traded: Traded) -> None:
    sizes = {
        order["order_id"]: Decimal(terms["base_size"])
        for order in traded.orders
        for terms in order["order_configuration"].values()
    }
    left = dict(sizes)
    partial = 0
    for fill in traded.fills:
        left[fill["order_id"]] -= Decimal(fill["size"])
        partial += left[fill["order_id"]] > 0
    sides = Counter(fill["liquidity_indicator"] for fill in traded.fills)

    assert min(left.values()) >= 0
    assert sides["MAKER"] > 0 and sides["TAKER"] > 0
    assert partial >= 0.05 * len(traded.fills)
    assert traded.document["fills"] == len(traded.fills)
    assert traded.document["partial_fills"] == partial
    assert traded.document["maker_fills"] == sides["MAKER"]
    assert traded.document["taker_fills"] == sides["TAKER"]


def test_the_default_strategy_trades_neither_seldom_nor_madly(traded: Traded) -> None:
    orders, products = traded.document["orders"], len(traded.recording.files)

    if QUICK:
        assert 10 * products <= orders <= traded.rounds / 2 * products
    else:
        assert 300 <= orders <= 2_000 * products
    assert {intent.draft.product_id for intent in traded.intents} == set(traded.recording.files)


def test_every_fee_follows_the_published_tiers_and_is_rounded_up(traded: Traded) -> None:
    volume, window = Decimal(0), deque[tuple[int, Decimal]]()
    for fill in traded.fills:
        now_ns = parse_time(fill["trade_time"])
        while window and window[0][0] <= now_ns - MONTH_NS:
            volume -= window.popleft()[1]
        maker, taker = next(tier[1:] for tier in reversed(TIERS) if tier[0] <= volume)
        rate = maker if fill["liquidity_indicator"] == "MAKER" else taker
        exact = Decimal(fill["price"]) * Decimal(fill["size"])

        assert Decimal(fill["commission"]) == (exact * rate).quantize(CASH_UNIT, ROUND_CEILING)

        volume += money_moved(fill)
        window.append((now_ns, money_moved(fill)))


def test_ledger_and_exchange_agree_to_the_last_unit(traded: Traded) -> None:
    expected = {name: OPENING.get(name, Decimal(0)) for name in traded.accounts}
    for fill in traded.fills:
        base, _, quote = fill["product_id"].partition("-")
        sign = 1 if fill["side"] == "BUY" else -1
        expected[base] += sign * Decimal(fill["size"])
        expected[quote] -= sign * money_moved(fill) + Decimal(fill["commission"])
    engine = folded(traded.events)

    assert traded.accounts == expected
    assert amount_of(engine.ledger.cash_units) == traded.accounts["USD"]
    for product_id, product in engine.products.items():
        held = product.size(engine.ledger.position(product_id).lots)
        assert held == traded.accounts[product.base] - OPENING.get(product.base, Decimal(0))
    assert traded.document["ledger_difference"] == "0"


def test_the_document_says_what_the_exchange_says(traded: Traded) -> None:
    document, engine = traded.document, folded(traded.events)
    equity = traded.accounts["USD"]
    for product_id, text in document["positions"].items():
        mark = engine.products[product_id].price(engine.markets[product_id].mark_ticks)
        worth = Decimal(text) * mark
        equity += worth.quantize(CASH_UNIT, ROUND_FLOOR)

    assert Decimal(document["fees"]) == sum(Decimal(fill["commission"]) for fill in traded.fills)
    assert Decimal(document["equity_end"]) == Decimal(document["exchange_equity"]) == equity
    assert document["equity_start"] == "100000"
    assert document["reason"] == "the tape ended"


def test_the_record_makes_the_same_decisions_again(traded: Traded) -> None:
    again = commands.replay(traded.var)

    assert again.code == 0, again.out
    assert again.document["orders"] == traded.document["orders"]
    assert again.document["decisions"] >= traded.document["candles"]


def test_tight_limits_deny_by_many_rules_and_nothing_denied_is_sent(tmp_path: Path) -> None:
    recording = markets.minutes_of_bitcoin(tmp_path)
    limits = {
        "order_notional_max": "24000",
        "position_rate_max": "0.24",
        "exposure_rate_max": "0.3",
        "daily_loss_rate_max": "0.006",
        "drawdown_rate_max": "0.005",
        "collar_bps_max": "25",
    }
    # Sizes go with volatility, so that a limit of size denies some orders and not all.
    sizing = {"size_fraction": "0.5", "volatility_target": "0.2", "volatility_span": "20"}

    ended = commands.live(
        tmp_path / "var",
        *("--speed", "max", "--candles", "1000" if QUICK else "5000", *recording.options()),
        *(word for name, value in limits.items() for word in ("--limit", f"{name}={value}")),
        *(word for name, value in sizing.items() for word in ("--sizing", f"{name}={value}")),
        *OFTEN,
    )

    assert ended.code == 0, ended.err
    denied = [event for event in events_of(tmp_path / "var") if isinstance(event, OrderDenied)]
    rules = Counter(v.rule for event in denied for v in event.verdicts if v.denies)
    assert ended.document["denials"] == len(denied) >= 20
    assert ended.document["denials_by_rule"] == dict(sorted(rules.items()))
    assert len(rules) >= 4
    assert ended.document["orders"] > 0
    assert ended.document["ledger_difference"] == "0"


def money_moved(fill: dict[str, Any]) -> Decimal:
    """Price times size in cash units, against us: up for what we pay, down for what we get."""
    rounding = ROUND_CEILING if fill["side"] == "BUY" else ROUND_FLOOR
    exact = Decimal(fill["price"]) * Decimal(fill["size"])
    return exact.quantize(CASH_UNIT, rounding)


def folded(events: list[Event]) -> Engine:
    """The engine that a log's events lead to."""
    opened = events[0]
    assert isinstance(opened, SessionOpened)
    engine = Engine(opened)
    for event in events:
        engine.apply(event)
    return engine
