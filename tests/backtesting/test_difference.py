"""A difference of one unit is found wherever it is planted, and named."""

from collections.abc import Callable
from dataclasses import asdict, fields, replace
from decimal import Decimal
from functools import cache

import pytest

from gpt_trader.backtesting.course import Course, course_of
from gpt_trader.backtesting.difference import first_difference, first_run_difference
from gpt_trader.backtesting.fused import Arena
from gpt_trader.backtesting.setup import EXCHANGE_MARKET, HandOrder, Setup
from gpt_trader.backtesting.simulation import simulate
from gpt_trader.backtesting.simulation_result import FillRow, OrderRow, SimulationResult
from gpt_trader.broker.sizing import sizing_of
from gpt_trader.coinbase.catalog import product
from gpt_trader.kernels import account, book, deciding, fees, gates
from gpt_trader.kernels.deciding import Desk
from gpt_trader.kernels.resting import Venue
from gpt_trader.kernels.rounds import Tape
from gpt_trader.kernels.vectors import Grid, Ints
from gpt_trader.risk.limits import Limits
from tests.backtesting.cases import Case
from tests.backtesting.equality import replayed
from tests.backtesting.plays import a_setup, a_tape, by_hand

Plant = Callable[[Desk, Venue], None]
UNIT = Decimal("0.00000001")
SIZING = sizing_of({"stop_rate": 0.004, "good_till": 1.0, "patience_candles": 2.0})
FLOWS: dict[str, Callable[[SimulationResult], SimulationResult]] = {
    "orders: ": lambda r: replace(r, orders=r.orders[:-1]),
    "fills: ": lambda r: replace(r, fills=(*r.fills, r.fills[-1])),
    "denials by exposure_cap": lambda r: replace(r, denials=bumped(r.denials, gates.EXPOSURE_CAP)),
    "denials by reduce_only": lambda r: replace(r, denials=bumped(r.denials, gates.REDUCE_ONLY)),
    "position_lots of product 1": lambda r: replace(r, position_lots=bumped(r.position_lots, 1)),
}
FIGURES = [
    field.name
    for field in fields(SimulationResult)
    if field.name not in ("orders", "fills", "denials", "position_lots")
]


def bumped(counts: tuple[int, ...], place: int) -> tuple[int, ...]:
    """The counts with one more at a place."""
    return (*counts[:place], counts[place] + 1, *counts[place + 1 :])


def busy() -> Setup:
    """Two products, stops, expiries, denials."""
    limits = {"exposure_rate_max": Decimal("0.39"), "orders_per_minute_max": Decimal(1)}
    return a_setup(sizing=SIZING, limits=Limits.from_mapping(limits))


@cache
def result() -> SimulationResult:
    """What every planted difference is compared with."""
    return simulate(busy(), [a_tape(), a_tape("ETH-USD")])


def test_equal_results_differ_in_nothing() -> None:
    assert first_difference(result(), replace(result())) is None


@pytest.mark.parametrize("name", OrderRow._fields)
def test_one_unit_of_an_order_is_found(name: str) -> None:
    orders = list(result().orders)
    place = len(orders) // 2
    before = orders[place]._asdict()[name]
    orders[place] = orders[place]._replace(**{name: before + 1})

    words = first_difference(result(), replace(result(), orders=tuple(orders)))

    assert words is not None
    assert words.startswith(f"order {place + 1} of round ")
    assert f"{name} {before} and {before + 1}" in words


@pytest.mark.parametrize("name", FillRow._fields)
def test_one_unit_of_a_fill_is_found(name: str) -> None:
    rows = list(result().fills)
    place = len(rows) // 2
    before = rows[place]._asdict()[name]
    rows[place] = rows[place]._replace(**{name: before + 1})

    words = first_difference(result(), replace(result(), fills=tuple(rows)))

    assert words is not None
    assert words.startswith(f"fill {place + 1} of round ")
    assert f"{name} {before} and {before + 1}" in words


@pytest.mark.parametrize("name", FIGURES)
def test_one_unit_of_the_account_is_found(name: str) -> None:
    before = asdict(replace(result(), orders=(), fills=()))[name]

    words = first_difference(result(), replace(result(), **{name: before + 1}))

    assert words == f"{name}: {before} and {before + 1}"


@pytest.mark.parametrize("words", FLOWS)
def test_what_is_missing_or_one_too_many_is_found(words: str) -> None:
    found = first_difference(result(), FLOWS[words](result()))

    assert found is not None
    assert found.startswith(words)


# --- planted in the compiled form itself ------------------------------------------------------


class Planted(Arena):
    """An arena in which something is one unit off from the start."""

    def __init__(self, course: Course, setup: Setup, plant: Plant) -> None:
        super().__init__(course, setup, with_orders=True, with_equity=True)
        self._plant = plant

    def open(self) -> tuple[Desk, Venue]:
        """As always, but for what is planted."""
        desk, venue = super().open()
        self._plant(desk, venue)
        return desk, venue


def book_case(**changes: object) -> Case:
    """Two products at the book, small beside our orders; `changes` replace parts of the setup."""
    thin = replace(EXCHANGE_MARKET, depth_share=Decimal("0.03"))
    return Case(replace(busy(), market=thin, **changes), PAIR, 0)  # type: ignore[arg-type]


