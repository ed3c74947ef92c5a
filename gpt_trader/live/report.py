"""The session's log file: one line for each event a person may ask about, and none for frames.

Trading code does not log. The lines are made here, from the events, in UTC and one line a record.
The word *filled* stands in a line once for each fill and nowhere else: the runbook counts it.
"""

import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from logging.handlers import RotatingFileHandler
from pathlib import Path

from gpt_trader.domain.controls import TradingStateChanged
from gpt_trader.domain.errors import StoreRefused
from gpt_trader.domain.events import (
    BooksCompared,
    CancelAnswered,
    CancelAsked,
    CancelIntended,
    EditAnswered,
    EditAsked,
    EditIntended,
    EditLost,
    Event,
    FeedChanged,
    FeeRevised,
    ForeignOrderSeen,
    HoldingAdopted,
    OrderAbsent,
    OrderAccepted,
    OrderAsked,
    OrderChanged,
    OrderDenied,
    OrderFilled,
    OrderIntended,
    OrderLost,
    OrderRejected,
    SessionClosed,
    SessionOpened,
    SessionResumed,
    StopEnded,
    StopReached,
    StopRequested,
    StopSupervised,
    StopWithheld,
    TriggerReached,
)
from gpt_trader.domain.futures import FundingPaid, PositionLiquidated
from gpt_trader.domain.product import amount_of
from gpt_trader.engine.engine import Engine
from gpt_trader.live.desk import EXCHANGE

LOGGER = logging.getLogger("gpt_trader")
MINUTE_NS = 60_000_000_000
ENDED = {"FILLED": "complete", "CANCELLED": "cancelled", "EXPIRED": "expired", "FAILED": "failed"}


class _OneLine(logging.Formatter):
    """UTC time, level, text; a line break inside a record would forge a second one."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        text = " | ".join(record.getMessage().splitlines())
        return f"{stamp.replace('+00:00', 'Z')} {record.levelname} {text}"


class _LogFile(RotatingFileHandler):
    """Stops the session where it cannot be written: a person would look at an old log."""

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if isinstance(error, StoreRefused):
            raise error  # of ours: the classes above hand what a line met with up twice
        if isinstance(error, OSError):
            raise StoreRefused(f"cannot write {self.baseFilename}: {error.strerror}") from error
        super().handleError(record)


def open_log(path: Path, bytes_max: int, backup_count: int) -> logging.Handler:
    """Let the session's lines go to `path`, rotating."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler = _LogFile(
            path,
            maxBytes=bytes_max,
            backupCount=backup_count,
            encoding="utf-8",
            errors="backslashreplace",
        )
    except OSError as e:
        raise StoreRefused(
            f"cannot write {path}: {e.strerror}; name a folder you can write with --var"
        ) from e
    handler.setFormatter(_OneLine())
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    LOGGER.addHandler(handler)
    return handler


def close_log(handler: logging.Handler) -> None:
    """Let go of the log file; what it could not write has been said by whoever wrote it."""
    LOGGER.removeHandler(handler)
    with suppress(OSError):
        handler.close()


class Reporter:
    """Turns events into log lines, and a minute of event time into a telemetry line a product."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._minute = engine.now_ns // MINUTE_NS
        self._frames = dict.fromkeys(engine.markets, 0)

    def report(self, event: Event) -> None:
        """Write the line of one event that is in the log, if it has one."""
        level, text = line_of(event)
        if not isinstance(event, OrderFilled):
            text = text.replace("filled", "executed")  # in a reason of the exchange's, say
        if text:
            LOGGER.log(level, text)

    def telemetry(self) -> None:
        """Write the telemetry lines once a minute of event time."""
        minute = self._engine.now_ns // MINUTE_NS
        if minute == self._minute:
            return
        self._minute = minute
        for name, market in self._engine.markets.items():
            frames = market.frames - self._frames[name]
            self._frames[name] = market.frames
            age_s = (self._engine.now_ns - market.mark_ns) / 1e9
            LOGGER.info(
                "telemetry product=%s mark_price=%s message_age_s=%.3f messages=%d "
                "late_trades=%d PnL=%s equity=%s",
                name,
                market.product.price(market.mark_ticks),
                age_s,
                frames,
                market.builder.late,
                self._engine.ledger.realized_pnl,
                self._equity(),
            )

    def last_line(self) -> None:
        """Write the PnL the session ends with."""
        LOGGER.info(
            "PnL realized_pnl=%s fees=%s equity=%s",
            self._engine.ledger.realized_pnl,
            self._engine.ledger.fees,
            self._equity(),
        )

    def _equity(self) -> Decimal | str:
        units = self._engine.equity_units()
        return "unknown" if units is None else amount_of(units)


def line_of(event: Event) -> tuple[int, str]:
    """The level and the text of an event's log line; no text for what is not logged."""
    match event:
        case OrderIntended(client_order_id=name, draft=draft):
            price = "market" if draft.limit_price is None else str(draft.limit_price)
            return logging.INFO, (
                f"order {name} intended {draft.side} {draft.base_size} {draft.product_id} "
                f"at {price} {draft.time_in_force.name} ({draft.why})"
            )
        case StopReached(product_id=product_id):
            return logging.WARNING, (
                f"stop of {product_id} reached: worth {event.value} of {event.cost} paid, "
                f"a loss above {event.loss_max}"
            )
        case StopSupervised() | TriggerReached() | StopWithheld() | StopEnded():
            return _line_of_trigger(event)
        case OrderDenied(draft=draft, reasons=reasons):
            return logging.WARNING, (
                f"denied {draft.side} {draft.base_size} {draft.product_id}: {'; '.join(reasons)}"
            )
        case OrderFilled(client_order_id=name):
            return logging.INFO, (
                f"order {name} filled {event.side} {event.base_size} {event.product_id} "
                f"at {event.price} fee {event.fee} {event.liquidity.name.lower()} "
                f"trade {event.trade_id}"
            )
        case FeeRevised(client_order_id=name):
            said = f"now {event.fee:f}, it was booked as {event.fee_before:f}"
            return logging.WARNING, f"order {name} fee of trade {event.trade_id} is {said}"
        case OrderChanged(client_order_id=name, status=status):
            said = ENDED.get(status.value, status.value.lower())
            return logging.INFO, f"order {name} now {said} {event.reason}".rstrip()
        case _:
            return _line_of_answer(event)


