"""Each cell of the table of orders, carried out once: as it says, or refused with its reason."""

import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from gpt_trader.broker.capabilities import (
    ATTACHED,
    NO_CONTRACT_EDITS,
    Cell,
    EditCell,
    Kind,
    ProductType,
    Way,
    edits,
    matrix,
)
from gpt_trader.domain.order import TimeInForce
from tests.ops.hand import Hand, session_by_hand

SIDES = dict.fromkeys(Kind, "buy") | {Kind.BRACKET: "sell"}
PRICES = {
    Kind.MARKET: (),
    Kind.LIMIT: ("--price", "61900"),
    Kind.STOP: ("--stop", "64000"),
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
TRADED = [c for c in CELLS if c.way is not Way.REFUSED and c.profile == "dev"]
REFUSED = [c for c in CELLS if c.way is Way.REFUSED]
CONTRACT = "BIP-20DEC30-CDE"
TRADED_AS = {ProductType.SPOT: ("0.001", "BTC-USD"), ProductType.FUTURE: ("1", CONTRACT)}


def words_of(cell: Cell) -> list[str]:
    ends = ["--for", "2s"] if cell.time_in_force is TimeInForce.GTD else []
    order = [SIDES[cell.kind], *TRADED_AS[cell.product_type], "--type", cell.kind.value]
    return [*order, *PRICES[cell.kind], "--tif", cell.time_in_force.name, *ends]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hand]:
    hand = Hand(tmp_path_factory.mktemp("matrix") / "var")
    with session_by_hand(hand.var, "--limit", "orders_per_minute_max=1000"):
        yield hand


@pytest.fixture(scope="module")
def pit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hand]:
    """A session of a contract, by hand."""
    hand = Hand(tmp_path_factory.mktemp("contracts") / "var")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COINBASE_ENABLE_DERIVATIVES", "1")
        wide = ("orders_per_minute_max=1000", "position_rate_max=1", "exposure_rate_max=1")
        limits = [word for limit in wide for word in ("--limit", limit)]
        with session_by_hand(hand.var, "--product", CONTRACT, *limits):
            yield hand


