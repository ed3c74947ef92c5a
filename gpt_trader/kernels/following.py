"""Accounts of many combinations over one tape: each goes from change to change.

An account is looked at when its target changes, when the mark leaves its band, and at the end.
Everything between is passed over by `jumping.calm_jump`.
"""

from typing import NamedTuple

from gpt_trader.kernels.account import LOTS, settle_fall
from gpt_trader.kernels.closing import close_round
from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.deciding import Desk
from gpt_trader.kernels.ends import end_at
from gpt_trader.kernels.gliding import Rules, go_in, go_out, may_glide
from gpt_trader.kernels.jumping import calm_jump, far_jump
from gpt_trader.kernels.summaries import Stretches
from gpt_trader.kernels.sweeping import Own, Program, Shared, changes, own_words
from gpt_trader.kernels.vectors import Floats, Grid, Ints, Table

LEFT = -1
"""State of a combination that is left to its step: it would have raised, or a count is large."""

TOGETHER = 8
"""Accounts that are taken through a block by turns."""

STOPS = 1 << 40
"""In place of a number of events: none is tried."""


class Accounts(NamedTuple):
    """What is kept of each combination; a row each."""

    sessions: Table  # places of kernels/account.py, as the next one
    products: Table
    targets: Grid  # shape (combinations, 1), as the next one: of the candle before
    minds: Grid  # the last targets that were known
    days: Table  # equity at the end of each day but the last
    states: Ints  # of its machine, or LEFT
    nexts: Ints  # the candle that it goes on from
    warmups: Ints


class Place(NamedTuple):
    """Where the accounts trade: the same for all of them."""

    desk: Desk  # its limits, choices and sizes
    stretches: Stretches
    rules: Rules
    course: int  # 1: the equity on the way counts, by a limit or a figure
    events: Ints  # scratch, shape (TOGETHER, EVENTS_MAX + 1, 2)
    counts: Ints  # scratch, shape (TOGETHER,), as the next one: events, and how many are done
    taken: Ints
    work: Ints  # scratch, shape (INSTRUCTION,)


@compile_lean
def follow_block(
    shared: Shared,
    own: Own,
    program: Program,
    targets: Floats,
    accounts: Accounts,
    place: Place,
    bounds: tuple[int, int, int],
) -> None:
    """Take every combination through one block, whose shared rows and words are computed.

    Parameters
    ----------
    targets : float64
        Of each state of the machine.
    bounds : tuple of int
        The block's first candle and the one after its last, and 1 where all indicators are known.
    """
    for first in range(0, accounts.states.size, TOGETHER):
        last = min(first + TOGETHER, accounts.states.size)
        for combination in range(first, last):
            lane = combination - first
            place.counts[lane] = events_of(
                shared, own, program, accounts, place, (combination, lane), bounds
            )
        glide_together(targets, accounts, place, first, last)
        for combination in range(first, last):
            lane = combination - first
            if place.taken[lane] < place.counts[lane]:
                advance(targets, accounts, place, (combination, lane), 0)


@compile_lean
def events_of(
    shared: Shared,
    own: Own,
    program: Program,
    accounts: Accounts,
    place: Place,
    whose: tuple[int, int],
    bounds: tuple[int, int, int],
) -> int:
    """Write the changes of one combination in this block into the events of its lane."""
    combination, lane = whose
    first, end, known = bounds
    state, events = accounts.states[combination], place.events[lane]
    if state == LEFT:
        return 0
    own_words(shared, own, combination, known == 1, place.work)
    atom_rows = own.atom_rows[combination]
    count = changes(program, shared.words, atom_rows, state, events)
    warm = accounts.warmups[combination] - 1
    if count > 0 or first <= warm:
        accounts.states[combination] = last_state(events, count, state, (first, end))
        count = after_warmup(events, count, state, warm, (first, end))
    return count


@compile_lean
def glide_together(
    targets: Floats, accounts: Accounts, place: Place, first: int, last: int
) -> None:
    """Take several accounts through their events by turns, as far as each can glide.

    One account's orders wait for one another, since each spends what the last one left; those of
    several do not.
    """
    taken, counts = place.taken, place.counts
    most = 0
    for combination in range(first, last):
        lane = combination - first
        taken[lane] = STOPS
        session, row = accounts.sessions[combination], accounts.products[combination]
        if counts[lane] > 0 and may_glide(session, row, place.rules):
            taken[lane] = 0
            most = max(most, counts[lane])
    for k in range(most):
        for combination in range(first, last):
            lane = combination - first
            if taken[lane] == k and k < counts[lane]:
                taken[lane] += glide(targets, accounts, place, (combination, lane), k)
    for lane in range(last - first):
        if taken[lane] == STOPS:
            taken[lane] = 0


