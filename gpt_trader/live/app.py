"""The wiring of a live session, in plain view: who is made from what, and in which order."""

import asyncio
import random
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from gpt_trader.coinbase.readiness import Subscription
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.signer import Signer
from gpt_trader.coinbase.stream import Patience, Stream
from gpt_trader.coinbase.tls import trust
from gpt_trader.domain.errors import BooksDisagree, OutcomeUnknown, TraderError, Unwatched
from gpt_trader.domain.events import HoldingAdopted
from gpt_trader.domain.order import TradingState
from gpt_trader.domain.product import amount_of
from gpt_trader.engine.engine import Engine
from gpt_trader.kernels.compile import set_cache_folder
from gpt_trader.live.clock import EventClock
from gpt_trader.live.control import Control
from gpt_trader.live.day import since_midnight
from gpt_trader.live.health import Health, Pulse
from gpt_trader.live.links import Links, Until
from gpt_trader.live.lockstep import Lockstep
from gpt_trader.live.loop import Loop
from gpt_trader.live.opening import (
    begin,
    choose,
    forget_if_unborn,
    of_session,
    opening,
    portfolio_of,
    resume,
)
from gpt_trader.live.options import Options
from gpt_trader.live.reconciliation import Account
from gpt_trader.live.record import Record
from gpt_trader.live.report import Reporter, close_log, open_log
from gpt_trader.live.seams import (
    Probes,
    monotonic_s,
    new_token,
    probes_from,
    reader_delays,
    wall_ns,
)
from gpt_trader.live.summary import Ending, document
from gpt_trader.live.venues import NEW_POSITION, Venue, open_venue, playing
from gpt_trader.risk.verdicts import compile_gates
from gpt_trader.settings import WHY_GUARDED, guarded, read_guards
from gpt_trader.store.folders import SessionFolder, profile_folder
from gpt_trader.store.lease import hold
from gpt_trader.store.trading_state import REAL_MONEY, THE_START

AT_OPENING = "at the opening"
"""The name under which a dev account gives a part of it to its first session by hand."""
REST_S_MAX = 10.0
SILENCE_S_MAX = 5.0
FIRST_TRIES = 3
HEALTH_S = 1.0
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Result:
    """What the command answers."""

    document: dict[str, object]
    interrupted: bool
    fault: TraderError | None  # why the session could not be closed and stays unfinished


@dataclass(frozen=True, slots=True)
class Running:
    """What only the wiring knows of the running session."""

    options: Options
    environ: Mapping[str, str]
    folder: SessionFolder
    started_s: float
    venue: Venue
    clients: tuple[RestClient, ...]  # whose requests Coinbase counts together
    health: Health
    progress: Progress


async def run_session(options: Options, environ: Mapping[str, str], progress: Progress) -> Result:
    """Open or resume a session, trade until it ends, and say what came of it."""
    started_s = monotonic_s()
    settings = options.settings
    set_cache_folder(settings.kernel_cache or settings.var / "cache")
    probes = probes_from(environ, options.profile)
    delays = reader_delays(environ, options.profile)
    async with AsyncExitStack() as stack:
        stack.callback(hold(settings.var, options.profile))
        control = _control(options, stack)
        folder, resumed = choose(options)
        stack.callback(forget_if_unborn, folder)
        if resumed:
            options = of_session(options, folder)
        handler = open_log(
            settings.var / "logs" / "perps_bot.log",
            settings.log_max_bytes,
            settings.log_backup_count,
        )
        stack.callback(close_log, handler)
        # On a new machine the rules take seconds to compile: meanwhile the exchange starts.
        compiling = asyncio.create_task(asyncio.to_thread(compile_gates))
        await asyncio.sleep(0)
        venue = open_venue(options, folder, stack)
        await compiling
        signer = Signer.from_key_file(venue.key_file, wall_ns)
        clock = EventClock()
        rest, asking = (_rest(venue, signer, clock, probes, stack) for _ in range(2))
        feed = new_token()
        lockstep = await _lockstep(options, venue, signer, feed, stack)
        if lockstep is not None:
            venue = playing(venue, lockstep.tape)
        portfolio = portfolio_of(rest, options.profile)
        if resumed:
            log, engine, news = resume(folder, portfolio, options.settings.limits)
        else:
            opened = opening(options, folder, venue, rest, lockstep)
            if not venue.is_child:  # a child's account is as new as the session
                opened = since_midnight(opened, options, portfolio)
            opened = replace(opened, trading_state=control.state)
            log, engine, news = begin(options, folder, opened, portfolio)
        stack.callback(log.close)
        clock.follow(engine)
        stream = _stream(options, venue, signer, feed, engine)
        stack.push_async_callback(stream.close)
        record = Record(log, folder.log, engine, Reporter(engine), probes)
        heard = None if lockstep is not None else settings.var
        keeps_time = options.speed == "real"
        links = Links(rest, asking, stream, control, lockstep, venue.is_child, heard, keeps_time)
        loop = Loop(engine, record, links, probes, delays)
        stack.callback(loop.desk.close)
        stack.callback(loop.asking.close)
        health = Health(profile_folder(settings.var, options.profile))
        running = Running(
            options, environ, folder, started_s, venue, (rest, asking), health, progress
        )
        await loop.take(news)
        return await _trade(loop, running)


