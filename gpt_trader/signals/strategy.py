"""What a strategy is: a step over candles with a name, documented parameters and a warm-up."""

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.records import Memories, Params, record
from gpt_trader.signals.memories import fresh

Values = Mapping[str, float]
"""A value for every parameter of a strategy."""

Step = Callable[[Candles, int, Params, Memories], float]
"""``step(candles, t, p, s)`` gives the target exposure at the close of candle `t`.

`p` holds the parameters and `s` the memories by name, zeros before the first candle and changed
in place. Of `candles` only the last `warmup` up to `t` may be looked at, and `t` is only a place:
live the arrays are a sliding buffer. The answer is in [-1, 1], a share of what sizing allows, or
NaN while it is not known.
"""

MEMORY_SIZE = 16
"""Floats in a memory that a helper step asks for."""

_REACH_MAX = 2**15  # values that a fence is wider for the sake of a large span


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number that a person may choose for a strategy, with the bounds it must keep."""

    name: str
    default: float
    minimum: float
    maximum: float
    whole: bool  # a count, of candles
    doc: str

    def problem(self, value: float) -> str | None:
        """Say what is wrong with `value`, or None where nothing is."""
        if math.isnan(value) or not self.minimum <= value <= self.maximum:
            return f"{self.name} = {value:g} is outside {self.minimum:g} to {self.maximum:g}"
        if self.whole and value != int(value):
            return f"{self.name} = {value:g} is not a whole number"
        return None


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to decide how much of a product to hold, from its candles and nothing else."""

    name: str
    doc: str
    parameters: tuple[Parameter, ...]
    check: Callable[[Values], tuple[str, ...]]  # reasons against a combination
    memory: Callable[[Values], Mapping[str, int]]  # its memories by name: how many float64 values
    warmup: Callable[[Values], int]  # candles up to and with the first target
    step: Step
    plain: Callable[..., float]  # the function as it was written, to be recognised by its text
    compiled: bool  # False: `step` is plain Python
    source_hash: str

    def __repr__(self) -> str:
        chosen = ", ".join(f"{p.name}={p.default:g}" for p in self.parameters)
        return f"<Strategy {self.name}({chosen})>"

    def values(self, given: Values) -> dict[str, float]:
        """Fill in the defaults and check every value, so that a typing error costs no money.

        Raises
        ------
        UsageError
            A name is unknown, a value is NaN, out of its bounds or not whole where it must be,
            or two values do not go together.
        """
        names = [parameter.name for parameter in self.parameters]
        for name in given:
            if name not in names:
                raise UsageError(f"{self.name} has no parameter {name}: {near(name, names)}")
        values = {p.name: float(given.get(p.name, p.default)) for p in self.parameters}
        problems = [
            problem
            for parameter in self.parameters
            if (problem := parameter.problem(values[parameter.name])) is not None
        ]
        problems = problems or list(self.check(values))
        if problems:
            raise UsageError(f"{self.name}: " + "; ".join(problems))
        return values

    def told(self, values: Values) -> str:
        """Its name, with those checked values that are not the defaults."""
        others = [p.name for p in self.parameters if values[p.name] != p.default]
        chosen = ", ".join(f"{name} = {values[name]:g}" for name in others)
        return f"{self.name} with {chosen}" if chosen else self.name

    def record(self, values: Values) -> Params:
        """Lay checked values out as the step wants them."""
        numbers = [
            int(values[parameter.name]) if parameter.whole else float(values[parameter.name])
            for parameter in self.parameters
        ]
        fields = record(*(parameter.name for parameter in self.parameters))
        return cast(Params, fields(*numbers))

    def state(self, values: Values) -> Memories:
        """Fresh memories, as the step wants them before the first candle, in fences."""
        whole = [int(values[parameter.name]) for parameter in self.parameters if parameter.whole]
        return fresh(self.memory(values), min(max([0, *whole]), _REACH_MAX))


def near(name: str, names: list[str]) -> str:
    """Help a person who mistyped `name`: what it may have meant, or all there is."""
    if not names:
        return "there is none"
    close = difflib.get_close_matches(name, names)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"there is {', '.join(names)}"
