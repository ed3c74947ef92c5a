"""The documents are complete and true: what they name exists, and what exists is named."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import gpt_trader
from gpt_trader import cli
from gpt_trader.backtesting.backtest import backtest
from gpt_trader.domain.errors import UsageError
from gpt_trader.research.session import session
from gpt_trader.risk.limits import LIMIT_NOTES
from gpt_trader.signals.strategy import Strategy
from tests import tidy
from tests.backtesting.tapes import walk

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "gpt_trader" / "ARCHITECTURE.md").read_text("utf-8")
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "gpt_trader" / "ARCHITECTURE.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
ALL = "\n".join(document.read_text("utf-8") for document in DOCUMENTS)
STRATEGIES = (ROOT / "docs" / "strategies.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(python|text)\n(.*?)^```", STRATEGIES, re.MULTILINE | re.DOTALL)
PACKAGE = tidy.source_modules(ROOT, "gpt_trader")
SHOWN = re.compile(r"gpt-trader ((?:(?:data|orders) )?[a-z]+(?:-[a-z]+)*)\b([^`\n#]*)")
COMMANDS_SHOWN = sorted({command for command, _ in SHOWN.findall(ALL)} | set(cli.COMMANDS))
README_TOPIC_LINES_MAX = 30


def links(document: Path) -> list[Path]:
    """The files of ours that a document links to."""
    targets = re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8"))
    return [(document.parent / target).resolve() for target in targets]


@pytest.mark.parametrize("command", COMMANDS_SHOWN)
def test_every_command_exists_teaches_and_knows_the_flags_shown(command: str) -> None:
    shown = {
        flag
        for shown, rest in SHOWN.findall(ALL)
        if shown == command
        for flag in re.findall(r"--[a-z-]+", rest)
    }

    done = subprocess.run(
        [sys.executable, "-m", "gpt_trader", *command.split(), "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert {flag for flag in shown if flag not in done.stdout} == set()


def test_every_make_target_the_documents_name_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = set(re.findall(r"^make ([a-z]+)\b", ALL, re.MULTILINE))
    named |= set(re.findall(r"`make ([a-z]+)[^`]*`", ALL))

    missing = {name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)}

    assert named >= {"live", "test"}
    assert missing == set()


def test_every_topic_of_the_readme_fits_on_a_screen() -> None:
    topics = {topic.partition("\n")[0]: topic for topic in README.split("\n## ")}

    long = {title for title, topic in topics.items() if topic.count("\n") > README_TOPIC_LINES_MAX}

    assert len(topics) >= 8
    assert long == set()


def test_the_exit_codes_of_the_readme_are_those_of_the_command_line() -> None:
    shown = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}

    assert shown == {code.value for code in cli.Exit}


def test_every_room_has_a_line_in_the_map() -> None:
    rooms = {module.room for module in PACKAGE} - {""}
    mapped = set(re.findall(r"^\| `([a-z]+)(?:/|\.py)` \|", ARCHITECTURE, re.MULTILINE))

    assert mapped == rooms


def test_every_kernel_has_its_place_among_the_groups() -> None:
    groups = re.search(r"^\| group \|.*?\n\n", ARCHITECTURE, re.MULTILINE | re.DOTALL)
    kernels = {module.name.rpartition(".")[2] for module in PACKAGE if module.room == "kernels"}

    assert groups is not None
    assert set(re.findall(r"`(\w+)`", groups[0])) == kernels - {"kernels"}


@pytest.mark.parametrize("document", [README, ARCHITECTURE], ids=["README", "ARCHITECTURE"])
def test_the_picture_shows_each_room_on_the_floor_that_is_tested(document: str) -> None:
    rooms = {module.room for module in PACKAGE} - {"", tidy.APART}
    lines = dict(re.findall(r"^ ([0-5.])  (.*)$", document, re.MULTILINE))

    misplaced = {
        room
        for room in rooms
        # The tested floors split the ground floor in two.
        if not re.search(rf"\b{room}\b", lines[str(max(0, tidy.FLOOR[room] - 1))])
    }

    assert misplaced == set()
    assert tidy.APART in lines["."]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file(document: Path) -> None:
    assert [target for target in links(document) if not target.exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_test_that_a_document_names_exists(document: Path) -> None:
    named = re.findall(r"`(tests/[\w./]*)(?:::(\w+))?`", document.read_text("utf-8"))

    missing = [path for path, _ in named if not (ROOT / path).exists()]
    absent = [
        f"{path}::{function}"
        for path, function in named
        if function and f"def {function}(" not in (ROOT / path).read_text("utf-8")
    ]

    assert missing == []
    assert absent == []


def test_every_file_that_the_architecture_tells_to_touch_exists() -> None:
    touched = ARCHITECTURE.partition("## To add something")[2]
    named = set(re.findall(r"`((?:\w+/)+\w+\.py|cli\.py|settings\.py)`", touched))

    missing = {
        path
        for path in named
        if not (ROOT / "gpt_trader" / path).exists() and not (ROOT / path).exists()
    }

    assert len(named) >= 10
    assert missing == set()


def test_it_is_two_hops_from_the_readme_to_the_loop() -> None:
    first = links(ROOT / "README.md")

    second = {target for page in first if page.suffix == ".md" for target in links(page)}

    assert ROOT / "gpt_trader" / "engine" / "step.py" in second


def test_every_name_of_the_face_that_a_document_shows_exists() -> None:
    shown = set(re.findall(r"\bgt\.([A-Za-z_]+)", ALL)) - {"NAME"}

    assert len(shown) >= 40
    assert shown - set(gpt_trader._FACE) == set()


def test_the_page_on_strategies_lists_every_helper_with_its_arguments() -> None:
    rows = dict(re.findall(r"^\| `gt\.(\w+)\((.*?)\)` \|", STRATEGIES, re.MULTILINE))
    helpers = {name: place for name, place in gpt_trader._FACE.items() if ".kernels." in place}
    del helpers["Candles"]

    takes = {name: arguments_of(place) for name, place in helpers.items()}

    assert rows == takes


def arguments_of(place: str) -> str:
    """The arguments of a helper as the page writes them: a memory or a ring is an M."""
    module_name, _, function = place.partition(":")
    module = next(module for module in PACKAGE if module.name == module_name)
    [found] = [
        node
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef) and node.name == function
    ]
    names = [argument.arg for argument in found.args.args]
    return ", ".join("M" if name in ("memory", "ring") else name for name in names)


def names_of_the_page(folder: Path) -> tuple[dict[str, object], list[str]]:
    """The page on strategies, run from top to bottom: its names, and what was refused."""
    page = ModuleType("page_on_strategies")
    sys.modules[page.__name__] = page  # where compiled code looks for it
    said: list[str] = []
    for number, (kind, text) in enumerate(BLOCKS):
        if kind == "python":
            file = folder / f"block_{number}.py"  # a strategy's source is read from its file
            file.write_text(text)
            try:
                exec(compile(text, str(file), "exec"), vars(page))
            except UsageError as e:
                said.append(str(e))
    return vars(page), said


def test_the_page_on_strategies_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block of text after one of Python is what that one is refused with."""
    monkeypatch.chdir(tmp_path)
    refused = [" ".join(text.split()) for kind, text in BLOCKS if kind == "text"]

    _, said = names_of_the_page(tmp_path)

    assert len(refused) >= 4
    assert said == refused


