"""The dice of faults, what a person may ask of them, and the port that arms them."""

import json
import re
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gpt_trader.exchange import faults_rest
from gpt_trader.exchange.faults import Arming, Faults
from gpt_trader.exchange.faults_plan import drawn_plan, named, read_plan
from gpt_trader.exchange.faults_table import FAULTS
from gpt_trader.exchange.server import Stage
from gpt_trader.exchange.venue import Venue
from tests.exchange.serving import Exchange, a_tape, lockstep_options, some_rules
from tests.live import commands

NEVER = {name for name, fault in FAULTS.items() if fault.needs_pace}


def occasions(faults: Faults, name: str, count: int) -> list[bool]:
    return [faults.strike(name) is not None for _ in range(count)]


def test_the_seed_and_the_number_of_the_occasion_decide_alone() -> None:
    armed = {"answer_lost": Arming(0.2, 0, None), "cut": Arming(0.2, 0, None)}
    one, two, other = Faults(7, armed), Faults(7, armed), Faults(8, armed)

    alone = occasions(one, "answer_lost", 1_000)
    between = []
    for _ in range(1_000):
        two.strike("cut")
        between += occasions(two, "answer_lost", 1)

    assert alone == between
    assert alone != occasions(other, "answer_lost", 1_000)
    assert 150 < sum(alone) < 250
    assert one.strikes["answer_lost"] == sum(alone)
    assert one.occasions["answer_lost"] == 1_000


def test_a_fault_strikes_after_and_no_more_often_than_it_is_told() -> None:
    faults = Faults(1, {"answer_lost": Arming(1.0, 3, 2)})

    struck = occasions(faults, "answer_lost", 8)
    faults.arm("answer_lost", Arming(1.0, 1, 1))
    again = occasions(faults, "answer_lost", 4)
    faults.heal()

    assert struck == [False, False, False, True, True, False, False, False]
    assert again == [False, True, False, False], "counted from the new arming on"
    assert not any(occasions(faults, "answer_lost", 4))


def test_seeds_choose_every_fault_and_every_fifth_none() -> None:
    plans = [drawn_plan(seed, waits=True) for seed in range(1, 101)]

    chosen = {name for plan in plans for name in plan.armed}
    assert chosen == set(FAULTS) - NEVER
    assert [plan.seed for plan in plans if not plan.armed] == list(range(5, 101, 5))
    assert NEVER & {n for seed in range(1, 50) for n in drawn_plan(seed, waits=False).armed}


def test_a_case_stands_for_all_its_faults() -> None:
    assert named("A4", waits=True) == ("error_done", "error_undone")
    assert named("B3", waits=True) == ("market_silent",)
    assert named("B3", waits=False) == ("market_silent", "all_silent")
    assert named("cut", waits=True) == ("cut",)


