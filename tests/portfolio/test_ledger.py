"""The books are a fold of the fills, and every unit of equity is accounted for."""

import json
import random
from dataclasses import replace
from decimal import Decimal

import pytest

from gpt_trader.domain.errors import WireError
from gpt_trader.domain.events import FeeRevised, OrderFilled
from gpt_trader.domain.order import Side
from gpt_trader.domain.product import Product
from gpt_trader.portfolio.ledger import FLAT, Ledger, Position
from tests.portfolio.builders import a_fill, a_product, random_fills
from tests.tier import scaled

USD = 10**8
BTC = a_product()
PRODUCTS = (
    BTC,
    a_product("SHIB-USD", "0.00000001", "1"),
    a_product("ETH-USD", "0.05", "0.001"),
    a_product("ODD-USD", "0.000005", "0.000025"),
)
BY_ID = {product.product_id: product for product in PRODUCTS}


def booked(fills: list[OrderFilled], cash_units: int = 10**9 * USD) -> Ledger:
    ledger = Ledger.open(cash_units)
    for fill in fills:
        ledger.apply(fill, BY_ID[fill.product_id])
    return ledger


def test_a_buy_moves_cash_into_the_position_at_cost_with_its_fee() -> None:
    ledger = booked([a_fill("1", Side.BUY, "50000.00", "0.10000000", "30.00")])

    position = ledger.position("BTC-USD")

    assert position == Position(10_000_000, 5030 * USD, 0, 30 * USD, 5000 * USD)
    assert ledger.cash_units == (10**9 - 5030) * USD
    assert (ledger.realized_pnl, ledger.fees) == (Decimal(0), Decimal(30))


def test_a_partial_sale_realises_against_the_average_cost_with_both_fees() -> None:
    ledger = booked(
        [
            a_fill("1", Side.BUY, "100.00", "1", "1"),
            a_fill("2", Side.BUY, "200.00", "1", "1"),
            a_fill("3", Side.SELL, "300.00", "1", "2"),
        ]
    )

    position = ledger.position("BTC-USD")

    assert position == Position(10**8, 151 * USD, 147 * USD, 4 * USD, 600 * USD)
    assert ledger.realized_pnl == 147


def test_a_fill_reported_twice_is_booked_once() -> None:
    fill = a_fill("1", Side.BUY, "100.00", "1")
    ledger = booked([fill])
    before = ledger.freeze()

    ledger.apply(fill, BTC)

    assert ledger.has_booked(fill.order_id, fill.trade_id)
    assert ledger.freeze() == before


def test_two_fills_that_differ_in_the_trade_alone_are_both_booked() -> None:
    ledger = booked([a_fill("1", Side.BUY, "100", "1"), a_fill("2", Side.BUY, "100", "1")])

    assert ledger.position("BTC-USD").lots == 2 * 10**8


def test_a_sale_of_more_than_is_held_stops_everything_and_books_nothing() -> None:
    ledger = booked([a_fill("1", Side.BUY, "100", "1")])
    before = ledger.freeze()

    with pytest.raises(AssertionError, match="sold 100000001 lots, held 100000000"):
        ledger.apply(a_fill("2", Side.SELL, "100", "1.00000001"), BTC)

    assert ledger.freeze() == before


def test_a_sale_of_what_was_never_held_stops_everything() -> None:
    with pytest.raises(AssertionError, match="held 0"):
        Ledger.open(0).apply(a_fill("1", Side.SELL, "100", "1"), BTC)


def test_a_fill_between_two_increments_is_refused_and_books_nothing() -> None:
    ledger = Ledger.open(USD)

    with pytest.raises(WireError):
        ledger.apply(a_fill("1", Side.BUY, "100.001", "1"), BTC)

    assert ledger.freeze() == Ledger.open(USD).freeze()


def test_a_fee_finer_than_a_cash_unit_is_booked_up() -> None:
    ledger = booked([a_fill("1", Side.BUY, "100", "1", "0.000000001")])

    assert ledger.position("BTC-USD").fees_units == 1


def test_a_product_never_traded_is_flat() -> None:
    assert Ledger.open(5).position("BTC-USD") == FLAT


@pytest.mark.parametrize("seed", range(scaled(200)))
def test_cash_position_and_profit_account_for_every_unit(seed: int) -> None:
    fills = random_fills(random.Random(seed), PRODUCTS, 60)
    opening = 10**9 * USD

    ledger = booked(fills, opening)

    lots, cash, fees = dict.fromkeys(BY_ID, 0), opening, 0
    for fill in fills:
        product: Product = BY_ID[fill.product_id]
        ticks, size = product.ticks(fill.price), product.lots(fill.base_size)
        fee = int(fill.fee * USD)
        fees += fee
        if fill.side is Side.BUY:
            cash -= product.notional_paid(ticks, size) + fee
        else:
            cash += product.notional_received(ticks, size) - fee
        lots[fill.product_id] += fill.side.sign * size
    assert ledger.cash_units == cash
    assert {name: ledger.position(name).lots for name in BY_ID} == lots
    assert ledger.fees * USD == fees


