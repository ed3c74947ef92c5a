"""The set-up files agree with one another, and hold no address and no lock of another tool."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

from gpt_trader import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
ENVIRONMENT = (ROOT / "environment.yml").read_text("utf-8")
CONSTRAINTS = (ROOT / "constraints.txt").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def required() -> dict[str, str]:
    """From package to its range, over the core and every extra."""
    extras = PROJECT["optional-dependencies"].values()
    found = {}
    for line in [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]:
        name, bounds = re.fullmatch(r"([\w.-]+)(.*)", line).groups()  # type: ignore[union-attr]
        found[canonical(name)] = bounds
    return found


def pinned() -> dict[str, str]:
    lines = [line for line in CONSTRAINTS.splitlines() if line and not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def conda_lines() -> list[str]:
    return [line.strip("- ") for line in ENVIRONMENT.splitlines() if line.lstrip().startswith("-")]


def make(*words: str) -> str:
    done = subprocess.run(
        ["make", *words], cwd=ROOT, capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout


def test_constraints_pin_exactly_and_name_no_address() -> None:
    lines = [line for line in CONSTRAINTS.splitlines() if not line.startswith("#")]

    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[0-9][\w.]*", line)] == []
    assert "://" not in CONSTRAINTS


def test_constraints_pin_whatever_pyproject_asks_for() -> None:
    assert set(required()) - set(pinned()) == set()


def test_every_pin_is_at_least_the_lowest_version_asked_for() -> None:
    pins = pinned()
    lowest = {name: bounds.split(">=")[1].split(",")[0] for name, bounds in required().items()}

    too_old = {name for name, low in lowest.items() if numbers(pins[name]) < numbers(low)}

    assert too_old == set()


def test_conda_installs_every_extra_of_pyproject_under_the_same_constraints() -> None:
    extras = ",".join(PROJECT["optional-dependencies"])

    assert f"e .[{extras}]" in conda_lines()
    assert "c constraints.txt" in conda_lines()
    assert f"name: {PROJECT['name']}\n" in ENVIRONMENT


def test_conda_names_no_package_besides_python_and_pip() -> None:
    """A package named in two places drifts apart: pyproject is the one place."""
    packages = {line.split("=")[0] for line in conda_lines() if not line.startswith(("e ", "c "))}

    assert packages == {"conda-forge", "python", "pip", "pip:"}


def test_conda_takes_the_python_that_pyproject_and_the_tools_start_from() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    python = re.search(r"python=([\d.]+)", ENVIRONMENT)

    assert python is not None
    assert PROJECT["requires-python"] == f">={python[1]}"
    assert tools["mypy"]["python_version"] == python[1]
    assert tools["ruff"]["target-version"] == f"py{python[1].replace('.', '')}"


def test_the_commands_of_pyproject_exist() -> None:
    from gpt_trader import cli

    functions = {target.partition(":")[2] for target in PROJECT["scripts"].values()}

    assert {target.partition(":")[0] for target in PROJECT["scripts"].values()} == {cli.__name__}
    assert functions <= set(vars(cli))


def test_the_version_stands_in_one_place() -> None:
    assert "version" not in PROJECT
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_make_help_names_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)

    listed = re.findall(r"^  make (\w+) ", make("help"), re.MULTILINE)

    assert phony is not None
    assert listed == phony[1].split()


def test_make_live_runs_the_default_market_in_the_dev_profile() -> None:
    steps = make("--dry-run", "live")

    assert "-m gpt_trader.live --profile dev --product BTC-USD --candles 2000 --speed max" in steps


def test_a_python_that_is_too_old_is_one_clear_line(tmp_path: Path) -> None:
    """The PATH holds nothing but a python3 that fails every version check."""
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    copy = tmp_path / "clone"
    copy.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (copy / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "sh").symlink_to("/bin/sh")
    make_path = next(
        Path(folder) / "make"
        for folder in os.environ["PATH"].split(os.pathsep)
        if (Path(folder) / "make").exists()
    )

    done = subprocess.run(
        [make_path, "live"],
        cwd=copy,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )

    lines = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert done.returncode != 0
    assert len(lines) == 1
    assert lines[0].startswith("GPT-Trader needs Python 3.11 or newer")
    assert not (copy / ".venv").exists()


def test_ci_runs_what_the_readme_tells_a_newcomer_to_run() -> None:
    ci = (ROOT / ".ci" / "run").read_text("utf-8")

    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert re.findall(r"^stage \w+ \d+ (make \w+)$", ci, re.MULTILINE) == ["make test", "make live"]


def test_ci_ends_after_35_minutes_whatever_its_stages_are_allowed() -> None:
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    stage = ci[ci.index("stage() {") : ci.index("finish() {")]
    late = "names=() outcomes=() durations=() failures=0; SECONDS=2099"

    done = subprocess.run(
        [
            "bash",
            "-c",
            f'{late}\n{stage}\nstage slow 5 sleep 60; echo "$failures ${{outcomes[0]}}"',
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=40,
    )

    assert done.stdout.splitlines()[-1] == "1 FAILED (124)", done.stderr
    minutes = re.findall(r"^stage [\w-]+ (\d+) ", ci, re.MULTILINE)
    assert len(minutes) == 9
    assert max(map(int, minutes)) < 35


def test_git_ignores_sessions_secrets_and_lock_files() -> None:
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()

    assert {"/var/", ".env", "*.pem", "*.key", "uv.lock", ".venv/"} <= set(ignored)
    assert not (ROOT / "uv.lock").exists()
