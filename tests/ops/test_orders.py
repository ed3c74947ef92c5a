"""The order desk, command by command, against one session by hand and its embedded exchange."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from gpt_trader.domain.events import OrderAsked, OrderIntended
from gpt_trader.risk.verdicts import RULE_NAMES
from gpt_trader.store.folders import PROFILES, find
from gpt_trader.store.reading import LogReader
from tests.live.commands import replay
from tests.ops.hand import Hand, session, session_by_hand

MARKET_STOP = ("preview", "sell", "0.01", "BTC-USD", "--type", "stop", "--stop", "59500")
STOP = ("--type", "stop_limit", "--price", "60000", "--stop", "59500", "--reduce-only")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hand]:
    var = tmp_path_factory.mktemp("desk") / "var"
    with session_by_hand(var):
        yield Hand(var)


@pytest.fixture(autouse=True)
def nothing_works(desk: Hand) -> Iterator[None]:
    yield
    desk.orders("cancel-all")


def test_a_preview_says_what_the_order_would_do_and_sends_nothing(desk: Hand) -> None:
    said = desk.orders("preview", "buy", "0.01", "BTC-USD")

    preview = said.document["preview"]
    assert said.code == 0
    assert (preview["order"]["base_size"], preview["fills_at_once"]) == ("0.01", "0.01")
    assert Decimal(preview["notional"]) == Decimal("0.01") * Decimal(preview["average_price"])
    assert Decimal(preview["fee"]) >= Decimal(preview["notional"]) * Decimal("0.006")
    assert Decimal(preview["slippage_bps"]) > 0
    before, after = Decimal(preview["position"]), Decimal(preview["position_after"])
    assert after - before == Decimal("0.01")
    assert len(preview["verdicts"]) == len(RULE_NAMES)
    assert all(one["value"] is not None and one["limit"] is not None for one in preview["verdicts"])
    assert said.document["exchange_refuses"] == []
    assert re.fullmatch("[0-9a-f]{16}", said.document["token"])
    assert desk.orders("list", "--open").document["orders"] == []


def test_a_preview_of_a_stop_that_we_watch_says_so(desk: Hand) -> None:
    said = desk.orders(*MARKET_STOP)
    passed = desk.orders(*MARKET_STOP[:-1], "90000")

    preview = said.document["preview"]
    assert (said.code, preview["order"]["type"], preview["fills_at_once"]) == (0, "STOP", "0")
    assert Decimal(preview["notional"]) == Decimal("595")
    assert "works only while a session by hand runs" in preview["warnings"][0]
    assert said.document["exchange_refuses"] == []
    assert (passed.code, passed.document["token"]) == (1, None)
    assert "the trigger 90000 is passed" in passed.document["preview"]["denials"][0]


def test_a_denied_order_says_every_rule_and_gets_no_token(desk: Hand) -> None:
    said = desk.orders("preview", "buy", "1", "BTC-USD")
    refused = desk.orders("place", "buy", "1", "BTC-USD", "--client-id", "too-large")

    preview = said.document["preview"]
    denied = {one["rule"] for one in preview["verdicts"] if one["denies"]}
    assert (said.code, said.document["token"]) == (1, None)
    assert denied == {"order_notional", "position_cap"}
    assert refused.code == 1 and "above 25,000.00 USD" in refused.err
    explained = desk.orders("explain", "too-large").document
    assert explained["client_order_id"] is None
    assert {one["rule"] for one in explained["verdicts"] if one["denies"]} == denied
    assert [row["what"][:6] for row in explained["course"]] == ["asked ", "denied"]


def test_a_token_places_exactly_its_order_and_once(desk: Hand) -> None:
    order = ("buy", "0.001", "BTC-USD", "--type", "limit", "--price", "61000")
    token = desk.orders("preview", *order).document["token"]

    other = desk.orders("place", "buy", "0.002", *order[2:], "--token", token)
    placed = desk.placed("--token", token)
    again = desk.orders("place", "--token", token)

    assert (other.code, "is of another order" in other.err) == (1, True)
    assert (placed["status"], placed["limit_price"]) == ("OPEN", "61000")
    assert (again.code, "a preview is used once" in again.err) == (2, True)


def test_a_token_dies_with_the_position_it_was_given_at(desk: Hand) -> None:
    token = desk.orders("preview", "buy", "0.001", "BTC-USD").document["token"]
    desk.placed("buy", "20 USD", "BTC-USD")

    late = desk.orders("place", "--token", token)

    assert (late.code, "the position has moved" in late.err) == (1, True)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("until_ns", 1, "is older than 120 s"),
        ("mark", "61000", "more than 25 bps"),
        ("limits", "", "the limits have changed"),
        ("order", "", "is of another order"),
        ("more", "than it has", "does not read"),
    ],
)
def test_a_token_is_refused_when_anything_has_moved(
    desk: Hand, name: str, change: object, said: str
) -> None:
    token = desk.orders("preview", "buy", "0.001", "BTC-USD").document["token"]
    file = desk.var / "data" / "perps_bot" / "dev" / "previews" / token
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, name: change}))

    refused = desk.orders("place", "--token", token)

    assert refused.code in (1, 2)
    assert said in refused.err


def test_a_limit_order_waits_and_is_cancelled_under_any_of_its_names(desk: Hand) -> None:
    for number in range(3):
        order = ("sell", "0.001", "BTC-USD", "--type", "limit", "--price", "65000")
        placed = desk.placed(*order, "--client-id", f"demo-{number}")
        assert placed["status"] == "OPEN"
        name = (f"demo-{number}", placed["client_order_id"], placed["order_id"])[number]

        ended = desk.orders("cancel", name)

        assert ended.code == 0
        assert [one["status"] for one in ended.document["orders"]] == ["CANCELLED"]


def test_a_name_places_one_order(desk: Hand) -> None:
    order = ("buy", "0.001", "BTC-USD", "--type", "limit", "--price", "60000")

    first = desk.placed(*order, "--client-id", "once")
    second = desk.placed(*order, "--client-id", "once")
    other = desk.orders("place", *order[:-1], "60001", "--client-id", "once")

    assert first["client_order_id"] == second["client_order_id"]
    assert (other.code, "was used for another order" in other.err) == (2, True)
    assert len(desk.orders("list", "--open").document["orders"]) == 1


def test_what_cannot_wait_fills_or_ends_at_once(desk: Hand) -> None:
    market = desk.placed("buy", "50 USD", "BTC-USD")
    low = ("buy", "0.001", "BTC-USD", "--type", "limit", "--price", "61900")
    ioc, fok = (desk.placed(*low, "--tif", tif) for tif in ("IOC", "FOK"))

    assert market["status"] == "FILLED" and Decimal(market["fees"]) > 0
    assert Decimal(49) < Decimal(market["average_price"]) * Decimal(market["base_size"]) <= 50
    assert {ioc["status"], fok["status"]} <= {"CANCELLED", "EXPIRED", "FAILED"}
    assert (ioc["filled_size"], fok["filled_size"]) == ("0", "0")


def test_post_only_never_takes(desk: Hand) -> None:
    order = ("buy", "0.001", "BTC-USD", "--type", "limit", "--price", "62300", "--post-only")

    said = desk.orders("preview", *order)
    refused = desk.orders("place", *order)

    [refusal] = said.document["preview"]["probable_refusals"]
    assert refusal["reason"] == "INVALID_LIMIT_PRICE_POST_ONLY"
    assert said.document["exchange_refuses"] == ["PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"]
    assert (refused.code, "INVALID_LIMIT_PRICE_POST_ONLY" in refused.err) == (1, True)


def test_reduce_only_is_clamped_and_stays_off_the_wire(desk: Hand) -> None:
    said = desk.orders("preview", "sell", "5", "BTC-USD", "--reduce-only").document["preview"]
    nothing = desk.orders("preview", "sell", "5", "ETH-USD", "--reduce-only")

    assert said["order"]["base_size"] == said["position"]
    assert (said["position_after"], said["allowed"]) == ("0", True)
    assert (nothing.code, "can reduce nothing" in nothing.err) == (1, True)


def test_the_owners_coins_are_never_sold(desk: Hand) -> None:
    refused = desk.orders("place", "sell", "0.3", "BTC-USD")

    assert (refused.code, "held and not offered" in refused.err) == (1, True)


def test_the_runbooks_stop_is_warned_of_and_needs_a_word_to_be_placed(desk: Hand) -> None:
    said = desk.orders("preview", "sell", "0.01", "BTC-USD", *STOP)
    refused = desk.orders("place", "sell", "0.01", "BTC-USD", *STOP)

    [refusal] = said.document["preview"]["probable_refusals"]
    assert said.code == 0
    assert refusal["reason"] == "PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE"
    assert refusal["gap_bps"] == "84.03"
    assert said.document["exchange_refuses"] == [refusal["reason"]], "what we foretold"
    assert (refused.code, "--allow-unlikely-fill" in refused.err) == (1, True)
    token = said.document["token"]
    kept = desk.orders("place", "--token", token)
    allowed = desk.orders("place", "--token", token, "--allow-unlikely-fill")
    assert "--allow-unlikely-fill" in kept.err, "and the token is not used up by that"
    assert (allowed.code, refusal["reason"] in allowed.err) == (1, True), "Coinbase has its word"


def test_an_edit_is_previewed_applied_and_explained(desk: Hand) -> None:
    order = ("buy", "0.01", "BTC-USD", "--type", "limit", "--price", "61000")
    placed = desk.placed(*order, "--client-id", "to-edit")

    said = desk.perps_bot(
        "--edit-order-preview", placed["order_id"], "--order-price", "60500", "--order-qty", "0.02"
    )
    pair = re.findall(r"^apply +(\S+)$", said.out, re.M)
    applied = desk.perps_bot("--apply-order-edit", *pair)
    again = desk.perps_bot("--apply-order-edit", *pair)

    assert (said.code, said.err) == (0, ""), said
    assert "BUY 0.02 BTC-USD LIMIT GTC at 60500" in said.out
    assert (applied.code, applied.err) == (0, "")
    assert "at 60500" in applied.out and placed["client_order_id"] in applied.out
    assert (again.code, "a preview is used once" in again.err) == (2, True)
    shown = desk.orders("show", "to-edit").document
    assert (shown["base_size"], shown["limit_price"]) == ("0.02", "60500")
    assert shown["order_id"] == placed["order_id"], "it keeps its name"
    what = [row["what"] for row in desk.orders("explain", "to-edit").document["course"]]
    assert "asked that it be 0.02 at 60500" in what
    assert any(one.startswith(f"the edit is allowed by {len(RULE_NAMES)} rules") for one in what)


def test_a_preview_of_an_edit_dies_with_the_order_it_was_of(desk: Hand) -> None:
    order = ("buy", "0.01", "BTC-USD", "--type", "limit", "--price", "61000")
    placed = desk.placed(*order)
    name = placed["order_id"]
    first, second = (
        desk.orders("edit", name, "--price", price).document["token"]
        for price in ("60400", "60300")
    )
    other = desk.placed(*order)["order_id"]

    of_another = desk.orders("edit", other, "--token", first)
    applied = desk.orders("edit", name, "--token", first)
    moved = desk.orders("edit", name, "--token", second)
    desk.orders("cancel", name)
    ended = desk.orders("edit", name, "--price", "60200")

    assert (of_another.code, "is not of order" in of_another.err) == (1, True)
    assert applied.code == 0, applied.err
    assert (moved.code, "is of another order" in moved.err) == (1, True)
    assert (ended.code, "orders that wait can be edited" in ended.err) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "needs a new size, limit price"),
        (("--price", "61000"), 2, "changes nothing"),
        (("--price", "x"), 2, "price 'x' is no number"),
        (("--size", "5"), 1, "nothing can be placed"),
        (("--token", "0" * 16), 2, "there is no preview"),
    ],
)
def test_an_edit_that_cannot_be_is_said_so(
    desk: Hand, words: tuple[str, ...], code: int, said: str
) -> None:
    placed = desk.placed("buy", "0.01", "BTC-USD", "--type", "limit", "--price", "61000")

    refused = desk.perps_bot(*_runbook_edit(placed["order_id"], words))

    assert refused.code == code
    assert said in refused.out + refused.err


def _runbook_edit(order_id: str, words: tuple[str, ...]) -> list[str]:
    if "--token" in words:
        return ["--apply-order-edit", f"{order_id}:{words[1]}"]
    named = [word.replace("--price", "--order-price") for word in words]
    return ["--edit-order-preview", order_id, *(w.replace("--size", "--order-qty") for w in named)]


def test_an_order_is_explained_from_its_log(desk: Hand) -> None:
    placed = desk.placed("buy", "50 USD", "BTC-USD", "--client-id", "why")

    explained = desk.orders("explain", "why").document

    assert explained["client_order_id"] == placed["client_order_id"]
    assert explained["why"] == "by hand" and len(explained["verdicts"]) == len(RULE_NAMES)
    sources = [row["source"] for row in explained["course"]]
    assert sources[0].endswith("at the command line")
    assert sources[1] == "our rules"
    # The exchange's word of an order may overtake its answer.
    assert {"the answer to the create", "the exchange's fills"} <= set(sources[2:])
    assert [row["seq"] for row in explained["course"]] == sorted(
        row["seq"] for row in explained["course"]
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("preview",), "which side?"),
        (("preview", "buy", "0.01"), "which product?"),
        (("preview", "hold", "0.01", "BTC-USD"), "side 'HOLD': there is BUY, SELL"),
        (("preview", "buy", "x", "BTC-USD"), "size 'x'"),
        (("preview", "buy", "1 ETH", "BTC-USD"), "counted in BTC, in USD or in %"),
        (("preview", "buy", "1", "BTCUSD"), "write it like BTC-USD"),
        (("preview", "buy", "0.01", "BTC-USC"), "did you mean BTC-USD"),
        (("preview", "buy", "1", "BTC-USD", "--type", "twap"), "there is market, limit"),
        ((*MARKET_STOP, "--tif", "IOC"), "a stop waits for its trigger: GTC or GTD"),
        ((*MARKET_STOP, "--price", "59400"), "a stop order has no limit price"),
        (("preview", "buy", "1", "BTC-USD", "--tif", "GTC"), "IOC is its only time in force"),
        (("preview", "buy", "1", "BTC-USD", "--for", "2h"), "IOC is its only time in force"),
        (
            ("preview", "buy", "1", "BTC-USD", "--type", "limit", "--price", "9", "--for", "2y"),
            "1d",
        ),
        (("preview", "buy", "1", "BTC-USD", "--client-id", "a b"), "letters, digits"),
        (("preview", "buy", "1", "BTC-PERP"), "left this API on 2026-10-01"),
        (("preview", "buy", "1", "BIP-20DEC30-CDE"), "COINBASE_ENABLE_DERIVATIVES is not 1"),
        (("place", "--token", "../../etc"), "a preview is used once"),
        (("cancel", "no-such-order"), "no order 'no-such-order'"),
        (("show", "no-such-order"), "no order 'no-such-order'"),
    ],
)
def test_a_mistake_is_one_clear_line(desk: Hand, words: tuple[str, ...], said: str) -> None:
    refused = desk.orders(*words)

    assert refused.code == 2, refused
    assert said in refused.err
    assert refused.err.count("\n") == 1 and "Traceback" not in refused.err


def test_a_contract_is_not_for_a_session_of_coins(
    desk: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the switch it is refused before, see the mistakes above."""
    monkeypatch.setenv("COINBASE_ENABLE_DERIVATIVES", "1")

    refused = desk.orders("preview", "buy", "1", "BIP-20DEC30-CDE")
    perpetual = desk.orders("preview", "buy", "1", "ETH-PERP")

    assert (refused.code, "this session trades BTC-USD" in refused.err) == (2, True)
    assert (perpetual.code, "look for the contract of ETH" in perpetual.err) == (2, True)


