"""`gpt-trader config show`: every setting with its origin, and never a secret."""

import json
from pathlib import Path

import pytest

from gpt_trader import cli
from gpt_trader.risk.limits import DEFAULTS
from gpt_trader.settings import MEANINGS, VARIABLES, Settings

Capture = pytest.CaptureFixture[str]
SECRET = "s3cret-of-mine"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of settings in which nothing but the test chooses anything."""
    monkeypatch.chdir(tmp_path)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def rows(capsys: Capture, *words: str) -> dict[str, dict[str, str]]:
    assert cli.main(["config", "show", "--json", *words]) == 0
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)["settings"]}


def test_every_setting_and_every_limit_has_a_row_with_unit_and_meaning(capsys: Capture) -> None:
    found = rows(capsys)

    kept = set(Settings.__dataclass_fields__) - {"limits", "origins"}
    assert set(found) == kept | set(DEFAULTS) == set(MEANINGS) | set(DEFAULTS)
    assert all(row["unit"] and row["meaning"] and row["variables"] for row in found.values())
    assert {name for row in found.values() for name in row["variables"]} == set(VARIABLES)
    assert {row["origin"] for row in found.values()} == {"default"}
    assert {name: found[name]["value"] for name in DEFAULTS} == {
        name: f"{value:f}" for name, value in DEFAULTS.items()
    }


def test_each_origin_is_named(
    capsys: Capture, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "gpt_trader.toml").write_text("log_backup_count = 7\n[limits]\ncollar_bps_max = 40\n")
    (folder / ".env").write_text("\nGPT_TRADER_LIMIT_EXPOSURE_RATE_MAX=0.5\n")
    monkeypatch.setenv("RISK_REDUCE_ONLY_MODE", "1")

    found = rows(capsys, "--var", "here")

    chosen = {n: (r["value"], r["origin"]) for n, r in found.items() if r["origin"] != "default"}
    assert chosen == {
        "var": ("here", "flag --var"),
        "log_backup_count": ("7", "gpt_trader.toml"),
        "collar_bps_max": ("40", "gpt_trader.toml"),
        "exposure_rate_max": ("0.5", ".env line 2"),
        "reduce_only": ("1", "environment RISK_REDUCE_ONLY_MODE"),
    }


def test_no_secret_is_shown(capsys: Capture, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "key.json").write_text(json.dumps({"name": SECRET, "privateKey": SECRET}))
    monkeypatch.setenv("GPT_TRADER_COINBASE_KEY_FILE", "key.json")
    monkeypatch.setenv("COINBASE_API_SECRET", SECRET)

    assert cli.main(["config", "show", "--json", "out.json"]) == 0

    shown = capsys.readouterr().out
    assert "coinbase_key_file        key.json  [file]" in shown
    assert SECRET not in shown + (folder / "out.json").read_text()


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[limits]\nposition_max = 1", "unknown limit 'position_max'"),
        ("[limits]\ncollar_bps_max = 10001", "collar_bps_max is 10001, must be from 0 to 10000"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(
    capsys: Capture, folder: Path, toml: str, said: str
) -> None:
    (folder / "gpt_trader.toml").write_text(toml)

    assert cli.main(["config", "show"]) == 2

    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.err.count("\n") == 1 and not shown.out
