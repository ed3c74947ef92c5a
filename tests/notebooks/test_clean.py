"""Every notebook asks one question, answers it, says its parameters, and asserts what it claims."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
CELL_LINES_MAX = 14
EXPECTED = (
    "00_tour", "01_data", "02_signals", "03_first_backtest", "04_sweep",
    "05_walk_forward_and_overfitting", "06_live_equals_backtest",
    "07_orders_by_hand", "08_account",
)  # fmt: skip

Cell = dict[str, Any]


def cells_of(path: Path) -> list[Cell]:
    cells: list[Cell] = json.loads(path.read_text("utf-8"))["cells"]
    return cells


def source_of(cell: Cell) -> str:
    return "".join(cell["source"])


def faults(cells: list[Cell]) -> list[str]:
    """What is not as a notebook here must be; empty when all is well."""
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    found = [
        f"cell {number}: holds output; clear all outputs before saving"
        for number, cell in enumerate(code, 1)
        if cell["outputs"] or cell["execution_count"] is not None
    ]
    found += [
        f"cell {number}: {len(source_of(cell).splitlines())} lines, above {CELL_LINES_MAX}"
        for number, cell in enumerate(code, 1)
        if len(source_of(cell).splitlines()) > CELL_LINES_MAX
    ]
    return found + _opening(cells) + _parameters(code) + _ending(code)


def _opening(cells: list[Cell]) -> list[str]:
    lines = source_of(cells[0]).splitlines()
    text = [line for line in lines if line]
    if cells[0]["cell_type"] != "markdown" or len(text) < 2:
        return ["it does not begin with a question and its answer"]
    found = []
    if not text[0].startswith("# ") or not text[0].endswith("?"):
        found.append("its title is no question")
    if text[1].startswith("#") or not text[1].endswith("."):
        found.append("its second line is no answer")
    return found


def _parameters(code: list[Cell]) -> list[str]:
    tagged = [cell for cell in code if "parameters" in cell["metadata"].get("tags", ())]
    if len(tagged) != 1:
        return [f"{len(tagged)} cells are tagged `parameters`, not one"]
    bad = [
        ast.unparse(node)
        for node in ast.parse(source_of(tagged[0])).body
        if not (isinstance(node, ast.AnnAssign) and node.value is not None)
    ]
    unexplained = [line for line in source_of(tagged[0]).splitlines() if "  # " not in line]
    return [f"parameter {text!r} has no type or no default" for text in bad] + [
        f"parameter {line!r} has no comment that says what it is" for line in unexplained
    ]


def _ending(code: list[Cell]) -> list[str]:
    last = ast.parse(source_of(code[-1])).body
    return [] if last and isinstance(last[-1], ast.Assert) else ["its last cell does not assert"]


def test_all_notebooks_are_there() -> None:
    assert tuple(path.stem for path in NOTEBOOKS) == EXPECTED


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_clean(path: Path) -> None:
    found = faults(cells_of(path))

    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_names_no_kernel_and_no_path_of_one_machine(path: Path) -> None:
    text = path.read_text("utf-8")

    kernel = json.loads(text)["metadata"]["kernelspec"]["name"]
    assert kernel == "python3"
    assert not any(root in text for root in ("/home/", "/Users/", "/root/", "C:\\\\"))


def a_cell(kind: str, source: str, **more: Any) -> Cell:
    return {
        "cell_type": kind, "source": [source], "metadata": {}, "outputs": [],
        "execution_count": None, **more,
    }  # fmt: skip


def a_notebook() -> list[Cell]:
    return [
        a_cell("markdown", "# Is it so?\n\nYes, it is.\n"),
        a_cell("code", "n: int = 3  # how many", metadata={"tags": ["parameters"]}),
        a_cell("code", "assert n == 3"),
    ]


def test_a_good_notebook_has_no_faults() -> None:
    assert faults(a_notebook()) == []


@pytest.mark.parametrize(
    ("place", "change", "fault"),
    [
        (0, {"source": ["# A title\n\nYes.\n"]}, "its title is no question"),
        (0, {"source": ["# Is it so?\n\n## Part one\n"]}, "its second line is no answer"),
        (1, {"metadata": {}}, "0 cells are tagged `parameters`, not one"),
        (1, {"source": ["n = 3  # how many"]}, "parameter 'n = 3' has no type or no default"),
        (1, {"source": ["n: int = 3"]}, "has no comment that says what it is"),
        (2, {"source": ["print(1)"]}, "its last cell does not assert"),
        (2, {"outputs": [{"name": "stdout"}]}, "holds output"),
        (2, {"execution_count": 7}, "holds output"),
        (2, {"source": ["x = 1\n" * 14, "assert x"]}, "15 lines, above 14"),
    ],
)
def test_a_planted_fault_is_found(place: int, change: Cell, fault: str) -> None:
    cells = a_notebook()
    cells[place] |= change

    found = faults(cells)

    assert len(found) == 1
    assert fault in found[0]