@pytest.mark.parametrize("seed", range(scaled(200)))
def test_realised_plus_unrealised_is_the_change_of_equity_after_every_fill(seed: int) -> None:
    generator = random.Random(seed)
    opening = 10**9 * USD
    ledger = Ledger.open(opening)

    for fill in random_fills(generator, PRODUCTS, 60):
        ledger.apply(fill, BY_ID[fill.product_id])

        equity, profit = ledger.cash_units, 0
        for name, product in BY_ID.items():
            mark = generator.randint(1, 10**8)
            position = ledger.position(name)
            equity += product.notional_received(mark, position.lots)
            profit += position.realized_units + ledger.unrealized_units(product, mark)
            assert position.lots > 0 or position.cost_units == 0
            assert position.cost_units >= 0
        assert equity - opening == profit


@pytest.mark.parametrize("seed", range(scaled(50)))
def test_books_frozen_to_json_and_thawed_go_on_as_if_nothing_had_happened(seed: int) -> None:
    fills = random_fills(random.Random(seed), PRODUCTS, 40)
    half = booked(fills[:20])

    thawed = Ledger.thaw(json.loads(json.dumps(half.freeze())))
    for fill in [*fills[10:20], *fills[20:]]:
        thawed.apply(fill, BY_ID[fill.product_id])

    assert json.dumps(thawed.freeze()) == json.dumps(booked(fills).freeze())
    assert thawed.realized_pnl == booked(fills).realized_pnl


def test_buys_that_arrive_in_another_order_freeze_to_the_same_text() -> None:
    buys = [fill for fill in random_fills(random.Random(5), PRODUCTS, 40) if fill.side is Side.BUY]

    forward, backward = booked(buys), booked(buys[::-1])

    assert json.dumps(forward.freeze()) == json.dumps(backward.freeze())


def revised(fill: OrderFilled, fee: str) -> FeeRevised:
    names = fill.client_order_id, fill.order_id, fill.trade_id, fill.product_id
    return FeeRevised(2, *names, Decimal(fee), fill.fee)


def test_a_fee_that_rises_later_is_realised_and_leaves_the_cost_alone() -> None:
    fill = a_fill("1", Side.BUY, "50000.00", "0.1", "30.00")
    ledger = booked([fill])

    assert ledger.revise(revised(fill, "30.75"))

    position = ledger.position("BTC-USD")
    assert position == Position(10**7, 5030 * USD, -75 * USD // 100, 3075 * USD // 100, 5000 * USD)
    assert ledger.cash_units == (10**9 - 5030) * USD - 75 * USD // 100
    assert (ledger.realized_pnl, ledger.fees) == (Decimal("-0.75"), Decimal("30.75"))


def test_a_revision_counts_once_and_only_for_the_fee_that_is_booked() -> None:
    fill = a_fill("1", Side.BUY, "100", "1", "1")
    ledger = booked([fill])
    assert ledger.revise(revised(fill, "0.5"))
    before = ledger.freeze()

    again = ledger.revise(revised(fill, "0.5"))
    stale = ledger.revise(revised(fill, "3"))
    unknown = ledger.revise(revised(a_fill("2", Side.BUY, "100", "1", "1"), "2"))
    same = ledger.revise(revised(replace(fill, fee=Decimal("0.5")), "0.5"))
    ledger.apply(fill, BTC)

    assert (again, stale, unknown, same) == (False, False, False, False)
    assert ledger.freeze() == before
    assert Ledger.thaw(json.loads(json.dumps(before))).fee_units("o", "1") == USD // 2


@pytest.mark.parametrize("seed", range(scaled(100)))
def test_revised_fees_keep_every_unit_of_equity_accounted_for(seed: int) -> None:
    generator, opening = random.Random(seed), 10**9 * USD
    ledger, fills = Ledger.open(opening), random_fills(random.Random(seed), PRODUCTS, 40)
    fees: dict[str, Decimal] = {}
    paid = 0

    for fill in fills:
        ledger.apply(fill, BY_ID[fill.product_id])
        ticks, size = BY_ID[fill.product_id].ticks(fill.price), fill.base_size
        lots = BY_ID[fill.product_id].lots(size)
        product = BY_ID[fill.product_id]
        buys = fill.side is Side.BUY
        paid += product.notional_paid(ticks, lots) if buys else 0
        paid -= 0 if buys else product.notional_received(ticks, lots)
        fees[fill.trade_id] = fill.fee
        of = generator.choice(fills[: len(fees)])
        fee = Decimal(generator.randrange(10**12)) / USD
        ledger.revise(revised(replace(of, fee=fees[of.trade_id]), f"{fee:f}"))
        fees[of.trade_id] = fee

        assert ledger.fees == sum(fees.values())
        assert ledger.cash_units == opening - paid - int(ledger.fees * USD)
        equity, profit = ledger.cash_units, 0
        for name in BY_ID:
            mark, position = generator.randint(1, 10**8), ledger.position(name)
            equity += BY_ID[name].notional_received(mark, position.lots)
            profit += position.realized_units + ledger.unrealized_units(BY_ID[name], mark)
            assert position.cost_units >= 0
        assert equity - opening == profit