@pytest.mark.parametrize(
    "cell", TRADED, ids=lambda c: f"{c.kind}-{c.time_in_force.name}-{c.product_type}"
)
def test_an_order_fills_waits_or_ends_as_its_time_in_force_says(
    cell: Cell, request: pytest.FixtureRequest
) -> None:
    desk: Hand = request.getfixturevalue("desk" if cell.product_type is ProductType.SPOT else "pit")
    placed = desk.placed(*words_of(cell))

    if cell.kind is Kind.MARKET:
        size = TRADED_AS[cell.product_type][0]
        assert (placed["status"], placed["filled_size"]) == ("FILLED", size)
        return
    waits = {"SUPERVISED"} if cell.way is Way.ENGINE else ENDS[cell.time_in_force]
    assert placed["status"] in waits
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
    "cell",
    REFUSED,
    ids=lambda c: f"{c.kind}-{c.time_in_force.name}-{c.product_type}-{c.profile}",
)
def test_what_the_table_refuses_is_refused_before_anything_is_started(
    desk: Hand, cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COINBASE_ENABLE_DERIVATIVES", "1")

    refused = desk.orders("place", *words_of(cell), "--profile", cell.profile)

    assert refused.code == 2
    assert cell.why in refused.err


NEW = {
    Kind.LIMIT: ("--size", "0.002", "--price", "61800"),
    Kind.STOP_LIMIT: ("--size", "0.002", "--price", "64200", "--stop", "64050"),
    Kind.BRACKET: ("--size", "0.002", "--price", "64900", "--stop", "59100"),
}
FLAGS = {"size": "--size", "limit price": "--price", "stop price": "--stop"}
SHOWN = {"--size": "base_size", "--price": "limit_price", "--stop": "stop_price"}
EDITED = [cell for cell in edits() if not cell.why]
NOT_EDITED = [cell for cell in edits() if cell.why]


@pytest.fixture
def waiting(desk: Hand, request: pytest.FixtureRequest) -> Iterator[str]:
    cell: EditCell = request.param
    ends = ["--for", "60s"] if cell.time_in_force is TimeInForce.GTD else []
    words = [SIDES[cell.kind], "0.001", "BTC-USD", "--type", cell.kind.value, *PRICES[cell.kind]]
    name = desk.placed(*words, "--tif", cell.time_in_force.name, *ends)["client_order_id"]
    yield name
    desk.orders("cancel", name)


def one(cells: list[EditCell]) -> pytest.MarkDecorator:
    """Each cell with an order of its type and time in force, waiting if such an order waits."""
    names = [f"{c.kind}-{c.time_in_force.name}-{c.term.replace(' ', '-')}" for c in cells]
    both = [(cell, cell) for cell in cells]
    return pytest.mark.parametrize(("cell", "waiting"), both, ids=names, indirect=["waiting"])


@one(EDITED)
def test_what_the_table_names_is_edited(desk: Hand, cell: EditCell, waiting: str) -> None:
    flag = FLAGS[cell.term]
    value = dict(zip(NEW[cell.kind][::2], NEW[cell.kind][1::2], strict=True))[flag]
    before = desk.orders("show", waiting).document

    previewed = desk.orders("edit", waiting, flag, value)
    applied = desk.orders("edit", waiting, "--token", str(previewed.document["token"]))

    assert applied.code == 0, (previewed, applied)
    after = desk.orders("show", waiting).document
    assert after[SHOWN[flag]] == value
    assert {**after, SHOWN[flag]: before[SHOWN[flag]]} == before, "and nothing else is changed"


@one(NOT_EDITED)
def test_what_cannot_be_edited_is_refused_with_its_reason(
    desk: Hand, cell: EditCell, waiting: str
) -> None:
    refused = desk.orders("edit", waiting, FLAGS[cell.term], "61000")

    assert refused.code == 2
    assert cell.why in refused.err


def test_attached_exits_are_refused_with_their_reason(desk: Hand) -> None:
    buy = ("buy", "0.001", "BTC-USD")
    for flags in (("--take-profit", "65000"), ("--stop-loss", "59000")):
        refused = desk.orders("place", *buy, *flags)

        assert (refused.code, ATTACHED in refused.err) == (2, True)


def test_an_edit_into_what_may_not_fill_is_refused(desk: Hand) -> None:
    words = [*SIDES[Kind.STOP_LIMIT].split(), "0.001", "BTC-USD", "--type", "stop_limit"]
    name = desk.placed(*words, *PRICES[Kind.STOP_LIMIT])["client_order_id"]

    previewed = desk.orders("edit", name, "--price", "63000")
    applied = desk.orders("edit", name, "--token", str(previewed.document["token"]))

    [refusal] = previewed.document["preview"]["probable_refusals"]
    assert refusal["reason"] == "PREVIEW_STOP_PRICE_ABOVE_LIMIT_PRICE"
    assert (applied.code, "this order may not fill" in applied.err) == (1, True)
    desk.orders("cancel", name)


def test_a_contract_is_not_edited_and_is_sized_whole(pit: Hand) -> None:
    limit = ("--type", "limit", "--price", "61900")
    name = pit.placed("buy", "1", CONTRACT, *limit)["client_order_id"]

    edited = pit.orders("edit", name, "--price", "61800")
    in_dollars = pit.orders("place", "buy", "500 USD", CONTRACT)
    adopted = pit.orders("adopt", CONTRACT, "1", "--cost", "620")

    assert (edited.code, NO_CONTRACT_EDITS in edited.err) == (2, True)
    assert (in_dollars.code, "counted in contracts" in in_dollars.err) == (2, True)
    assert (adopted.code, "a position is the account's" in adopted.err) == (2, True)
    pit.orders("cancel", name)


def test_a_contract_is_turned_over_and_closed_and_the_wallet_is_shown(pit: Hand) -> None:
    limits = pit.snapshot().document["holdings"]["value"]
    held = int(limits[0]["ours"]) if limits else 0
    seen = pit.orders("preview", "sell", str(held + 1), CONTRACT).document["preview"]
    pit.placed("sell", str(held + 1), CONTRACT)
    shown = pit.snapshot().document
    closed = pit.placed("buy", "5", CONTRACT, "--reduce-only")
    nothing = pit.orders("place", "buy", "1", CONTRACT, "--reduce-only")

    assert (seen["position_after"], seen["contract"]["fee_a_contract"]) == ("-1", "0.2")
    assert Decimal(seen["fee"]) == (held + 1) * Decimal("0.2")
    assert Decimal(seen["contract"]["margin_after"]) > 0
    [row] = shown["holdings"]["value"]
    wallet = shown["futures_wallet"]["value"]
    assert row["ours"] == wallet[CONTRACT]["contracts"] == "-1"
    assert Decimal(wallet["cash"]) == Decimal(shown["cash"]["value"])
    assert Decimal(row["entry_price"]) == Decimal(wallet[CONTRACT]["entry_price"])
    assert shown["books_agree"]["value"] and not shown["holdings"]["value"][0]["owners"].strip("0")
    assert (closed["status"], closed["filled_size"]) == ("FILLED", "1")
    assert (nothing.code, "can reduce nothing" in nothing.err) == (1, True)


def test_a_session_trades_coins_or_contracts(pit: Hand, desk: Hand) -> None:
    coins = pit.orders("place", "buy", "0.001", "BTC-USD")

    assert (coins.code, f"this session trades {CONTRACT}" in coins.err) == (2, True)
