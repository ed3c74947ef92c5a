"""A fee that is revised after it was booked: what people are told of it, to the last unit."""

from decimal import Decimal
from pathlib import Path

import pytest

from gpt_trader.domain.events import FeeRevised, OrderFilled, SessionOpened
from gpt_trader.exchange.render import fill_trade_id
from gpt_trader.exchange.round_events import RoundEvents
from gpt_trader.ops.orders_record import explained, shown
from gpt_trader.portfolio.lots import lots_of
from gpt_trader.store.reading import LogReader
from tests.invariants import sessions
from tests.invariants.sessions import Played, check_the_end, play
from tests.invariants.test_planted_bugs import CALM, REVISED
from tests.invariants.truth import OpenVenue

UNIT = Decimal("0.00000001")


class Netting(OpenVenue):
    """An exchange that revises two fees by the same, up and down, shortly before the end."""

    def advance(self) -> RoundEvents:
        """Release a round."""
        if self.round == 58:
            for fill, more in zip(self.all_fills[:2], (7, -7), strict=True):
                self.revise_fee(fill_trade_id(fill), fill.fee + more)
        return super().advance()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, tls: Path) -> Played:
    """A session in which fees are revised."""
    played = play(tmp_path_factory.mktemp("fees"), tls, REVISED)
    check_the_end(played)
    return played


def test_orders_show_and_explain_the_fee_of_today(played: Played) -> None:
    var = played.folder.path.parents[3]
    revised = 0
    for theirs in played.venue.all_orders.values():
        name = theirs.request.client_order_id
        order, course = shown(var, "dev", name), explained(var, "dev", name)["course"]
        assert Decimal(str(order["fees"])) == theirs.fee * UNIT
        assert isinstance(course, list)
        revised += sum("no longer" in row["what"] for row in course)

    with LogReader(played.folder.log) as reader:
        events = [event for _, event in reader.events()]
    assert revised == sum(isinstance(event, FeeRevised) for event in events) > 0


def test_lots_cost_what_was_paid_for_them_in_the_end(played: Played) -> None:
    """Each purchase whole: the sales are left out, so that nothing but the fee can differ."""
    with LogReader(played.folder.log) as reader:
        events = [event for _, event in reader.events()]
    [opened] = [event for event in events if isinstance(event, SessionOpened)]
    products = {product.product_id: product for product in opened.products}
    told = {row["trade_id"]: row for row in map(played.venue.told, played.venue.all_fills)}

    bought = [e for e in events if not (isinstance(e, OrderFilled) and e.side.sign < 0)]
    sold = {e.trade_id for e in events if isinstance(e, OrderFilled) and e.side.sign < 0}
    kept = [e for e in bought if not (isinstance(e, FeeRevised) and e.trade_id in sold)]
    lots = lots_of(kept, products)

    fees = [Decimal(row["commission"]) for row in told.values() if row["side"] == "BUY"]
    paid = sum(fill.notional for fill in played.venue.all_fills if fill.side == "BUY")
    assert sum(lot.cost_units for lot in lots) == paid + int(sum(fees) / UNIT)


def test_fees_that_cancel_out_are_found_at_the_end(
    tmp_path: Path, tls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The balance shows nothing of them: without a last look the ledger would keep both."""
    monkeypatch.setattr(sessions, "OpenVenue", Netting)

    played = play(tmp_path, tls, CALM)

    check_the_end(played)
    with LogReader(played.folder.log) as reader:
        revised = [event for _, event in reader.events() if isinstance(event, FeeRevised)]
    assert [event.fee - event.fee_before for event in revised] == [7 * UNIT, -7 * UNIT]