@compile_lean
def glide(targets: Floats, accounts: Accounts, place: Place, whose: tuple[int, int], k: int) -> int:
    """Take one account through one event: 1 if that was possible."""
    combination, lane = whose
    last, state = place.events[lane, k, 0], place.events[lane, k, 1]
    if state == LEFT:
        return 0
    before, after = accounts.targets[combination, 0], targets[state]
    if before == after or (before != before and after != after):
        return 1
    session, row = accounts.sessions[combination], accounts.products[combination]
    days, candles = accounts.days[combination], (accounts.nexts[combination], last)
    if row[LOTS] == 0:
        if before > 0.0 or not after > 0.0:
            return 0
        went = go_in(session, row, days, place.rules, place.stretches, place.course, candles)
    else:
        if before <= 0.0 or not after <= 0.0:
            return 0
        went = go_out(session, row, days, place.rules, place.stretches, place.course, candles)
    if not went:
        return 0
    accounts.targets[combination, 0] = after
    accounts.minds[combination, 0] = after
    accounts.nexts[combination] = last + 1
    return 1


@compile_lean
def last_state(events: Table, count: int, state: int, bounds: tuple[int, int]) -> int:
    """The state at the end of a block's candles; what stands beyond them are no candles."""
    for k in range(count):
        if bounds[0] + events[k, 0] < bounds[1]:
            state = events[k, 1]
    return state


@compile_lean
def after_warmup(events: Table, count: int, state: int, warm: int, bounds: tuple[int, int]) -> int:
    """Turn a block's events into candles of the tape, those of the warm-up into one at its end.

    Returns
    -------
    int
        How many events are left.
    """
    first, end = bounds
    k = 0
    while k < count and first + events[k, 0] <= warm:
        state = events[k, 1]
        k += 1
    kept = 0
    if first <= warm < end:
        if k == 0:  # make room: nothing came before, so at most one row is missing
            for row in range(count, 0, -1):
                events[row, 0], events[row, 1] = events[row - 1, 0], events[row - 1, 1]
            count += 1
            k = 1
        events[0, 0], events[0, 1] = warm, state
        kept = 1
    for row in range(k, count):
        if first + events[row, 0] < end:
            events[kept, 0], events[kept, 1] = first + events[row, 0], events[row, 1]
            kept += 1
    return kept


@compile_lean
def advance(
    targets: Floats, accounts: Accounts, place: Place, whose: tuple[int, int], until: int
) -> None:
    """Take one account through the events of its lane that are left, and from there to a candle."""
    combination, lane = whose
    desk = desk_of(accounts, place, combination)
    candle, target = accounts.nexts[combination], desk.targets[0]
    k, count = place.taken[lane], place.counts[lane]
    while True:
        stop, following = until, target
        while k < count:
            if place.events[lane, k, 1] == LEFT:
                accounts.states[combination] = LEFT
                return
            following = targets[place.events[lane, k, 1]]
            if following != target and (following == following or target == target):
                stop = place.events[lane, k, 0]
                break
            k += 1
        if place.course == 1 or stop == place.stretches.close.size:
            candle = calm_jump(desk, place.stretches, candle, stop)
        else:
            candle = far_jump(desk, place.stretches, candle, stop)
        if candle == stop:
            if k == count:
                break
            target = following
            k += 1
        elif candle > stop:
            break
        mark = int(place.stretches.close[candle])
        if not close_round(desk, mark, end_at(place.stretches.ends, candle), target):
            accounts.states[combination] = LEFT
            return
        candle += 1
    accounts.nexts[combination] = candle


@compile_lean
def desk_of(accounts: Accounts, place: Place, combination: int) -> Desk:
    """The common desk with one combination's books on it."""
    desk = place.desk
    return Desk(
        accounts.sessions[combination],
        accounts.products[combination : combination + 1],
        accounts.targets[combination],
        accounts.minds[combination],
        desk.limits,
        desk.choices,
        desk.sizes,
        desk.facts,
        desk.values,
        desk.situation,
        desk.plan,
        desk.intents,
        accounts.days[combination],
    )


@compile_lean
def finish(targets: Floats, accounts: Accounts, place: Place) -> None:
    """Bring every account to the end of the tape."""
    for combination in range(accounts.states.size):
        if accounts.states[combination] != LEFT:
            end = place.stretches.close.size
            place.taken[0], place.counts[0] = 0, 0
            advance(targets, accounts, place, (combination, 0), end)
            settle_fall(accounts.sessions[combination])
