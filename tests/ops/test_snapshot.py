"""The account as shown, held against the exchange's own answers to another client."""

import csv
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import gpt_trader as gt
from gpt_trader.ops.asking import Place
from gpt_trader.ops.snapshot_main import account
from tests.live.commands import RunningExchange, exchange
from tests.ops.hand import Hand, session_by_hand


def figures(document: dict[str, Any]) -> dict[str, Any]:
    return {
        name: one["value"]
        for name, one in document.items()
        if isinstance(one, dict) and "source" in one
    }


def held_against(document: dict[str, Any], venue: RunningExchange) -> None:
    """Each figure that the exchange knows too, by the official client."""
    client = venue.client()
    accounts = client.get_accounts().to_dict()["accounts"]
    tier = client.get_transaction_summary().to_dict()["fee_tier"]
    key = client.get_api_key_permissions().to_dict()
    fills = client.get_fills().to_dict()["fills"]
    orders = client.list_orders(order_status=["OPEN"]).to_dict()["orders"]
    mark = client.get_best_bid_ask(product_ids=["BTC-USD"]).to_dict()["pricebooks"][0]
    client.session.close()
    said = figures(document)

    assert said["balances"] == {
        one["currency"]: {
            "available": plain(one["available_balance"]["value"]),
            "hold": plain(one["hold"]["value"]),
            "total": plain(
                Decimal(one["available_balance"]["value"]) + Decimal(one["hold"]["value"])
            ),
        }
        for one in accounts
    }
    assert said["fee_tier"]["tier"] == tier["pricing_tier"]
    assert Decimal(said["fee_tier"]["taker"]) == Decimal(tier["taker_fee_rate"])
    assert said["permissions"] == {
        "view": key["can_view"],
        "trade": key["can_trade"],
        "transfer": key["can_transfer"],
    }
    assert {row["client_order_id"] for row in said["open_orders"]} == {
        row["client_order_id"] for row in orders
    }
    [holding] = said["holdings"]
    bought = sum((Decimal(fill["size"]) for fill in fills), Decimal(0))
    fees = sum((Decimal(fill["commission"]) for fill in fills), Decimal(0))
    paid = sum((Decimal(f["price"]) * Decimal(f["size"]) for f in fills), Decimal(0))
    assert (Decimal(holding["ours"]), holding["owners"]) == (bought, "0.5")
    assert abs(Decimal(holding["cost"]) - paid - fees) <= Decimal("1e-8") * len(fills)
    assert Decimal(said["fees"]) == fees
    middle = (Decimal(mark["bids"][0]["price"]) + Decimal(mark["asks"][0]["price"])) / 2
    worth = Decimal(said["cash"]) + bought * middle
    assert abs(Decimal(said["equity"]) - worth) < Decimal("0.5"), "the market moves a little"
    unrealized = Decimal(holding["value"]) - Decimal(holding["cost"])
    assert Decimal(said["unrealized_pnl"]) == unrealized


def plain(value: object) -> str:
    return f"{Decimal(str(value)).normalize() + 0:f}"


def test_every_figure_is_the_exchanges_beside_a_session_and_without_one(tmp_path: Path) -> None:
    """And once the exchange is gone, what the log knows is the same and the rest is unknown."""
    hand = Hand(tmp_path / "var")
    with exchange(tmp_path, "--speed", "real", "--product", "BTC-USD") as venue:
        reach = venue.session_options(venue.host)
        with session_by_hand(hand.var, *reach):
            hand.placed("buy", "0.003", "BTC-USD", *reach)
            hand.placed("buy", "0.001", "BTC-USD", "--type", "limit", "--price", "60000", *reach)
            beside = hand.snapshot("--strict", *reach)
        alone = hand.snapshot("--strict", *reach)
        for said in (beside, alone):
            assert said.code == 0, said.err
            held_against(said.document, venue)
    ages = [one["age_s"] for one in alone.document.values() if isinstance(one, dict)]
    assert all(age is not None and age < 60 for age in ages)

    held_against_the_log(hand, reach, figures(alone.document), tmp_path / "lots.csv")


def held_against_the_log(hand: Hand, reach: list[str], known: dict[str, Any], lots: Path) -> None:
    stored = hand.snapshot(*reach)
    strict = hand.snapshot("--strict", "--lots", str(lots), *reach)

    assert stored.code == 0 and "from the log alone" in stored.err
    told = figures(stored.document)
    for name in ("cash", "realized_pnl", "fees", "limits", "equity"):
        assert told[name] == known[name], name
    assert [row["client_order_id"] for row in told["open_orders"]] == [
        row["client_order_id"] for row in known["open_orders"]
    ]
    assert told["balances"] is None and told["permissions"] is None
    assert (strict.code, "unknown: balances" in strict.err) == (1, True)
    with lots.open() as file:
        rows = list(csv.DictReader(file))
    assert sum((Decimal(row["base_size"]) for row in rows), Decimal(0)) == Decimal("0.003")
    cost = sum((Decimal(row["cost"]) for row in rows), Decimal(0))
    assert cost == Decimal(told["holdings"][0]["cost"])


def test_a_notebook_gets_the_same_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    document = gt.snapshot()
    again = account(Place(tmp_path / "var", "dev", ()))

    assert set(document) == set(again)
    [holding] = document["holdings"]["value"]
    assert (holding["ours"], holding["owners"], holding["cost"]) == ("0.02", "1", "1240")
    with pytest.raises(gt.UsageError, match="there is dev, paper"):
        gt.snapshot("spot")
