"""The order entry against an independent slow model: the same after every one of many commands.

Each create and edit is previewed first: that the model still agrees shows that a preview changes
nothing. Price-time priority and FIFO show in who is filled, conservation in the wallets. The model
is written from the rules and imports nothing of the exchange; planted bugs show what it notices.
"""

import ast
import random
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gpt_trader.exchange import matching, resting
from gpt_trader.exchange.accounts import Accounts
from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.fees import FeeSchedule
from gpt_trader.exchange.liquidity import LiveBook
from gpt_trader.exchange.matching import Matching, Plan, Stop
from gpt_trader.exchange.order_edits import EditRequest
from gpt_trader.exchange.order_entry import OrderEntry
from gpt_trader.exchange.orders import Order, OrderRequest, Trigger, Want
from gpt_trader.exchange.resting import RestingOrders
from tests.exchange.model.draws import Drawn
from tests.exchange.model.pair import Pair
from tests.tier import hundredth

COMMANDS = 2000  # of one session; then a new account and market
SESSIONS = hundredth(1_000_000) // COMMANDS
FOLDER = Path(__file__).parent / "model"


def play(seed: int, commands: int) -> tuple[Drawn, Counter[str]]:
    """Play one session; every command is compared."""
    draw = random.Random(seed)
    told: Counter[str] = Counter()
    session = Drawn(Pair(draw), draw, told)
    session.run(commands)
    return session, told


@cache
def all_told() -> tuple[Counter[str], Counter[tuple[str, str, str]]]:
    """Play all sessions once: what was asked and answered, and how orders ended."""
    told: Counter[str] = Counter()
    ends: Counter[tuple[str, str, str]] = Counter()
    for seed in range(SESSIONS):
        session, answers = play(seed, COMMANDS)
        told += answers
        for order in session.pair.entry.orders.values():
            word = order.cancel_message or order.reject_reason or order.trigger_status
            ends[order.request.kind, order.status, word] += 1
    return told, ends


def test_the_exchange_and_the_model_agree_after_every_command() -> None:
    told, _ = all_told()

    assert told.total() > 0.9 * SESSIONS * COMMANDS


def test_the_commands_meet_every_answer_and_every_end() -> None:
    """Else that they agree would prove little."""
    told, ends = all_told()
    kinds = ("market", "limit", "ioc", "fok", "stop", "bracket", "exits")
    reasons = (
        "PREVIEW_INSUFFICIENT_FUND",
        "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY",
        "PREVIEW_INVALID_NO_LIQUIDITY",
        "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL",
        "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE",
        "PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE",
        "PREVIEW_STOP_PRICE_ABOVE_LIMIT_PRICE",
        "PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE",
        "PREVIEW_INVALID_BRACKET_PRICES",
        "PREVIEW_INVALID_BRACKET_LIMIT_PRICE",
        "PREVIEW_INVALID_BRACKET_STOP_TRIGGER_PRICE",
        "INVALID_ATTACHED_TAKE_PROFIT_PRICE",
        "INVALID_ATTACHED_STOP_LOSS_PRICE",
    )

    for answer in (*(f"{kind} accepted" for kind in kinds), *reasons):
        assert told[answer] >= 5, answer
    edits = [f"{kind} edit accepted" for kind in ("LIMIT", "STOP_LIMIT", "BRACKET")]
    for answer in ("cancel", *edits, "edit refused", "trade", "time"):
        assert told[answer] >= 30, answer
    for words in (
        ("LIMIT", "CANCELLED", matching.SELF_TRADE),
        ("LIMIT", "CANCELLED", matching.NOT_WHOLE),
        ("LIMIT", "CANCELLED", matching.UNFILLED),
        ("LIMIT", "EXPIRED", "INVALID_ORDER_TYPE"),
        ("LIMIT", "FAILED", "TOO_MANY_OPEN_ORDERS"),
        ("STOP_LIMIT", "FILLED", "STOP_TRIGGERED"),
        ("STOP_LIMIT", "EXPIRED", "STOP_PENDING"),
        ("BRACKET", "FILLED", "STOP_PENDING"),
        ("BRACKET", "FILLED", "STOP_TRIGGERED"),
        ("BRACKET", "EXPIRED", "STOP_PENDING"),
    ):
        assert ends[words], words


@pytest.mark.parametrize("name", ["account.py", "venue.py"])
def test_the_model_imports_nothing_of_ours_but_itself(name: str) -> None:
    tree = ast.parse((FOLDER / name).read_text())

    names = [
        alias.name if isinstance(node, ast.Import) else node.module or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    ]

    assert names
    assert not [one for one in names if one.startswith("gpt_trader")]
    assert {one for one in names if one.startswith("tests")} <= {"tests.exchange.model.account"}


def last_come_first_served(order: Order) -> tuple[int, int]:
    assert order.limit is not None
    return (-order.limit if order.request.buys else order.limit), -order.turn


def worst_price_first(order: Order) -> tuple[int, int]:
    assert order.limit is not None
    return (order.limit if order.request.buys else -order.limit), order.turn


def limit_off_by_one(want: Want, price: int) -> bool:
    if want.limit is None:
        return False
    return price > want.limit + 1 if want.buys else price < want.limit - 1


