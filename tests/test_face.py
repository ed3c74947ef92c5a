"""`import gpt_trader as gt`: light, complete, and good inside compiled code."""

import subprocess
import sys

import pytest

import gpt_trader as gt
from gpt_trader.kernels.averages import sma
from gpt_trader.kernels.closure import reached
from gpt_trader.kernels.compile import compile_lean


def said(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_loads_nothing_else() -> None:
    loaded = said(
        "import sys, gpt_trader;"
        "rooms = ('gpt_trader.', 'numpy', 'numba');"
        "print([name for name in sys.modules if name.startswith(rooms)])"
    )

    assert loaded == "[]"


@pytest.mark.parametrize("name", sorted(gt._FACE))
def test_every_name_of_the_face_is_there(name: str) -> None:
    assert name in dir(gt)
    assert vars(gt).get(name) or gt.__getattr__(name) is vars(gt)[name]


def test_no_name_of_the_face_is_that_of_a_room() -> None:
    rooms = {place.split(".")[1].partition(":")[0] for place in gt._FACE.values()}

    assert rooms & set(gt._FACE) == set()


def test_a_name_there_is_not_is_refused() -> None:
    with pytest.raises(AttributeError, match="'gpt_trader' has no attribute 'smma'"):
        gt.smma  # noqa: B018


def test_what_a_step_asks_of_the_face_belongs_to_its_source() -> None:
    """Also before the name was loaded: the cache would else not notice an edited helper."""
    vars(gt).pop("sma", None)

    @compile_lean
    def step(candles, t, p):  # type: ignore[no-untyped-def]
        return gt.sma(candles, t, p.span)

    functions, _ = reached(step)

    assert sma.py_func in functions  # type: ignore[attr-defined]
