"""Many combinations of one strategy over a block of candles: conditions as words, and changes.

A block's indicators are rows of one table, computed once for all combinations that share them.
Conditions that several combinations share are words of another. What is left is done for each
combination: a comparison or two, 64 candles at a time, and a look at the bits at which its state
ends. Nothing else happens at the candles between.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.vectors import Floats, Grid, Ints, Table
from gpt_trader.kernels.words import (
    ABSOLUTE,
    ADD,
    AT_LEAST,
    DIVIDE,
    EQUAL,
    GREATER,
    LANES,
    MULTIPLY,
    NAN,
    NARROW_SPAN,
    NEGATIVE,
    SUBTRACT,
    WORD,
    NarrowTable,
    WordTable,
    absolute_lanes,
    add_lanes,
    at_least_word,
    divide_lanes,
    equal_word,
    extreme_lanes,
    greater_word,
    lowest_bit,
    more_word,
    multiply_lanes,
    nan_word,
    narrow_lanes,
    negative_lanes,
    same_word,
    subtract_lanes,
)

BLOCK = 4096
"""Candles at a time: two hundred rows of 16 bits stay in the second cache."""

BLOCK_WORDS = BLOCK // WORD
LINE = 64  # bytes in a cache line
EVENTS_MAX = BLOCK + 1
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
ONE = np.uint64(1)

NUMBER = -1
"""In place of a row: the number beside it stands for all candles."""

# Places in an instruction: what to do, where to, with what.
CODE = 0
OUT = 1
LEFT = 2  # rows, or NUMBER
RIGHT = 3
INSTRUCTION = 4

# Places in a move.
MOVE_FROM = 0  # the first of its literals, and the one after the last
MOVE_TO = 1
MOVE_STATE = 2
MOVE = 3


NONE = -1
"""In place of a condition: the state does not end by one alone."""


class Program(NamedTuple):
    """A machine as vectors: of each state its moves, of each move its literals."""

    first_move: Ints  # shape (states + 1,)
    moves: Table  # shape (moves, MOVE)
    atoms: Ints  # of each literal
    flips: npt.NDArray[np.uint64]  # of each literal: 0, or ALL where the condition must not hold
    alone: Table  # shape (states, 2): a condition and a state, where it alone ends this one
    alone_flips: npt.NDArray[np.uint64]


class Shared(NamedTuple):
    """What is computed once for a block."""

    rows: Grid  # shape (rows, BLOCK): indicators, then sums of them and scratch
    narrow: NarrowTable  # shape (indicators, BLOCK), or (0, BLOCK): the same in 16 bits
    extremes: Floats  # scratch, shape (2 * LANES,)
    words: WordTable  # shape (shared and own conditions, BLOCK_WORDS)
    row_work: Table  # shape (…, INSTRUCTION)
    row_numbers: Grid  # shape (…, 2): in place of left and right
    word_work: Table
    word_numbers: Grid


class Own(NamedTuple):
    """What each combination computes itself. The instructions are the same for all of them."""

    row_codes: Ints
    row_outs: Ints  # scratch rows
    word_codes: Ints
    word_outs: Ints
    operands: Table  # shape (combinations, 2 * (rows + words)): left, right, left, right, …
    numbers: Grid  # as the operands: in place of NUMBER
    atom_rows: Table  # shape (combinations, conditions): its row among the words


@compile_lean
def combine_row(rows: Grid, work: Ints, left: float, right: float) -> None:
    """One row from one or two others, or from numbers."""
    code = work[CODE]
    out = rows[work[OUT]]
    if work[LEFT] == NUMBER:
        second = rows[work[RIGHT]]
        for place in range(0, out.size, LANES):
            _combine_number_left(code, out, left, second, place)
    elif work[RIGHT] == NUMBER:
        first = rows[work[LEFT]]
        for place in range(0, out.size, LANES):
            _combine_number_right(code, out, first, right, place)
    else:
        first, second = rows[work[LEFT]], rows[work[RIGHT]]
        for place in range(0, out.size, LANES):
            _combine_rows(code, out, first, second, place)


@compile_lean
def _combine_number_left(code: int, out: Floats, left: float, right: Floats, place: int) -> None:
    if code == ADD:
        add_lanes(out, place, left, place, right, place)
    elif code == SUBTRACT:
        subtract_lanes(out, place, left, place, right, place)
    elif code == MULTIPLY:
        multiply_lanes(out, place, left, place, right, place)
    elif code == DIVIDE:
        divide_lanes(out, place, left, place, right, place)


@compile_lean
def _combine_number_right(code: int, out: Floats, left: Floats, right: float, place: int) -> None:
    if code == ADD:
        add_lanes(out, place, left, place, right, place)
    elif code == SUBTRACT:
        subtract_lanes(out, place, left, place, right, place)
    elif code == MULTIPLY:
        multiply_lanes(out, place, left, place, right, place)
    elif code == DIVIDE:
        divide_lanes(out, place, left, place, right, place)
    elif code == NEGATIVE:
        negative_lanes(out, place, left, place, left, place)
    elif code == ABSOLUTE:
        absolute_lanes(out, place, left, place, left, place)


@compile_lean
def _combine_rows(code: int, out: Floats, left: Floats, right: Floats, place: int) -> None:
    if code == ADD:
        add_lanes(out, place, left, place, right, place)
    elif code == SUBTRACT:
        subtract_lanes(out, place, left, place, right, place)
    elif code == MULTIPLY:
        multiply_lanes(out, place, left, place, right, place)
    elif code == DIVIDE:
        divide_lanes(out, place, left, place, right, place)


@compile_lean
def compare_rows(rows: Grid, words: WordTable, work: Ints, left: float, right: float) -> None:
    """The words of one condition between two rows, or a row and a number, or two numbers."""
    code = work[CODE]
    out = words[work[OUT]]
    if work[LEFT] == NUMBER and work[RIGHT] == NUMBER:
        holds = left > right if code == GREATER else left >= right
        if code == EQUAL:
            holds = left == right
        for w in range(out.size):
            out[w] = ALL if holds else np.uint64(0)
    elif work[LEFT] == NUMBER:
        second = rows[work[RIGHT]]
        for w in range(out.size):
            out[w] = _word_number_left(code, left, second, w * WORD)
    elif work[RIGHT] == NUMBER:
        first = rows[work[LEFT]]
        for w in range(out.size):
            out[w] = _word_number_right(code, first, right, w * WORD)
    elif code == GREATER:
        first, second = rows[work[LEFT]], rows[work[RIGHT]]
        for w in range(out.size):
            out[w] = greater_word(first, w * WORD, second, w * WORD)
    else:
        first, second = rows[work[LEFT]], rows[work[RIGHT]]
        for w in range(out.size):
            out[w] = _word_rows(code, first, second, w * WORD)


@compile_lean
def _word_number_left(code: int, left: float, right: Floats, place: int) -> np.uint64:
    if code == GREATER:
        return greater_word(left, place, right, place)
    if code == AT_LEAST:
        return at_least_word(left, place, right, place)
    return equal_word(left, place, right, place)


@compile_lean
def _word_number_right(code: int, left: Floats, right: float, place: int) -> np.uint64:
    if code == GREATER:
        return greater_word(left, place, right, place)
    if code == AT_LEAST:
        return at_least_word(left, place, right, place)
    return equal_word(left, place, right, place)


@compile_lean
def _word_rows(code: int, left: Floats, right: Floats, place: int) -> np.uint64:
    if code == AT_LEAST:
        return at_least_word(left, place, right, place)
    if code == EQUAL:
        return equal_word(left, place, right, place)
    assert code == NAN
    return nan_word(left, place, right, place)


@compile_lean
def prepare(shared: Shared) -> None:
    """Compute what several combinations share, after the indicators' rows were filled."""
    for k in range(shared.row_work.shape[0]):
        numbers = shared.row_numbers[k]
        combine_row(shared.rows, shared.row_work[k], numbers[0], numbers[1])
    for k in range(shared.word_work.shape[0]):
        numbers = shared.word_numbers[k]
        compare_rows(shared.rows, shared.words, shared.word_work[k], numbers[0], numbers[1])


