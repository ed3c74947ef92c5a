"""No look-ahead: planted leaks are refused with candle and column, clean strategies pass.

The planted ones are in `tests/signals/planted.py`, written as a trader writes them.
"""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.compile import compile_lean, compile_step
from gpt_trader.signals.leaks import LookAhead, check_leaks, check_once, trial_candles
from gpt_trader.signals.strategy import Strategy
from gpt_trader.strategies.registry import strategy_named, strategy_names
from gpt_trader.strategies.user import strategy, whole
from tests.kernels.references import REFERENCES, Reference
from tests.kernels.tapes import CLOSES, a_tape
from tests.signals import planted

LEAKS: dict[str, tuple[Callable[..., float], set[str]]] = {
    "the next candle's close": (planted.next_close, {"close"}),
    "a centred window": (planted.centred_window, {"close_sum"}),
    "normalised by the whole sample": (planted.normalised, {"close"}),
    "an hour used before its close": (planted.open_hour, {"high", "low"}),
    "one single candle": (planted.one_candle, {"close"}),
    "a negative index that wraps around": (planted.wrapped, {"close"}),
    "the last close of all": (planted.last_close, {"close"}),
    "a stop that knows the next high": (planted.clairvoyant_stop, {"high"}),
    "the next volume": (planted.next_volume, {"volume"}),
    "the highest of all by its length": (planted.highest_of_all, {"high"}),
    "the time of the next candle": (planted.next_time, {"start_ns"}),
    "a leak that a memory keeps": (planted.remembered, {"open"}),
}
TAPE = trial_candles(100_000)


def bare(function: Callable[..., float], warmup: int, compiled: bool = True) -> Strategy:
    """A strategy of a planted step, without what the decorator asks of it."""
    made = strategy(state="held", warmup=warmup, compiled=compiled)(planted.clean)
    clean = replace(made, name=function.__name__, plain=function)
    if not compiled:
        return replace(clean, step=function)
    return replace(clean, step=compile_step(function))


@pytest.mark.parametrize(("function", "columns"), LEAKS.values(), ids=LEAKS)
def test_a_planted_leak_is_refused_with_candle_and_column(
    function: Callable[..., float], columns: set[str]
) -> None:
    leaky = bare(function, warmup=50)
    tape = TAPE if function is planted.one_candle else trial_candles(3_000)

    with pytest.raises(LookAhead) as refused:
        check_leaks(leaky, {}, tape)

    said, candle = str(refused.value), refused.value.candle
    assert set(refused.value.columns) == columns
    assert f"{function.__name__}: the target at candle {candle} (2023-0" in said
    assert all(f"`{column}`" in said for column in columns)
    assert "changes when later candles are added" in said


def test_the_first_candle_that_differs_is_named() -> None:
    with pytest.raises(LookAhead, match=f"candle {planted.ONE_CANDLE} ") as refused:
        check_leaks(bare(planted.one_candle, warmup=50), {}, TAPE)

    assert refused.value.candle == planted.ONE_CANDLE


@pytest.mark.parametrize("place", [49, 50, 51, 99_999 - 1])
def test_a_leak_at_any_one_candle_is_found(place: int) -> None:
    def leaky(candles, t, p, s):  # type: ignore[no-untyped-def]
        if t == place and candles.close[t + 1] > candles.close[t]:
            return 1.0
        return 0.0

    with pytest.raises(LookAhead) as refused:
        check_leaks(bare(leaky, warmup=50), {}, TAPE)

    assert refused.value.candle == place


def test_a_tape_brought_along_is_refused_by_its_name() -> None:
    with pytest.raises(UsageError, match=r"brings CLOSES along, of the type ndarray"):
        strategy()(planted.captured)


def test_a_tape_behind_a_helper_of_ones_own_is_refused() -> None:
    with pytest.raises(UsageError, match="brings CLOSES along"):
        strategy()(planted.captured_by_a_helper)


def test_a_few_weights_may_be_brought_along() -> None:
    assert strategy(warmup=5)(planted.weighted).name == "weighted"


@pytest.mark.parametrize("compiled", [True, False])
def test_an_array_brought_along_is_refused_however_small(compiled: bool) -> None:
    """In plain Python it could be changed after the strategy was tried."""
    with pytest.raises(UsageError, match=r"LEVELS along, .* fit into a tuple of 64 numbers"):
        strategy(compiled=compiled)(planted.with_levels)


@pytest.mark.parametrize(
    ("brought", "kind"),
    [([1.0], "list"), ({"a": 1.0}, "dict"), (iter([1.0]), "list_iterator"), (([1.0],), "tuple")],
    ids=["a list", "a mapping", "an iterator", "a list in a tuple"],
)
def test_what_may_change_is_refused_by_its_name(brought: object, kind: str) -> None:
    def follows(candles, t, p):  # type: ignore[no-untyped-def]
        return float(brought is None)

    with pytest.raises(UsageError, match=f"follows brings brought along, a {kind}, .* parameter"):
        strategy(compiled=False)(follows)


