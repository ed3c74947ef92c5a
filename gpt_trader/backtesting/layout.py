"""Lays a recognised strategy and its combinations out for the sweep's kernels.

What depends on few parameters is computed once for all combinations that agree in them: a moving
average of each span, a condition of each span and threshold. Only the rest is each one's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gpt_trader.backtesting.expressions import (
    Atom,
    Column,
    Expression,
    Indicator,
    Numbers,
    Operation,
    is_series,
    number_of,
    parameters_of,
)
from gpt_trader.backtesting.families import Machine
from gpt_trader.kernels import words
from gpt_trader.kernels.folding import MEMORY, Fold, fold_of
from gpt_trader.kernels.sweeping import (
    ALL,
    BLOCK_WORDS,
    CODE,
    INSTRUCTION,
    MOVE,
    NONE,
    NUMBER,
    Own,
    Program,
    Shared,
    empty_narrow_rows,
    empty_rows,
)
from gpt_trader.kernels.vectors import Grid

Places = npt.NDArray[np.int64]
Combinations = Mapping[str, npt.NDArray[np.int64] | npt.NDArray[np.float64]]
"""A column a parameter: int64 where it is whole. All of one length."""

_OPERATIONS = {
    "add": words.ADD,
    "subtract": words.SUBTRACT,
    "multiply": words.MULTIPLY,
    "divide": words.DIVIDE,
    "negative": words.NEGATIVE,
    "absolute": words.ABSOLUTE,
}
_CONDITIONS = {
    "greater": words.GREATER,
    "at_least": words.AT_LEAST,
    "equal": words.EQUAL,
    "nan": words.NAN,
}


@dataclass(frozen=True, slots=True)
class Source:
    """One helper with all its spans: rows of the table from `first` on."""

    fold: Fold
    column: str  # "close" where the helper takes the candles
    part: int
    first: int
    numbers: Grid
    memories: Grid


@dataclass(frozen=True, slots=True)
class Layout:
    """A machine and its combinations as vectors."""

    sources: tuple[Source, ...]
    indicator_rows: int
    shared: Shared
    own: Own
    careful: Program  # for blocks in which an indicator is not known yet
    quick: Program
    targets: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Operand:
    """One side of an instruction, for each combination."""

    rows: Places  # or NUMBER
    numbers: npt.NDArray[np.float64]


def lay_out(machine: Machine, combinations: Combinations) -> Layout:
    """Give every series and condition of all combinations its place."""
    return _Table(machine, combinations).layout()


class _Table:
    """Rows and instructions while they are collected."""

    def __init__(self, machine: Machine, combinations: Combinations) -> None:
        self._machine = machine
        self._combinations = combinations
        self._count = len(next(iter(combinations.values()))) if combinations else 1
        self._operands: dict[Expression, _Operand] = {}
        self._sources: list[Source] = []
        self._rows = 0
        self._row_work: list[npt.NDArray[np.int64]] = []
        self._row_numbers: list[Grid] = []
        self._word_work: list[npt.NDArray[np.int64]] = []
        self._word_numbers: list[Grid] = []
        self._own_rows: list[tuple[int, int, tuple[_Operand, _Operand]]] = []
        self._own_words: list[tuple[int, int, tuple[_Operand, _Operand]]] = []
        self._words = 0

    def layout(self) -> Layout:
        """Indicators first, so that their rows stand together; then what is made of them."""
        for atom in self._machine.atoms:
            for side in (atom.left, atom.right):
                self._place_indicators(side)
        indicator_rows = self._rows
        atom_rows = np.array([self._place_atom(atom) for atom in self._machine.atoms], np.int64)
        shared = Shared(
            rows=empty_rows(max(self._rows, 1)),
            narrow=empty_narrow_rows(indicator_rows if self._compares_indicators() else 0),
            extremes=np.zeros(2 * words.LANES),
            words=np.zeros((max(self._words, 1), BLOCK_WORDS), np.uint64),
            row_work=_stacked(self._row_work, INSTRUCTION, np.int64),
            row_numbers=_stacked(self._row_numbers, 2, np.float64),
            word_work=_stacked(self._word_work, INSTRUCTION, np.int64),
            word_numbers=_stacked(self._word_numbers, 2, np.float64),
        )
        return Layout(
            tuple(self._sources),
            indicator_rows,
            shared,
            self._own(atom_rows.reshape(-1, self._count)),
            _program(self._machine, skip_nan=False),
            _program(self._machine, skip_nan=True),
            np.array(self._machine.targets),
        )

    def _compares_indicators(self) -> bool:
        return any(
            code <= words.AT_LEAST and all(side.rows[0] != NUMBER for side in sides)
            for code, _, sides in self._own_words
        )

    def _own(self, atom_rows: npt.NDArray[np.int64]) -> Own:
        work = self._own_rows + self._own_words
        sides = [side for _, _, pair in work for side in pair]
        operands = [side.rows for side in sides]
        numbers = [side.numbers for side in sides]
        return Own(
            row_codes=np.array([code for code, _, _ in self._own_rows], np.int64),
            row_outs=np.array([out for _, out, _ in self._own_rows], np.int64),
            word_codes=np.array([code for code, _, _ in self._own_words], np.int64),
            word_outs=np.array([out for _, out, _ in self._own_words], np.int64),
            operands=_columns(operands, self._count, np.int64),
            numbers=_columns(numbers, self._count, np.float64),
            atom_rows=np.ascontiguousarray(atom_rows.T),
        )

    # --- places -----------------------------------------------------------------------------

    def _instances(self, expression: Expression | Atom) -> tuple[Places, Places]:
        """Combinations that stand for the distinct ones, and which of them each one has."""
        names = (
            {*parameters_of(expression.left), *parameters_of(expression.right)}
            if isinstance(expression, Atom)
            else set(parameters_of(expression))
        )
        return self._distinct([self._combinations[name] for name in sorted(names)])

    def _distinct(self, columns: list[Numbers]) -> tuple[Places, Places]:
        if not columns:
            return np.zeros(1, np.int64), np.zeros(self._count, np.int64)
        table = np.column_stack([self._spread(column) for column in columns])
        _, first, which = np.unique(table, axis=0, return_index=True, return_inverse=True)
        return first.astype(np.int64), which.reshape(-1).astype(np.int64)

    def _spread(self, numbers: Numbers) -> npt.NDArray[np.float64]:
        return np.broadcast_to(np.asarray(numbers, np.float64), self._count)

    def _is_shared(self, first: Places) -> bool:
        return 2 * first.size <= self._count

    def _place_indicators(self, expression: Expression) -> None:
        if expression in self._operands:
            return
        match expression:
            case Operation(operands=operands) if is_series(expression):
                for operand in operands:
                    self._place_indicators(operand)
            case Column(name=name):
                self._add_source(expression, "", name, WHOLE, [])
            case Indicator(helper=helper, column=column, part=part, numbers=numbers):
                with np.errstate(divide="ignore", invalid="ignore"):
                    values = [number_of(number, self._combinations) for number in numbers]
                self._add_source(expression, helper, column or "close", part, values)

    def _add_source(
        self, expression: Expression, helper: str, column: str, part: int, values: list[Numbers]
    ) -> None:
        first, which = self._distinct(values)
        numbers = np.zeros((first.size, max(len(values), 1)))
        for place, value in enumerate(values):
            numbers[:, place] = self._spread(value)[first]
        memories = np.zeros((first.size, MEMORY))
        fold = fold_of(helper, part)
        self._sources.append(Source(fold, column, part, self._rows, numbers, memories))
        self._operands[expression] = _Operand(self._rows + which, np.zeros(self._count))
        self._rows += first.size

    def _operand(self, expression: Expression) -> _Operand:
        if expression not in self._operands:
            self._operands[expression] = self._placed(expression)
        return self._operands[expression]

    def _placed(self, expression: Expression) -> _Operand:
        if not is_series(expression):
            with np.errstate(divide="ignore", invalid="ignore"):
                value = self._spread(number_of(expression, self._combinations))
            return _Operand(np.full(self._count, NUMBER), np.array(value))
        assert isinstance(expression, Operation), expression
        sides = self._sides(expression.operands)
        first, which = self._instances(expression)
        code = _OPERATIONS[expression.name]
        if not self._is_shared(first):
            self._own_rows.append((code, self._rows, sides))
            rows = np.full(self._count, self._rows)
            self._rows += 1
            return _Operand(rows, np.zeros(self._count))
        work, numbers = _instructions(code, self._rows, sides, first)
        self._row_work.append(work)
        self._row_numbers.append(numbers)
        rows = self._rows + which
        self._rows += first.size
        return _Operand(rows, np.zeros(self._count))

    def _sides(self, operands: tuple[Expression, ...]) -> tuple[_Operand, _Operand]:
        left = self._operand(operands[0])
        right = self._operand(operands[-1])
        if len(operands) == 1:
            right = _Operand(np.full(self._count, NUMBER), np.zeros(self._count))
        return left, right

    def _place_atom(self, atom: Atom) -> Places:
        """The row of the condition's words, for each combination."""
        sides = self._operand(atom.left), self._operand(atom.right)
        first, which = self._instances(atom)
        code = _CONDITIONS[atom.name]
        if not self._is_shared(first):
            self._own_words.append((code, self._words, sides))
            self._words += 1
            return np.full(self._count, self._words - 1)
        work, numbers = _instructions(code, self._words, sides, first)
        self._word_work.append(work)
        self._word_numbers.append(numbers)
        self._words += first.size
        return self._words - first.size + which