def hand_case(order: HandOrder, **limits: Decimal) -> Case:
    """A person's order at the end of the second round, under limits of its own."""
    setup = a_setup(by_hand=(order,), limits=Limits.from_mapping(limits))
    return Case(setup, (a_tape(),), 0)


def at_the_limit() -> Case:
    """A person's order that is exactly as large as the limit allows."""
    tape = a_tape()
    [first, *_] = simulate(a_setup(by_hand=(by_hand(1),)), [tape]).fills
    notional = tape.product.notional_paid(first.ticks, by_hand(1).lots)
    return hand_case(by_hand(1), order_notional_max=notional * UNIT)


def table(plant: Callable[[Desk, Venue], Ints], place: int, by: int = 1) -> Plant:
    """A plant that changes one number of a vector of desk or venue."""

    def planted(desk: Desk, venue: Venue) -> None:
        plant(desk, venue)[place] += by

    return planted


PAIR = (a_tape(), a_tape("ETH-USD"))
BTC_MAX = product("BTC-USD").lots(product("BTC-USD").base_max_size)
VENUES: dict[str, tuple[Callable[[], Case], Plant, str]] = {
    "taker's fee": (book_case, table(lambda _, v: v.fees.tiers[1], fees.TAKER_RATE), "fee_units"),
    "maker's fee": (book_case, table(lambda _, v: v.fees.tiers[0], fees.MAKER_RATE), "fee_units"),
    "cash": (book_case, table(lambda d, _: d.session, account.CASH), "cash_units"),
    "order limit": (
        at_the_limit,
        table(lambda d, _: d.limits, gates.ORDER_NOTIONAL_MAX, -1),
        "refused",
    ),
    "orders a minute": (
        book_case,
        table(lambda d, _: d.limits, gates.ORDERS_PER_MINUTE_MAX, -1),
        "refused",
    ),
    "age of the mark": (
        lambda: hand_case(by_hand(1), mark_age_s_max=Decimal(0)),
        table(lambda d, _: d.limits, gates.MARK_AGE_NS_MAX, -1),
        "refused",
    ),
    "patience": (book_case, table(lambda d, _: d.choices, deciding.PATIENCE_NS), "round"),
    "bps beyond the far side": (
        book_case,
        table(lambda d, _: d.choices, deciding.TAKE_BPS),
        "limit_ticks",
    ),
    "latency": (book_case, table(lambda d, _: d.choices, deciding.LATENCY), "round"),
    "least size": (
        lambda: hand_case(by_hand(1, lots=1)),
        table(lambda d, _: d.products[0], account.BASE_MIN),
        "refused",
    ),
    "largest size": (
        lambda: hand_case(by_hand(1, lots=BTC_MAX)),
        table(lambda d, _: d.products[0], account.BASE_MAX, -1),
        "refused",
    ),
    "the book's seed": (book_case, table(lambda _, v: v.markets[0], book.KEY), "round"),
}
TAPES: dict[str, Callable[[Tape], Tape]] = {
    "closes of one product": lambda tape: tape._replace(close=one_more(tape.close)),
    "volumes of one product": lambda tape: tape._replace(volume=one_more(tape.volume)),
    "usual volumes": lambda tape: tape._replace(depth=tape.depth + 1),
    "seed of the trades": lambda tape: tape._replace(trade_keys=tape.trade_keys + 1),
}


def one_more(grid: Grid) -> Grid:
    """One unit more wherever the first product traded."""
    changed = grid.copy()
    changed[0] += changed[0] > 0
    return changed


@pytest.mark.parametrize("name", VENUES)
def test_one_unit_in_desk_or_exchange_is_found(name: str) -> None:
    make, plant, expected = VENUES[name]
    drawn = make()
    course = course_of(drawn.tapes, drawn.setup.market, drawn.setup.sizing)
    right = replayed(drawn)
    assert first_run_difference(Planted(course, drawn.setup, untouched).run_setup(), right) is None

    words = first_run_difference(Planted(course, drawn.setup, plant).run_setup(), right)

    assert words is not None
    assert expected in words


@pytest.mark.parametrize("name", TAPES)
def test_one_unit_in_the_tape_is_found(name: str) -> None:
    drawn = book_case()
    course = course_of(drawn.tapes, drawn.setup.market, drawn.setup.sizing)
    planted = replace(course, tape=TAPES[name](course.tape))

    words = first_run_difference(
        Planted(planted, drawn.setup, untouched).run_setup(), replayed(drawn)
    )

    assert words is not None


def test_one_close_one_tick_off_is_found() -> None:
    drawn = book_case()
    course = course_of(drawn.tapes, drawn.setup.market, drawn.setup.sizing)
    fill = simulate(drawn.setup, drawn.tapes).fills[5]
    close = course.tape.close.copy()
    close[fill.product, fill.round + 1] += 1
    planted = replace(course, tape=course.tape._replace(close=close))

    words = first_run_difference(
        Planted(planted, drawn.setup, untouched).run_setup(), replayed(drawn)
    )

    assert words is not None


def untouched(desk: Desk, venue: Venue) -> None:
    """Plant nothing."""