def _rest(
    venue: Venue, signer: Signer, clock: EventClock, probes: Probes, stack: AsyncExitStack
) -> RestClient:
    """A way to the exchange of its own; its connection is made with the first request."""
    rest = RestClient(
        venue.host,
        signer,
        ca_file=venue.ca,
        timeout_s=REST_S_MAX,
        now_ns=clock.now_ns,
        watch=probes.watch(),
    )
    stack.callback(rest.close)
    return rest


async def _lockstep(
    options: Options, venue: Venue, signer: Signer, feed: str, stack: AsyncExitStack
) -> Lockstep | None:
    if not options.lockstep:
        return None
    lockstep = await Lockstep.open(f"{venue.stream_url}lockstep", trust(venue.ca), signer, feed)
    stack.push_async_callback(lockstep.close)
    return lockstep


def _stream(options: Options, venue: Venue, signer: Signer, feed: str, engine: Engine) -> Stream:
    """One connection for the market and for our orders: their order is then the exchange's."""
    products = tuple(engine.markets)
    return Stream(
        f"{venue.stream_url}?feed={feed}" if options.lockstep else venue.stream_url,
        trust(venue.ca),
        signer,
        (
            Subscription("heartbeats", ()),
            Subscription("user", ()),
            Subscription("ticker", products),
            Subscription("market_trades", products),
        ),
        dice=random.Random(new_token()),
        patience=Patience(None if options.lockstep else SILENCE_S_MAX, FIRST_TRIES),
    )


async def _trade(loop: Loop, running: Running) -> Result:
    """Recover, trade, and end in good order."""
    ended = "an error ended it"
    beat = asyncio.create_task(_beat(loop, running))
    loop.guard(beat)
    try:
        with _interrupts(loop) as interrupted:
            await _take_over(loop, running)
            await loop.recover()
            reason = await loop.run(_until(running, len(loop.engine.markets)))
            account = await _end(loop, running, reason)
            ended = reason
    except TraderError as e:
        if loop.can_abandon and not running.options.by_hand:
            await loop.abandon()
        left = unwatched(loop.engine, running.folder.session_id)
        if left is not None:
            raise Unwatched(f"{e}; {left}") from e
        raise
    finally:
        beat.cancel()
        _write_health(loop, running, ended)
    loop.record.finish()
    stays, session_id = _stays(loop, running), running.folder.session_id
    fault = unwatched(loop.engine, session_id) if stays else _fault(loop.engine, session_id)
    loop.answer_all(fault)
    return Result(_document(loop, running, account, reason), bool(interrupted), fault)


async def _take_over(loop: Loop, running: Running) -> None:
    """Write down what the account holds; a new dev account gives a session by hand a part of it.

    A session that was killed between the two has seen no market yet, and does the second.
    """
    engine, options = loop.engine, running.options
    if engine.allocation is None:
        await loop.books.opening_balances()
    given = AT_OPENING in engine.adopted or engine.valuation.day >= 0
    is_ours = options.profile == "dev" and running.venue.is_child and not options.trades_contracts
    if options.by_hand and is_ours and not given:
        product_id, size, cost = NEW_POSITION
        who = "the dev profile"
        await loop.take(HoldingAdopted(engine.now_ns, who, product_id, size, cost, AT_OPENING))


def _stays(loop: Loop, running: Running) -> bool:
    """A session by hand stays unfinished while it has orders or holdings, or until it is closed."""
    if not running.options.by_hand or (loop.window is not None and loop.window.closing):
        return False
    held = any(position.lots for position in loop.engine.ledger.positions().values())
    return held or bool(loop.engine.orders.working())


async def _end(loop: Loop, running: Running, reason: str) -> Account:
    return await (loop.leave() if _stays(loop, running) else loop.close(reason))


def _until(running: Running, product_count: int) -> Until:
    """A tape of our own ends by itself; every other market is left after so many candles."""
    options, venue = running.options, running.venue
    if options.by_hand:
        return Until(candles=None, tape_ns=None, answered=options.once)
    if venue.is_child and options.profile == "dev":
        return Until(
            candles=None, tape_ns=None if options.lockstep else venue.ends_ns, answered=False
        )
    if options.candles is None:
        return Until(candles=None, tape_ns=None, answered=False)
    return Until(candles=options.candles * product_count, tape_ns=None, answered=False)


