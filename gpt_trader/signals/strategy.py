"""What a strategy is: a compiled step with a name, bounded parameters, a state and a warm-up."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.vectors import Floats

Step = Callable[[Floats, Floats, float, float, float, float, float], float]
"""(state, params, open, high, low, close, volume) -> target exposure, from -1 to 1; NaN is not
known yet. `state` is changed in place, zeros before the first candle."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number a person may choose, with what it may be."""

    name: str
    default: float
    minimum: float
    maximum: float
    whole: bool  # a count: 2.5 candles are none
    doc: str


@dataclass(frozen=True, slots=True)
class Strategy:
    """A step and everything that is needed to run it on a product."""

    name: str
    doc: str
    parameters: tuple[Parameter, ...]
    state_size: Callable[[Mapping[str, float]], int]  # floats
    warmup: Callable[[Mapping[str, float]], int]  # candles before the first target
    clash: Callable[[Mapping[str, float]], str]  # why values do not go together, or ""
    step: Step

    def values(self, given: Mapping[str, float]) -> dict[str, float]:
        """Every parameter, chosen or default.

        Raises
        ------
        UsageError
            A name the strategy does not have, a value outside its bounds, or two that clash.
        """
        names = [parameter.name for parameter in self.parameters]
        for name in given:
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(names)}"
                raise UsageError(f"strategy {self.name} has no parameter {name!r}; {hint}")
        values = {}
        for parameter in self.parameters:
            value = float(given.get(parameter.name, parameter.default))
            if not parameter.minimum <= value <= parameter.maximum:
                raise UsageError(
                    f"strategy {self.name}: {parameter.name}={value:g} must be from "
                    f"{parameter.minimum:g} to {parameter.maximum:g}"
                )
            if parameter.whole and value != int(value):
                raise UsageError(
                    f"strategy {self.name}: {parameter.name}={value:g} must be a whole number"
                )
            values[parameter.name] = value
        if clash := self.clash(values):
            raise UsageError(f"strategy {self.name}: {clash}")
        return values


def no_clash(values: Mapping[str, float]) -> str:
    """Any values within their bounds go together."""
    return ""
