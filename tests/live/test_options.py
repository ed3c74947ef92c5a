"""The command line of `live`: what is chosen without a word, and what no setting can choose."""

from decimal import Decimal
from pathlib import Path

import pytest

from gpt_trader.broker.sizing import SIZING
from gpt_trader.domain.errors import UsageError
from gpt_trader.live.options import Options, parse


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without settings."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parsed(*arguments: str, **environ: str) -> Options:
    return parse(list(arguments), environ, "gpt-trader live")


def test_without_a_word_a_session_plays_the_synthetic_market_in_lockstep() -> None:
    options = parsed()

    assert (options.profile, options.speed, options.strategy) == ("dev", "max", "ma_crossover")
    assert options.lockstep
    assert options.sizing == SIZING
    assert options.host is None


def test_no_variable_can_choose_the_profile() -> None:
    with pytest.raises(UsageError, match="--profile alone"):
        parsed(GPT_TRADER_PROFILE="prod")


def test_no_file_can_choose_the_profile(elsewhere: Path) -> None:
    (elsewhere / ".env").write_text("GPT_TRADER_PROFILE=prod\n")
    with pytest.raises(UsageError, match="--profile alone"):
        parsed()

    (elsewhere / ".env").unlink()
    (elsewhere / "gpt_trader.toml").write_text('profile = "canary"\n')
    with pytest.raises(UsageError, match="--profile alone"):
        parsed()


@pytest.mark.parametrize("profile", ["paper", "canary", "prod"])
def test_only_dev_can_be_faster_than_the_clock(profile: str) -> None:
    assert parsed("--profile", profile).speed == "real"
    for speed in ("max", "60"):
        with pytest.raises(UsageError, match="real time"):
            parsed("--profile", profile, "--speed", speed)


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "100001", "quick"])
def test_a_speed_that_is_none_is_refused(speed: str) -> None:
    with pytest.raises(UsageError, match="--speed"):
        parsed("--speed", speed)


def test_dev_fast_is_a_short_scripted_life_in_lockstep() -> None:
    options = parsed("--dev-fast")

    assert (options.strategy, options.candles, options.speed) == ("dev_life", 40, "max")
    assert options.sizing["patience_candles"] == 0.0
    with pytest.raises(UsageError, match="--dev-fast runs at --speed max"):
        parsed("--dev-fast", "--speed", "60")


@pytest.mark.parametrize("text", ["fast", "=1", "fast=", "fast=one"])
def test_a_parameter_is_a_name_and_a_number(text: str) -> None:
    with pytest.raises(UsageError, match="--param"):
        parsed("--param", text)


def test_a_switch_is_yes_or_no_and_a_stop_a_fraction_of_the_cost() -> None:
    sizing = parsed("--sizing", "good_till=1", "--sizing", "stop_rate=0.05").sizing

    assert (sizing["good_till"], sizing["stop_rate"], sizing["market_orders"]) == (1.0, 0.05, 0.0)
    for text in ("good_till=0.5", "market_orders=2", "stop_rate=5"):
        with pytest.raises(UsageError, match=f"--sizing {text}"):
            parsed("--sizing", text)


def test_limits_are_exact_decimals() -> None:
    limits = parsed("--limit", "collar_bps_max=0.1").limits

    assert limits == {"collar_bps_max": Decimal("0.1")}


def test_coinbase_has_candles_of_some_widths_only() -> None:
    assert parsed("--candle-s", "7").candle_s == 7  # of our own tape we build any
    assert parsed("--profile", "paper", "--candle-s", "300").candle_s == 300
    with pytest.raises(UsageError, match="candles of 60, 300"):
        parsed("--profile", "paper", "--candle-s", "7")


def test_choices_differ_in_the_content_of_a_file_and_not_in_its_name(elsewhere: Path) -> None:
    for name, text in {"a": "1", "b": "1", "c": "2"}.items():
        (elsewhere / name).write_text(text)

    choices = {name: parsed("--data", name).choices() for name in "abc"}

    assert choices["a"] == choices["b"] != choices["c"]


@pytest.mark.parametrize(
    "changed",
    [
        ["--param", "fast=3"],
        ["--sizing", "take_bps=1"],
        ["--limit", "collar_bps_max=1"],
        ["--seed", "2"],
        ["--candles", "9"],
        ["--balance", "USD=1"],
        ["--product", "ETH-USD"],
        ["--speed", "2"],
        ["--strategy", "breakout"],
    ],
    ids=" ".join,
)
def test_every_choice_that_matters_tells_sessions_apart(changed: list[str]) -> None:
    assert parsed(*changed).choices() != parsed().choices()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--profile", "paper"),
        ("--profile", "prod"),
        ("--coinbase-host", "127.0.0.1:8443"),
    ],
)
def test_only_the_embedded_exchange_of_dev_can_be_given_faults(arguments: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="--faults is for the embedded exchange of profile dev"):
        parsed("--faults", "7", *arguments)


@pytest.mark.parametrize(
    "other",
    [
        *(("--data", "x"), ("--strategy", "breakout"), ("--param", "fast=3"), ("--speed", "real")),
        *(("--candles", "9"), ("--candle-s", "60"), ("--dev-fast",), ("--balance", "USD=1")),
        ("--faults", "7"),
    ],
    ids=" ".join,
)
def test_a_session_by_hand_has_one_form(other: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match=f"{other[0]} does not go with --by-hand"):
        parsed("--by-hand", *other)
