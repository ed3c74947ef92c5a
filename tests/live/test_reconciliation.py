"""An order of unknown outcome leaves that state by the exchange's word, and by nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from gpt_trader.broker.orders import Order
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.signer import Signer
from gpt_trader.domain.events import Event, OrderAbsent, OrderIntended, OrderLost
from gpt_trader.domain.order import OrderStatus
from gpt_trader.engine.engine import Engine
from gpt_trader.live.desk import Desk
from gpt_trader.live.reconciliation import ABSENT_AFTER_S, Reconciliation
from gpt_trader.live.seams import Probes, wall_ns
from tests.builders import a_draft, an_opening
from tests.live import commands

Check = Callable[["Scene"], Awaitable[None]]


class Scene:
    """A real exchange, an engine with one order of unknown outcome, and a clock we move."""

    def __init__(self, exchange: commands.RunningExchange) -> None:
        ready = exchange.ready
        self.rest = RestClient(
            exchange.host,
            Signer.from_key_file(Path(ready["key_file"]), wall_ns),
            ca_file=Path(ready["ca"]),
            timeout_s=10.0,
            now_ns=lambda: self.engine.now_ns,
        )
        products = self.rest.products(["BTC-USD"])
        self.engine = Engine(
            replace(an_opening(products=products), ts_ns=self.rest.server_time_ns())
        )
        self.machine_s = 1_000.0
        self.seen: list[Event] = []
        desk = Desk(self.rest, self.engine, Probes(None))
        self.books = Reconciliation(self.engine, self.rest, desk, self.take, lambda: self.machine_s)
        draft = a_draft(base_size="0.01", limit_price="1000.00")
        self.intent = OrderIntended(self.engine.now_ns, "gt-test-000001", draft, ())

    async def take(self, event: Event) -> None:
        self.seen.append(event)
        self.engine.apply(event)

    @property
    def order(self) -> Order:
        order = self.engine.orders.get(self.intent.client_order_id)
        assert order is not None
        return order


def with_a_lost_answer(folder: Path, check: Check) -> None:
    async def play(scene: Scene) -> None:
        await scene.take(scene.intent)
        await scene.take(OrderLost(scene.engine.now_ns, scene.intent.client_order_id, "timeout"))
        await check(scene)

    with commands.exchange(folder, "--speed", "max", "--product", "BTC-USD") as exchange:
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


def test_two_listings_a_window_apart_say_that_it_never_came(tmp_path: Path) -> None:
    async def check(scene: Scene) -> None:
        await scene.books.orders()
        scene.machine_s += ABSENT_AFTER_S
        await scene.books.orders()

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
        assert not scene.engine.orders.working()

        scene.rest.create(scene.intent)
        words = scene.rest.orders(None, ["BTC-USD"])
        await scene.books.word(words[0], scene.engine.now_ns)

        assert scene.order.status is OrderStatus.OPEN

    with_a_lost_answer(tmp_path, check)
