"""The books of contracts against an independent fold, and where they must not be those of coins."""

import json
import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from gpt_trader.domain.events import FeeRevised, OrderFilled
from gpt_trader.domain.futures import FundingPaid, PositionLiquidated
from gpt_trader.domain.order import Side
from gpt_trader.domain.product import Contract, Product
from gpt_trader.portfolio.books import open_books
from gpt_trader.portfolio.contracts import ContractLedger
from gpt_trader.portfolio.ledger import Ledger
from tests.portfolio.builders import a_fill, a_product
from tests.tier import scaled

NAME = "BIP-20DEC30-CDE"
USD = 10**8


def a_contract(size: str = "0.01", price_increment: str = "5") -> Product:
    rate = Decimal("0.25")
    return replace(
        a_product(price_increment=price_increment, base_increment="1"),
        product_id=NAME,
        base="BIP",
        contract=Contract(Decimal(size), "BTC", rate, rate, Decimal("0.2")),
    )


BIP = a_contract()
PRODUCTS = {NAME: BIP}


def traded(trade_id: str, side: Side, price: int, size: int, fee: str = "0") -> OrderFilled:
    return replace(a_fill(trade_id, side, str(price), str(size), fee), product_id=NAME)


def books(*fills: OrderFilled) -> ContractLedger:
    ledger = ContractLedger.open(5_000 * USD)
    for fill in fills:
        ledger.apply(fill, BIP)
    return ledger


class Plain:
    """The rules anew: every contract on its own, matched at the average, in fractions of USD."""

    def __init__(self, cash: Fraction) -> None:
        self.cash = cash
        self.held = 0
        self.entry = Fraction(0)  # average price of what is held

    def trade(self, contracts: int, price: int, fee: Fraction) -> None:
        self.cash -= fee
        for _ in range(abs(contracts)):
            one = 1 if contracts > 0 else -1
            if self.held * one < 0:
                self.cash += (price - self.entry) * -one / 100
            else:
                self.entry = (self.entry * abs(self.held) + price) / (abs(self.held) + 1)
            self.held += one

    def equity(self, mark: int) -> Fraction:
        return self.cash + (mark - self.entry) * self.held / 100


def test_cash_equity_and_position_are_those_of_an_independent_fold() -> None:
    """A closed part's share of the cost is cut to a cash unit: so much may differ, until flat."""
    draw = random.Random(7)
    flips = flats = shorts = 0
    for _ in range(scaled(100)):
        ledger, plain = books(), Plain(Fraction(5_000))
        cuts = 0
        for number in range(60):
            side, size = draw.choice(list(Side)), draw.randint(1, 9)
            if draw.random() < 0.2 and plain.held:
                side, size = (Side.SELL if plain.held > 0 else Side.BUY), abs(plain.held)
            price, fee = 5 * draw.randint(10_000, 14_000), Decimal(size) * Decimal("0.15")
            before = plain.held
            ledger.apply(traded(str(number), side, price, size, str(fee)), BIP)
            plain.trade(side.sign * size, price, Fraction(fee))
            cuts = cuts + 1 if plain.held else 0
            mark = 5 * draw.randint(10_000, 14_000)
            equity = ledger.cash_units + ledger.worth_units(BIP, mark // 5)
            assert ledger.position(NAME).lots == plain.held
            assert Fraction(equity) == plain.equity(mark) * USD, "profit moves, but is not lost"
            assert abs(ledger.cash_units - plain.cash * USD) <= cuts
            flips += before * plain.held < 0
            flats += plain.held == 0
            shorts += plain.held < 0
    assert min(flips, flats, shorts) > 10


def test_a_fill_moves_the_profit_and_the_fee_and_no_notional() -> None:
    ledger = books(traded("1", Side.BUY, 60_000, 3, "0.6"))

    assert ledger.cash_units == 5_000 * USD - 60_000_000
    position = ledger.position(NAME)
    assert (position.lots, position.cost_units) == (3, 1_800 * USD), "no fee in the cost"

    ledger.apply(traded("2", Side.SELL, 61_000, 1, "0.2"), BIP)

    assert ledger.cash_units == 5_000 * USD - 80_000_000 + 10 * USD
    assert (ledger.realized_pnl, ledger.fees) == (Decimal("9.2"), Decimal("0.8"))
    assert ledger.worth_units(BIP, 61_000 // 5) == 20 * USD


def test_an_order_larger_than_the_position_closes_it_and_the_rest_begins_anew() -> None:
    ledger = books(traded("1", Side.BUY, 60_000, 2), traded("2", Side.SELL, 61_000, 5))

    position = ledger.position(NAME)
    assert (position.lots, position.cost_units) == (-3, 1_830 * USD)
    assert ledger.cash_units == 5_020 * USD
    assert ledger.worth_units(BIP, 60_000 // 5) == 30 * USD, "a short gains when the price falls"


def test_a_fill_that_is_told_twice_is_booked_once_and_so_is_a_liquidation() -> None:
    fill = traded("1", Side.BUY, 60_000, 2)
    end = PositionLiquidated(
        1, "l", "9", NAME, Side.SELL, Decimal(50_000), Decimal(2), Decimal("1.6")
    )
    ledger = books(fill, fill)
    for _ in range(2):
        ledger.news(end, PRODUCTS)

    assert ledger.position(NAME).lots == 0
    assert ledger.cash_units == 5_000 * USD - 200 * USD - 160_000_000


def test_a_fee_that_is_revised_moves_cash_and_profit_once_and_no_cost() -> None:
    ledger = books(traded("1", Side.BUY, 60_000, 2, "0.4"))
    revised = FeeRevised(2, "c", "o", "1", NAME, Decimal("0.5"), Decimal("0.4"))

    assert (ledger.revise(revised), ledger.revise(revised)) == (True, False)

    assert (ledger.fees, ledger.realized_pnl) == (Decimal("0.5"), Decimal("-0.5"))
    assert ledger.cash_units == 5_000 * USD - 50_000_000
    assert ledger.position(NAME).cost_units == 1_200 * USD


def test_funding_moves_cash_and_is_no_profit_of_a_trade() -> None:
    ledger = books(traded("1", Side.BUY, 60_000, 2))

    ledger.news(FundingPaid(7, Decimal("-0.12"), Decimal("-0.5")), PRODUCTS)

    assert ledger.cash_units == 5_000 * USD - 12_000_000
    assert (ledger.funding_units, ledger.realized_pnl) == (-12_000_000, Decimal(0))
    assert (ledger.funding_day, ledger.funding_ns) == (Decimal("-0.5"), 7)


def test_books_that_were_frozen_are_the_same_again() -> None:
    ledger = books(traded("1", Side.SELL, 60_000, 2, "0.3"))
    ledger.news(FundingPaid(7, Decimal("0.12"), Decimal("0.12")), PRODUCTS)

    again = ContractLedger.thaw(json.loads(json.dumps(ledger.freeze())))

    assert again.freeze() == ledger.freeze()
    assert again.has_booked("o", "1") and again.position(NAME) == ledger.position(NAME)


def test_coins_and_contracts_have_books_of_their_own() -> None:
    assert isinstance(open_books((BIP,), 1), ContractLedger)
    assert isinstance(open_books((a_product(),), 1), Ledger)
    with pytest.raises(AssertionError):
        open_books((BIP, a_product()), 1)
    with pytest.raises(AssertionError):
        Ledger.open(1).news(FundingPaid(1, Decimal(0), Decimal(0)), {})
