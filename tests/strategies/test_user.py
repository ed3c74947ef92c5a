# mypy: disable-error-code="no-untyped-def,no-untyped-call"
"""A trader's own function as a strategy: what works, and what is said when it does not."""

import linecache
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numba.core.runtime import _nrt_python  # type: ignore[attr-defined]

import gpt_trader as gt
from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels import showing
from gpt_trader.kernels.candles import Candles
from gpt_trader.signals.leaks import LookAhead, trial_candles
from gpt_trader.signals.signal import Signal
from gpt_trader.signals.strategy import Strategy
from gpt_trader.strategies.user import real, strategy, whole
from tests.builders import a_product
from tests.strategies.markets import a_market, targets

CANDLES = a_market(400)
FRAME = pd.DataFrame({"close": [1.0, 2.0]})
HOUR_NS = 3_600_000_000_000


@strategy(fast=whole(5, 2, 500, "candles"), slow=whole(20, 3, 2_000))
def crossover(candles, t, p):
    """Long while the fast mean leads.

    And not a word of this.
    """
    return 1.0 if gt.sma(candles, t, p.fast) > gt.sma(candles, t, p.slow) else 0.0


@strategy(fast=whole(5, 2, 500), slow=whole(20, 3, 2_000), compiled=False)
def plain_crossover(candles, t, p):
    return 1.0 if gt.sma(candles, t, p.fast) > gt.sma(candles, t, p.slow) else 0.0


@strategy(span=20, state="mean deviations")
def remembering(candles, t, p, s):
    return float(np.sign(candles.close[t] - gt.ema(candles.close[t], p.span, s.mean)))


@strategy(span=20, state={"own": 16, "ring": lambda p: gt.ring_size(p.span)}, warmup=60)
def mean_of_strength(candles, t, p, s):
    strength = gt.rsi(candles.close[t], p.span, s.own)
    if math.isnan(strength):
        return 0.0
    return 1.0 if gt.rolling_mean(strength, p.span, s.ring) > 50.0 else 0.0


@strategy(span=2, state="hour mean held", warmup=200)
def hourly(candles, t, p, s):
    """Follow the mean of hourly closes on candles of a minute."""
    if gt.wider(candles, t, HOUR_NS, s.hour):
        s.held[0] = gt.ema(gt.wide_close(s.hour), p.span, s.mean)
    return 1.0 if candles.close[t] > s.held[0] else 0.0