WHOLE = -1


def _instructions(
    code: int, out: int, sides: tuple[_Operand, _Operand], first: Places
) -> tuple[npt.NDArray[np.int64], Grid]:
    """One instruction for each distinct combination."""
    work = np.empty((first.size, INSTRUCTION), np.int64)
    work[:, CODE] = code
    work[:, 1] = out + np.arange(first.size)
    work[:, 2] = sides[0].rows[first]
    work[:, 3] = sides[1].rows[first]
    return work, np.column_stack([side.numbers[first] for side in sides])


def _program(machine: Machine, *, skip_nan: bool) -> Program:
    """The machine's moves; without those that need a value that is not known, if they can't be."""
    first_move: list[int] = [0]
    moves: list[tuple[int, int, int]] = []
    atoms: list[int] = []
    flips: list[int] = []
    for moves_of_state in machine.moves:
        for move in moves_of_state:
            literals = [
                (atom, held, machine.atoms[atom].name == "nan") for atom, held in move.literals
            ]
            if skip_nan and any(held and nan for _, held, nan in literals):
                continue
            kept = [(atom, held) for atom, held, nan in literals if not (nan and skip_nan)]
            moves.append((len(atoms), len(atoms) + len(kept), move.state))
            atoms += [atom for atom, _ in kept]
            flips += [0 if held else int(ALL) for _, held in kept]
        first_move.append(len(moves))
    alone = np.full((len(first_move) - 1, 2), NONE, np.int64)
    alone_flips = np.zeros(len(first_move) - 1, np.uint64)
    for state in range(len(first_move) - 1):
        if first_move[state + 1] - first_move[state] == 1:
            begin, end, following = moves[first_move[state]]
            if end - begin == 1:
                alone[state] = atoms[begin], following
                alone_flips[state] = flips[begin]
    return Program(
        np.array(first_move, np.int64),
        np.array(moves, np.int64).reshape(-1, MOVE),
        np.array(atoms, np.int64),
        np.array(flips, np.uint64),
        alone,
        alone_flips,
    )


def _stacked(parts: Sequence[npt.NDArray[Any]], width: int, kind: type) -> npt.NDArray[Any]:
    return np.ascontiguousarray(np.concatenate([np.empty((0, width), kind), *parts]).astype(kind))


def _columns(parts: Sequence[npt.NDArray[Any]], count: int, kind: type) -> npt.NDArray[Any]:
    if not parts:
        return np.empty((count, 0), kind)
    return np.ascontiguousarray(np.column_stack(parts).astype(kind))
