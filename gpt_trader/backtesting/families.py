"""Reads a strategy's own function and, where its form allows it, turns it into a small machine.

The function is followed path by path with its conditions left open. What comes out is exact by
construction: conditions that compare series (moving averages, channels, oscillators, closes) with
one another or with parameters, a few states (what is remembered, and the last target), and for
each state the conditions under which it becomes another one. A sweep then computes conditions
only, 64 candles in a word, and looks closer where a state ends.

A function of any other form is not recognised, and the sweep runs its compiled step instead.
Nothing depends on names or on a pattern of text, so a near miss of a known family is either
another machine or none.
"""

import math
from dataclasses import dataclass

from gpt_trader.backtesting.expressions import Atom
from gpt_trader.backtesting.reading import (
    Cells,
    Ending,
    Foreign,
    Function,
    Undecided,
    function_of,
)
from gpt_trader.signals.strategy import Strategy

STATES_MAX = 16
ATOMS_MAX = 12
PATHS_MAX = 128
RAISES = -1
"""Stands for a state: here the step would raise, so the step itself must be run to say why."""

_Literals = tuple[tuple[Atom, bool], ...]
_Paths = list[tuple[_Literals, Ending | None]]  # None: the step would raise


@dataclass(frozen=True, slots=True)
class Move:
    """While all of `literals` hold, a state becomes `state`."""

    literals: tuple[tuple[int, bool], ...]  # place of a condition, and what it must be
    state: int  # or RAISES


@dataclass(frozen=True, slots=True)
class Machine:
    """A strategy as conditions and states. The first state is the one before the first candle."""

    atoms: tuple[Atom, ...]
    targets: tuple[float, ...]  # of each state; NaN: not known
    moves: tuple[tuple[Move, ...], ...]  # of each state, to others only; no two hold at once


def recognise(strategy: Strategy) -> Machine | None:
    """The machine that a strategy's function is, or None where it is more than one."""
    try:
        function = function_of(strategy)
        return _Builder(function).machine()
    except Foreign:
        return None


class _Builder:
    """Follows the function from every state that it can reach."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._places: dict[Atom, int] = {}
        self._numbers: dict[tuple[str, ...], int] = {}  # state by the exact text of its values
        self._states: list[Ending] = []
        self._calls: tuple[object, ...] | None = None

    def machine(self) -> Machine:
        """Collect states until none is new."""
        self._number(Ending({}, math.nan))
        moves: list[tuple[Move, ...]] = []
        while len(moves) < len(self._states):
            here = len(moves)
            paths = self._paths(self._states[here].cells)
            leaving = [
                Move(self._located(literals), RAISES if end is None else self._number(end))
                for literals, end in paths
            ]
            moves.append(_merged([move for move in leaving if move.state != here]))
        targets = tuple(state.target for state in self._states)
        return Machine(tuple(self._places), targets, tuple(moves))

    def _number(self, state: Ending) -> int:
        cells = sorted((key, value) for key, value in state.cells.items() if _text(value) != ZERO)
        key = (
            _text(state.target),
            *(f"{name}[{place}]={_text(value)}" for (name, place), value in cells),
        )
        if key not in self._numbers:
            if len(self._states) == STATES_MAX:
                raise Foreign(f"more than {STATES_MAX} states")
            self._numbers[key] = len(self._states)
            self._states.append(state)
        return self._numbers[key]

    def _located(self, literals: _Literals) -> tuple[tuple[int, bool], ...]:
        for atom, _ in literals:
            self._places.setdefault(atom, len(self._places))
        if len(self._places) > ATOMS_MAX:
            raise Foreign(f"more than {ATOMS_MAX} conditions")
        return tuple((self._places[atom], wanted) for atom, wanted in literals)

    def _paths(self, cells: Cells) -> _Paths:
        """Every way through the function from remembered values, with what must hold for it."""
        waiting: list[_Literals] = [()]
        paths: _Paths = []
        while waiting:
            literals = waiting.pop()
            try:
                end, calls = self._function.run(cells, dict(literals))
            except Undecided as open_question:
                waiting += [(*literals, (open_question.atom, held)) for held in (False, True)]
            except ZeroDivisionError:
                paths.append((literals, None))
            else:
                self._compare_calls(calls)
                paths.append((literals, end))
            if len(paths) + len(waiting) > PATHS_MAX:
                raise Foreign(f"more than {PATHS_MAX} paths")
        return paths

    def _compare_calls(self, calls: tuple[object, ...]) -> None:
        """A helper with a memory must be called at every candle, or it remembers something else."""
        if self._calls is None:
            self._calls = calls
        if calls != self._calls:
            raise Foreign("a helper with a memory is not called at every candle")


def _merged(moves: list[Move]) -> tuple[Move, ...]:
    """The same moves with fewer literals: two that differ in one condition only need it not."""
    left = list(moves)
    changed = True
    while changed:
        changed = False
        for first in left:
            for second in left:
                shared = frozenset(first.literals) & frozenset(second.literals)
                if first is second or first.state != second.state:
                    continue
                apart = set(first.literals) ^ set(second.literals)
                if len(apart) == 2 and len({place for place, _ in apart}) == 1:
                    left = [move for move in left if move is not first and move is not second]
                    left.append(Move(tuple(sorted(shared)), first.state))
                    changed = True
                    break
            if changed:
                break
    return tuple(left)


def _text(value: float) -> str:
    return value.hex()


ZERO = _text(0.0)
