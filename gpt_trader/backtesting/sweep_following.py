"""Chunks of combinations, traded by the sweep's fast kernels."""

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np

from gpt_trader.backtesting.blocks import blocks, machine_targets
from gpt_trader.backtesting.course import Course
from gpt_trader.backtesting.families import Machine
from gpt_trader.backtesting.fused import Arena, no_target
from gpt_trader.backtesting.layout import Layout, lay_out
from gpt_trader.backtesting.setup import Setup
from gpt_trader.backtesting.sweep_grid import Chosen
from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.closing import is_plain
from gpt_trader.kernels.following import TOGETHER, Accounts, Place, finish, follow_block
from gpt_trader.kernels.gliding import rules_of
from gpt_trader.kernels.stepping import NOTHING, SEVERAL, follow_targets
from gpt_trader.kernels.summaries import Stretches, stretches_of
from gpt_trader.kernels.sweeping import EVENTS_MAX, INSTRUCTION
from gpt_trader.kernels.targets import WELL, lanes_fold, target_fold
from gpt_trader.kernels.vectors import Floats, Grid, Ints
from gpt_trader.kernels.words import WORD
from gpt_trader.signals.memories import watched
from gpt_trader.signals.strategy import Strategy, Values

TRIED = 3  # combinations, and of each so many candles
TRIED_CANDLES = 20_000
STEPPED_BLOCK = 1 << 13  # candles whose targets are at hand at once, of so many combinations
STEPPED_LANES = 8


def can_follow(course: Course, setup: Setup) -> bool:
    """Whether the setup is one in which accounts can be followed from change to change."""
    if course.tape.whole == 0 or len(course.tapes) > 1:
        return False
    if not setup.market.at_close or setup.by_hand:
        return False
    desk, venue = Arena(course, setup, with_orders=False, with_equity=False).open()
    return bool(is_plain(desk, venue.fees, course.tapes[0].candles.candle_ns))


class Ground:
    """What all chunks over one course share: its closes summed up, and an empty account."""

    def __init__(self, course: Course, setup: Setup) -> None:
        self.course = course
        self.arena = Arena(course, setup, with_orders=False, with_equity=False)
        self.stretches: Stretches = stretches_of(
            course.tape.close[0], course.tape.ends, course.day_first
        )

    def needs_course(self) -> bool:
        """Whether a limit or a stop may ask for the equity between two orders."""
        limits, sizing = self.arena.setup.limits, self.arena.setup.sizing
        return (
            limits.daily_loss_rate_max < 1
            or limits.bounds_daily_loss
            or limits.drawdown_rate_max < 1
            or sizing["stop_rate"] != 0.0
        )

    def place(self, targets: Floats, lanes: tuple[int, int], *, with_course: bool) -> Place:
        """Scratch for one thread, and what all orders to one of these targets have in common.

        `lanes`: accounts at once, and the events that each may have in a block.
        """
        desk, _ = self.arena.open()
        return Place(
            desk=desk,
            stretches=self.stretches,
            rules=rules_of(desk, targets),
            course=int(with_course or self.needs_course()),
            events=np.zeros((*lanes, 2), np.int64),
            counts=np.zeros(lanes[0], np.int64),
            taken=np.zeros(lanes[0], np.int64),
            work=np.zeros(INSTRUCTION, np.int64),
        )

    def accounts(self, warmups: Ints) -> Accounts:
        """New books for so many combinations."""
        desk, _ = self.arena.open()
        count = warmups.size
        return Accounts(
            sessions=np.tile(desk.session, (count, 1)),
            products=np.tile(desk.products[0], (count, 1)),
            targets=np.full((count, 1), np.nan),
            minds=np.full((count, 1), np.nan),
            days=np.zeros((count, self.course.days), np.int64),
            states=np.zeros(count, np.int64),
            nexts=np.zeros(count, np.int64),
            warmups=warmups,
        )


class Way(NamedTuple):
    """How a chunk is traded."""

    with_course: bool
    """Keep days, peak and fall of the equity; else they are not, unless a limit needs them."""
    stopped: Callable[[], bool]
    """Asked before each block of candles."""