def _fault(engine: Engine, session_id: str) -> TraderError | None:
    """Why the session stays unfinished, if it does."""
    if not engine.books_agree:
        return BooksDisagree(
            f"the ledger and the exchange differ; session {session_id} stays unfinished: see the "
            "CRITICAL line in the log"
        )
    if working := engine.orders.working():
        return OutcomeUnknown(
            f"the exchange has not said how order {working[0].client_order_id} ended; session "
            f"{session_id} stays unfinished: the same command goes on with it"
        )
    return None


def unwatched(engine: Engine, session_id: str) -> TraderError | None:
    """That stops wait which nobody watches from now on, or may not have been sent, if so."""
    stops = engine.orders.supervised()
    sent = [order for order in engine.orders.working() if order.is_fired_stop]
    if sent:
        names = ", ".join(order.client_order_id for order in sent)
        return Unwatched(
            f"{names} was sent at its trigger, and it is not known whether it arrived: look at the "
            f"position; `gpt-trader live --by-hand` goes on with session {session_id}"
        )
    if not stops:
        return None
    names = ", ".join(order.client_order_id for order in stops)
    return Unwatched(
        f"nobody watches the trigger of {names} now, so it cannot fire: "
        f"`gpt-trader live --by-hand` goes on with session {session_id}"
    )


def _control(options: Options, stack: AsyncExitStack) -> Control:
    """The trading state as every start finds it: guards hold it back, nothing is ever loosened."""
    settings = options.settings
    control = Control(settings.var, options.profile)
    stack.callback(control.close)
    if options.profile in REAL_MONEY:
        control.tighten(TradingState.HALTED, THE_START, "real money waits for a person")
    control.tighten(guarded(settings.kill_switch, settings.reduce_only), THE_START, WHY_GUARDED)
    return control


@contextmanager
def _interrupts(loop: Loop) -> Iterator[list[int]]:
    """Let Ctrl-C and SIGTERM end the session in good order; yields the signals that came."""
    running, came = asyncio.get_running_loop(), list[int]()

    def release() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            running.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    def interrupt(number: int) -> None:
        came.append(number)
        loop.stop("stopped by a person")
        release()  # a second one kills us, should no answer come: the next start recovers

    for number in (signal.SIGINT, signal.SIGTERM):
        running.add_signal_handler(number, interrupt, number)
    try:
        yield came
    finally:
        release()


def _document(loop: Loop, running: Running, account: Account, reason: str) -> dict[str, object]:
    engine = loop.engine
    allocation = engine.allocation
    assert allocation is not None
    opening, quote = allocation.opening, allocation.quote
    equity = account.totals.get(quote, Decimal(0)) - opening[quote] + allocation.cash
    for product in engine.opened.products:
        before = opening.get(product.base, Decimal(0))
        lots = product.lots(account.totals.get(product.base, Decimal(0)) - before)
        mark_ticks = engine.markets[product.product_id].mark_ticks
        if product.contract is None:
            equity += amount_of(product.notional_received(mark_ticks, lots))
        else:
            equity += amount_of(engine.ledger.worth_units(product, mark_ticks))
    return document(
        engine,
        Ending(
            session_id=running.folder.session_id,
            profile=running.options.profile,
            log_hash=loop.record.log.log_hash(),
            duration_s=monotonic_s() - running.started_s,
            equity_start=allocation.cash,
            exchange_equity=equity,
            ledger_difference=sum((abs(gap) for gap in account.differences.values()), Decimal(0)),
            reason=reason,
        ),
    )


async def _beat(loop: Loop, running: Running) -> None:
    while True:
        _write_health(loop, running, None)
        guards = read_guards(running.environ, Path.cwd())
        loop.tighten(guarded(guards.kill_switch, guards.reduce_only), "a guard, while running")
        running.progress(loop.engine.counts["candles"], running.venue.rounds)
        await asyncio.sleep(HEALTH_S)


def _write_health(loop: Loop, running: Running, ended: str | None) -> None:
    options = running.options
    pulse = Pulse(
        session_id=running.folder.session_id,
        profile=options.profile,
        now_s=monotonic_s(),
        loop_s=loop.turned_s,
        message_s=loop.heard_s,
        recovered=loop.recovered,
        lockstep=options.lockstep,
        ended=ended,
        log_seq=loop.record.log.head[0],
        requests=sum(client.requests for client in running.clients),
    )
    running.health.write(loop.engine, pulse, wall_ns())
