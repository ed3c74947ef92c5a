"""Eight comparisons an instruction give the very bits of one comparison after the other."""

import math
from typing import Any

import numpy as np
import pytest

from gpt_trader.kernels import words
from gpt_trader.kernels.compile import compile_step
from gpt_trader.kernels.sweeping import BLOCK, empty_narrow_rows, empty_rows
from gpt_trader.kernels.vectors import Floats
from tests.tier import scaled

ODD = np.array([0.0, -0.0, 1.0, -1.0, math.nan, math.inf, -math.inf, 5e-324, 2.0**53])


@compile_step
def word(condition: int, left: Floats, left_at: int, right: Floats, right_at: int) -> int:
    if condition == words.GREATER:
        return words.greater_word(left, left_at, right, right_at)
    if condition == words.AT_LEAST:
        return words.at_least_word(left, left_at, right, right_at)
    if condition == words.EQUAL:
        return words.equal_word(left, left_at, right, right_at)
    return words.nan_word(left, left_at, right, right_at)


@compile_step
def word_of_number(condition: int, left: Floats, left_at: int, right: float) -> int:
    if condition == words.GREATER:
        return words.greater_word(left, left_at, right, 0)
    if condition == words.AT_LEAST:
        return words.at_least_word(left, left_at, right, 0)
    return words.equal_word(left, left_at, right, 0)


@compile_step
def combine(code: int, out: Floats, left: Floats, right: Floats, place: int) -> None:
    if code == words.ADD:
        words.add_lanes(out, place, left, place, right, place)
    elif code == words.SUBTRACT:
        words.subtract_lanes(out, place, left, place, right, place)
    elif code == words.MULTIPLY:
        words.multiply_lanes(out, place, left, place, right, place)
    elif code == words.DIVIDE:
        words.divide_lanes(out, place, left, place, right, place)
    elif code == words.NEGATIVE:
        words.negative_lanes(out, place, left, place, left, place)
    else:
        words.absolute_lanes(out, place, left, place, left, place)


@compile_step
def lowest(word: np.uint64) -> int:
    return words.lowest_bit(word)


TWINS: dict[int, Any] = {
    words.GREATER: np.greater,
    words.AT_LEAST: np.greater_equal,
    words.EQUAL: np.equal,
    words.NAN: lambda left, right: np.isnan(left),
}


def values_of(dice: np.random.Generator, count: int) -> Floats:
    values = dice.integers(-3, 4, count) * dice.choice([1.0, 0.1, 1e300], count)
    odd = dice.random(count) < 0.2
    values[odd] = dice.choice(ODD, int(odd.sum()))
    return values


def packed(answers: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    return sum(1 << place for place, answer in enumerate(answers.tolist()) if answer)


@pytest.mark.parametrize("condition", TWINS)
def test_a_word_is_sixty_four_comparisons(condition: int) -> None:
    dice = np.random.default_rng(condition)

    for _ in range(scaled(300)):
        left, right = values_of(dice, 100), values_of(dice, 100)
        left_at, right_at = dice.integers(0, 36, 2).tolist()
        one, other = left[left_at : left_at + 64], right[right_at : right_at + 64]
        got = word(condition, left, left_at, right, right_at)
        assert got % 2**64 == packed(TWINS[condition](one, other))


@pytest.mark.parametrize("condition", [words.GREATER, words.AT_LEAST, words.EQUAL])
def test_a_word_against_a_number_compares_each_with_it(condition: int) -> None:
    dice = np.random.default_rng(condition)

    for number in [*ODD.tolist(), 0.1, 3.0]:
        left = values_of(dice, 64)
        got = word_of_number(condition, left, 0, number)
        assert got % 2**64 == packed(TWINS[condition](left, np.full(64, number)))


def test_eight_operations_at_once_round_as_one_does() -> None:
    dice = np.random.default_rng(3)
    twins: tuple[Any, ...] = (
        np.add,
        np.subtract,
        np.multiply,
        np.divide,
        lambda x, _: -x,
        lambda x, _: np.abs(x),
    )

    for code, twin in enumerate(twins):
        for _ in range(scaled(200)):
            left, right, out = values_of(dice, 16), values_of(dice, 16), np.zeros(16)
            combine(code, out, left, right, 8)
            with np.errstate(all="ignore"):
                expected = twin(left[8:], right[8:])
            assert np.array_equal(out[8:], expected, equal_nan=True)
            assert np.array_equal(np.signbit(out[8:]), np.signbit(expected)) or np.isnan(out).any()
            assert not out[:8].any()


def test_the_lowest_bit_of_every_single_one_is_its_place() -> None:
    for place in range(64):
        assert lowest(np.uint64(1 << place)) == place
        assert lowest(np.uint64((1 << 64) - (1 << place))) == place


def test_rows_begin_on_a_cache_line() -> None:
    rows, narrow = empty_rows(3), empty_narrow_rows(3)

    assert rows.shape == (3, BLOCK) and rows.ctypes.data % 64 == 0
    assert narrow.shape == (3, BLOCK) and narrow.ctypes.data % 64 == 0
