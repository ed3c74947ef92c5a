"""The account as shown, held against the exchange's own answers to another client."""

import csv
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import gpt_trader as gt
from gpt_trader.ops.asking import Place
from gpt_trader.ops.snapshot_main import account
from tests.live.commands import RunningExchange, exchange
from tests.ops.hand import Hand, session_by_hand

FOREIGN = "somebody-elses"
MIDNIGHT_S = 1_767_657_600  # 2026-01-06T00:00:00Z
BEFORE_S = 12  # so long before it the market opens: a session begins in three
STEP_S = 4


def figures(document: dict[str, Any]) -> dict[str, Any]:
    return {
        name: one["value"]
        for name, one in document.items()
        if isinstance(one, dict) and "source" in one
    }


@dataclass
class Reckoned:
    """What a list of fills comes to, worked out by hand: at average cost, and oldest first."""

    held: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)  # of what is held, fees included
    realized: Decimal = Decimal(0)  # fees included
    fees: Decimal = Decimal(0)
    lots: list[list[Decimal]] = field(default_factory=list)  # size and cost of each, oldest first

    def take(self, fill: dict[str, Any]) -> None:
        """Count one more fill of the official client's."""
        price, size, fee = (Decimal(fill[name]) for name in ("price", "size", "commission"))
        self.fees += fee
        if fill["side"] == "BUY":
            self.lots.append([size, price * size + fee])
            self.held, self.cost = self.held + size, self.cost + price * size + fee
            return
        part = self.cost * size / self.held
        self.held, self.cost = self.held - size, self.cost - part
        self.realized += price * size - fee - part
        while size:
            oldest = self.lots[0]
            sold = min(size, oldest[0])
            oldest[:] = oldest[0] - sold, oldest[1] * (oldest[0] - sold) / oldest[0]
            size -= sold
            if not oldest[0]:
                del self.lots[0]


def reckoned(fills: list[dict[str, Any]]) -> Reckoned:
    """The fills of the official client, newest first as it gives them."""
    sums = Reckoned()
    for fill in sorted(fills, key=lambda fill: (fill["trade_time"], int(fill["trade_id"]))):
        sums.take(fill)
    return sums


def near(text: object, value: Decimal) -> bool:
    """Equal but for the cash units that each fill is rounded by."""
    return abs(Decimal(str(text)) - value) < Decimal("2e-7")


def held_against(document: dict[str, Any], venue: RunningExchange) -> Reckoned:
    """Each figure that the exchange knows too, by the official client."""
    client = venue.client()
    asked_s = time.time()
    skew_s = int(client.get_unix_time().to_dict()["epoch_millis"]) / 1e3 - asked_s
    accounts = client.get_accounts().to_dict()["accounts"]
    tier = client.get_transaction_summary().to_dict()["fee_tier"]
    key = client.get_api_key_permissions().to_dict()
    fills = client.get_fills().to_dict()["fills"]
    sums = reckoned(fills)
    day = client.get_candles("BTC-USD", str(MIDNIGHT_S), str(MIDNIGHT_S + 59), "ONE_MINUTE")
    opened_at = Decimal(day.to_dict()["candles"][0]["open"])
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
    assert Decimal(said["fee_tier"]["maker"]) == Decimal(tier["maker_fee_rate"])
    assert said["permissions"] == {
        "view": key["can_view"],
        "trade": key["can_trade"],
        "transfer": key["can_transfer"],
    }
    assert abs(float(said["clock_skew_s"]) - skew_s) < 0.5
    assert said["foreign_orders"] == sum(one["client_order_id"] == FOREIGN for one in orders) == 1
    ours = {one["client_order_id"]: one for one in orders if one["client_order_id"] != FOREIGN}
    for row in said["open_orders"]:
        theirs = ours.pop(row["client_order_id"])
        terms = theirs["order_configuration"]["limit_limit_gtc"]
        assert (row["base_size"], row["limit_price"]) == (
            plain(terms["base_size"]),
            plain(terms["limit_price"]),
        )
        assert row["filled_size"] == plain(theirs["filled_size"])
        assert [row[name] for name in ("product_id", "side", "status")] == [
            theirs[name] for name in ("product_id", "side", "status")
        ]
    assert ours == {}
    money_held_against(said, sums, mark)
    day_held_against(said, fills, opened_at)
    return sums


def money_held_against(said: dict[str, Any], sums: Reckoned, quotes: dict[str, Any]) -> None:
    """Position and profit: from the fills alone, at a mark that lies where the quotes are."""
    [holding] = said["holdings"]
    middle = (Decimal(quotes["bids"][0]["price"]) + Decimal(quotes["asks"][0]["price"])) / 2
    mark = Decimal(holding["mark_price"])
    assert abs(mark - middle) < middle / 100, "the market moves a little"
    assert (Decimal(holding["ours"]), holding["owners"]) == (sums.held, "0.5")
    assert near(holding["cost"], sums.cost)
    assert abs(Decimal(holding["entry_price"]) - sums.cost / sums.held) < Decimal("0.001")
    assert near(holding["value"], sums.held * mark)
    assert near(holding["unrealized_pnl"], sums.held * mark - sums.cost)
    assert near(said["unrealized_pnl"], sums.held * mark - sums.cost)
    assert near(holding["realized_pnl"], sums.realized) and near(
        said["realized_pnl"], sums.realized
    )
    assert Decimal(said["fees"]) == Decimal(holding["fees"]) == sums.fees
    total = Decimal(said["balances"]["USD"]["total"])
    assert Decimal(said["cash"]) == total
    assert near(said["equity"], total + sums.held * mark)
    assert near(said["equity"], 100_000 + sums.realized + sums.held * mark - sums.cost)


