"""The cache of compiled kernels never answers with old code, and never stands in the way."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import gpt_trader
from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels import cache
from gpt_trader.kernels.compile import compile_step, source_hash
from gpt_trader.kernels.vectors import Floats

PACKAGE = Path(gpt_trader.__file__).parent

FEE_KERNEL = """
from gpt_trader.kernels.compile import compile_step
from gpt_trader.kernels.fee_rate import fee


@compile_step
def net(x):
    return x - fee(x)
"""
FEE_RATE_KERNEL = """
from gpt_trader.kernels.compile import compile_step

RATE = {rate}


@compile_step
def fee(x):
    return RATE * x
"""
PRINT_NET = "from gpt_trader.kernels.net import net; print(net(100.0), sum(net.stats[1].values()))"

USER_STEP = """
from gpt_trader.kernels.compile import compile_step


@compile_step
def inner(x):
    return x * {factor}


@compile_step
def outer(x):
    return inner(x) + {term}


print(outer(10.0), sum(outer.stats[1].values()))
"""

MULTIPLY = """
import sys

import numba
import numpy as np

from gpt_trader.kernels.compile import compile_step


@compile_step
def last(a):
    return a[-1] + 1.0


@numba.njit
def product(a, b):
    return np.dot(a, b)


last(np.zeros(3))
before = "scipy.linalg" in sys.modules
print(before, product(np.eye(2), 3.0 * np.eye(2)).sum(), "scipy.linalg" in sys.modules)
"""


@pytest.fixture
def package_copy(tmp_path: Path) -> Path:
    """A package of its own with two kernels, one of which calls the other."""
    root = tmp_path / "copied"
    kernels = root / "gpt_trader" / "kernels"
    kernels.mkdir(parents=True)
    for room in ("domain", "signals", "strategies"):
        shutil.copytree(PACKAGE / room, root / "gpt_trader" / room)
    for file in ("__init__", "cache", "closure", "compile", "vectors"):
        shutil.copy(PACKAGE / "kernels" / f"{file}.py", kernels)
    (root / "gpt_trader" / "__init__.py").touch()
    (kernels / "net.py").write_text(FEE_KERNEL)
    (kernels / "fee_rate.py").write_text(FEE_RATE_KERNEL.format(rate=0.004))
    return root


def python(folder: Path, arguments: list[str], **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ
        | {"PYTHONPATH": str(folder), "GPT_TRADER_KERNEL_CACHE": str(folder / "cache")}
        | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out.strip()


def run(folder: Path, *arguments: str, **environment: str) -> str:
    return said(python(folder, list(arguments), **environment))


def test_a_constant_edited_in_another_file_is_noticed_by_a_fresh_process(
    package_copy: Path,
) -> None:
    """With Numba's own cache the answer stays at 99.6."""
    first = run(package_copy, "-c", PRINT_NET)
    again = run(package_copy, "-c", PRINT_NET)
    edited = package_copy / "gpt_trader" / "kernels" / "fee_rate.py"
    edited.write_text(FEE_RATE_KERNEL.format(rate=0.006))

    after = run(package_copy, "-c", PRINT_NET)

    assert (first, again, after) == ("99.6 0", "99.6 1", "99.4 0")


