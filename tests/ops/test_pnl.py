"""What was earned by day and product, against sums of the exchange's own fills."""

import json
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from gpt_trader import cli
from gpt_trader.domain.events import OrderFilled
from gpt_trader.domain.order import Side
from gpt_trader.store.folders import sessions
from gpt_trader.store.reading import LogReader
from tests.live.commands import Finished, here

CENT = Decimal("0.01")


def pnl(var: Path, *more: str) -> Finished:
    return here(cli.main, ["pnl", "--var", str(var), *more])


def test_days_and_products_add_up_to_what_the_sessions_ended_with(tmp_path: Path) -> None:
    var, ends = tmp_path / "var", []
    for products in (["BTC-USD"], ["BTC-USD", "ETH-USD"]):
        words = ["live", "--speed", "max", "--candles", "2000", "--var", str(var), "--json", "-"]
        done = here(cli.main, [*words, *(w for p in products for w in ("--product", p))])
        assert done.code == 0, done.err
        ends.append(done.document)

    told = pnl(var, "--json", "-").document
    said = pnl(var).out

    fills = [
        event
        for folder in sessions(var, "dev")
        for _, event in LogReader(folder.log).events()
        if isinstance(event, OrderFilled)
    ]
    assert told["total"]["fills"] == len(fills) > 0
    assert Decimal(told["total"]["fees"]) == sum(fill.fee for fill in fills)
    realized = sum(Decimal(end["realized_pnl"]) for end in ends)
    assert Decimal(told["total"]["realized_pnl"]) == realized
    by_row: dict[tuple[str, str], list[OrderFilled]] = defaultdict(list)
    for fill in fills:
        by_row[_day(fill.ts_ns), fill.product_id].append(fill)
    assert {(row["day"], row["product_id"]) for row in told["rows"]} == set(by_row)
    assert len({row["day"] for row in told["rows"]}) > 1, "midnight is crossed"
    for row in told["rows"]:
        own = by_row[row["day"], row["product_id"]]
        for way, side in (("bought", Side.BUY), ("sold", Side.SELL)):
            notional = sum(f.price * f.base_size for f in own if f.side is side)
            assert abs(Decimal(row[way]) - notional) < CENT
        assert Decimal(row["fees"]) == sum(fill.fee for fill in own)
        assert row["day"] in said and row["realized_pnl"] in said


def test_since_leaves_out_what_was_before(tmp_path: Path) -> None:
    var = tmp_path / "var"
    here(cli.main, ["live", "--speed", "max", "--candles", "2000", "--var", str(var)])
    rows = pnl(var, "--json", "-").document["rows"]

    later = pnl(var, "--json", "-", "--since", rows[-1]["day"]).document["rows"]

    assert later == [row for row in rows if row["day"] == rows[-1]["day"]] != rows
    assert pnl(var, "--json", "-", "--since", "2h").document["rows"] == [], "the tape is of January"


def test_no_session_is_an_empty_table_and_a_wrong_time_one_line(tmp_path: Path) -> None:
    empty, wrong = pnl(tmp_path, "--json", "-"), pnl(tmp_path, "--since", "yesterday")

    assert json.loads(empty.out)["rows"] == []
    assert (wrong.code, wrong.err.count("\n")) == (2, 1)
    assert "--since 'yesterday'" in wrong.err


def _day(ts_ns: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=ts_ns // (86_400 * 10**9))).isoformat()
