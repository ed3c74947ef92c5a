"""The futures account against an independent slow model: the same after every one of many commands.

Orders of all kinds, reduce-only and not, closes, cancels, hours with funding, both margin settings,
and falls that some accounts do not survive. The model is written from the rules and imports nothing
of the exchange; planted bugs show what it notices.
"""

import ast
import random
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gpt_trader.exchange import contract_orders, margin, matching
from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.contract_orders import ContractOrders
from gpt_trader.exchange.margin import MarginAccount
from gpt_trader.exchange.margin_needs import Exposure, MarginNeeds, Window
from gpt_trader.exchange.matching import Plan
from gpt_trader.exchange.order_entry import OrderEntry
from gpt_trader.exchange.orders import Order, OrderRequest
from gpt_trader.exchange.positions import Holder, worth
from tests.exchange.model.futures_draws import FuturesDrawn
from tests.exchange.model.futures_pair import FuturesPair
from tests.tier import hundredth

COMMANDS = 500  # of one session; then a new account and market
SESSIONS = max(4, hundredth(100_000) // COMMANDS)
FIRST = 11  # seeds of which four sessions in a row meet all that is to be met
MODEL = Path(__file__).parent / "model" / "futures.py"


def play(seed: int) -> tuple[FuturesDrawn, Counter[str]]:
    """Play one session; every command is compared."""
    draw = random.Random(seed)
    told: Counter[str] = Counter()
    session = FuturesDrawn(FuturesPair(draw), draw, told)
    session.run(COMMANDS)
    return session, told


@cache
def all_told() -> tuple[Counter[str], Counter[tuple[str, str, str]]]:
    """Play all sessions once: what was asked and answered, and how orders ended."""
    told: Counter[str] = Counter()
    ends: Counter[tuple[str, str, str]] = Counter()
    for seed in range(FIRST, FIRST + SESSIONS):
        session, answers = play(seed)
        told += answers
        for order in session.pair.entry.orders.values():
            ends[order.request.kind, order.status, order.cancel_message] += 1
    return told, ends


def test_the_exchange_and_the_model_agree_after_every_command() -> None:
    told, _ = all_told()

    assert told.total() > 0.9 * SESSIONS * COMMANDS


def test_the_commands_meet_every_answer_and_every_end() -> None:
    """Else that they agree would prove little."""
    told, ends = all_told()
    kinds = ("market", "limit", "ioc", "fok", "stop", "whole", "close")
    reducing = [f"reducing {kind}" for kind in kinds[:-1]]

    for answer in (*(f"{kind} accepted" for kind in (*kinds, *reducing)), "cancel", "time"):
        assert told[answer] >= 5, answer
    for answer in (
        "PREVIEW_INSUFFICIENT_FUNDS_FOR_FUTURES",
        "PREVIEW_REDUCE_ONLY_INCREASED_POSITION_SIZE",
        "PREVIEW_IN_LIQUIDATION",
        "CANNOT_CLOSE_ZERO_POSITION",
    ):
        assert told[answer], answer
    for words in (
        ("LIQUIDATION", "FILLED", ""),
        ("LIQUIDATION", "CANCELLED", matching.UNFILLED),
        ("LIMIT", "CANCELLED", contract_orders.LIQUIDATED),
        ("LIMIT", "CANCELLED", matching.NOTHING_TO_REDUCE),
        ("LIMIT", "CANCELLED", matching.SELF_TRADE),
        ("MARKET", "CANCELLED", matching.NOT_WHOLE),
        ("STOP_LIMIT", "FILLED", ""),
        ("STOP_LIMIT", "CANCELLED", matching.NOTHING_TO_REDUCE),
        ("LIMIT", "CANCELLED", matching.NO_MARGIN),
    ):
        assert ends[words], words


def test_the_model_imports_nothing_of_ours_but_itself() -> None:
    tree = ast.parse(MODEL.read_text())

    names = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert names == {
        "dataclasses",
        "decimal",
        "tests.exchange.model.account",
        "tests.exchange.model.venue",
    }


def reduce_only_lets_through(
    self: MarginAccount, order: Order, ticks: int, lots: int, now_ns: int
) -> int:
    if order.request.reduce_only:
        return lots
    return RIGHT_FILLABLE(self, order, ticks, lots, now_ns)


def no_margin_for_a_fill(
    self: MarginAccount, order: Order, ticks: int, lots: int, now_ns: int
) -> int:
    if order.request.reduce_only:
        return RIGHT_FILLABLE(self, order, ticks, lots, now_ns)
    return lots


def what_is_no_dearer_needs_no_margin(
    self: ContractOrders, request: OrderRequest, plan: Plan, now_ns: int
) -> None:
    before, after, _ = self.reckon(request, plan, now_ns)
    if request.reduce_only or after > before:
        RIGHT_ADMIT(self, request, plan, now_ns)


def margin_of_the_new_order_only(positions: Any, orders: Any) -> dict[str, Exposure]:
    del orders
    return RIGHT_EXPOSURES(positions, ())


def reduce_only_reserves_too(positions: Any, orders: Any) -> dict[str, Exposure]:
    found = RIGHT_EXPOSURES(positions, ())
    for order in orders:
        name = order.request.product.product_id
        known = found.get(name) or Exposure(order.request.product, 0, 0, 0)
        found[name] = known.after(0, order.left or 0, buys=order.request.buys)
    return found


def a_flip_keeps_the_old_price(self: Holder, product: Product, contracts: int, ticks: int) -> int:
    held = self.positions.get(product.product_id)
    before, cost = (held.contracts, held.cost) if held is not None else (0, 0)
    profit = RIGHT_TRADE(self, product, contracts, ticks)
    after = self.positions.get(product.product_id)
    if after is not None and before * after.contracts < 0:
        after.cost = cost * abs(after.contracts) // abs(before)
    return profit


def a_partial_close_realises_nothing(
    self: Holder, product: Product, contracts: int, ticks: int
) -> int:
    profit = RIGHT_TRADE(self, product, contracts, ticks)
    if product.product_id in self.positions:
        self.cash -= profit
        return 0
    return profit


def the_whole_cost_leaves_with_a_part(
    self: Holder, product: Product, contracts: int, ticks: int
) -> int:
    """As with the first contracts in being the first out, but for one price only."""
    held = self.positions.get(product.product_id)
    before = 0 if held is None else held.contracts
    profit = RIGHT_TRADE(self, product, contracts, ticks)
    if held is not None and abs(held.contracts) < abs(before) and held.contracts * before > 0:
        held.cost = worth(product, ticks, abs(held.contracts))
    return profit


def liquidates_one_tick_late(self: OrderEntry, now_ns: int) -> None:
    late = self.margin.__dict__.pop("late", False)
    if self.margin.is_under(now_ns) and not late:
        self.margin.__dict__["late"] = True
        return
    RIGHT_WATCH(self, now_ns)


def orders_outlive_a_liquidation(self: ContractOrders, now_ns: int) -> None:
    del self, now_ns


def all_positions_are_ended(self: MarginAccount, now_ns: int) -> bool:
    """At the initial margin, where only a warning is due."""
    window = self.window(now_ns)
    return bool(self.ours.positions) and self.equity() < self.initial(window)


def funding_is_paid_twice(self: MarginAccount, hour_ns: int) -> None:
    RIGHT_FUND(self, hour_ns)
    RIGHT_FUND(self, hour_ns)


def shorts_pay_too(self: MarginAccount, hour_ns: int) -> None:
    for position in self.ours.positions.values():
        position.contracts = abs(position.contracts)
    RIGHT_FUND(self, hour_ns)


def the_day_never_ends(self: MarginAccount, now_ns: int) -> Window:
    del now_ns
    return Window.INTRADAY if self.setting == margin.SETTINGS[1] else Window.OVERNIGHT


def shorts_at_the_rate_of_longs(
    self: MarginNeeds, product: Product, contracts: int, window: Window
) -> tuple[int, int]:
    return RIGHT_EXACT(self, product, abs(contracts), window)


RIGHT_FILLABLE, RIGHT_EXPOSURES = MarginAccount.fillable, contract_orders.exposures_of
RIGHT_TRADE, RIGHT_WATCH, RIGHT_FUND = Holder.trade, OrderEntry.watch_margin, MarginAccount.fund
RIGHT_ADMIT, RIGHT_EXACT = ContractOrders.admit, MarginNeeds._exact

BUGS: Sequence[tuple[Any, str, Callable[..., Any]]] = (
    (MarginAccount, "fillable", reduce_only_lets_through),
    (MarginAccount, "fillable", no_margin_for_a_fill),
    (ContractOrders, "admit", what_is_no_dearer_needs_no_margin),
    (contract_orders, "exposures_of", margin_of_the_new_order_only),
    (contract_orders, "exposures_of", reduce_only_reserves_too),
    (Holder, "trade", a_flip_keeps_the_old_price),
    (Holder, "trade", a_partial_close_realises_nothing),
    (Holder, "trade", the_whole_cost_leaves_with_a_part),
    (OrderEntry, "watch_margin", liquidates_one_tick_late),
    (ContractOrders, "cancel_all", orders_outlive_a_liquidation),
    (MarginAccount, "is_under", all_positions_are_ended),
    (MarginAccount, "fund", funding_is_paid_twice),
    (MarginAccount, "fund", shorts_pay_too),
    (MarginAccount, "window", the_day_never_ends),
    (MarginNeeds, "_exact", shorts_at_the_rate_of_longs),
)


@pytest.mark.parametrize(("owner", "name", "bug"), BUGS, ids=[bug.__name__ for *_, bug in BUGS])
def test_a_planted_bug_is_found(
    owner: Any, name: str, bug: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a difference, or by the exchange's own assertions, within eight sessions."""
    monkeypatch.setattr(owner, name, bug)

    with pytest.raises(AssertionError):
        for seed in range(FIRST, FIRST + 8):
            play(seed)
