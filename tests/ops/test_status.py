"""The one page of a profile: while its session runs, after its end, after its death, and long."""

import json
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from gpt_trader import cli
from gpt_trader.domain.events import QuoteSeen
from gpt_trader.engine.engine import Engine
from gpt_trader.live.recovery import frozen
from gpt_trader.store.event_log import EventLog
from gpt_trader.store.folders import new_session
from tests.builders import START_NS, an_opening
from tests.live.commands import Finished, environment, here, wait_until
from tests.ops.hand import Hand, session_by_hand
from tests.printing import Said
from tests.store.logs import META, a_clock
from tests.tier import hundredth

NS = 1_000_000_000


def status(var: Path, *more: str) -> Finished:
    return here(cli.main, ["status", "--var", str(var), *more])


def document(var: Path) -> dict[str, Any]:
    return status(var, "--json", "-").document


def test_the_page_of_a_session_that_runs_was_killed_and_ended(tmp_path: Path) -> None:
    var = tmp_path / "var"
    hand = Hand(var)
    with session_by_hand(var) as process:
        waiting = hand.placed("sell", "0.01", "BTC-USD", "--type", "limit", "--price", "90000")
        wait_until(lambda: bool(document(var)["standing"]["open_orders"]), process)
        running = document(var)
        account = hand.snapshot().document
        said = status(var).out
        process.kill()
        process.wait()
        killed = document(var)
        time.sleep(1)  # its last word is young, and must not be taken for a living one's
        refused = status(var, "--strict")
    closed = hand.orders("close")
    ended = document(var)
    here(cli.main, ["halt", "--reason", "odd", "--var", str(var)])
    here(cli.main, ["reduce-only", "on", "BTC-USD", "--var", str(var)])
    halted, held = document(var), status(var).out

    assert closed.code == 0, closed.err
    assert (running["running"], killed["running"], ended["running"]) == (True, False, False)
    assert (running["source"], ended["source"]) == ("the session", "the session's last word")
    assert running["trading_allowed"]["ok"] and running["pid"] == process.pid
    assert running["age_s"] < 5 and not killed["alive"]["ok"] and killed["ended"] is None
    stands = running["standing"]
    assert [order["client_order_id"] for order in stands["open_orders"]] == [
        waiting["client_order_id"]
    ]
    assert stands["cash"] == account["cash"]["value"]
    [position], [holding] = stands["positions"], account["holdings"]["value"]
    assert (position["size"], position["cost"]) == (holding["ours"], holding["cost"])
    assert Decimal(stands["guarded"]["exposure"]["rate"]) < Decimal(position["rate_max"])
    for page in (killed, running):
        assert page["standing"]["open_orders"][0]["limit_price"] == "90000"
        assert page["standing"]["cash"] == account["cash"]["value"]
    assert ended["standing"]["open_orders"] == []
    assert halted["trading"]["everything"]["state"] == "halted"
    assert "trading_active" in halted["trading_allowed"]["reasons"]
    assert ": odd" in held and "BTC-USD reduce_only since" in held
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "entries are allowed" in said and waiting["client_order_id"] in said


def test_what_the_log_knows_and_the_page_does_not_is_read_from_the_log(tmp_path: Path) -> None:
    var = tmp_path / "var"
    done = here(cli.main, ["live", "--speed", "max", "--candles", "300", "--var", str(var)])
    assert done.code == 0, done.err
    told = document(var)
    path = var / "data" / "perps_bot" / "dev" / "health.json"
    health = json.loads(path.read_text())

    pages = []
    for odd in (
        json.dumps({**health, "log_seq": health["log_seq"] - 1, "standing": {}}),
        json.dumps({**health, "session_id": "another"}),
        json.dumps([1]),
        path.read_text()[:100],
        "",
    ):
        path.write_text(odd)
        pages.append(document(var))
    path.unlink()
    pages.append(document(var))

    assert told["source"] == "the session's last word"
    for page in pages:
        assert page["source"].startswith("the log")
        assert page["standing"] == told["standing"]


def test_without_a_session_the_answer_says_so(tmp_path: Path) -> None:
    done = status(tmp_path / "var")

    assert (done.code, done.out) == (2, "")
    assert "no session of profile dev" in done.err


def test_a_page_that_was_written_down_needs_no_engine(tmp_path: Path) -> None:
    var = tmp_path / "var"
    here(cli.main, ["live", "--speed", "max", "--candles", "60", "--var", str(var)])
    script = (
        "import sys; from gpt_trader import cli; cli.main(sys.argv[1:]);"
        "print(sorted({'numba', 'numpy', 'pandas'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, "status", "--var", str(var)],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[-1] == "[]"


def test_a_long_log_is_read_from_its_end(tmp_path: Path, say: Said) -> None:
    var, count = tmp_path / "var", hundredth(1_000_000)
    folder = new_session(var, "dev", "20261123T000000.000000Z-long")
    log, engine = EventLog.create(folder.log, META, a_clock()), Engine(an_opening())
    log.append(engine.opened)
    price = Decimal("62000.00")
    for at in range(count):
        event = QuoteSeen(START_NS + at * NS, "BTC-USD", price, price + 1, price)
        log.append(event)
        engine.apply(event)
        if at % 10_000 == 0:
            log.commit()
        if at == count - count // 200:
            log.commit()
            log.snapshots.save(log.head[0], frozen(engine))
    log.commit_durable()
    log.close()

    begun_s = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "gpt_trader", "status", "--var", str(var), "--json", "-"],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    took_s = time.perf_counter() - begun_s

    [one] = json.loads(done.stdout)["standing"]["prices"]
    assert one == {"product_id": "BTC-USD", "mark_price": "62000.5", "age_s": 0, "age_s_max": 180}
    assert took_s < 30
    say(f"status of a killed session with {count} events: {took_s:.2f} s")