def test_a_file_names_faults_and_how_often(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    content = {"seed": 3, "faults": {"A1": 0.1, "cut": {"rate": 1, "after": 2, "times": 3}}}
    file.write_text(json.dumps(content))

    plan = read_plan(str(file), waits=True)

    assert plan.seed == 3
    assert plan.armed == {"answer_lost": Arming(0.1, 0, None), "cut": Arming(1.0, 2, 3)}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"faults": {"A99": 0.1}}', "no fault 'A99'; gpt-trader exchange --help lists them"),
        ('{"faults": {"A1": 1.5}}', "a chance is a number from 0 to 1"),
        ('{"faults": {"A1": {"rate": 1, "times": -1}}}', "counts are not negative"),
        ('{"faults": {"all_silent": 1}}', "cannot be armed with --speed max"),
        ('{"fault": {}}', 'write {"seed": 1, "faults"'),
        ("[1", 'write {"seed": 1, "faults"'),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence(content: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text(content)

    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        read_plan(str(file), waits=True)

    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = commands.run(["exchange", "--port", "0", "--faults", "none.json"], tmp_path)

    assert done.code == 2
    assert done.err == (
        "gpt-trader exchange: none.json: No such file or directory; give a whole number (a seed) "
        "or a JSON file\n"
    )


@contextmanager
def the_port(ready: dict[str, Any]) -> Iterator[Any]:
    """Ask the port one thing after another."""
    with socket.create_connection(("127.0.0.1", ready["faults"]["port"]), 10) as connection:
        lines = connection.makefile("rwb")

        def ask(**request: object) -> Any:
            lines.write(json.dumps(request).encode() + b"\n")
            lines.flush()
            return json.loads(lines.readline())

        yield ask


def test_faults_are_armed_counted_and_healed_while_the_exchange_runs(tmp_path: Path) -> None:
    with (
        commands.exchange(tmp_path, "--product", "BTC-USD", "--faults", "5") as exchange,
        the_port(exchange.ready) as ask,
    ):
        token = exchange.ready["faults"]["token"]
        client = exchange.client()
        calm = ask(token=token, do="show")
        armed = ask(token=token, do="arm", fault="A12", rate=1.0, times=1)
        with pytest.raises(OSError, match="429"):
            client.get_accounts()
        client.get_accounts()
        struck = ask(token=token, do="show")
        ask(token=token, do="arm", fault="A12")
        healed = ask(token=token, do="heal")
        client.get_accounts()
        client.session.close()
        wrong = ask(token="guess", do="heal")
        nothing = ask(token=token, do="arm", fault="A99")

    assert calm == {"armed": {}, "occasions": {}, "strikes": {}}
    assert list(armed["armed"]) == ["rate_limited"]
    assert struck["strikes"] == {"rate_limited": 1}
    assert healed["armed"] == {}
    assert wrong == {"error": "wrong token"}
    assert "no fault 'A99'" in nothing["error"]


def test_an_exchange_without_faults_has_no_port_for_them(tmp_path: Path) -> None:
    with commands.exchange(tmp_path, "--product", "BTC-USD") as exchange:
        assert exchange.ready["faults"] is None


class Misled(Exchange):
    """An exchange in this process at which one fault always strikes."""

    def __init__(self, folder: Path, fault: str, seed: int) -> None:
        tape = a_tape(rounds=5)
        super().__init__(folder, Venue(tape, some_rules(), None), tape, lockstep_options())
        self.faults = Faults(seed, {fault: Arming(1.0, 0, None)})

    async def stage(self) -> Stage:
        """What is served, and what goes wrong with it."""
        return Stage(self._tape, self.venue, None, self.faults)


def edited(folder: Path, fault: str, seed: int) -> tuple[bool, str, str]:
    """Edit a waiting order of 0.01 at 50,000 to 0.02 at 51,000 through a fault.

    Whether an answer came, and price and size of the order then.
    """
    with Misled(folder, fault, seed) as exchange:
        client = exchange.rest()
        made = client.limit_order_gtc_buy("an-order", "BTC-USD", "0.01", "50000", post_only=True)
        order_id = made["success_response"]["order_id"]
        try:
            is_answered = client.edit_order(order_id, size="0.02", price="51000")["success"]
        except OSError:
            is_answered = False
        order = client.get_order(order_id).to_dict()["order"]
        client.session.close()
    terms = order["order_configuration"]["limit_limit_gtc"]
    return is_answered, terms["limit_price"], terms["base_size"]


def test_an_edit_without_an_answer_is_carried_out_or_is_not(tmp_path: Path) -> None:
    seen = {edited(tmp_path, "edit_lost", seed) for seed in range(3)}

    assert {answered for answered, _, _ in seen} == {False}
    assert {float(price) for _, price, _ in seen} == {50_000, 51_000}


def test_an_edit_may_change_the_price_alone_and_call_it_success(tmp_path: Path) -> None:
    answered, price, size = edited(tmp_path, "edit_partly", 1)

    assert (answered, float(price), float(size)) == (True, 51_000, 0.01)


def test_an_edit_of_what_has_no_size_to_keep_meets_no_fault(tmp_path: Path) -> None:
    """An order of so many dollars, and one that is not there: Coinbase's own words."""
    with Misled(tmp_path, "edit_partly", 1) as exchange:
        exchange.advance()
        client = exchange.rest()
        made = client.market_order_buy("an-order", "BTC-USD", quote_size="100")
        order_id = made["success_response"]["order_id"]
        answers = [
            client.edit_order(name, size="0.02", price="51000").to_dict()
            for name in (order_id, "no-such-order")
        ]
        client.session.close()

    assert [answer["success"] for answer in answers] == [False, False]
    assert answers[1]["errors"][0]["edit_failure_reason"] == "ORDER_NOT_FOUND"
    assert exchange.faults.strikes["edit_partly"] == 0


def test_a_commission_that_was_told_becomes_another_one_and_the_account_pays_it(
    tmp_path: Path,
) -> None:
    told: list[tuple[Decimal, Decimal, Decimal]] = []
    for seed in range(4):
        with Misled(tmp_path, "fee_revised", seed) as exchange:
            exchange.advance()
            client = exchange.rest()
            made = client.market_order_buy("an-order", "BTC-USD", quote_size="1000")
            order_id = made["success_response"]["order_id"]
            for _ in range(2):
                before = exchange.venue.accounts({"limit": ("250",)})["accounts"]
                rows = client.get_fills(order_ids=[order_id])["fills"]
                after = exchange.venue.accounts({"limit": ("250",)})["accounts"]
                fees = sum((Decimal(row["commission"]) for row in rows), Decimal(0))
                shown = client.get_order(order_id)["order"]["total_fees"]
                told.append((fees, Decimal(shown), held(before) - held(after)))
            client.session.close()
        assert exchange.faults.strikes["fee_revised"] == 2

    for first, second in zip(told[::2], told[1::2], strict=True):
        fees, now, paid = first
        assert now == second[0], "what is told next"
        assert now == fees + paid, "and what the account has paid"
        assert now >= 0 and paid != 0
    assert {paid > 0 for _, _, paid in told} == {True, False}, "it rises and it falls"


def held(wallets: list[dict[str, Any]]) -> Decimal:
    """Dollars, free and on hold."""
    [usd] = [one for one in wallets if one["currency"] == "USD"]
    return Decimal(usd["available_balance"]["value"]) + Decimal(usd["hold"]["value"])


def test_a_client_that_leaves_amid_a_slow_answer_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults_rest, "DRIP_S", 0.03)
    with Misled(tmp_path, "answer_slow", 1) as exchange:
        tls = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        address = ("127.0.0.1", exchange.server.port)
        with socket.create_connection(address, 5) as plain:
            at_once = struct.pack("ii", 1, 0)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            with tls.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
                connection.sendall(
                    b"GET /api/v3/brokerage/market/products HTTP/1.1\r\nHost: here\r\n\r\n"
                )
                connection.recv(1)
        time.sleep(0.4)  # until its last piece was due

    assert exchange.faults.strikes["answer_slow"] == 1
    assert not caplog.records, caplog.text
