"""The trading state as a session obeys it: looked at before each step and before each send.

The record on disk is the one truth, whoever writes it. A step takes what changed there before
anything else and while it is inside the gate; a send looks again, on the worker's own thread, so
that no order leaves after the command that stopped it has returned.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from gpt_trader.domain.controls import TradingStateChanged
from gpt_trader.domain.errors import TraderError
from gpt_trader.domain.events import EditIntended, OrderIntended
from gpt_trader.domain.order import TradingState
from gpt_trader.engine.engine import Engine
from gpt_trader.kernels.gates import REDUCING
from gpt_trader.live.seams import wall_ns
from gpt_trader.store.folders import profile_folder
from gpt_trader.store.gate import SENDS, STEPS, Flight, Gate
from gpt_trader.store.trading_state import (
    WORDS_MAX,
    Held,
    TradingRecord,
    begin,
    record_path,
    start_of,
    tighten,
)


class Withheld(TraderError):
    """The request did not leave, and never will."""


class Control:
    """One session's side of the trading state. Steps and sends come from a thread each.

    Raises
    ------
    StoreRefused
        The record or the gates cannot be made.
    """

    def __init__(self, var: Path, profile: str) -> None:
        folder = profile_folder(var, profile)
        self._path = record_path(var, profile)
        begin(self._path, start_of(profile, wall_ns()))
        self._steps, self._sends = Gate(folder, STEPS), Gate(folder, SENDS)
        self._flight = Flight(folder)
        self._stepping, self._sending = TradingRecord(self._path), TradingRecord(self._path)
        self._taken: int | None = None  # the change that the engine has followed

    def close(self) -> None:
        """Let go of record and gates; nothing may be sent after it."""
        for one in (self._steps, self._sends, self._flight, self._stepping, self._sending):
            one.close()

    @property
    def state(self) -> TradingState:
        """What holds for all products."""
        return self._stepping.standing().everything.state

    def tighten(self, wanted: TradingState, who: str, why: str, product_id: str = "") -> None:
        """Write down that no more than `wanted` may be sent; what is tighter stays.

        Raises
        ------
        StoreRefused
            The record cannot be written.
        """
        own = self._stepping.standing().own(product_id)
        if own is None or own.state.tightness < wanted.tightness:
            held = Held(wanted, who[:WORDS_MAX], wall_ns(), why[:WORDS_MAX])
            tighten(self._path, product_id, held)

    def stepping(self) -> AbstractContextManager[None]:
        """Be inside the gate for one step, what it writes down included."""
        return self._steps.passing()

    def news(self, engine: Engine) -> tuple[TradingStateChanged, ...]:
        """What the engine must take in first, since the record was changed; once."""
        standing = self._stepping.standing()
        if standing.sequence == self._taken:
            return ()
        self._taken = standing.sequence
        scopes = {"": standing.everything}
        scopes |= {name: standing.products[name] for name in sorted(standing.products)}
        return tuple(
            TradingStateChanged(engine.now_ns, held.state, held.who, held.why, name)
            for name, held in scopes.items()
            if held.state is not engine.trading.own(name) and (not name or name in engine.products)
        )

    @property
    def moved(self) -> bool:
        """Whether the record was changed since the last step."""
        return self._stepping.standing().sequence != self._taken

    @contextmanager
    def sending(self, request: OrderIntended | EditIntended, product_id: str) -> Iterator[None]:
        """Be inside the gate for one send, until its answer.

        Raises
        ------
        Withheld
            The trading state does not let it out any more.
        """
        with self._sends.passing():
            held = self._sending.standing().of(product_id)
            if not _lets_out(request, held.state):
                raise Withheld(f"trading is {held.state.value} by {held.who}: {held.why}")
            with self._flight.of(request.client_order_id, wall_ns()):
                yield


def _lets_out(request: OrderIntended | EditIntended, state: TradingState) -> bool:
    """The verdicts say whether it is an exit: then reduce-only is the furthest state allowed."""
    if state is TradingState.ACTIVE:
        return True
    is_exit = any(one.rule == "trading_state" and one.limit >= REDUCING for one in request.verdicts)
    return state is TradingState.REDUCE_ONLY and is_exit
