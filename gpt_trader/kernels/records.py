"""Named fields for compiled code: one class for each list of names, the same in every process.

Compiled code is kept on disk under the types of its arguments, and a class made on the fly would
be another one in the next process. These are importable by their name, which spells the fields:
``gpt_trader.kernels.records.Record__fast__slow``.
"""

from collections import namedtuple
from collections.abc import Callable, Iterator
from typing import Protocol

from gpt_trader.kernels.vectors import Floats

_PREFIX = "Record"
_JOINT = "__"

Maker = Callable[..., tuple[object, ...]]
"""A named tuple's class: called with a value for each field."""

_CLASSES: dict[str, Maker] = {}


class Params(Protocol):
    """The values of a strategy's parameters: int64 for whole ones, float64 for the others."""

    def __getattr__(self, name: str, /) -> int: ...  # as for a type checker an int is a float, too

    def __iter__(self) -> Iterator[int]: ...


class Memories(Protocol):
    """The memories of a strategy by name, each a vector that it changes in place."""

    @property
    def _fields(self) -> tuple[str, ...]: ...

    def __getattr__(self, name: str, /) -> Floats: ...

    def __iter__(self) -> Iterator[Floats]: ...


def record(*fields: str) -> Maker:
    """Give the named tuple with these fields: two calls with the same names, the same class.

    Raises
    ------
    ValueError
        A field is no name, stands twice, begins with an underscore or holds two in a row.
    """
    for field in fields:
        if _JOINT in field or field.startswith("_") or field.endswith("_"):
            raise ValueError(f"{field!r}: no underscore at either end, and no two in a row")
    name = _JOINT.join((_PREFIX, *fields))
    if name not in _CLASSES:
        made = namedtuple(name, fields, module=__name__)  # type: ignore[misc]
        _CLASSES[name] = made
    return _CLASSES[name]


def __getattr__(name: str) -> Maker:
    """Find a class by the name that `record` gave it, as unpickling does in a new process."""
    prefix, *fields = name.split(_JOINT)
    if prefix != _PREFIX:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return record(*fields)
