"""An order of unknown outcome leaves that state by the exchange's word, and by nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from gpt_trader.broker.orders import Order
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.signer import Signer
from gpt_trader.coinbase.watch import Watch
from gpt_trader.domain.events import (
    BalancesSeen,
    BooksCompared,
    EditAnswered,
    EditIntended,
    EditLost,
    Event,
    OrderAbsent,
    OrderIntended,
    OrderLost,
)
from gpt_trader.domain.order import OrderStatus, Terms, TimeInForce
from gpt_trader.engine.engine import Engine
from gpt_trader.live.control import Control
from gpt_trader.live.desk import Desk
from gpt_trader.live.reconciliation import ABSENT_AFTER_S, Reconciliation
from gpt_trader.live.seams import Probes, wall_ns
from gpt_trader.portfolio.allocation import Allocation
from tests.builders import a_draft, an_opening
from tests.live import commands

Check = Callable[["Scene"], Awaitable[None]]


class Scene:
    """A real exchange, an engine with one order of unknown outcome, and a clock we move."""

    def __init__(self, exchange: commands.RunningExchange) -> None:
        ready = exchange.ready
        self.requests: list[tuple[str, str]] = []  # method and path, in the order of answers
        self.rest = RestClient(
            exchange.host,
            Signer.from_key_file(Path(ready["key_file"]), wall_ns),
            ca_file=Path(ready["ca"]),
            timeout_s=10.0,
            now_ns=lambda: self.engine.now_ns,
            watch=Watch(
                sent=lambda method, path: None,
                answered=lambda method, path: self.requests.append((method, path)),
            ),
        )
        products = self.rest.products(["BTC-USD"])
        self.engine = Engine(
            replace(an_opening(products=products), ts_ns=self.rest.server_time_ns())
        )
        self.machine_s = 1_000.0
        self.seen: list[Event] = []
        self.control = Control(exchange.tls.parent / "var", "dev")
        desk = self.desk()
        self.books = Reconciliation(self.engine, self.rest, desk, self.take, lambda: self.machine_s)
        draft = a_draft(base_size="0.01", limit_price="1000.00")
        self.intent = OrderIntended(self.engine.now_ns, "gt-test-000001", draft, ())

    def desk(self, queue_s_max: float | None = None) -> Desk:
        """Another counter at the same exchange."""
        return Desk(self.rest, self.engine, Probes(None), self.control, queue_s_max)

    async def take(self, event: Event) -> None:
        self.seen.append(event)
        self.engine.apply(event)

    @property
    def order(self) -> Order:
        order = self.engine.orders.get(self.intent.client_order_id)
        assert order is not None
        return order


def with_a_lost_answer(folder: Path, check: Check, speed: str = "max") -> None:
    async def play(scene: Scene) -> None:
        await scene.take(scene.intent)
        await scene.take(OrderLost(scene.engine.now_ns, scene.intent.client_order_id, "timeout"))
        await check(scene)

    with commands.exchange(folder, "--speed", speed, "--product", "BTC-USD") as exchange:
        asyncio.run(play(Scene(exchange)))


def test_an_order_that_is_listed_is_taken_in(tmp_path: Path) -> None:
    async def check(scene: Scene) -> None:
        scene.rest.create(scene.intent)  # it did arrive; only the answer was lost

        await scene.books.orders()

        assert scene.order.status is OrderStatus.OPEN
        assert scene.order.order_id

    with_a_lost_answer(tmp_path, check)


def test_any_number_of_listings_within_the_window_prove_nothing(tmp_path: Path) -> None:
    async def check(scene: Scene) -> None:
        for _ in range(20):
            await scene.books.orders()
            scene.machine_s += (ABSENT_AFTER_S - 1) / 20

        assert scene.order.status is OrderStatus.UNKNOWN
        assert scene.order.open_lots == scene.order.lots

    with_a_lost_answer(tmp_path, check)


def test_two_listings_after_the_window_say_that_it_never_came(tmp_path: Path) -> None:
    async def check(scene: Scene) -> None:
        await scene.books.orders()
        scene.machine_s += ABSENT_AFTER_S
        await scene.books.orders()
        after_one = scene.order.status
        await scene.books.orders()

        assert after_one is OrderStatus.UNKNOWN, "listings lag: one is not enough"
        assert scene.order.status is OrderStatus.ABSENT
        [absent] = [event for event in scene.seen if isinstance(event, OrderAbsent)]
        assert absent.listings == 2

    with_a_lost_answer(tmp_path, check)


def test_one_listing_proves_nothing_however_late(tmp_path: Path) -> None:
    async def check(scene: Scene) -> None:
        scene.machine_s += 100 * ABSENT_AFTER_S
        await scene.books.orders()

        assert scene.order.status is OrderStatus.UNKNOWN

    with_a_lost_answer(tmp_path, check)


def test_a_request_that_surfaces_after_all_is_taken_back_in(tmp_path: Path) -> None:
    async def check(scene: Scene) -> None:
        await scene.books.orders()
        scene.machine_s += ABSENT_AFTER_S
        await scene.books.orders()
        await scene.books.orders()
        assert not scene.engine.orders.working()

        scene.rest.create(scene.intent)
        await scene.books.orders()  # covers it although nothing works

        assert scene.order.status is OrderStatus.OPEN

    with_a_lost_answer(tmp_path, check)


def test_a_request_in_flight_is_not_missed_by_any_listing(tmp_path: Path) -> None:
    async def check(scene: Scene) -> None:
        in_flight = replace(scene.intent, client_order_id="gt-test-000002")
        await scene.take(in_flight)
        for _ in range(5):
            await scene.books.orders()
            scene.machine_s += ABSENT_AFTER_S

        order = scene.engine.orders.get("gt-test-000002")
        assert order is not None
        assert order.status is OrderStatus.INTENDED

    with_a_lost_answer(tmp_path, check)


def test_books_differ_only_if_they_still_do_after_the_orders_were_listed(tmp_path: Path) -> None:
    """The order filled while nobody listened: its fill explains the account."""

    async def check(scene: Scene) -> None:
        await scene.books.opening_balances()
        while not (trades := scene.rest.market_trades("BTC-USD", 1)):
            await asyncio.sleep(0.02)
        draft = replace(
            scene.intent.draft,
            limit_price=trades[0].price + 500,
            post_only=False,
            time_in_force=TimeInForce.IOC,
        )
        crossing = replace(scene.intent, client_order_id="gt-test-000003", draft=draft)
        await scene.take(crossing)
        await scene.take(scene.rest.create(crossing))

        await scene.books.books()

        [compared] = [event for event in scene.seen if isinstance(event, BooksCompared)]
        order = scene.engine.orders.get("gt-test-000003")
        assert order is not None and order.booked_lots > 0
        assert compared.differences == {}

    with_a_lost_answer(tmp_path, check, "600")


def test_a_difference_that_stays_is_written_down(tmp_path: Path) -> None:
    async def check(scene: Scene) -> None:
        await scene.books.opening_balances()
        [seen] = scene.seen[-1:]
        assert isinstance(seen, BalancesSeen)
        scene.engine.allocation = Allocation.from_balances(
            replace(seen, totals={**seen.totals, "USD": seen.totals["USD"] + 1}),
            scene.engine.opened.products,
            scene.engine.opened.cash,
        )

        await scene.books.books()

        assert isinstance(scene.seen[-1], BooksCompared)
        assert scene.seen[-1].differences == {"USD": Decimal(-1)}

    with_a_lost_answer(tmp_path, check)


def test_an_edit_without_an_answer_ends_by_what_the_order_shows(tmp_path: Path) -> None:
    async def check(scene: Scene) -> None:
        scene.rest.create(scene.intent)
        await scene.books.orders()
        terms = Terms(Decimal("0.02"), Decimal("900.00"), None)
        edit = EditIntended(scene.engine.now_ns, "gt-test-000001", terms, ())
        await scene.take(edit)
        await scene.take(EditLost(scene.engine.now_ns, "gt-test-000001", "timeout"))
        both = scene.order.open_lots

        await scene.books.orders()
        scene.machine_s += ABSENT_AFTER_S - 1
        await scene.books.orders()
        assert scene.order.edit_lost, "it may come yet: the signature still holds"
        scene.rest.edit(scene.order.order_id, edit)  # it came late
        await scene.books.orders()
        shown = scene.order

        second = replace(edit, terms=replace(terms, base_size=Decimal("0.03")))
        await scene.take(second)
        await scene.take(EditLost(scene.engine.now_ns, "gt-test-000001", "timeout"))
        await scene.books.orders()
        scene.machine_s += ABSENT_AFTER_S
        await scene.books.orders()

        assert (both, shown.lots, shown.limit_ticks) == (2_000_000, 2_000_000, 90_000)
        assert (shown.edit_lots, scene.order) == (0, shown), "the second one never came"
        assert [e.accepted for e in scene.seen if isinstance(e, EditAnswered)] == [True, False]

    with_a_lost_answer(tmp_path, check)


def test_an_edit_that_a_crash_left_open_is_one_without_an_answer(tmp_path: Path) -> None:
    async def check(scene: Scene) -> None:
        scene.rest.create(scene.intent)
        await scene.books.orders()
        now_ns, name = scene.engine.now_ns, "gt-test-000001"
        terms = Terms(Decimal("0.02"), Decimal("900.00"), None)
        await scene.take(EditIntended(now_ns, name, terms, ()))

        await scene.books.lost_in_a_crash()

        assert scene.order.edit_lost
        assert scene.order.open_lots == 2_000_000

    with_a_lost_answer(tmp_path, check)
