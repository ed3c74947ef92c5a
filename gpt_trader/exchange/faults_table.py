"""The table of faults: what can go wrong at the exchange, by name, and where each strikes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Place(StrEnum):
    """Where a fault strikes, and so what its occasions are."""

    CREATE = "POST /orders"
    CANCEL = "POST /orders/batch_cancel"
    EDIT = "POST /orders/edit"
    ORDERS = "GET /orders/historical/batch"
    FILLS = "GET /orders/historical/fills"
    REQUEST = "any REST request"
    FRAME = "a WebSocket message"
    UPDATE = "a user message"
    SNAPSHOT = "a user snapshot"
    SUBSCRIBE = "a subscription"


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the table."""

    case: str  # A is order entry by REST, B the WebSocket; several faults make up a case
    place: Place
    what: str
    needs_pace: bool  # it is silence or delay, which a tape in lockstep would wait for


def _fault(case: str, place: Place, what: str) -> Fault:
    return Fault(case, place, what, needs_pace=False)


FAULTS: Mapping[str, Fault] = {
    "answer_lost": _fault("A1", Place.CREATE, "the order is taken, its answer never comes"),
    "request_lost": _fault("A2", Place.CREATE, "the order never arrives, nor does an answer"),
    "request_late": _fault("A3", Place.CREATE, "no answer; the order is taken 1 to 110 s later"),
    "error_done": _fault("A4", Place.CREATE, "the order is taken, the answer is HTTP 5xx"),
    "error_undone": _fault("A4", Place.CREATE, "HTTP 5xx, and no order"),
    "refused": _fault("A5", Place.CREATE, "success false, with any reason there is, or a new one"),
    "odd_success": _fault("A5", Place.CREATE, "the order is taken; success with a failure_reason"),
    "garbled": _fault("A6", Place.REQUEST, "done; the answer is cut, HTML or of wrong types"),
    "repeated": _fault("A7", Place.CREATE, "the order arrives twice; the second answer is given"),
    "cancel_lost": _fault("A8", Place.CANCEL, "no answer; the cancel is carried out, or is not"),
    "cancel_refused": _fault("A8", Place.CANCEL, "the cancel is refused with a documented reason"),
    "cancel_late": _fault(
        "A8", Place.CANCEL, "success; the order works on for 1 to 110 s, or past a restart"
    ),
    "edit_lost": _fault("A9", Place.EDIT, "no answer; the edit is carried out, or is not"),
    "edit_partly": _fault("A9", Place.EDIT, "success, but the price alone changes"),
    "listing_lags": _fault("A10", Place.ORDERS, "orders of the last 90 s are missing, or twice"),
    "fills_lag": _fault("A11", Place.FILLS, "fills of the last 90 s are missing, or twice"),
    "fee_revised": _fault("A11", Place.FILLS, "a commission told here is another one afterwards"),
    "rate_limited": _fault("A12", Place.REQUEST, "HTTP 429, with or without a reason; not done"),
    "unauthorized": _fault("A13", Place.REQUEST, "the token is judged by a clock 300 s off; 403"),
    "post_only_crosses": _fault("A16", Place.CREATE, "a post-only order is refused: it would take"),
    "self_trade": _fault("A16", Place.CREATE, "the order is taken and ended again at once"),
    "answer_cut": _fault("A17", Place.REQUEST, "done; the connection breaks amid the answer"),
    "answer_slow": _fault("A17", Place.REQUEST, "done; the answer comes in drips"),
    "half_open": _fault("A17", Place.REQUEST, "done; nothing comes for a while, then a reset"),
    "frames_lost": _fault("B1", Place.FRAME, "1 to 3 messages are skipped in sequence_num"),
    "frame_repeated": _fault("B2", Place.FRAME, "a message comes twice"),
    "frames_swapped": _fault("B2", Place.FRAME, "two messages change places"),
    "frame_replayed": _fault("B2", Place.FRAME, "an old message comes again"),
    "market_silent": _fault("B3", Place.FRAME, "no ticker or no market data for 1 to 5 heartbeats"),
    "all_silent": Fault("B3", Place.FRAME, "nothing more comes on this connection", True),
    "frames_late": Fault("B4", Place.FRAME, "messages come later and later, up to 60 s", True),
    "closed": _fault("B5", Place.FRAME, "closed with code 1000, 1001, 1008, 1011 or 1012"),
    "cut": _fault("B5", Place.FRAME, "the connection breaks without a close"),
    "unanswered": Fault("B5", Place.SUBSCRIBE, "a subscription is not answered", True),
    "not_subscribed": _fault("B6", Place.SUBSCRIBE, "an error is the answer to a subscription"),
    "snapshot_misses": _fault("B7", Place.SNAPSHOT, "an open order is not in the snapshot"),
    "update_lost": _fault("B8", Place.UPDATE, "a change is not told; later amounts include it"),
    "frames_first": _fault("B9", Place.REQUEST, "user messages before the answer, or behind it"),
    "frame_garbled": _fault("B10", Place.FRAME, "cut, unknown, NaN, negative, nested or doubled"),
    "book_crossed": _fault("B10", Place.FRAME, "a ticker whose bid is above its ask"),
    "price_absurd": _fault("B10", Place.FRAME, "prices of a hundred times or a hundredth, or 0"),
    "frame_huge": _fault("B10", Place.FRAME, "a message of more than 10 MiB"),
    "burst": _fault("B11", Place.FRAME, "a message of the market comes a hundredfold"),
}


def listed() -> str:
    """Give the table as ``--help`` shows it."""
    width = max(map(len, FAULTS))
    return "\n".join(f"  {f.case:4}{name:{width}}  {f.what}" for name, f in FAULTS.items())