def day_held_against(said: dict[str, Any], fills: list[dict[str, Any]], opened_at: Decimal) -> None:
    """The day's profit: what was held at midnight is worth today, and what fills cost since."""
    [holding] = said["holdings"]
    mark, profit, held = Decimal(holding["mark_price"]), Decimal(0), Decimal(0)
    since = datetime.fromtimestamp(MIDNIGHT_S, UTC).isoformat()[:19]
    for fill in fills:
        price, size, fee = (Decimal(fill[name]) for name in ("price", "size", "commission"))
        signed = size if fill["side"] == "BUY" else -size
        if fill["trade_time"] >= since:
            profit += signed * (mark - price) - fee
        else:
            held += signed
    profit += held * (mark - opened_at)
    assert held > 0, "something was held at midnight"
    # The mark is the middle of a quote, within a bp of the trade it came with.
    assert abs(Decimal(said["day_pnl"]) - profit) < held * opened_at / 10_000
    whole = Decimal(said["equity"]) - 100_000
    assert abs(whole - profit) > Decimal("0.1"), "else the day and the session are one figure"


def plain(value: object) -> str:
    return f"{Decimal(str(value)).normalize() + 0:f}"


def test_every_figure_is_the_exchanges_beside_a_session_and_without_one(tmp_path: Path) -> None:
    """And once the exchange is gone, what the log knows is the same and the rest is unknown.

    Midnight UTC passes in between.
    """
    hand, tape = Hand(tmp_path / "var"), tmp_path / "tape.csv"
    tape.write_text(around_midnight())
    with exchange(tmp_path, "--speed", "real", "--data", str(tape)) as venue:
        reach = venue.session_options(venue.host)
        with session_by_hand(hand.var, *reach):
            bought = [hand.placed("buy", size, "BTC-USD", *reach) for size in ("0.003", "0.002")]
            pass_midnight(venue)
            sold = hand.placed("sell", "0.004", "BTC-USD", *reach)
            hand.placed("buy", "0.001", "BTC-USD", "--type", "limit", "--price", "60000", *reach)
            a_foreign_order(venue)
            beside = hand.snapshot("--strict", *reach)
            assert beside.code == 0, beside.err
            held_against(beside.document, venue)
        alone = hand.snapshot("--strict", *reach)
        assert alone.code == 0, alone.err
        sums = held_against(alone.document, venue)
    assert {order["status"] for order in (*bought, sold)} == {"FILLED"}
    assert sums.realized < 0 < sums.held, "what was sold has cost its fees"
    ages = [one["age_s"] for one in alone.document.values() if isinstance(one, dict)]
    assert all(age is not None and age < 60 for age in ages)

    held_against_the_log(hand, reach, figures(alone.document), sums)


def around_midnight() -> str:
    """A market that leaps at midnight and goes on rising: the mark of then is no other one."""
    rows = ["time,open,high,low,close,volume,product_id,granularity"]
    for at_s in range(-BEFORE_S, 600, STEP_S):
        price = 62_000 if at_s < 0 else 62_300 + 4 * at_s
        rows.append(f"{MIDNIGHT_S + at_s},{price},{price},{price},{price},40,BTC-USD,{STEP_S}")
    return "\n".join(rows) + "\n"


def pass_midnight(venue: RunningExchange) -> None:
    """Wait until the session has heard of the new day."""
    client = venue.client()
    while int(client.get_unix_time().to_dict()["epoch_seconds"]) < MIDNIGHT_S + 2:
        time.sleep(0.1)
    client.session.close()


def a_foreign_order(venue: RunningExchange) -> None:
    """Somebody else's, by the official client."""
    client = venue.client()
    answer = client.limit_order_gtc_buy(FOREIGN, "BTC-USD", "0.001", "50000").to_dict()
    client.session.close()
    assert answer["success"], answer


def held_against_the_log(
    hand: Hand, reach: list[str], known: dict[str, Any], sums: Reckoned
) -> None:
    lots = hand.var.parent / "lots.csv"
    stored = hand.snapshot(*reach)
    strict = hand.snapshot("--strict", "--lots", str(lots), *reach)

    assert stored.code == 0 and "from the log alone" in stored.err
    told = figures(stored.document)
    gone = {"balances", "foreign_orders", "fee_tier", "permissions", "clock_skew_s"}
    assert {name for name in told if told[name] is None} == gone
    for name in set(told) - gone - {"open_orders"}:
        assert told[name] == known[name], name
    aged = [[{**row, "age_s": ""} for row in one["open_orders"]] for one in (told, known)]
    assert aged[0] == aged[1]
    assert (strict.code, "unknown: balances" in strict.err) == (1, True)
    with lots.open() as file:
        rows = list(csv.DictReader(file))
    assert [(Decimal(row["base_size"])) for row in rows] == [size for size, _ in sums.lots]
    assert all(near(row["cost"], cost) for row, (_, cost) in zip(rows, sums.lots, strict=True))


def test_a_notebook_gets_the_same_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    document = gt.snapshot()
    again = account(Place(tmp_path / "var", "dev", ()))

    assert set(document) == set(again)
    [holding] = document["holdings"]["value"]
    assert (holding["ours"], holding["owners"], holding["cost"]) == ("0.02", "1", "1240")
    with pytest.raises(gt.UsageError, match="there is dev, paper"):
        gt.snapshot("spot")
