"""Chunks of combinations of a recognised strategy, traded by the sweep's fast kernels."""

import numpy as np

from gpt_trader.backtesting.blocks import blocks, machine_targets
from gpt_trader.backtesting.course import Course
from gpt_trader.backtesting.families import Machine
from gpt_trader.backtesting.fused import Arena
from gpt_trader.backtesting.layout import Layout, lay_out
from gpt_trader.backtesting.setup import Setup
from gpt_trader.backtesting.sweep_grid import Chosen
from gpt_trader.kernels.closing import is_plain
from gpt_trader.kernels.following import TOGETHER, Accounts, Place, finish, follow_block
from gpt_trader.kernels.gliding import rules_of
from gpt_trader.kernels.summaries import Stretches, stretches_of
from gpt_trader.kernels.sweeping import EVENTS_MAX, INSTRUCTION
from gpt_trader.kernels.targets import WELL, target_fold
from gpt_trader.kernels.vectors import Floats, Ints
from gpt_trader.signals.strategy import Strategy

TRIED = 3  # combinations, and of each so many candles
TRIED_CANDLES = 20_000


class Ground:
    """What all chunks over one course share: its closes summed up, and an empty account."""

    def __init__(self, course: Course, setup: Setup) -> None:
        self.course = course
        self.arena = Arena(course, setup, with_orders=False, with_equity=False)
        self.stretches: Stretches = stretches_of(
            course.tape.close[0], course.tape.ends, course.day_first
        )

    def allows(self) -> bool:
        """Whether the setup is one in which accounts can be followed from change to change."""
        course = self.course
        if course.tape.whole == 0 or len(course.tapes) > 1:
            return False
        desk, venue = self.arena.open()
        at_close = self.arena.setup.market.at_close and not self.arena.setup.by_hand
        candle_ns = course.tapes[0].candles.candle_ns
        return at_close and bool(is_plain(desk, venue.fees, candle_ns))

    def needs_course(self) -> bool:
        """Whether a limit or a stop may ask for the equity between two orders."""
        limits, sizing = self.arena.setup.limits, self.arena.setup.sizing
        return (
            limits.daily_loss_rate_max < 1
            or limits.drawdown_rate_max < 1
            or sizing["stop_rate"] != 0.0
        )

    def place(self, targets: Floats, *, with_course: bool) -> Place:
        """Scratch for one thread, and what all orders to one of these targets have in common."""
        desk, _ = self.arena.open()
        return Place(
            desk=desk,
            stretches=self.stretches,
            rules=rules_of(desk, targets),
            course=int(with_course or self.needs_course()),
            events=np.zeros((TOGETHER, EVENTS_MAX + 1, 2), np.int64),
            counts=np.zeros(TOGETHER, np.int64),
            taken=np.zeros(TOGETHER, np.int64),
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
            days=np.zeros((count, self.course.days), np.int64),
            states=np.zeros(count, np.int64),
            nexts=np.zeros(count, np.int64),
            warmups=warmups,
        )


def follow_chunk(ground: Ground, layout: Layout, warmups: Ints, *, with_course: bool) -> Accounts:
    """Trade all combinations of a chunk from the first candle to the last.

    Without the course of equity its days, peak and fall are not kept, unless a limit needs them.
    """
    accounts, place = (
        ground.accounts(warmups),
        ground.place(layout.targets, with_course=with_course),
    )
    candles = ground.course.tapes[0].candles
    for block in blocks(layout, candles, len(ground.course.tapes[0])):
        bounds = (block.first, block.end, int(block.known))
        follow_block(
            layout.shared, layout.own, block.program, layout.targets, accounts, place, bounds
        )
    finish(layout.targets, accounts, place)
    return accounts


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
