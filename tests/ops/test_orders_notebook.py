"""The order desk in a notebook: the same engine, log and documents as on the command line."""

from pathlib import Path

import pytest

import gpt_trader as gt
from tests.ops.hand import Hand, session_by_hand


def test_a_notebook_and_the_command_line_share_one_desk(tmp_path: Path) -> None:
    hand = Hand(tmp_path / "var")
    desk = gt.orders(var=hand.var)
    with session_by_hand(hand.var):
        seen = desk.preview("buy", 0.005, "BTC-USD", type="limit", price=61_000, client_id="dip")
        placed = desk.place(seen["token"])["placed"]
        denied = desk.edit("dip", size=1)
        change = desk.edit("dip", price="60500")
        desk.apply("dip", change["token"])

        listed, told = desk.list(open=True), desk.explain("dip")

        assert listed["orders"] == hand.orders("list", "--open").document["orders"]
        assert told["course"] == hand.orders("explain", "dip").document["course"]
        assert told["course"][0]["source"].endswith("in a notebook")
        assert denied["token"] is None, "a preview leaves nothing in the log"
        edit = next(row for row in told["course"] if row["what"].startswith("the edit is allowed"))
        by_rule = {one["rule"]: one["value"] for one in edit["verdicts"]}
        assert float(by_rule["order_notional"]) > 300 and "against 25000 USD" in repr(told)
        assert repr(told).count("order_notional") == 2, "of the order and of its edit"
        assert repr(listed).splitlines()[1].startswith(placed["client_order_id"])
        assert desk.show("dip")["limit_price"] == "60500"
        [ended] = desk.cancel("dip")["orders"]
        assert ended["status"] == "CANCELLED" and desk.cancel_all()["orders"] == []


@pytest.mark.parametrize(
    ("words", "how", "said"),
    [
        (("buy", "1", "BTC-USD"), {"prize": 1}, "prize: there is type, price"),
        (("buy", -1, "BTC-USD"), {}, "begins with a minus"),
        (("buy", 1, "BTC-USD"), {"type": "twap"}, "there is market, limit"),
        (("buy", 1, "BTC-USD"), {"type": "limit", "price": float("nan")}, "price"),
        (("buy", 1, "BTC-USD"), {"price": -5, "type": "limit"}, "price"),
    ],
)
def test_a_mistake_is_told_before_anything_is_started(
    words: tuple[str, str, str], how: dict[str, object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(gt.UsageError, match=said):
        gt.orders(var=tmp_path / "var").preview(*words, **how)
    assert not (tmp_path / "var").exists()


def test_a_profile_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(gt.UsageError, match="there is dev, paper"):
        gt.orders("spot", tmp_path)
