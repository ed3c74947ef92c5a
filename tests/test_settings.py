"""One precedence, an origin for every value, and no name that is not known."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.risk_keys import RISK_LIMITS
from gpt_trader.risk.limits import DEFAULTS
from gpt_trader.settings import (
    LIMITS,
    VALUES,
    VARIABLES,
    Settings,
    limit_setting,
    load_settings,
    read_guards,
    variable,
)

ROOT = Path(__file__).parents[1]


def settings_of(
    folder: Path,
    flags: dict[str, str | None] | None = None,
    environ: dict[str, str] | None = None,
    *,
    env_file: str | None = None,
    toml: str | None = None,
) -> Settings:
    """Load settings from what is given; what is not given is not there."""
    if env_file is not None:
        (folder / ".env").write_text(env_file)
    if toml is not None:
        (folder / "gpt_trader.toml").write_text(toml)
    return load_settings(flags or {}, environ or {}, folder)


# --- precedence and origins -----------------------------------------------------------------


def test_without_anything_every_value_is_its_default(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)

    assert settings == Settings(
        var=tmp_path / "var",
        coinbase_host=None,
        coinbase_key_file=None,
        contacts="",
        status_page="",
        kernel_cache=None,
        log_max_bytes=10_000_000,
        log_backup_count=5,
        limits={},
        kill_switch=False,
        reduce_only=False,
        derivatives=False,
        origins={},
    )
    assert settings.origin("var") == "default"


def test_a_flag_beats_the_environment_beats_the_env_file_beats_the_toml(tmp_path: Path) -> None:
    flags: dict[str, str | None] = {"log_max_bytes": "4"}
    environ = {"GPT_TRADER_LOG_MAX_BYTES": "3"}
    env_file, toml = "\nGPT_TRADER_LOG_MAX_BYTES=2", "log_max_bytes = 1"

    fourth = settings_of(tmp_path, toml=toml)
    third = settings_of(tmp_path, env_file=env_file)
    second = settings_of(tmp_path, environ=environ)
    first = settings_of(tmp_path, flags, environ)

    found = [(s.log_max_bytes, s.origin("log_max_bytes")) for s in (first, second, third, fourth)]
    assert found == [
        (4, "flag --log-max-bytes"),
        (3, "environment GPT_TRADER_LOG_MAX_BYTES"),
        (2, ".env line 2"),
        (1, "gpt_trader.toml"),
    ]


@pytest.mark.parametrize("limit", LIMITS)
def test_every_limit_may_be_chosen_in_every_place(tmp_path: Path, limit: str) -> None:
    name = limit_setting(limit)

    in_toml = settings_of(tmp_path, toml=f"[limits]\n{limit} = 0.10")
    in_file = settings_of(tmp_path, env_file=f"{variable(name)}=0.20")
    in_environment = settings_of(tmp_path, environ={variable(name): "0.30"})
    by_flag = settings_of(tmp_path, {name: "0.40"}, {variable(name): "0.30"})

    chosen = [s.limits for s in (in_toml, in_file, in_environment, by_flag)]
    assert chosen == [{limit: Decimal(text)} for text in ("0.10", "0.20", "0.30", "0.40")]
    assert by_flag.origin(name) == f"flag --limit {limit}"


def test_a_number_of_the_toml_is_exact(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, toml="[limits]\norder_notional_max = 1234567.89012345678901")

    assert settings.limits["order_notional_max"] == Decimal("1234567.89012345678901")


def test_a_flag_that_was_not_given_and_an_empty_variable_choose_nothing(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path, {"var": None}, {"GPT_TRADER_VAR": ""}, env_file="GPT_TRADER_VAR=\n"
    )

    assert settings.var == tmp_path / "var"
    assert settings.origin("var") == "default"


def test_a_path_of_a_file_is_relative_to_that_file(tmp_path: Path) -> None:
    from_file = settings_of(tmp_path, env_file="GPT_TRADER_COINBASE_KEY_FILE=keys/mine.json")
    from_flag = settings_of(tmp_path, {"coinbase_key_file": "keys/mine.json"})

    assert from_file.coinbase_key_file == tmp_path / "keys/mine.json"
    assert from_flag.coinbase_key_file == Path("keys/mine.json")


def test_every_value_with_a_default_has_a_variable_and_a_key(tmp_path: Path) -> None:
    for name in VALUES:
        environ = {variable(name): "7"}

        assert settings_of(tmp_path, environ=environ).origin(name) == (
            f"environment {variable(name)}"
        )
        assert settings_of(tmp_path, toml=f'{name} = "7"').origin(name) == "gpt_trader.toml"


def test_the_origin_of_what_is_no_setting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no setting 'vat'; did you mean var\?"):
        settings_of(tmp_path).origin("vat")


# --- names that are not known ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("vra = 'x'", r"gpt_trader.toml: unknown key 'vra'; did you mean var\?"),
        ("[limits]\nposition_max = 1", r"unknown limit 'position_max'; did you mean position_rate"),
        ("kill_switch = true", "unknown key 'kill_switch'"),
        ("limits = 3", "limits is a table"),
        ("profile = 'prod'", "no setting and no variable can make it canary or prod"),
        ("profile = 'dev'", "no setting and no variable can make it canary or prod"),
        ("var = [1]", "var takes a text or a number"),
        ("log_max_bytes = true", "log_max_bytes takes a text or a number"),
        ("var = ", "gpt_trader.toml is not TOML"),
    ],
)
def test_a_toml_that_is_not_understood_is_refused(tmp_path: Path, toml: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        settings_of(tmp_path, toml=toml)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("GPT_TRADER_VRA", r"unknown variable GPT_TRADER_VRA; did you mean GPT_TRADER_VAR\?"),
        ("GPT_TRADER_LIMIT_POSITION_MAX", "did you mean GPT_TRADER_LIMIT_POSITION_RATE_MAX"),
        ("GPT_TRADER_PROFILE", "no setting and no variable can make it canary or prod"),
        ("RISK_KILL_SWITCH", "did you mean RISK_KILL_SWITCH_ENABLED"),
        ("COINBASE_ENABLE_DERIVATIVE", "did you mean COINBASE_ENABLE_DERIVATIVES"),
    ],
)
def test_a_variable_of_ours_that_is_not_known_is_refused(
    tmp_path: Path, key: str, message: str
) -> None:
    with pytest.raises(UsageError, match=f"environment: .*{message}"):
        settings_of(tmp_path, environ={key: "1"})
    with pytest.raises(UsageError, match=rf"\.env line 2: .*{message}"):
        settings_of(tmp_path, env_file=f"# ours\n{key}=1")


def test_variables_of_others_are_left_alone(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, environ={"HOME": "/"}, env_file="DATABASE_URL=x\nPROFILE=prod")

    assert settings.origins == {}


def test_a_flag_that_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown --limit order_max"):
        settings_of(tmp_path, {"limit_order_max": "5"})
    with pytest.raises(UsageError, match=r"unknown --vra; did you mean --var\?"):
        settings_of(tmp_path, {"vra": None})


def test_a_secret_of_the_sdk_is_refused_in_the_file_unseen_and_ignored_outside(
    tmp_path: Path,
) -> None:
    assert settings_of(tmp_path, environ={"COINBASE_API_SECRET": "s3cret"}).origins == {}
    with pytest.raises(UsageError, match=r"line 1: keep the key in its file") as refusal:
        settings_of(tmp_path, env_file="COINBASE_API_SECRET=s3cret")
    assert "s3cret" not in str(refusal.value)


# --- values of a wrong kind -----------------------------------------------------------------


@pytest.mark.parametrize("text", ["-1", "1.5", "x", "1_000", "²", "9" * 30])
def test_a_count_is_a_whole_number(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="environment GPT_TRADER_LOG_BACKUP_COUNT: log_backup"):
        settings_of(tmp_path, environ={"GPT_TRADER_LOG_BACKUP_COUNT": text})


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-inf", "lots", "1,5", "sNaN"])
def test_a_limit_is_a_finite_number(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="flag --limit collar_bps_max: collar_bps_max is"):
        settings_of(tmp_path, {"limit_collar_bps_max": text})


@pytest.mark.parametrize(("text", "on"), [("1", True), ("0", False), ("yes", True), ("No", False)])
def test_derivatives_are_on_or_off(tmp_path: Path, text: str, on: bool) -> None:
    environ = {"COINBASE_ENABLE_DERIVATIVES": text}

    assert settings_of(tmp_path, environ=environ).derivatives is on


def test_derivatives_are_never_guessed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="write 0 or 1"):
        settings_of(tmp_path, environ={"COINBASE_ENABLE_DERIVATIVES": "maybe"})


# --- guards ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["1", "true", "YES", "on", " 1 ", "", "2", "off?", "enabled"])
def test_a_guard_is_on_by_yes_and_by_what_cannot_be_understood(tmp_path: Path, text: str) -> None:
    environ = {"RISK_KILL_SWITCH_ENABLED": text, "RISK_REDUCE_ONLY_MODE": text}

    settings = settings_of(tmp_path, environ=environ)

    assert (settings.kill_switch, settings.reduce_only) == (True, True)


@pytest.mark.parametrize("text", ["0", "false", "No", "OFF", " 0 "])
def test_a_guard_is_off_by_a_plain_no(tmp_path: Path, text: str) -> None:
    environ = {"RISK_KILL_SWITCH_ENABLED": text, "RISK_REDUCE_ONLY_MODE": text}

    settings = settings_of(tmp_path, environ=environ)

    assert (settings.kill_switch, settings.reduce_only) == (False, False)


def test_each_guard_has_its_own_variable(tmp_path: Path) -> None:
    kill = settings_of(tmp_path, environ={"RISK_KILL_SWITCH_ENABLED": "1"})
    reduce = settings_of(tmp_path, environ={"RISK_REDUCE_ONLY_MODE": "1"})

    assert (kill.kill_switch, kill.reduce_only) == (True, False)
    assert (reduce.kill_switch, reduce.reduce_only) == (False, True)


def test_a_no_in_the_environment_does_not_undo_a_yes_in_the_file(tmp_path: Path) -> None:
    """The one exception from precedence: a 0 forgotten in a shell must not lift a halt."""
    off = {"RISK_KILL_SWITCH_ENABLED": "0"}

    settings = settings_of(tmp_path, environ=off, env_file="RISK_KILL_SWITCH_ENABLED=1")

    assert settings.kill_switch
    assert settings.origin("kill_switch") == ".env line 1"


def test_a_guard_in_the_environment_is_named_as_its_origin(tmp_path: Path) -> None:
    environ = {"RISK_REDUCE_ONLY_MODE": "1"}

    settings = settings_of(tmp_path, environ=environ, env_file="RISK_REDUCE_ONLY_MODE=0")

    assert settings.reduce_only
    assert settings.origin("reduce_only") == "environment RISK_REDUCE_ONLY_MODE"


def test_guards_are_read_again_while_running(tmp_path: Path) -> None:
    assert not read_guards({}, tmp_path).kill_switch

    (tmp_path / ".env").write_text("RISK_KILL_SWITCH_ENABLED=1\n")

    guards = read_guards({}, tmp_path)
    assert (guards.kill_switch, guards.reduce_only) == (True, False)


@pytest.mark.parametrize("content", [b"RISK_KILL_SWITCH_ENABLED", b"\xff\xfe", b"A='1"])
def test_a_file_that_does_not_read_while_running_turns_every_guard_on(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / ".env").write_bytes(content)

    guards = read_guards({}, tmp_path)

    assert (guards.kill_switch, guards.reduce_only) == (True, True)


# --- the .env file --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("GPT_TRADER_COINBASE_HOST=a", "a"),
        ("  GPT_TRADER_COINBASE_HOST = a  ", "a"),
        ("export GPT_TRADER_COINBASE_HOST=a", "a"),
        ("GPT_TRADER_COINBASE_HOST=a # why", "a"),
        ("GPT_TRADER_COINBASE_HOST=a#b", "a#b"),
        ("GPT_TRADER_COINBASE_HOST='a # b'", "a # b"),
        ('GPT_TRADER_COINBASE_HOST="a=b" # why', "a=b"),
        ("GPT_TRADER_COINBASE_HOST=$HOME", "$HOME"),
        ("GPT_TRADER_COINBASE_HOST=# why", None),
        ("GPT_TRADER_COINBASE_HOST=''", None),
        ("# GPT_TRADER_COINBASE_HOST=a", None),
    ],
)
def test_a_line_of_the_file_is_read_as_it_stands(
    tmp_path: Path, line: str, value: str | None
) -> None:
    assert settings_of(tmp_path, env_file=line).coinbase_host == value


@pytest.mark.parametrize(
    "line", ["s3cret", "s3cret key=1", "A='s3cret", "A='s3cret' more", "A=1\nA=s3cret"]
)
def test_a_line_that_is_not_understood_is_named_and_not_shown(tmp_path: Path, line: str) -> None:
    with pytest.raises(UsageError, match=r"\.env line \d") as refusal:
        settings_of(tmp_path, env_file=line)

    assert "s3cret" not in str(refusal.value)


def test_a_file_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()

    with pytest.raises(UsageError, match=r"\.env cannot be read"):
        settings_of(tmp_path)


def test_the_example_shows_every_variable_with_its_default(tmp_path: Path) -> None:
    text = (ROOT / ".env.example").read_text()
    shown = dict(
        line.removeprefix("# ").split("=", 1)
        for line in text.splitlines()
        if line.removeprefix("# ").partition("=")[0].isupper()
    )
    limits = {variable(limit_setting(name)): value for name, value in DEFAULTS.items()}
    limits |= {key: DEFAULTS[name] for key, name in RISK_LIMITS.items()}

    assert set(shown) == set(VARIABLES)
    assert {name: shown[variable(name)] for name in VALUES} == VALUES
    assert {key: Decimal(shown[key]) for key in limits} == limits
    assert shown["RISK_KILL_SWITCH_ENABLED"] == shown["RISK_REDUCE_ONLY_MODE"] == "0"
    assert shown["COINBASE_ENABLE_DERIVATIVES"] == "0"
    assert settings_of(tmp_path, env_file=text).origins == {}


def test_the_example_with_every_line_in_force_changes_no_value(tmp_path: Path) -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    in_force = [
        line.removeprefix("# ") if line.partition("=")[0].removeprefix("# ").isupper() else line
        for line in lines
    ]

    settings = settings_of(tmp_path, env_file="\n".join(in_force))

    assert settings.limits == DEFAULTS
    assert settings.var == tmp_path / "var"
    assert not (settings.kill_switch or settings.reduce_only or settings.derivatives)
    assert (settings.coinbase_host, settings.log_backup_count) == (None, 5)


# --- what it leans on -----------------------------------------------------------------------


def test_the_limits_are_those_of_the_risk_room() -> None:
    assert set(LIMITS) == set(DEFAULTS)


def test_reading_settings_loads_nothing_heavy() -> None:
    """Every command pays for it, `--help` too."""
    script = (
        "import sys, gpt_trader.settings\n"
        "print(*sorted(m for m in sys.modules if m.startswith('gpt_trader')))\n"
        "print(*sorted({'pydantic', 'numpy', 'tomllib', 'difflib'} & set(sys.modules)))\n"
    )

    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )

    ours, heavy = found.stdout.splitlines()
    assert ours.split() == [
        "gpt_trader",
        "gpt_trader.domain",
        "gpt_trader.domain.errors",
        "gpt_trader.domain.order",
        "gpt_trader.domain.risk_keys",
        "gpt_trader.settings",
    ]
    assert heavy == ""