def test_every_strategy_of_the_page_trades_live_as_in_a_backtest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its numbers and helpers: they go along into the session's file."""
    monkeypatch.chdir(tmp_path)
    names, _ = names_of_the_page(tmp_path)
    taught = {name: found for name, found in names.items() if isinstance(found, Strategy)}
    candles = walk(900, 3)

    ends = {
        name: (session(candles, found, var=tmp_path).equity_end, backtest(candles, found))
        for name, found in taught.items()
    }

    assert taught.keys() >= {"crossover", "hourly_trend", "strong_close", "patient"}
    assert {name: live for name, (live, _) in ends.items()} == {
        name: expected.equity_end for name, (_, expected) in ends.items()
    }
    assert sum(expected.stats["orders"] > 0 for _, expected in ends.values()) >= 4


def test_every_public_name_says_what_it_is() -> None:
    """Modules, and the functions and classes at their top."""
    silent = [
        f"{module.path}:{node.lineno} {node.name}"
        for module in PACKAGE
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]

    assert not silent, "\n".join(silent)


def test_the_limits_are_documented_as_they_are() -> None:
    """Unit, default and meaning: a limit nobody knows of stops a backtest without a word."""
    backtests = (ROOT / "docs" / "backtests.md").read_text("utf-8")

    rows = [
        f"| `{name}` | {note.unit} | {note.default:,f} | {note.meaning} |"
        for name, note in LIMIT_NOTES.items()
    ]

    assert [row for row in rows if row not in backtests] == []
