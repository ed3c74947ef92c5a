"""A tape shown to a strategy candle by candle, with everything else replaced by a wrong value.

The forms differ in what may be seen at candle `t`: the whole tape; what came up to `t`; only the
warm-up of it; the same in a sliding buffer, as in a live session. A strategy whose targets are
not the same in all of them looks at something that a live session does not have.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gpt_trader.kernels.candles import Candles, front_step, kept, moment_of
from gpt_trader.kernels.compile import compile_aside, compile_lean
from gpt_trader.kernels.records import Memories, Params
from gpt_trader.kernels.vectors import Floats, Ints

COLUMNS = ("start_ns", "open", "high", "low", "close", "volume", "close_sum")
_FENCE, _FIELD = 2**8, 2**16
"""Wrong values right before and behind each column, and zeros farther out (memory that is never
touched costs nothing): compiled code does not check how far it looks."""

_BEYOND = 8
"""A shown tape is longer than the real one, so that its end is never the last candle."""

Step = Callable[[Candles, int, Params, Memories], float]


class Form(NamedTuple):
    """What may be seen of a tape."""

    shown: Candles  # changed candle by candle
    keep: int  # candles that move to the front of a full buffer, with the next one
    window: int  # candles that stay seen, the newest among them
    hides: Ints  # 1 for each column that is hidden outside
    wrong: float  # stands in place of what must not be seen


def whole(tape: Candles) -> Form:
    """All of it at once, as in a backtest."""
    columns = [_fenced(column, column.size, np.nan) for column in _columns(tape)]
    return Form(_candles(tape, columns), 0, 0, np.zeros(len(COLUMNS), np.int64), np.nan)


def prefixes(tape: Candles, hidden: tuple[str, ...], window: int | None, wrong: float) -> Form:
    """What came so far, or the last `window` candles of it, at the places of the whole tape.

    Columns that are not `hidden` show all of the tape.
    """
    size = tape.close.size
    hides = np.array([name in hidden for name in COLUMNS], np.int64)
    columns = []
    for column, hide in zip(_columns(tape), hides, strict=True):
        seen, filler = (column[:0], wrong) if hide else (column, np.nan)
        columns.append(_fenced(seen, column.size + _BEYOND, filler))
    if hides[-1]:
        columns[-1][0] = 0.0
    return Form(_candles(tape, columns), size + _BEYOND, window or size + _BEYOND, hides, wrong)


def live(tape: Candles, warmup: int, wrong: float) -> Form:
    """The warm-up alone, in a sliding buffer."""
    size, hides = 2 * kept(warmup) + 64, np.ones(len(COLUMNS), np.int64)
    columns = [
        _fenced(column[:0], size + (name == "close_sum"), wrong)
        for name, column in zip(COLUMNS, _columns(tape), strict=True)
    ]
    columns[-1][0] = 0.0
    return Form(_candles(tape, columns), kept(warmup), warmup, hides, wrong)


def again(form: Form, warmup: int) -> Form:
    """A form of `live` as new, for a warm-up that is not longer."""
    for column in _columns(form.shown):
        column[:] = moment_of(form.wrong) if column.dtype == np.int64 else form.wrong
    form.shown.close_sum[0] = 0.0
    return form._replace(keep=kept(warmup), window=warmup)


def beginning(tape: Candles, count: int) -> Candles:
    """Its first candles."""
    columns = [column[:count] for column in _columns(tape)[:-1]]
    return _candles(tape, [*columns, tape.close_sum[: count + 1]])


def _columns(tape: Candles) -> tuple[Ints | Floats, ...]:
    return (
        tape.start_ns,
        tape.open,
        tape.high,
        tape.low,
        tape.close,
        tape.volume,
        tape.close_sum,
    )


def _fenced(column: Ints | Floats, size: int, wrong: float) -> Ints | Floats:
    """A copy of `column` filled up to `size`, with wrong values and then zeros on both sides."""
    room: Ints | Floats = np.zeros(size + 2 * (_FENCE + _FIELD))
    filler = wrong
    if column.dtype == np.int64:
        room, filler = np.zeros(room.size, np.int64), moment_of(wrong)
    room[_FIELD : room.size - _FIELD] = filler
    inside = room[_FENCE + _FIELD : _FENCE + _FIELD + size]
    inside[: column.size] = column
    return inside


def _candles(tape: Candles, columns: list[Ints | Floats]) -> Candles:
    start_ns, open, high, low, close, volume, close_sum = columns
    return Candles(
        start_ns.view(np.int64),
        open.view(np.float64),
        high.view(np.float64),
        low.view(np.float64),
        close.view(np.float64),
        volume.view(np.float64),
        close_sum.view(np.float64),
        tape.increment,
        tape.candle_ns,
    )


@compile_lean
def _show_step(tape: Candles, number: int, form: Form, t: int) -> int:
    """Show candle `number` of the tape behind the one at `t`, hide one, and give its place."""
    if form.keep == 0:
        return number
    shown = form.shown
    if t + 1 == shown.close.size:
        t = front_step(shown, t, form.keep - 1, form.wrong)
    t += 1
    shown.start_ns[t] = tape.start_ns[number]
    shown.open[t] = tape.open[number]
    shown.high[t] = tape.high[number]
    shown.low[t] = tape.low[number]
    shown.close[t] = tape.close[number]
    shown.volume[t] = tape.volume[number]
    shown.close_sum[t + 1] = shown.close_sum[t] + tape.close[number]
    if t >= form.window:
        _hide(form, t - form.window)
    return t


@compile_aside
def _hide(form: Form, place: int) -> None:
    shown, hides, wrong = form.shown, form.hides, form.wrong
    if hides[0] == 1:
        shown.start_ns[place] = moment_of(wrong)
    if hides[1] == 1:
        shown.open[place] = wrong
    if hides[2] == 1:
        shown.high[place] = wrong
    if hides[3] == 1:
        shown.low[place] = wrong
    if hides[4] == 1:
        shown.close[place] = wrong
    if hides[5] == 1:
        shown.volume[place] = wrong
    if hides[6] == 1:
        shown.close_sum[place] = wrong


Fold = Callable[[Candles, Form, Params, Memories, Floats], None]
"""``fold(tape, form, p, s, out)`` writes the answer of the step at each candle to `out`."""


@lru_cache(maxsize=256)
def compiled_fold(step: Step) -> Fold:
    """The fold of a compiled step over a form."""

    def fold(tape: Candles, form: Form, p: Params, s: Memories, out: Floats) -> None:
        t = -1
        for number in range(tape.close.size):
            t = _show_step(tape, number, form, t)
            out[number] = step(form.shown, t, p, s)

    return compile_lean(fold)


def plain_fold(step: Step, outside: float) -> Fold:
    """The fold of a step in plain Python; `outside` stands where it looks beyond the arrays."""

    def fold(tape: Candles, form: Form, p: Params, s: Memories, out: Floats) -> None:
        t = -1
        for number in range(tape.close.size):
            t = _show_step(tape, number, form, t)
            try:
                out[number] = step(form.shown, t, p, s)
            except IndexError:
                out[number] = outside

    return fold