def test_a_long_tuple_or_text_may_hold_a_tape() -> None:
    for brought in (tuple(range(65)), "7" * 1_000, ((1.0,) * 40, (2.0,) * 40)):

        def follows(candles, t, p):  # type: ignore[no-untyped-def]
            return float(len(brought) < t)  # noqa: B023

        with pytest.raises(UsageError, match="follows brings brought along"):
            strategy(compiled=False)(follows)


def test_the_values_that_look_ahead_are_named() -> None:
    @strategy(shift=whole(0, 0, 3), span=5)
    def shifty(candles, t, p):  # type: ignore[no-untyped-def]
        return 1.0 if candles.close[t + p.shift] > candles.close[t] else 0.0

    with pytest.raises(LookAhead, match=r"^shifty with shift = 2: the target at candle 4 "):
        check_leaks(shifty, {"shift": 2}, TAPE)


def test_an_array_of_the_same_name_as_a_column_does_no_harm() -> None:
    assert strategy()(planted.column_of_the_same_name).name == "column_of_the_same_name"


def test_looking_back_farther_than_the_warm_up_has_its_own_message() -> None:
    with pytest.raises(UsageError, match=r"`close` of candles longer ago than its warm-up of 50"):
        check_leaks(bare(planted.far_back, warmup=50), {}, TAPE)


def test_as_far_back_as_the_warm_up_is_fine() -> None:
    check_leaks(bare(planted.far_back, warmup=61), {}, TAPE)


def test_a_place_used_as_a_number_has_its_own_message() -> None:
    with pytest.raises(UsageError, match="depends on t itself or on the length of the arrays"):
        check_leaks(bare(planted.place_as_number, warmup=50), {}, TAPE)


def test_the_length_of_the_tape_is_the_future_too() -> None:
    with pytest.raises(LookAhead, match="depends on how many candles there are") as refused:
        check_leaks(bare(planted.length_as_number, warmup=50), {}, TAPE)

    assert refused.value.columns == ()


def test_a_target_that_is_no_exposure_is_refused_with_its_candle() -> None:
    with pytest.raises(UsageError, match=r"gave the target 2 at candle 49 .*outside -1 to 1"):
        check_leaks(bare(planted.twice_everything, warmup=50), {}, TAPE)


@pytest.mark.parametrize("function", [planted.next_close, planted.last_close, planted.normalised])
def test_plain_python_is_held_to_the_same(function: Callable[..., float]) -> None:
    with pytest.raises(LookAhead) as refused:
        check_leaks(bare(function, warmup=50, compiled=False), {}, trial_candles(400))

    assert refused.value.columns == ("close",)


@pytest.mark.parametrize("name", strategy_names())
def test_every_ready_strategy_passes(name: str) -> None:
    ready = strategy_named(name)

    for candles in (TAPE, *(a_tape(2_000, character=character) for character in CLOSES)):
        check_leaks(ready, {}, candles)


@pytest.mark.parametrize("row", REFERENCES, ids=lambda row: row.name)
def test_every_helper_passes(row: Reference) -> None:
    """Its answers are no exposures: a sign is."""
    step = row.step
    size = 400

    @compile_lean
    def signed(candles, t, p, s):  # type: ignore[no-untyped-def]
        answer = step(candles, t, p, s)
        return 1.0 if answer > s.ring[size - 1] else -1.0

    span = strategy(span=20, state={"own": 16, "ring": size}, warmup=30)(planted.spanned)

    check_leaks(replace(span, step=signed), {}, trial_candles(3_000))


def test_a_hundred_thousand_candles_take_less_than_a_second() -> None:
    ready = strategy_named("breakout")
    check_leaks(ready, {}, trial_candles(3_000))

    started = time.process_time()
    check_leaks(ready, {}, TAPE)

    assert time.process_time() - started < 1.0


def test_what_has_passed_is_not_asked_again() -> None:
    clean = bare(planted.clean, warmup=50)
    check_once(clean, {}, TAPE, "a hash")
    leaky = replace(clean, step=bare(planted.next_close, warmup=50).step)

    check_once(leaky, {}, TAPE, "a hash")

    with pytest.raises(LookAhead):
        check_once(leaky, {}, TAPE, "another hash")


def test_the_trial_candles_have_gaps_and_equal_prices() -> None:
    candles = trial_candles(3_000)

    assert (np.diff(candles.start_ns) > candles.candle_ns).sum() > 20
    assert (np.diff(candles.close) == 0.0).sum() > 20
    assert (candles.high >= np.maximum(candles.open, candles.close)).all()
    assert (candles.low <= np.minimum(candles.open, candles.close)).all()