def test_a_step_of_a_user_is_known_by_its_own_text_and_by_what_it_calls(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    answers = []

    for factor, term in [(2, 1), (2, 1), (3, 1), (3, 5), (2, 1)]:
        script.write_text(USER_STEP.format(factor=factor, term=term))
        answers.append(run(PACKAGE.parent, str(script), GPT_TRADER_KERNEL_CACHE=str(tmp_path)))

    assert answers == ["21.0 0", "21.0 1", "31.0 0", "35.0 0", "21.0 1"]


def test_processes_that_compile_at_once_agree(package_copy: Path) -> None:
    """Each also compiles for its own type of argument, which is where file numbers collide."""
    program = (
        "import sys; from gpt_trader.kernels.net import net;"
        "print([float(net(x)) for x in (100.0, 100, True)[:: int(sys.argv[1])]])"
    )

    started = [python(package_copy, ["-c", program, step]) for step in ("1", "-1", "1", "-1")]
    answers = [said(process) for process in started]

    again = run(package_copy, "-c", program, "1")
    assert answers == ["[99.6, 99.6, 0.996]", "[0.996, 99.6, 99.6]"] * 2
    assert again == "[99.6, 99.6, 0.996]"


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    ("files", "damage"),
    [
        ("*.nbi", lambda content: b""),
        ("*.nbi", lambda content: bytes(len(content))),
        ("*.nbc", lambda content: content[:300]),
        ("*.nbc", flipped),
    ],
    ids=["empty index", "index of zeros", "code cut short", "one wrong bit of code"],
)
def test_a_cache_file_that_a_power_loss_damaged_is_made_anew(
    package_copy: Path, files: str, damage: Callable[[bytes], bytes]
) -> None:
    run(package_copy, "-c", PRINT_NET)
    damaged = list((package_copy / "cache").rglob(files))
    for file in damaged:
        file.write_bytes(damage(file.read_bytes()))

    answers = [run(package_copy, "-c", PRINT_NET) for _ in range(2)]

    assert len(damaged) == 2
    assert answers == ["99.6 0", "99.6 1"]


def test_a_folder_that_cannot_be_made_costs_time_and_nothing_else(package_copy: Path) -> None:
    in_the_way = package_copy / "a_file"
    in_the_way.touch()

    answer = run(package_copy, "-c", PRINT_NET, GPT_TRADER_KERNEL_CACHE=str(in_the_way))

    assert answer == "99.6 0"


def test_the_folder_that_is_set_is_the_folder_that_is_used(package_copy: Path) -> None:
    program = (
        "from pathlib import Path; from gpt_trader.kernels.net import net;"
        "from gpt_trader.kernels.compile import set_cache_folder;"
        "set_cache_folder(Path('chosen')); net(1.0)"
    )

    run(package_copy, "-c", program)

    assert len(list((package_copy / "chosen").rglob("*.nbc"))) == 2
    assert not (package_copy / "cache").exists()


def test_compiled_code_of_another_user_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would run with the trader's keys."""
    folder = tmp_path / "key"
    folder.mkdir()
    stranger = os.stat_result((0o700, 0, 0, 2, os.getuid() + 1, 0, 0, 0, 0, 0))
    monkeypatch.setattr(Path, "stat", lambda path, **_: stranger)

    with pytest.raises(UsageError, match="belongs to another user"):
        cache._refuse_foreign(folder)


def test_the_command_line_can_import_the_door_without_numba() -> None:
    program = (
        "import sys, gpt_trader.kernels.compile, gpt_trader.strategies.registry as registry;"
        "print(len(registry.strategy_names()), 'numba' in sys.modules, 'numpy' in sys.modules)"
    )

    answer = run(PACKAGE.parent, "-c", program)

    assert answer == "4 False False"


def test_dividing_by_zero_is_an_error_and_not_an_answer() -> None:
    @compile_step
    def ratio(a: int, b: int) -> int:
        return a // b

    assert ratio(7, 2) == 3
    with pytest.raises(ZeroDivisionError):
        ratio(7, 0)


def test_sums_keep_their_order() -> None:
    """Fastmath gives another last digit, and recorded decisions could not be replayed."""

    @compile_step
    def total(x: Floats) -> float:
        sum_so_far = 0.0
        for t in range(x.size):
            sum_so_far += x[t]
        return sum_so_far

    x = np.random.default_rng(1).normal(0, 1e6, 10_000)

    assert total(x) == np.add.accumulate(x)[-1]


def test_a_source_hash_names_what_a_step_calls_and_reads() -> None:
    factor = 2.0

    @compile_step
    def inner(x: float) -> float:
        return x * factor

    @compile_step
    def outer(x: float) -> float:
        return inner(x)

    before = source_hash(outer)
    same = source_hash(outer)
    factor = 3.0

    assert before == same
    assert source_hash(outer) != before
    assert source_hash(inner) != source_hash(outer)


def test_linear_algebra_is_imported_by_what_needs_it_and_works_then(tmp_path: Path) -> None:
    script = tmp_path / "multiply.py"
    script.write_text(MULTIPLY)
    said_so = run(tmp_path, str(script), PYTHONPATH=str(PACKAGE.parent))
    assert said_so == "False 6.0 True"
