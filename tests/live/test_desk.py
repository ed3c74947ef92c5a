"""The desk sends what the engine decided, in as few requests as that takes."""

import asyncio
import fcntl
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from gpt_trader.domain.events import (
    CancelAnswered,
    CancelIntended,
    EditAnswered,
    EditIntended,
    OrderIntended,
    OrderRejected,
)
from gpt_trader.domain.order import WITHHELD, OrderStatus, Terms
from gpt_trader.live.desk import letters
from gpt_trader.store.folders import profile_folder
from gpt_trader.store.gate import SENDS, Gate
from tests.live.test_reconciliation import Scene, with_a_lost_answer

RESTING = 499  # with the scene's own one the 500 that the exchange lets rest


def test_cancels_that_follow_one_another_go_together_and_orders_alone(tmp_path: Path) -> None:
    async def check(scene: Scene) -> None:
        order = scene.intent
        first, second, third = (CancelIntended(0, f"c-{k}", "stop") for k in range(3))

        assert list(letters([first, second, order, order, third])) == [
            (first, second),
            (order,),
            (order,),
            (third,),
        ]
        assert list(letters([])) == []

    with_a_lost_answer(tmp_path, check)


def test_neither_an_order_nor_an_edit_leaves_once_the_session_breaks_down(tmp_path: Path) -> None:
    """An edit may raise what is bought as well as an order does."""

    async def check(scene: Scene) -> None:
        await scene.take(scene.rest.create(scene.intent))
        name = scene.intent.client_order_id
        edit = EditIntended(
            scene.engine.now_ns, name, Terms(Decimal("0.02"), Decimal("1000.00"), None), ()
        )
        second = replace(scene.intent, client_order_id="gt-test-000002")
        for request in (edit, second):
            await scene.take(request)
        desk = scene.desk()
        scene.requests.clear()

        desk.stop_creating()
        answers = [answer for one in (edit, second) for answer in await desk.send((one,))]
        desk.close()

        assert scene.requests == []
        refused, withheld = answers
        assert isinstance(refused, EditAnswered) and not refused.accepted
        assert isinstance(withheld, OrderRejected) and withheld.reason == WITHHELD

    with_a_lost_answer(tmp_path, check)


def test_an_order_that_waited_too_long_before_the_gate_never_leaves(tmp_path: Path) -> None:
    """A halt that was stopped in the midst, and goes on when the price is of another moment."""

    async def check(scene: Scene) -> None:
        desk = scene.desk(queue_s_max=0.2)
        other = Gate(profile_folder(tmp_path / "var", "dev"), SENDS)
        fcntl.flock(other._gate, fcntl.LOCK_EX)
        asyncio.get_running_loop().call_later(0.8, other.close)
        scene.requests.clear()

        [answer] = await desk.send((scene.intent,))
        desk.close()

        assert isinstance(answer, OrderRejected) and answer.reason == WITHHELD
        assert scene.requests == []

    with_a_lost_answer(tmp_path, check)


def test_five_hundred_resting_orders_end_by_five_requests(tmp_path: Path) -> None:
    async def check(scene: Scene) -> None:
        names = [scene.intent.client_order_id, *(f"gt-many-{k:06d}" for k in range(RESTING))]
        draft = replace(scene.intent.draft, base_size=scene.intent.draft.base_size / 10)
        await scene.take(scene.rest.create(scene.intent))
        for name in names[1:]:
            intent = OrderIntended(scene.engine.now_ns, name, draft, ())
            await scene.take(intent)
            await scene.take(scene.rest.create(intent))
        assert len(scene.engine.orders.working()) == len(names)
        scene.requests.clear()
        desk = scene.desk()

        cancels = [CancelIntended(scene.engine.now_ns, name, "stop") for name in names]
        for cancel in cancels:
            await scene.take(cancel)
        for together in letters(cancels):
            answers = await desk.send(together)
            assert [a.client_order_id for a in answers if isinstance(a, CancelAnswered)] == names
            assert all(isinstance(a, CancelAnswered) and a.accepted for a in answers)
            for answer in answers:
                await scene.take(answer)
        desk.close()

        assert scene.requests == [("POST", "/api/v3/brokerage/orders/batch_cancel")] * 5
        await scene.books.orders()
        assert not scene.engine.orders.working()
        ended = [scene.engine.orders.get(name) for name in names]
        assert all(one is not None and one.status is OrderStatus.CANCELLED for one in ended)

    with_a_lost_answer(tmp_path, check)
