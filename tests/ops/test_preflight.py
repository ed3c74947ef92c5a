"""Preflight passes where all is in order, and names exactly the defect that was planted."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gpt_trader import cli
from gpt_trader.domain.events import OrderLost
from gpt_trader.engine.engine import Engine
from gpt_trader.exchange.keys import Kind, Scope
from gpt_trader.exchange.tape_files import Reading, read_tape
from gpt_trader.exchange.venue import Venue
from gpt_trader.ops import preflight_main
from gpt_trader.ops.preflight_exchange import EXCHANGE
from gpt_trader.ops.preflight_machine import MACHINE
from gpt_trader.store.event_log import EventLog
from gpt_trader.store.folders import SessionFolder, new_session
from tests.builders import START_NS, an_intent, an_opening
from tests.exchange.serving import Exchange, lockstep_options, some_rules
from tests.live.commands import KERNELS, Finished, here
from tests.live.disks import read_only, small
from tests.store.forgery import tamper
from tests.store.logs import META, a_clock

TRADES = (Scope.VIEW, Scope.TRADE)


@dataclass
class Site:
    """A machine, its settings and an exchange that stands for Coinbase, all in order."""

    folder: Path
    exchange: Exchange
    key: Path
    host: str = ""
    var: str = "var"

    def words(self, profile: str = "canary") -> list[str]:
        host = self.host or f"127.0.0.1:{self.exchange.server.port}"
        ca = str(self.exchange.folder / "ca.pem")
        words = ["preflight", "--profile", profile, "--coinbase-host", host, "--coinbase-ca", ca]
        return [*words, "--coinbase-key-file", str(self.key), "--var", self.var, "--json", "-"]

    def run(self, profile: str = "canary") -> Finished:
        return here(cli.main, self.words(profile))

    def session(self, *events: Any) -> SessionFolder:
        """A session that somebody left."""
        folder = new_session(self.folder / "var", "canary", "20260101T000000.000000Z-00000000")
        log = EventLog.create(folder.log, META, a_clock())
        for event in (an_opening(), *events):
            log.append(event)
        log.commit_durable()
        log.close()
        return folder


def settings(folder: Path, *lines: str) -> None:
    people = ['contacts = "Ada, +44 20 7946 0000"', 'status_page = "https://status.example"']
    (folder / "gpt_trader.toml").write_text("\n".join([*people, *lines, ""]))


@contextmanager
def a_site(folder: Path, age_s: int = 0, **rules: Any) -> Iterator[Site]:
    """An exchange whose market begins now, or was so long ago."""
    now_s, data = int(time.time()) - age_s, folder / "trades.csv"
    rows = [f"{now_s + at},100.00,0.5,BTC-USD" for at in range(60, 3_600, 60)]
    data.write_text("\n".join(["time,price,size,product_id", *rows, ""]))
    tape = read_tape([data], Reading(None, None, None, 1))
    tape.begin_ns = time.time_ns() - age_s * 10**9
    venue = Venue(tape, some_rules(**rules), None)
    options = lockstep_options(speed=1.0)
    (folder / "tls").mkdir()
    exchange = Exchange(folder / "tls", venue, tape, options)
    key = exchange.key(Kind.ES256, TRADES, "trader")
    exchange.key(Kind.ES256, (Scope.VIEW,), "viewer")
    settings(folder)
    with exchange:
        yield Site(folder, exchange, key)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GPT_TRADER_KERNEL_CACHE", str(KERNELS))
    return tmp_path


def not_passed(done: Finished) -> dict[str, str]:
    checks = done.document["checks"]
    return {one["id"]: one["level"] for one in checks if one["level"] != "passed"}


def roots(done: Finished) -> list[str]:
    return [name for name, level in not_passed(done).items() if level != "unseen"]


def test_all_in_order_is_ready_in_each_profile_and_kept_as_a_report(place: Path) -> None:
    with a_site(place) as site:
        done = {profile: site.run(profile) for profile in ("dev", "paper", "canary", "prod")}
        said = here(cli.main, site.words()[:-2])
    alone = here(cli.main, ["preflight", "--json", "-"])

    for each in (*done.values(), alone):
        assert (each.code, not_passed(each), each.err) == (0, {}, ""), each
        assert each.document["verdict"] == "ready"
    looked_at = [one["id"] for one in done["canary"].document["checks"]]
    assert looked_at == [check.id for check in (*MACHINE, *EXCHANGE)]
    kept = json.loads(Path(done["prod"].document["report"]).read_text())
    assert kept["checks"] == done["prod"].document["checks"]
    assert "passed  api_key" in said.out and "canary: ready" in said.out


def wrong_setting(site: Site) -> None:
    settings(site.folder, 'color = "red"')


def kill_switch(site: Site) -> None:
    (site.folder / ".env").write_text("RISK_KILL_SWITCH_ENABLED=1\n")


def held_back(site: Site) -> None:
    words = ["halt", "BTC-USD", "--profile", "canary", "--var", site.var]
    assert here(cli.main, words).code == 0


def nothing_allowed(site: Site) -> None:
    settings(site.folder, "[limits]", "order_notional_max = 0")


def loose(site: Site) -> None:
    settings(site.folder, "[limits]", "position_rate_max = 2")


def public_key(site: Site) -> None:
    site.key.chmod(0o644)


def no_key(site: Site) -> None:
    site.key = site.folder / "none.json"


def forged(site: Site) -> None:
    folder = site.session(an_intent())
    whole = folder.log.rename(folder.log.with_suffix(".whole"))
    tamper(whole, folder.log, "UPDATE events SET body = ? WHERE seq = ?", (b"{}", 2))


def lost_order(site: Site) -> None:
    intent = an_intent()
    site.session(intent, OrderLost(START_NS, intent.client_order_id, "no answer"))


def nobody(site: Site) -> None:
    (site.folder / "gpt_trader.toml").unlink()


def wrong_host(site: Site) -> None:
    site.host = "127.0.0.1:9"


def view_only(site: Site) -> None:
    site.key = site.exchange.folder / "viewer.json"


def can_transfer(site: Site) -> None:
    site.key = site.exchange.key_file


def foreign(site: Site) -> None:
    client = site.exchange.rest()
    client.limit_order_gtc_buy("somebody", "BTC-USD", "0.01", "50.00")
    client.session.close()


DEFECTS: list[tuple[str, int, Callable[[Site], None]]] = [
    ("settings", 1, wrong_setting),
    ("guards", 4, kill_switch),
    ("guards", 4, held_back),
    ("limits", 1, nothing_allowed),
    ("limits", 4, loose),
    ("api_key", 1, public_key),
    ("api_key", 1, no_key),
    ("store", 1, forged),
    ("left_open", 1, lost_order),
    ("contacts", 4, nobody),
    ("connectivity", 1, wrong_host),
    ("permissions", 1, view_only),
    ("permissions", 1, can_transfer),
    ("foreign_orders", 4, foreign),
]


@pytest.mark.parametrize(("check", "code", "plant"), DEFECTS)
def test_a_planted_defect_is_named_and_no_other(
    place: Path, check: str, code: int, plant: Callable[[Site], None]
) -> None:
    with a_site(place) as site:
        plant(site)
        done = site.run()

    assert (roots(done), done.code) == ([check], code), done.out
    [found] = [one for one in done.document["checks"] if one["id"] == check]
    assert found["remedy"]


@pytest.mark.parametrize(
    ("check", "defect"),
    [
        ("clock", {"age_s": 60}),
        ("products", {"trading_disabled": frozenset({"BTC-USD"})}),
        ("balance", {"balances": {"USD": Decimal("0.5"), "BTC": Decimal(1)}}),
    ],
)
def test_a_defect_of_the_exchange_is_named_and_no_other(
    place: Path, check: str, defect: dict[str, Any]
) -> None:
    with a_site(place, **defect) as site:
        done = site.run()

    assert (roots(done), done.code) == ([check], 1), done.out


def test_folders_and_disks(place: Path) -> None:
    with a_site(place) as site:
        with read_only(place) as sealed:
            site.var = str(sealed / "var")
            nowhere = site.run()
        with small(place, 8_000) as disk:
            site.var = str(disk.path / "var")
            full = site.run() if disk.mounted else None

    assert roots(nowhere) == ["var_folder"] and nowhere.document["report"] is None
    assert full is None or roots(full) == ["disk"]


def test_a_missing_library_and_a_control_that_does_not_bind(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = place / "lib" / "gpt_trader-0.dist-info"
    info.mkdir(parents=True)
    needs = "Name: gpt-trader\nVersion: 0\nRequires-Dist: numpy\nRequires-Dist: no-such-thing>=1\n"
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\n{needs}")
    with a_site(place) as site:
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(place / "lib"))
            missing = site.run()
        with monkeypatch.context() as patch:
            patch.setattr(Engine, "verdicts", lambda self, draft, instead_of="": ((), ()))
            loose = site.run()

    assert roots(missing) == ["versions"] and "no-such-thing" in missing.out
    assert roots(loose) == ["controls"] and loose.code == 1


def test_a_key_that_can_transfer_is_taken_with_the_words_alone(place: Path) -> None:
    with a_site(place) as site:
        can_transfer(site)
        words = [*site.words(), "--accept-transfer-key"]
        wrong = here(cli.main, [*words, "yes"])
        right = here(cli.main, [*words, preflight_main.ACCEPTED])

    assert (wrong.code, wrong.err.count("\n")) == (2, 1)
    assert (right.code, not_passed(right)) == (4, {"permissions": "review"})


def test_every_check_has_a_defect_here() -> None:
    planted = {check for check, _, _ in DEFECTS} | {"clock", "products", "balance"}
    planted |= {"var_folder", "disk", "versions", "controls"}

    assert planted == {check.id for check in (*MACHINE, *EXCHANGE)}