def _line_of_trigger(
    event: StopSupervised | TriggerReached | StopWithheld | StopEnded,
) -> tuple[int, str]:
    name = event.client_order_id
    match event:
        case StopSupervised(draft=draft):
            return logging.INFO, (
                f"stop {name} watched by us {draft.side} {draft.base_size} {draft.product_id} "
                f"at the market once it is at {draft.stop_price}"
            )
        case TriggerReached():
            return logging.WARNING, f"stop {name} reached: the market is at {event.mark_price}"
        case StopWithheld(reasons=reasons):
            return logging.ERROR, f"stop {name} withheld, it goes on: {'; '.join(reasons)}"
        case StopEnded(status=status, why=why):
            return logging.WARNING, f"stop {name} {status.value.lower()}, nothing sent: {why}"


def _line_of_answer(event: Event) -> tuple[int, str]:
    match event:
        case OrderAccepted(client_order_id=name):
            return logging.INFO, f"order {name} accepted as {event.order_id}"
        case OrderRejected(client_order_id=name):
            return logging.WARNING, f"order {name} rejected: {event.reason} {event.message}".strip()
        case OrderLost(client_order_id=name):
            return logging.ERROR, f"order {name} outcome unknown: {event.reason}"
        case OrderAbsent(client_order_id=name):
            return logging.WARNING, f"order {name} absent from {event.listings} full listings"
        case EditIntended(client_order_id=name):
            return (
                logging.INFO,
                f"edit of {name} intended: {event.terms}",
            )
        case EditAnswered(client_order_id=name):
            said = "accepted" if event.accepted else f"refused: {event.reason}"
            return logging.INFO, f"edit of {name} {said}"
        case EditLost(client_order_id=name):
            return logging.ERROR, f"edit of {name} outcome unknown: {event.reason}"
        case CancelIntended(client_order_id=name):
            return logging.INFO, f"cancel of {name} intended: {event.why}"
        case CancelAnswered(client_order_id=name):
            said = "accepted" if event.accepted else f"refused: {event.reason}"
            return logging.INFO, f"cancel of {name} {said}"
        case _:
            return _line_of_session(event)


def _line_of_session(event: Event) -> tuple[int, str]:
    match event:
        case SessionOpened(profile=profile):
            products = ", ".join(p.product_id for p in event.products)
            return logging.INFO, (
                f"session opened: profile {profile}, {event.strategy} on {products}, "
                f"trading {event.trading_state.value}"
            )
        case SessionResumed(folded=folded):
            return logging.INFO, f"session resumed: {folded} events folded"
        case FeedChanged(ready=ready, reason=reason):
            level = logging.INFO if ready else logging.ERROR
            return level, f"feed {'ready' if ready else 'not ready'}: {reason}"
        case BooksCompared(differences=differences):
            if not differences:
                return logging.INFO, "books agree with the exchange"
            said = ", ".join(f"{name} {value}" for name, value in sorted(differences.items()))
            return logging.CRITICAL, f"books differ from the exchange (theirs minus ours): {said}"
        case ForeignOrderSeen(order_id=order_id):
            return logging.WARNING, f"foreign order {order_id} on {event.product_id}: not ours"
        case FundingPaid(amount=amount) if amount:
            return logging.INFO, f"funding {amount:+f}, {event.day_total:+f} of the day so far"
        case PositionLiquidated(product_id=product_id):
            return logging.CRITICAL, (
                f"LIQUIDATION of {product_id}: Coinbase's own order {event.order_id} took "
                f"{event.side} {event.base_size} at {event.price} fee {event.fee}"
            )
        case TradingStateChanged(state=state):
            level = logging.CRITICAL if event.who == EXCHANGE else logging.WARNING
            return level, f"trading {state.value} by {event.who}: {event.why}"
        case OrderAsked(who=who, draft=draft):
            return logging.INFO, (
                f"{who} asks to {draft.side.lower()} {draft.base_size} {draft.product_id}"
            )
        case EditAsked(who=who, client_order_id=name):
            return (
                logging.INFO,
                f"{who} asks that {name} be {event.terms}",
            )
        case CancelAsked(who=who, client_order_ids=names):
            return logging.INFO, f"{who} asks for the end of {', '.join(names)}"
        case HoldingAdopted(who=who):
            return logging.WARNING, (
                f"{who} gives {event.base_size} {event.product_id} to the session, "
                f"at a cost of {event.cost}"
            )
        case StopRequested(reason=reason):
            return logging.INFO, f"stop requested: {reason}"
        case SessionClosed(reason=reason):
            return logging.INFO, f"session closed: {reason}"
        case _:
            return logging.DEBUG, ""