def follow_chunk(ground: Ground, layout: Layout, warmups: Ints, way: Way) -> Accounts:
    """Trade all combinations of a chunk from the first candle to the last.

    Raises
    ------
    InterruptedError
        It was stopped.
    """
    accounts, place = (
        ground.accounts(warmups),
        ground.place(layout.targets, (TOGETHER, EVENTS_MAX + 1), with_course=way.with_course),
    )
    candles = ground.course.tapes[0].candles
    for block in blocks(layout, candles, len(ground.course.tapes[0])):
        if way.stopped():
            raise InterruptedError
        bounds = (block.first, block.end, int(block.known))
        follow_block(
            layout.shared, layout.own, block.program, layout.targets, accounts, place, bounds
        )
    finish(layout.targets, accounts, place)
    return accounts


def step_chunk(
    ground: Ground, strategy: Strategy, combinations: Sequence[Values], way: Way
) -> Accounts:
    """As `follow_chunk`, for a strategy that only its step knows.

    Raises
    ------
    UsageError
        The strategy gave a target outside [-1, 1]; the message names the parameters.
    InterruptedError
        It was stopped.
    """
    tape = ground.course.tapes[0]
    block = min(STEPPED_BLOCK, len(tape))
    accounts = ground.accounts(np.zeros(len(combinations), np.int64))
    place = ground.place(np.zeros(0), (STEPPED_LANES, block + 1), with_course=way.with_course)
    targets, levels = (
        np.full((STEPPED_LANES, block + 1 + WORD), math.nan),
        np.empty(STEPPED_LANES * block),
    )
    groups = [
        _Lanes(strategy, combinations[first : first + STEPPED_LANES], first)
        for first in range(0, len(combinations), STEPPED_LANES)
    ]
    for first in range(0, len(tape), block):
        if way.stopped():
            raise InterruptedError
        count = min(block, len(tape) - first)
        for group in groups:
            group.fill(tape.candles, first, first + count, targets)
            bounds = (group.first, first, count)
            level = follow_targets(targets, levels, accounts, place, bounds)
            if level not in (NOTHING, SEVERAL, place.rules.level):
                place = place._replace(rules=rules_of(place.desk, np.array([level])))
    finish(np.zeros(0), accounts, place)
    return accounts


class _Lanes:
    """Some combinations of a step, folded together; the last stands in for those that lack."""

    def __init__(self, strategy: Strategy, combinations: Sequence[Values], first: int) -> None:
        self.first = first
        self._strategy = strategy
        self._all = [*combinations, *[combinations[-1]] * (STEPPED_LANES - len(combinations))]
        self._ps = tuple(strategy.record(values) for values in self._all)
        self._ss = tuple(strategy.state(values) for values in self._all)
        self._labels = [strategy.told(values) for values in self._all]
        self._watched = [(label, s) for label, s in zip(self._labels, self._ss, strict=True) if s]
        self._warmups = np.array([strategy.warmup(values) for values in self._all], np.int64)
        self._before = np.full(STEPPED_LANES, math.nan)

    def fill(self, candles: Candles, first: int, last: int, out: Grid) -> None:
        """Write the targets of the candles from `first` to before `last`, behind the one before."""
        out[:, 0] = self._before
        fold = lanes_fold(self._strategy.step)
        # A ring that is too small raises in the first block; the fences of all others hold until
        # they are looked at after the last one.
        edge = first == 0 or last == candles.close.size
        with ExitStack() as watch:
            for label, s in self._watched if edge else ():
                watch.enter_context(watched(label, s))
            lane, wrong = fold(candles, self._ps, self._ss, self._warmups, (first, last), out)
        if wrong != WELL:
            raise no_target(self._labels[lane], wrong)
        self._before[:] = out[:, last - first]


def targets_agree(machine: Machine, strategy: Strategy, chosen: Chosen, course: Course) -> bool:
    """Whether a machine gives its strategy's targets, for some combinations and many candles."""
    places = sorted({0, len(chosen) // 2, len(chosen) - 1})[:TRIED]
    tape = course.tapes[0]
    count = min(len(tape), TRIED_CANDLES)
    columns = {name: column[places] for name, column in chosen.columns.items()}
    for number, place in enumerate(places):
        layout = lay_out(machine, columns)
        values = chosen.values(place)
        warmup = strategy.warmup(values)
        expected = np.empty(count)
        fold = target_fold(strategy.step)
        p, s = strategy.record(values), strategy.state(values)
        try:
            wrong = fold(tape.candles, p, s, warmup, 0, count, expected)
            made = machine_targets(layout, tape.candles, number, count)
        except ZeroDivisionError:
            return False
        if wrong != WELL:
            return False
        made[: warmup - 1] = np.nan
        if not np.array_equal(made, expected, equal_nan=True):
            return False
    return True
