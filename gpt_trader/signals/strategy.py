"""What a strategy is: a compiled step with a name, documented parameters and a warm-up."""

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.vectors import Floats

StrategyStep = Callable[[Floats, Floats, float, float, float, float, float], float]
"""``step(state, params, open, high, low, close, volume)`` gives the target exposure.

`state` is changed in place and starts as zeros; `params` are the parameters' values in their
order. The answer is in [-1, 1], a share of what sizing allows, or NaN while it is not known.
"""


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
    check: Callable[[Mapping[str, float]], tuple[str, ...]]  # reasons against a combination
    state_size: Callable[[Mapping[str, float]], int]  # float64 values
    warmup: Callable[[Mapping[str, float]], int]  # candles up to and with the first target
    step: StrategyStep
    source_hash: str

    def values(self, given: Mapping[str, float]) -> dict[str, float]:
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

    def vector(self, values: Mapping[str, float]) -> Floats:
        """Lay checked values out as the step wants them."""
        return np.array([values[parameter.name] for parameter in self.parameters])


def near(name: str, names: list[str]) -> str:
    """Help a person who mistyped `name`: what it may have meant, or all there is."""
    close = difflib.get_close_matches(name, names)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"there is {', '.join(names)}"