def nobody_before_us(self: Matching, order: Order, queue: int) -> None:
    del queue
    RIGHT_REST(self, order, 0)


def no_own_orders(self: RestingOrders, buys: bool) -> None:
    del self, buys


def only_the_very_price(self: RestingOrders, price: int) -> list[Order]:
    return [order for order in RIGHT_REACHED(self, price) if order.limit == price]


def always_the_taker(
    self: FeeSchedule, product: Product, ticks: int, lots: int, maker: bool
) -> int:
    del maker
    return RIGHT_FEE(self, product, ticks, lots, False)


def no_volume(self: FeeSchedule, product: Product, time_ns: int, notional: int, fee: int) -> None:
    del self, product, time_ns, notional, fee


def hold_without_fee(self: FeeSchedule, product: Product, ticks: int, lots: int) -> int:
    return RIGHT_HOLD(self, product, ticks, lots) * 1000 // 1006


def nothing_is_freed(self: Accounts, currency: str, units: int) -> None:
    del self, currency, units


def strictly_beyond(self: Trigger, price: int) -> bool:
    return price > self.price if self.rises else price < self.price


def fires_the_other_way(self: Trigger, price: int) -> bool:
    return price <= self.price if self.rises else price >= self.price


def both_exits(self: Matching, product_id: str, price: int, time_ns: int) -> list[Order]:
    """The stop of a bracket fires, and its gain stays in the book."""
    fired = RIGHT_FIRE(self, product_id, price, time_ns)
    for order in fired:
        if order.request.kind == "BRACKET":
            order.limit = order.request.limit
    return fired


def ends_late(self: Matching, until_ns: int) -> list[Order]:
    return [order for order in RIGHT_EXPIRING(self, until_ns) if order.request.end_ns != until_ns]


def the_book_is_endless(self: LiveBook, price: int, lots: int) -> None:
    del self, price, lots


def growing_keeps_the_place(self: EditRequest) -> bool:
    new, old = self.request, self.order.request
    return (new.limit, new.trigger) == (old.limit, old.trigger)


def edit_reserves_only_what_is_new(
    self: Matching, order: Order, request: OrderRequest, now_ns: int
) -> None:
    held = order.hold
    RIGHT_REPLACE(self, order, request, now_ns)
    self._accounts.free(order.currency, min(held, order.hold))
    order.hold -= min(held, order.hold)


def part_of_fill_or_kill(self: Matching, want: Want, live: LiveBook) -> Plan:
    plan = RIGHT_PLAN(self, want, live)
    return Plan(plan.levels, Stop.DONE) if plan.levels else plan


def exits_of_all_that_was_asked(self: OrderEntry, now_ns: int) -> None:
    for order in self.matching._ended:
        if order.request.lots:
            order.lots_filled = order.request.lots
    RIGHT_START(self, now_ns)


def gain_at_the_loss(self: OrderRequest) -> int | None:
    return self.limit if self.kind == "BRACKET" else None


RIGHT_REST, RIGHT_REACHED = Matching.rest, RestingOrders.reached
RIGHT_FEE, RIGHT_HOLD, RIGHT_FIRE = FeeSchedule.fee, FeeSchedule.hold, Matching.fire
RIGHT_EXPIRING, RIGHT_REPLACE, RIGHT_PLAN = Matching.expiring, Matching.replace, Matching.plan
RIGHT_START = OrderEntry._start_exits

BUGS: Sequence[tuple[Any, str, Callable[..., Any] | property]] = (
    (resting, "_priority", last_come_first_served),
    (resting, "_priority", worst_price_first),
    (matching, "_beyond", limit_off_by_one),
    (Matching, "rest", nobody_before_us),
    (RestingOrders, "best_price", no_own_orders),
    (RestingOrders, "reached", only_the_very_price),
    (FeeSchedule, "fee", always_the_taker),
    (FeeSchedule, "record", no_volume),
    (FeeSchedule, "hold", hold_without_fee),
    (Accounts, "free", nothing_is_freed),
    (Trigger, "fires", strictly_beyond),
    (Trigger, "fires", fires_the_other_way),
    (Matching, "fire", both_exits),
    (Matching, "expiring", ends_late),
    (LiveBook, "take", the_book_is_endless),
    (EditRequest, "keeps_priority", property(growing_keeps_the_place)),
    (Matching, "replace", edit_reserves_only_what_is_new),
    (Matching, "plan", part_of_fill_or_kill),
    (OrderEntry, "_start_exits", exits_of_all_that_was_asked),
    (OrderRequest, "exit_price", property(gain_at_the_loss)),
)


def name_of(bug: Callable[..., Any] | property) -> str:
    function = bug.fget if isinstance(bug, property) else bug
    return getattr(function, "__name__", "")


@pytest.mark.parametrize(("owner", "name", "bug"), BUGS, ids=[name_of(bug) for *_, bug in BUGS])
def test_a_planted_bug_is_found(
    owner: Any, name: str, bug: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a difference, or by the exchange's own assertions, within three sessions."""
    monkeypatch.setattr(owner, name, bug)

    with pytest.raises(AssertionError):
        for seed in range(3):
            play(seed, COMMANDS)