@compile_lean
def narrow_rows(shared: Shared) -> None:
    """Round known rows to 16 bits: what is greater there is greater; equal ones may be either."""
    rows, narrow, best = shared.rows, shared.narrow, shared.extremes
    for lane in range(LANES):
        best[lane], best[LANES + lane] = math.inf, -math.inf
    for row in range(narrow.shape[0]):
        values = rows[row]
        for place in range(0, BLOCK, LANES):
            extreme_lanes(best, values, place)
    least, greatest = best[0], best[LANES]
    for lane in range(1, LANES):
        least, greatest = min(least, best[lane]), max(greatest, best[LANES + lane])
    middle = 0.5 * least + 0.5 * greatest
    scale = NARROW_SPAN / (greatest - least) if greatest > least else 0.0
    for row in range(narrow.shape[0]):
        out, values = narrow[row], rows[row]
        for place in range(0, BLOCK, LANES):
            narrow_lanes(out, place, values, place, middle, scale)


@compile_lean
def compare_narrow(shared: Shared, work: Ints) -> None:
    """As `compare_rows` of two indicators: in 16 bits, and where they are equal there, in full."""
    code, out = work[CODE], shared.words[work[OUT]]
    left, right = shared.narrow[work[LEFT]], shared.narrow[work[RIGHT]]
    first, second = shared.rows[work[LEFT]], shared.rows[work[RIGHT]]
    for w in range(out.size):
        place = w * WORD
        found = more_word(left, place, right, place)
        if same_word(left, place, right, place):
            if code == GREATER:
                found = greater_word(first, place, second, place)
            else:
                found = at_least_word(first, place, second, place)
        out[w] = found


