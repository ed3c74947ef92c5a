"""Each cell of the table of orders, carried out once: as it says, or refused with its reason."""

import time
from collections.abc import Iterator

import pytest

from gpt_trader.broker.capabilities import Cell, Kind, ProductType, Way, matrix
from gpt_trader.domain.order import TimeInForce
from tests.ops.hand import Hand, session_by_hand

SIDES = dict.fromkeys(Kind, "buy") | {Kind.BRACKET: "sell"}
PRICES = {
    Kind.MARKET: (),
    Kind.LIMIT: ("--price", "61900"),
    Kind.STOP: ("--stop", "59500"),
    Kind.STOP_LIMIT: ("--price", "64100", "--stop", "64000"),
    Kind.BRACKET: ("--price", "65000", "--stop", "59000", "--reduce-only"),
}
ENDS = {
    TimeInForce.GTC: {"OPEN", "PENDING"},
    TimeInForce.GTD: {"OPEN", "PENDING"},
    TimeInForce.IOC: {"CANCELLED", "EXPIRED"},
    TimeInForce.FOK: {"CANCELLED", "EXPIRED", "FAILED"},
}
CELLS = list(matrix())
TRADED = [c for c in CELLS if c.way is Way.EXCHANGE and c.profile == "dev"]
REFUSED = [c for c in CELLS if c.way is Way.REFUSED and c.product_type is ProductType.SPOT]


def words_of(cell: Cell) -> list[str]:
    ends = ["--for", "2s"] if cell.time_in_force is TimeInForce.GTD else []
    order = [SIDES[cell.kind], "0.001", "BTC-USD", "--type", cell.kind.value]
    return [*order, *PRICES[cell.kind], "--tif", cell.time_in_force.name, *ends]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hand]:
    hand = Hand(tmp_path_factory.mktemp("matrix") / "var")
    with session_by_hand(hand.var):
        yield hand


@pytest.mark.parametrize("cell", TRADED, ids=lambda c: f"{c.kind}-{c.time_in_force.name}")
def test_an_order_fills_waits_or_ends_as_its_time_in_force_says(desk: Hand, cell: Cell) -> None:
    placed = desk.placed(*words_of(cell))

    if cell.kind is Kind.MARKET:
        assert (placed["status"], placed["filled_size"]) == ("FILLED", "0.001")
        return
    assert placed["status"] in ENDS[cell.time_in_force]
    assert (placed["filled_size"], placed["time_in_force"]) == ("0", cell.time_in_force.name)
    name = placed["client_order_id"]
    if cell.time_in_force is TimeInForce.GTC:
        [ended] = desk.orders("cancel", name).document["orders"]
        assert ended["status"] == "CANCELLED"
    if cell.time_in_force is TimeInForce.GTD:
        assert status_of(desk, name, "EXPIRED") == "EXPIRED"


def status_of(desk: Hand, name: str, wanted: str) -> str:
    """The order's status once it is as wanted, or after a while."""
    deadline_s = time.monotonic() + 20
    while True:
        status: str = desk.orders("show", name).document["status"]
        if status == wanted or time.monotonic() > deadline_s:
            return status
        time.sleep(0.2)


@pytest.mark.parametrize(
    "cell", REFUSED, ids=lambda c: f"{c.kind}-{c.time_in_force.name}-{c.profile}"
)
def test_what_the_table_refuses_is_refused_before_anything_is_started(
    desk: Hand, cell: Cell
) -> None:
    refused = desk.orders("place", *words_of(cell), "--profile", cell.profile)

    assert refused.code == 2
    assert cell.why in refused.err
