"""Whatever is typed becomes an order that can be written down, or one clear line."""

import argparse
import contextlib
import io
import random
from pathlib import Path

import pytest

from gpt_trader.broker.wish import as_mapping, check_wish, from_mapping
from gpt_trader.domain.errors import UsageError
from gpt_trader.ops.orders_flags import add_order_flags, add_runbook_flags, wish_of
from gpt_trader.ops.orders_main import order_parser, place_of
from gpt_trader.settings import load_settings
from gpt_trader.store.folders import profile_folder
from gpt_trader.store.previews import Kept, KeptPreviews
from tests.tier import scaled

WORDS = [
    *("buy", "sell", "BUY", "hold", "", "0.01", "1", "-1", "1e9", "nan", "0", "500 USD", "25%"),
    *("101%", "0.01 BTC", "1 ETH", "9" * 30, "BTC-USD", "btc-usd", "BTCUSD", "BTC-PERP", "-"),
    *("BIP-20DEC30-CDE", "market", "limit", "stop", "stop_limit", "bracket", "twap", "GTC", "gtd"),
    *("IOC", "FOK", "2h", "0s", "9d", "1y", "2026-01-31", "2026-13-01", "noon", "demo-001", "a b"),
    *("--", "\x00", "é", "🙂", "'; drop", "../..", "\n", "--type", "--price=1", "--json", "65000"),
]
FLAGS = [
    *("--type", "--price", "--stop", "--tif", "--until", "--for", "--client-id"),
    *("--post-only", "--reduce-only"),
]


def a_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="orders")
    add_order_flags(parser)
    parser.set_defaults(profile="dev")
    return parser


def a_line(dice: random.Random) -> list[str]:
    """Words at random; every second line begins like an order, to get further in."""
    line = ["buy", "0.01", "BTC-USD"] if dice.random() < 0.5 else []
    for _ in range(dice.randrange(8)):
        word = dice.choice(FLAGS)
        line.append(word if dice.random() < 0.6 else dice.choice(WORDS))
        if dice.random() < 0.7:
            line.append(dice.choice(WORDS))
    return line


def test_no_line_is_a_traceback_and_what_is_read_can_be_written_down() -> None:
    dice, parser = random.Random(9), a_parser()
    read = refused = 0
    for _ in range(scaled(4_000)):
        line = a_line(dice)
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
                wish = wish_of(parser.parse_args(line), derivatives=False)
        except UsageError as error:
            assert str(error) and len(str(error)) < 400, line
            refused += 1
        except SystemExit as stop:
            assert stop.code in (0, 2), line
            refused += 1
        else:
            check_wish(wish)
            assert from_mapping(as_mapping(wish)) == wish, line
            read += 1

    assert min(read, refused) > 5


def test_the_runbooks_flags_are_the_same_order() -> None:
    runbook = argparse.ArgumentParser()
    add_runbook_flags(runbook)
    runbook.set_defaults(profile="dev")
    words = "--order-symbol btc-usd --order-side sell --order-type limit --order-qty 0.01"
    more = "--order-price 65000 --order-tif GTD --order-for 2h --order-client-id x"
    ours = "sell 0.01 BTC-USD --type limit --price 65000 --for 2h --client-id x"

    theirs = wish_of(runbook.parse_args(f"{words} {more}".split()), derivatives=False)

    assert theirs == wish_of(a_parser().parse_args(ours.split()), derivatives=False)


@pytest.mark.parametrize(
    ("span", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86_400)]
)
def test_a_span_is_read_in_its_unit(span: str, seconds: int) -> None:
    line = ["buy", "1", "BTC-USD", "--type", "limit", "--price", "1", "--for", span]

    wish = wish_of(a_parser().parse_args(line), derivatives=False)

    assert wish.for_ns == seconds * 10**9


KEPT = Kept({"product_id": "ETH-USD"}, "", "1", "0", "", 0)


@pytest.mark.parametrize(
    ("words", "started"),
    [
        ("place --token abc --profile paper", ["--product", "ETH-USD"]),
        ("place buy 1 btc-usd --token abc --profile paper", ["--product", "BTC-USD"]),
        ("preview buy 1 eth-usd --profile prod", ["--product", "ETH-USD"]),
        ("preview buy 1 eth-usd --coinbase-host 127.0.0.1:1", ["--product", "ETH-USD"]),
        ("preview buy 1 eth-usd", []),
        ("edit name --token abc --profile paper", []),
        ("cancel-all --profile paper", []),
    ],
)
def test_a_session_is_started_with_the_product_of_the_order_or_of_its_token(
    words: str, started: list[str], tmp_path: Path
) -> None:
    """Before, a token placed by a new session was refused unless it was of BTC-USD."""
    args = order_parser().parse_args([*words.split(), "--var", str(tmp_path)])
    profile_folder(tmp_path, args.profile).mkdir(parents=True)
    KeptPreviews(tmp_path, args.profile).keep("abc", KEPT)
    settings = load_settings(
        {"var": str(tmp_path), "coinbase_host": args.coinbase_host}, {}, tmp_path
    )

    flags = place_of(args, settings).flags

    assert [flag for flag in flags if flag not in ("--coinbase-host", "127.0.0.1:1")] == started


def test_a_token_that_is_none_is_said_before_a_session_is_started(tmp_path: Path) -> None:
    args = order_parser().parse_args(["place", "--token", "../x", "--profile", "paper"])

    with pytest.raises(UsageError, match="a preview is used once"):
        place_of(args, load_settings({"var": str(tmp_path)}, {}, tmp_path))