@compile_lean
def own_words(shared: Shared, own: Own, combination: int, known: bool, work: Ints) -> None:
    """Compute what one combination shares with none; `known`: the rows in 16 bits are."""
    operands, numbers = own.operands[combination], own.numbers[combination]
    narrow = shared.narrow.shape[0] if known else 0
    place = 0
    for k in range(own.row_codes.size):
        work[CODE], work[OUT] = own.row_codes[k], own.row_outs[k]
        work[LEFT], work[RIGHT] = operands[place], operands[place + 1]
        combine_row(shared.rows, work, numbers[place], numbers[place + 1])
        place += 2
    for k in range(own.word_codes.size):
        work[CODE], work[OUT] = own.word_codes[k], own.word_outs[k]
        work[LEFT], work[RIGHT] = operands[place], operands[place + 1]
        if (
            work[CODE] <= AT_LEAST
            and min(work[LEFT], work[RIGHT]) >= 0
            and (max(work[LEFT], work[RIGHT]) < narrow)
        ):
            compare_narrow(shared, work)
        else:
            compare_rows(shared.rows, shared.words, work, numbers[place], numbers[place + 1])
        place += 2


@compile_lean
def leaving(program: Program, words: WordTable, atom_rows: Ints, state: int, w: int) -> np.uint64:
    """The bits of word `w` at which a state ends."""
    found = np.uint64(0)
    for m in range(program.first_move[state], program.first_move[state + 1]):
        found |= holding(program, words, atom_rows, m, w)
    return found


@compile_lean
def holding(program: Program, words: WordTable, atom_rows: Ints, m: int, w: int) -> np.uint64:
    """The bits of word `w` at which all literals of a move hold."""
    bits = ALL
    for k in range(program.moves[m, MOVE_FROM], program.moves[m, MOVE_TO]):
        bits &= words[atom_rows[program.atoms[k]], w] ^ program.flips[k]
    return bits


@compile_lean
def changes(program: Program, words: WordTable, atom_rows: Ints, state: int, events: Table) -> int:
    """Follow one machine through a block.

    Parameters
    ----------
    state : int
        At the block's begin.
    events : int64, shape (EVENTS_MAX, 2)
        Changed in place: candle of the block, and the state from there on; a last row at the
        block's end repeats nothing and is not written.

    Returns
    -------
    int
        How many rows of `events` were written.
    """
    count = 0
    w = 0
    open_bits = ALL
    while w < BLOCK_WORDS:
        atom = program.alone[state, 0]
        if atom != NONE:
            row, flip = words[atom_rows[atom]], program.alone_flips[state]
            bits = (row[w] ^ flip) & open_bits
            while bits == 0:
                w += 1
                if w == BLOCK_WORDS:
                    return count
                bits = row[w] ^ flip
            bit = lowest_bit(bits)
            state = program.alone[state, 1]
        else:
            bits = leaving(program, words, atom_rows, state, w) & open_bits
            while bits == 0:
                w += 1
                if w == BLOCK_WORDS:
                    return count
                bits = leaving(program, words, atom_rows, state, w)
            bit = lowest_bit(bits)
            state = _state_at(program, words, atom_rows, state, w, bit)
        events[count, 0] = w * WORD + bit
        events[count, 1] = state
        count += 1
        if state < 0:
            return count
        open_bits = ALL << np.uint64(bit + 1)
        if bit == WORD - 1:
            w += 1
            open_bits = ALL
    return count


@compile_lean
def _state_at(
    program: Program, words: WordTable, atom_rows: Ints, state: int, w: int, bit: int
) -> int:
    """Where the move leads that holds at a bit of a word."""
    for m in range(program.first_move[state], program.first_move[state + 1]):
        if holding(program, words, atom_rows, m, w) >> np.uint64(bit) & ONE:
            return int(program.moves[m, MOVE_STATE])
    return state


@compile_lean
def any_nan(rows: Grid, count: int) -> bool:
    """Whether one of the first rows has a value that is not known."""
    for row in range(count):
        values = rows[row]
        for w in range(BLOCK_WORDS):
            if nan_word(values, w * WORD, values, w * WORD):
                return True
    return False


def empty_rows(count: int) -> Grid:
    """A table of rows that begin on a cache line: others cost twice the loads."""
    return _aligned(count, np.float64)


def empty_narrow_rows(count: int) -> NarrowTable:
    """As `empty_rows`, of 16 bits."""
    return _aligned(count, np.int16)


def _aligned(count: int, kind: type[Any]) -> npt.NDArray[Any]:
    size = np.dtype(kind).itemsize
    raw = np.zeros(count * BLOCK + LINE // size, kind)
    first = -raw.ctypes.data % LINE // size
    return raw[first : first + count * BLOCK].reshape(count, BLOCK)
