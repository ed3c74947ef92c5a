"""The text of a strategy for another process: all that it uses stands in it, exactly."""

import math
import runpy
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

import gpt_trader as gt
from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.averages import roc as change
from gpt_trader.kernels.compile import compile_lean
from gpt_trader.research.handover import strategy_text
from gpt_trader.signals.strategy import Strategy

LEVEL = 0.1 + 0.2
WEIGHTS = (0.25, 0.1 + 0.2)
SCALE = np.float64(0.1 + 0.2)
SPANS = (3, 5)
NEVER = math.inf
FRAME = pd.DataFrame({"a": [1.0]})


@compile_lean
def inner(x: float) -> float:
    return x * WEIGHTS[1] * SCALE


@compile_lean
def outer(x: float) -> float:
    return inner(x) + LEVEL


short = outer


@gt.strategy(span=gt.whole(SPANS[0], 2, 9), warmup=lambda p: p.span + SPANS[1])
def rich(candles, t, p):  # type: ignore[no-untyped-def]
    LOCAL = math.sqrt(4.0)
    x = change(candles, t, p.span) * LOCAL
    return 1.0 if abs(short(x)) < NEVER and gt.sma(candles, t, p.span) > 0.0 else 0.0


def test_imports_numbers_and_helpers_go_along(tmp_path: Path) -> None:
    file = tmp_path / "handed.py"

    file.write_text(strategy_text(rich.plain))

    names = runpy.run_path(str(file))
    found = names["rich"]
    assert isinstance(found, Strategy)
    assert found.warmup({"span": 4}) == 9
    assert names["LEVEL"] == LEVEL
    assert names["WEIGHTS"] == WEIGHTS
    assert type(names["SCALE"]) is np.float64 and names["SCALE"] == SCALE
    assert names["NEVER"] == math.inf
    assert names["short"](2.0) == outer(2.0)
    assert names["change"] is change
    assert isinstance(names["math"], ModuleType)


def test_a_number_of_the_function_around_it_goes_along(tmp_path: Path) -> None:
    width = 7

    def around(candles, t, p):  # type: ignore[no-untyped-def]
        return 1.0 if candles.close[t] > width else 0.0

    with pytest.raises(UsageError, match=r"around: a session needs @gt\.strategy"):
        strategy_text(around)


def test_what_cannot_go_along_is_named() -> None:
    @gt.strategy(span=gt.whole(int(FRAME["a"].iloc[0]) + 2, 2, 9))
    def framed(candles, t, p):  # type: ignore[no-untyped-def]
        return 1.0 if candles.close[t] > candles.open[t] else 0.0

    with pytest.raises(UsageError, match="framed uses FRAME, a DataFrame: a session can take"):
        strategy_text(framed.plain)


def test_a_number_known_to_the_decorator_alone_is_named() -> None:
    most = 9

    @gt.strategy(span=gt.whole(5, 2, most))
    def decorated(candles, t, p):  # type: ignore[no-untyped-def]
        return 1.0 if gt.sma(candles, t, p.span) > 0.0 else 0.0

    with pytest.raises(UsageError, match="decorated uses most, which is not known outside"):
        strategy_text(decorated.plain)