@strategy(span=20)
def with_arrays(candles, t, p):
    """Arrays may be made; it is only slower."""
    if t < p.span:
        return 0.0
    window = np.sort(candles.close[t + 1 - p.span : t + 1])
    return 1.0 if candles.close[t] > window[p.span // 2] else 0.0


EVERY = (crossover, plain_crossover, remembering, mean_of_strength, hourly, with_arrays)


@pytest.mark.parametrize("mine", EVERY, ids=lambda mine: mine.name)
def test_a_strategy_of_ones_own_runs_live_as_in_a_backtest(mine: Strategy) -> None:
    signal = Signal(mine, {}, a_product(), 60)
    wanted = []

    for candle in CANDLES:
        signal.update(candle)
        wanted.append(signal.target)

    np.testing.assert_array_equal(wanted, targets(mine, {}, CANDLES))
    assert len(set(wanted[mine.warmup(mine.values({})) :])) > 1


def test_plain_python_wants_what_compiled_code_wants() -> None:
    assert not plain_crossover.compiled
    np.testing.assert_array_equal(
        targets(plain_crossover, {}, CANDLES), targets(crossover, {}, CANDLES)
    )


def test_name_words_and_parameters_come_from_the_function() -> None:
    fast, slow = crossover.parameters

    assert (crossover.name, crossover.doc) == ("crossover", "Long while the fast mean leads.")
    assert (fast.name, fast.default, fast.minimum, fast.maximum) == ("fast", 5, 2, 500)
    assert (fast.whole, fast.doc, slow.name) == (True, "candles", "slow")
    assert crossover.plain.__name__ == "crossover"
    assert len(crossover.source_hash) == 64


def test_the_warm_up_is_the_largest_whole_parameter_unless_told() -> None:
    @strategy(span=20, width=real(500.0, 1, 1_000), warmup=lambda p: 2 * p.span + 1)
    def told(candles, t, p):
        return 0.0

    assert crossover.warmup(crossover.values({"slow": 77})) == 77
    assert told.warmup(told.values({"span": 30})) == 61
    assert mean_of_strength.warmup(mean_of_strength.values({})) == 60


def test_memories_have_sixteen_values_or_as_many_as_asked() -> None:
    assert remembering.memory(remembering.values({})) == {"mean": 16, "deviations": 16}
    assert mean_of_strength.memory(mean_of_strength.values({"span": 30})) == {
        "own": 16,
        "ring": 35,
    }


def test_a_bare_number_is_a_parameter_with_room() -> None:
    @strategy(span=20, width=2.5, shift=-1, warmup=30)
    def bare(candles, t, p):
        return 0.0

    bounds = {p.name: (p.default, p.minimum, p.maximum, p.whole) for p in bare.parameters}
    assert bounds == {
        "span": (20, 1, 20_000, True),
        "width": (2.5, 0.0, 1_000.0, False),
        "shift": (-1, -1_000.0, 1_000.0, True),
    }


@pytest.mark.parametrize("answer", ["fast must be below slow", ("fast must be below slow",)])
def test_a_combination_is_refused_in_ones_own_words(answer: object) -> None:
    @strategy(fast=5, slow=20, check=lambda p: () if p.fast < p.slow else answer)
    def checked(candles, t, p):
        return 0.0

    with pytest.raises(UsageError, match="checked: fast must be below slow"):
        checked.values({"fast": 30})


def _next_close(candles, t, p):
    return 1.0 if candles.close[t + 1] > candles.close[t] else 0.0


@pytest.mark.parametrize("compiled", [True, False])
def test_a_leak_is_refused_where_it_is_written(compiled: bool) -> None:
    with pytest.raises(LookAhead, match=r"_next_close: .* it reads `close` beyond candle"):
        strategy(compiled=compiled)(_next_close)


def test_a_text_that_cannot_be_read_is_refused() -> None:
    names: dict[str, Any] = {"gt": gt}

    with pytest.raises(UsageError, match=r"the source of f cannot be read.*cell of a notebook"):
        exec("@gt.strategy()\ndef f(candles, t, p):\n    return 0.0\n", names)


def test_a_cell_of_a_notebook_is_a_text_that_can_be_read() -> None:
    cell = "@gt.strategy(span=5)\ndef celled(candles, t, p):\n    return 0.5\n"
    linecache.cache["<cell 1>"] = (len(cell), None, cell.splitlines(True), "<cell 1>")
    names: dict[str, Any] = {"gt": gt}

    exec(compile(cell, "<cell 1>", "exec"), names)

    assert names["celled"].warmup({"span": 5}) == 5


def test_another_text_has_another_hash_and_the_same_the_same() -> None:
    hashes = []
    for number, factor in enumerate(("0.5", "0.5", "0.6")):
        cell = f"@gt.strategy(span=5)\ndef celled(candles, t, p):\n    return {factor}\n"
        name = f"<cell of hash {number}>"
        linecache.cache[name] = (len(cell), None, cell.splitlines(True), name)
        names: dict[str, Any] = {"gt": gt}
        exec(compile(cell, name, "exec"), names)
        hashes.append(names["celled"].source_hash)

    assert hashes[0] == hashes[1]
    assert hashes[0] != hashes[2]


# --- what cannot be -----------------------------------------------------------------------------


def _misspelt(candles, t, p):
    return gt.sma(candles, t, p.fsat)


def _no_column(candles, t, p):
    return candles.clse[t]


def _undefined(candles, t, p):
    return nothing_like_it(candles)  # type: ignore[name-defined]  # noqa: F821


def _with_pandas(candles, t, p):
    return FRAME["close"].iloc[0] + candles.close[t]


def _half(x):
    return x / 2.0


def _with_a_plain_function(candles, t, p):
    return _half(candles.close[t])


def _text(candles, t, p):
    return "buy"


def _text_added(candles, t, p):
    return candles.close[t] + "x"


def _number_or_text(candles, t, p):
    x = "a" if t > 3 else 1.0
    return x


def _nothing(candles, t, p):
    if t > 100:
        return 1.0
    return None


def _too_few(candles, t, p):
    return gt.sma(candles, t)


FAULTS: dict[str, tuple[Callable[..., Any], str]] = {
    "a parameter there is not": (
        _misspelt,
        r"line \d+, `return gt.sma\(candles, t, p.fsat\)`: there is no fsat among what was decl",
    ),
    "a column there is not": (_no_column, r"line \d+, `.*`: candles have no column clse"),
    "a name there is not": (_undefined, r"line \d+, `.*`: nothing_like_it is not defined"),
    "a frame": (_with_pandas, "_with_pandas brings FRAME along, a DataFrame, which may change"),
    "a function that is not compiled": (
        _with_a_plain_function,
        r"line \d+, `.*`: _half is a plain function: put @compile_step",
    ),
    "a text": (_text, "_text must return a number, the target, and not"),
    "a sum with a text": (_text_added, r"line \d+, `.*`: there is no add\(a number, x\)"),
    "now this, now that": (_number_or_text, r"line \d+, `.*`: one value is now a and now a number"),
    "no answer": (_nothing, "_nothing returns nothing on some path"),
    "an argument too few": (_too_few, r"line \d+, `.*`: a step is called with the wrong number"),
}


@pytest.mark.parametrize(("function", "said"), FAULTS.values(), ids=FAULTS)
def test_what_cannot_be_compiled_is_said_in_a_sentence_with_its_line(
    function: Callable[..., Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        strategy(fast=5)(function)

    text = str(refused.value)
    assert text.startswith(function.__name__)
    assert "\n" not in text
    assert len(text) < 330


def _two(candles, t):
    return 0.0


def _four(candles, t, p, s):
    return 0.0


def _three(candles, t, p):
    return 0.0


def _with_default(candles, t, p=3):
    return 0.0


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "two arguments": (lambda: strategy()(_two), r"must take \(candles, t, p\): write def _two\("),
    "a memory without a name": (lambda: strategy()(_four), r'name its memories: .*state="held"'),
    "a memory nobody takes": (lambda: strategy(state="held")(_three), r"\(candles, t, p, s\)"),
    "a default": (lambda: strategy()(_with_default), r"must take \(candles, t, p\)"),
    "no function": (
        lambda: strategy()(3),  # type: ignore[arg-type]
        "stands above a function, not above 3",
    ),
    "a lambda": (lambda: strategy()(lambda candles, t, p: 0.0), "needs a name"),
    "a parameter that is a text": (
        lambda: strategy(span="20")(_three),  # type: ignore[arg-type]
        r"_three: span = '20' is no parameter: write span=whole\(DEFAULT, LOW, HIGH\)",
    ),
    "a parameter that is a truth": (lambda: strategy(up=True)(_three), "up = True is no parameter"),
    "a parameter that is not a number": (lambda: strategy(x=math.nan)(_three), "x = nan is no par"),
    "a default out of bounds": (
        lambda: strategy(span=whole(600, 2, 500))(_three),
        "_three: the default span = 600 is outside 2 to 500",
    ),
    "a default between two counts": (
        lambda: strategy(span=whole(2.5, 2, 500))(_three),  # type: ignore[arg-type]
        "the default span = 2.5 is not a whole number",
    ),
    "an underscore at an end": (lambda: strategy(span_=3)(_three), "parameter cannot have the nam"),
    "two underscores": (lambda: strategy(state="a__b")(_four), "a memory cannot have the name"),
    "a keyword": (lambda: strategy(state="class")(_four), "a memory cannot have the name 'class'"),
    "a warm-up of nothing": (
        lambda: strategy(warmup=0)(_three),
        "warmup must be a count of at least 1, not 0",
    ),
    "a warm-up of another parameter": (
        lambda: strategy(span=3, warmup=lambda p: p.spam)(_three),
        "warmup asks for a parameter there is not: spam",
    ),
    "a size of nothing": (lambda: strategy(state={"a": 0})(_four), "size of a must be a count of"),
    "a check that says yes": (
        lambda: strategy(check=lambda p: True)(_three),
        "check must give the reasons against a combination as texts",
    ),
}


@pytest.mark.parametrize(("make", "said"), REFUSED.values(), ids=REFUSED)
def test_a_declaration_that_cannot_be_is_refused_with_a_way_out(
    make: Callable[[], object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        make()


def test_plain_python_that_answers_with_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="_nothing must return a number, the target, and not None"):
        strategy(compiled=False)(_nothing)


# --- across processes ---------------------------------------------------------------------------

PROGRAM = """
import gpt_trader as gt
from gpt_trader.kernels import showing


@gt.strategy(span=gt.whole(20, 2, 500), state="mean")
def remembering(candles, t, p, s):
    return 1.0 if candles.close[t] > gt.ema(candles.close[t], p.span, s.mean) else 0.0


@gt.strategy(span=gt.whole(20, 2, 500))
def forgetting(candles, t, p):
    return 1.0 if candles.close[t] > gt.sma(candles, t, p.span) else 0.0


folds = [showing.compiled_fold(made.step) for made in (remembering, forgetting)]
print(sum(fold.stats.cache_misses.total() for fold in folds))
"""


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[[], str]]:
    script = tmp_path / "mine.py"
    script.write_text(PROGRAM)

    def run() -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", str(script)],
            env={"GPT_TRADER_KERNEL_CACHE": str(tmp_path), "PYTHONPATH": str(Path.cwd())},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    yield run


def test_a_second_process_compiles_nothing(program: Callable[[], str]) -> None:
    """The fold encloses the step, and the step a step of three arguments."""
    first, second = program(), program()

    assert (first, second) == ("2", "0")


def test_a_step_that_makes_arrays_gives_them_back() -> None:
    candles: Candles = trial_candles(20_000)
    values = with_arrays.values({})
    fold, out = showing.compiled_fold(with_arrays.step), np.empty(20_000)
    p, s, form = with_arrays.record(values), with_arrays.state(values), showing.whole(candles)
    before = _allocations()
    fold(candles, form, p, s, out)

    assert _allocations() == before


def _allocations() -> int:
    _nrt_python.memsys_enable_stats()
    return int(_nrt_python.memsys_get_stats_alloc() - _nrt_python.memsys_get_stats_free())


def test_a_decorator_without_its_parentheses_is_told_so() -> None:
    with pytest.raises(UsageError, match=r"write @gt\.strategy\(\) with its parentheses"):

        @gt.strategy
        def bare(candles, t, p):
            return 1.0
