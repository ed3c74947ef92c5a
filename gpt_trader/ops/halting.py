"""Holding trading back from any terminal: written down first, then in force, then said.

It needs no session and no exchange, and a session that hangs cannot keep it from being written.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from gpt_trader.domain.errors import OutcomeUnknown, UsageError
from gpt_trader.domain.order import TradingState
from gpt_trader.ops.stored import opened_in
from gpt_trader.store.folders import open_session, profile_folder
from gpt_trader.store.gate import SENDS, STEPS, in_flight, shut
from gpt_trader.store.lease import holder
from gpt_trader.store.reading import LogReader
from gpt_trader.store.trading_state import (
    WORDS_MAX,
    Held,
    Standing,
    begin,
    read_standing,
    record_path,
    start_of,
    tighten,
)

FORCE_S_MAX = 2.0  # for whoever is inside a gate; a healthy session is out within milliseconds


@dataclass(frozen=True, slots=True)
class Scope:
    """What is held back: a profile's products, or one of them."""

    var: Path
    profile: str
    product_id: str  # "": all products

    @property
    def folder(self) -> Path:
        """Where the profile keeps its controls."""
        return profile_folder(self.var, self.profile)

    @property
    def record(self) -> Path:
        """The record of its trading state."""
        return record_path(self.var, self.profile)

    def __str__(self) -> str:
        return f"{self.product_id or 'all products'} of profile {self.profile}"


@dataclass(frozen=True, slots=True)
class Holding:
    """How trading was held back, and what was on its way meanwhile."""

    standing: Standing
    changed: bool  # False: it was held back so far already
    in_flight: tuple[str, ...]  # creates and edits between the record and its being in force
    recorded_s: float
    in_force_s: float


def hold_back(scope: Scope, wanted: TradingState, who: str, why: str) -> Holding:
    """Hold trading back as far as `wanted`; when it returns, no other create or edit leaves.

    Raises
    ------
    OutcomeUnknown
        It stands in the record, and a send is still on its way or the session does not answer.
    StoreRefused
        The record cannot be written.
    UsageError
        The session that is there does not trade the product.
    """
    check_product(scope)
    begun_s = time.monotonic()
    begin(scope.record, start_of(scope.profile, time.time_ns()))
    before = read_standing(scope.record)
    held = Held(wanted, who[:WORDS_MAX], time.time_ns(), why[:WORDS_MAX])
    standing = tighten(scope.record, scope.product_id, held)
    recorded_s = time.monotonic() - begun_s
    names = _in_force(scope, begun_s + recorded_s + FORCE_S_MAX)
    changed = before is None or before.sequence != standing.sequence
    return Holding(standing, changed, names, recorded_s, time.monotonic() - begun_s)


def _in_force(scope: Scope, deadline_s: float) -> tuple[str, ...]:
    """Wait until nobody is past a gate who has not seen the record; gives what was sent then."""
    seen: dict[str, None] = {}

    def goes_on() -> bool:
        flight = in_flight(scope.folder)
        if flight is not None and flight.is_on_its_way:
            seen[flight.client_order_id] = None
        return time.monotonic() < deadline_s

    goes_on()
    if not shut(scope.folder, STEPS, goes_on):
        raise OutcomeUnknown(
            f"{scope}: it stands in the record, and process {holder(scope.var, scope.profile)}, "
            f"which runs the session, did not answer within {FORCE_S_MAX:g} s. Once it goes on, it "
            "sends nothing more; end that process if it does not"
        )
    if shut(scope.folder, SENDS, goes_on):
        return tuple(seen)
    flight = in_flight(scope.folder)
    assert flight is not None  # whoever is inside has said so
    age_s = time.time_ns() / 1e9 - flight.since_ns / 1e9
    raise OutcomeUnknown(
        f"{scope}: it stands in the record and nothing more is sent; {flight.client_order_id} is "
        f"on its way to the exchange since {age_s:.1f} s and has no answer: it may still arrive"
    )


def check_product(scope: Scope) -> None:
    """Refuse a product that nobody trades: to hold back a misspelt one would hold back nothing.

    Raises
    ------
    UsageError
        The unfinished sessions of the profile trade others.
    """
    if not scope.product_id:
        return  # nothing is read that could be damaged
    names = {name for by_hand in (False, True) for name in _products(scope, by_hand)}
    if names and scope.product_id not in names:
        raise UsageError(
            f"the session of profile {scope.profile} trades {', '.join(sorted(names))}, not "
            f"{scope.product_id[:40]}"
        )


def _products(scope: Scope, by_hand: bool) -> tuple[str, ...]:
    folder = open_session(scope.var, scope.profile, by_hand=by_hand)
    if folder is None:
        return ()
    with LogReader(folder.log) as reader:
        return tuple(product.product_id for product in opened_in(reader).products)
