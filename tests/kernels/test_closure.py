"""What a step takes from outside is part of its name: no machine code answers for another value."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import gpt_trader
from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.closure import code_hash, text_hash

ROOT = Path(gpt_trader.__file__).parent.parent

HEAD = "import numpy as np\nfrom gpt_trader.kernels.compile import compile_step\n"
TAIL = "\nprint(step(1.0), sum(step.stats[1].values()))\n"
STEP = "\n@compile_step\ndef step(x):\n    return x + {value}\n"

KINDS = {
    "a number": "K = {k}" + STEP.format(value="K"),
    "a number of NumPy": "K = np.int64({k})" + STEP.format(value="K"),
    "a small float of NumPy": "K = np.float32({k})" + STEP.format(value="K"),
    "an array": "K = np.array([{k}.0])" + STEP.format(value="K[0]"),
    "a tuple": "K = (0, {k})" + STEP.format(value="K[1]"),
    "an array in a tuple": "K = (np.array([1 + {k} * 2**-50]), 1)"
    + STEP.format(value="(K[0][0] - 1) * 2**50"),
    "a default": """
@compile_step
def inner(x, k={k}):
    return x + k

@compile_step
def step(x):
    return inner(x)
""",
    "a closed-over number of NumPy": """
def made(k):
    @compile_step
    def step(x):
        return x + k
    return step

step = made(np.int64({k}))
""",
    "a member of a module": "from pack import settings" + STEP.format(value="settings.K"),
    "a member of a module in a module": "import pack.settings"
    + STEP.format(value="pack.settings.K"),
    "a member four modules deep": "import pack.inner.deep.deeper"
    + STEP.format(value="pack.inner.deep.deeper.K"),
    "a member of an enumeration": "from enum import IntEnum\nclass K(IntEnum):\n    A = {k}\n"
    + STEP.format(value="K.A.value"),
}


RUN_ALL = """
import runpy
from pathlib import Path

for script in sorted(Path.cwd().glob("kind_*.py")):
    runpy.run_path(str(script), run_name=script.stem)
"""


def test_a_fresh_process_notices_another_value(tmp_path: Path) -> None:
    """Each kind has a step of its own; all are run in one process, a new one for each value."""
    answers = []
    for k in (1, 5000, 1):
        package = tmp_path / "pack"
        for folder in (package, *(package / deep for deep in ("inner", "inner/deep"))):
            folder.mkdir(exist_ok=True)
            (folder / "__init__.py").write_text("")
        (package / "settings.py").write_text(f"K = {k}\n")
        (package / "inner" / "deep" / "deeper.py").write_text(f"K = {k}\n")
        for number, source in enumerate(KINDS.values()):
            script = tmp_path / f"kind_{number:02}.py"
            script.write_text(HEAD + source.replace("{k}", str(k)) + TAIL)
        rows = [line.split() for line in said(tmp_path).splitlines()]
        answers.append({kind: (float(a), int(b)) for kind, (a, b) in zip(KINDS, rows, strict=True)})

    ones, others, again = answers
    assert {kind: (one[0], others[kind][0], again[kind][0]) for kind, one in ones.items()} == (
        dict.fromkeys(KINDS, (2.0, 5001.0, 2.0))
    )
    assert not [kind for kind, (_, found) in others.items() if found], "another value's code"
    assert not [kind for kind, (_, found) in again.items() if not found], "compiled once more"


def said(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL],
        cwd=folder,
        env=os.environ
        | {"PYTHONPATH": f"{ROOT}:{folder}", "GPT_TRADER_KERNEL_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def reading(value: object) -> Callable[[float], object]:
    def step(x: float) -> object:
        return value

    return step


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.0, -0.0),
        (1, 1.0),
        (1, True),
        ("1", b"1"),
        (np.float64(0.1), 0.1),
        (np.float32(0.1), np.float64(np.float32(0.1))),
        ((1, 2), (12,)),
        ((0.1, (2,)), (0.1, 2)),
        (np.array([1e-9, 1.0]), np.array([2e-9, 1.0])),
        ((np.array([1e-9]),), (np.array([2e-9]),)),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (float, int),
    ],
)
def test_values_that_differ_have_other_names(one: object, other: object) -> None:
    assert code_hash(reading(one)) != code_hash(reading(other))
    assert text_hash(reading(one)) != text_hash(reading(other))
    assert code_hash(reading(one)) == code_hash(reading(one))


class Box:
    """Something that anything may hang on."""

    held = 1.0


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ([1], "list"),
        ({"a": 1}, "dict"),
        ({1}, "set"),
        (Box(), "Box"),
        (Box, "type"),
        ((1, [2]), "tuple"),
        ([1].append, "builtin_function_or_method"),
        (np.array([None]), "ndarray"),
        (gpt_trader, "module"),
    ],
)
def test_what_has_no_name_is_refused(value: object, kind: str) -> None:
    with pytest.raises(UsageError, match=f"step brings value along, a {kind}, which may change"):
        code_hash(reading(value))


def test_a_name_that_comes_later_is_no_fault() -> None:
    def step(x: float) -> object:
        return not_there_yet(x)  # type: ignore[name-defined]  # noqa: F821

    assert len(code_hash(step)) == 64