def test_a_good_till_order_carries_its_end(desk: Hand) -> None:
    order = ("buy", "0.001", "BTC-USD", "--type", "limit", "--price", "60000", "--for", "2h")

    desk.placed(*order, "--client-id", "two-hours")

    with LogReader(find(desk.var, "latest").log) as reader:
        events = [event for _, event in reader.events()]
    [intent] = [
        event
        for event in events
        if isinstance(event, OrderIntended) and event.draft.asked.startswith("two-hours#")
    ]
    [asked] = [e for e in events if isinstance(e, OrderAsked) and e.draft == intent.draft]
    assert intent.draft.end_ns is not None
    assert abs(intent.draft.end_ns - asked.ts_ns - 7200 * 10**9) < 10**9


def test_the_record_of_a_session_by_hand_replays_and_nothing_is_left_lying(desk: Hand) -> None:
    desk.placed("buy", "50 USD", "BTC-USD")

    replayed = replay(desk.var)

    assert replayed.code == 0, replayed.err
    folder = desk.var / "data" / "perps_bot" / "dev"
    assert [path.name for path in (folder / "requests").iterdir()] == []
    assert [path.name for path in (folder / "answers").iterdir()] == []
    assert PROFILES[0] == "dev" and Path(folder / "lock").exists()


def test_a_session_that_is_killed_in_the_midst_leaves_one_order_and_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it was sent, or before its answer was read: nothing is sent a second time."""
    hand = Hand(tmp_path / "var")
    order = ("buy", "0.001", "BTC-USD", "--type", "limit", "--price", "61000")
    for point, ends in (("intent_durable", "ABSENT"), ("reply_unread", "OPEN")):
        monkeypatch.setenv("GPT_TRADER_KILL_AT", f"{point}:1")
        killed = hand.orders("place", *order, "--client-id", point)
        monkeypatch.delenv("GPT_TRADER_KILL_AT")

        again = hand.orders("place", *order, "--client-id", point)  # settles what was open

        assert (killed.code, "took the request and ended" in killed.err) == (3, True), killed
        assert again.code == 0 and again.document["placed"]["status"] == ends
    assert len(hand.orders("list").document["orders"]) == 2
    assert hand.orders("close").code == 0
    assert hand.orders("list", "--open").document["orders"] == []
    later = hand.orders("place", *order, "--client-id", "reply_unread")
    assert (later.code, "was used in an earlier session" in later.err) == (2, True)
    assert hand.orders("explain", "reply_unread").document["state"]["status"] == "CANCELLED"


def test_beside_a_strategy_orders_do_not_wait_nor_is_the_session_closed(tmp_path: Path) -> None:
    """The strategy's plan would end what waits; its session is a person's to end where it runs."""
    hand = Hand(tmp_path / "var")
    words = ("--speed", "real", "--product", "BTC-USD")
    with session(hand.var, *words):
        waits = ("buy", "0.001", "BTC-USD", "--type", "limit", "--price", "61000")
        refused = [
            hand.orders("place", *waits),
            hand.orders("close"),
            hand.orders("cancel", "no-such"),
            hand.orders("adopt", "BTC-USD", "0.000000001", "--cost", "1"),
            hand.orders("adopt", "BTC-USD", "5", "--cost", "1"),
        ]
        adopt = ("adopt", "BTC-USD", "0.1", "--cost", "6000")
        adopted = [hand.orders(*adopt), hand.orders(*adopt), hand.orders(*adopt, "--name", "more")]
        [holding] = hand.snapshot().document["holdings"]["value"]
        placed = hand.placed("buy", "50 USD", "BTC-USD")

    assert [said.code for said in refused] == [1, 2, 2, 2, 2], refused
    assert "ask for IOC or FOK" in refused[0].err
    assert "with Ctrl-C" in refused[1].err
    assert "comes to nothing" in refused[3].err
    assert "the owner holds 1.02" in refused[4].err
    assert [said.code for said in adopted] == [0, 0, 0]
    assert (holding["ours"], holding["owners"]) == ("0.2", "0.82"), "a command again gives nothing"
    assert placed["status"] == "FILLED"
