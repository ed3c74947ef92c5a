"""Which faults a person asked for: a seed that chooses them, or a file that names them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gpt_trader.exchange.faults import Arming, Draw
from gpt_trader.exchange.faults_table import FAULTS
from gpt_trader.exchange.seeds import seed_key

QUIET = 5  # every fifth seed arms nothing: a calm day must go well, too
ARMED = 3  # each fault is armed by a third of the other seeds
RATES = (0.02, 0.05, 0.1, 0.2)


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rate: float
    after: int = 0
    times: int | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    faults: dict[str, float | _Entry]
    seed: int = 1


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """What is armed at the start, and the seed that decides each occasion."""

    seed: int
    armed: Mapping[str, Arming]


def read_plan(text: str, *, waits: bool) -> FaultPlan:
    """Read what ``--faults`` was given. ``waits``: the tape waits for its session (lockstep).

    Raises
    ------
    ValueError
        It is neither a whole number nor a file of faults; the sentence says what is wrong.
    """
    if text.isascii() and text.isdecimal():
        return drawn_plan(int(text), waits=waits)
    try:
        content = Path(text).read_bytes()
    except OSError as error:
        raise ValueError(
            f"{text}: {error.strerror}; give a whole number (a seed) or a JSON file"
        ) from error
    try:
        file = msgspec.json.decode(content, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(
            f'{text}: {error}; write {{"seed": 1, "faults": {{"answer_lost": 0.1}}}}'
        ) from error
    armed: dict[str, Arming] = {}
    for wanted, entry in file.faults.items():
        values = entry if isinstance(entry, _Entry) else _Entry(entry)
        arming = arming_of(values.rate, values.after, values.times)
        armed |= dict.fromkeys(named(wanted, waits=waits), arming)
    return FaultPlan(file.seed, armed)


def drawn_plan(seed: int, *, waits: bool) -> FaultPlan:
    """Choose faults and their chances by a seed; every fifth seed chooses none."""
    armed: dict[str, Arming] = {}
    if seed % QUIET:
        for name, fault in FAULTS.items():
            draw = Draw(seed_key(seed, "plan", name))
            if draw.below(ARMED) == 0 and not (fault.needs_pace and waits):
                armed[name] = Arming(RATES[draw.below(len(RATES))], 0, None)
    return FaultPlan(seed, armed)


def named(wanted: str, *, waits: bool) -> tuple[str, ...]:
    """Give the faults that a name or a case, such as A4, stands for.

    Raises
    ------
    ValueError
        There is no such fault, or it is silence and the tape waits for its session.
    """
    names = [name for name, fault in FAULTS.items() if wanted in (name, fault.case)]
    if not names:
        raise ValueError(f"no fault {wanted!r}; gpt-trader exchange --help lists them")
    able = tuple(name for name in names if not (FAULTS[name].needs_pace and waits))
    if not able:
        raise ValueError(
            f"fault {wanted} needs a clock that goes on: it cannot be armed with --speed max"
        )
    return able


def arming_of(rate: float, after: int, times: int | None) -> Arming:
    """Check the numbers of an arming.

    Raises
    ------
    ValueError
        One of them is out of bounds.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"rate {rate}: a chance is a number from 0 to 1")
    if after < 0 or (times is not None and times < 0):
        raise ValueError(f"after {after}, times {times}: counts are not negative")
    return Arming(rate, after, times)
