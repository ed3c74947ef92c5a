"""All trading state, on one thread: `apply` changes it, `decide` reads it, neither does I/O."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from gpt_trader.broker.execution import Situation, compile_plan, plan, rate_count
from gpt_trader.broker.orders import Order, Orders, may_raise
from gpt_trader.domain.controls import TradingStateChanged
from gpt_trader.domain.errors import StoreDamaged
from gpt_trader.domain.events import (
    BalancesSeen,
    BooksCompared,
    CancelAsked,
    CancelIntended,
    CandleClosed,
    CandlesLoaded,
    ClockTicked,
    Decision,
    Draft,
    EditAsked,
    EditIntended,
    Event,
    FeedChanged,
    FeeRevised,
    HoldingAdopted,
    OrderAccepted,
    OrderAsked,
    OrderChanged,
    OrderDenied,
    OrderFilled,
    OrderIntended,
    QuoteSeen,
    SessionOpened,
    SessionResumed,
    StopEnded,
    StopReached,
    StopRequested,
    StopSupervised,
    TradesSeen,
    TriggerReached,
)
from gpt_trader.domain.futures import FundingPaid, PositionLiquidated
from gpt_trader.domain.order import Liquidity, OrderStatus, OrderType, TradingState, Verdict
from gpt_trader.domain.product import cash_units_held, cash_units_owed
from gpt_trader.engine.facts import Exposures, cash_free, facts_of
from gpt_trader.engine.market import NS, Market
from gpt_trader.engine.rate import Rate
from gpt_trader.engine.renewal import edited, renewed
from gpt_trader.engine.stops import Moment, expiries, fired, loss_stop, refusal, triggers
from gpt_trader.engine.targets import compile_targets, target_lots_of
from gpt_trader.engine.trading import Trading
from gpt_trader.kernels.money import share_of
from gpt_trader.portfolio.allocation import Allocation
from gpt_trader.portfolio.books import open_books
from gpt_trader.portfolio.valuation import Valuation, equity_units
from gpt_trader.risk.limits import Limits
from gpt_trader.risk.verdicts import compile_gates, judge, reasons
from gpt_trader.signals.strategy import Strategy
from gpt_trader.strategies.registry import BY_HAND, strategy_named

STANDING = frozenset({"trading_state", "stale_mark", "books_agree", "daily_loss", "drawdown"})
"""Rules about the state of things, not about one order: they bind an order that waits, too."""
FORM = 14
"""Of what `Engine.freeze` gives: one more whenever a field comes, goes or means something else."""
COUNTS = ("candles", "stops", "denials", "fills", "partial_fills", "maker_fills", "taker_fills")


class Engine:
    """Folds events into positions, orders and signals, and says what follows from each.

    `opened` is the session's first event: products, strategy, sizing and limits are fixed by it.
    `strategy` is the one it names, where no other session could find it by that name.
    """

    def __init__(self, opened: SessionOpened, strategy: Strategy | None = None) -> None:
        self.opened = opened
        self.limits = Limits.from_mapping(opened.limits)
        strategy = strategy or strategy_named(opened.strategy)
        self.markets = {p.product_id: Market(p, opened, strategy) for p in opened.products}
        self.orders = Orders()
        self.products = {p.product_id: p for p in opened.products}
        self.ledger = open_books(opened.products, cash_units_held(opened.cash))
        self.allocation: Allocation | None = None  # until the opening balances are seen
        self.valuation = Valuation(opened.ts_ns, int(opened.day_pnl.scaleb(8)))
        self.trading = Trading(opened.trading_state)
        self.feed_ready = self.prices_come = False
        self.books_agree, self.stopping = True, False
        self.now_ns, self.intents = opened.ts_ns, 0
        self.counts = dict.fromkeys(COUNTS, 0)
        self.denials_by_rule: dict[str, int] = {}
        self.asked: dict[str, str] = {}  # a person's name of an order: our id; "" if denied
        self.adopted: set[str] = set()  # names of what the owner gave
        self._rate = Rate()
        self._stop_rate = rate_count(Decimal(str(opened.sizing["stop_rate"])))
        # Compiled before anything is decided: an order must not wait seconds for its rules.
        compile_gates()
        compile_plan()
        share_of(0, 0)
        compile_targets()

    # --- apply: changes, decides nothing ----------------------------------------------------

    def apply(self, event: Event) -> None:
        """Take in one event, our own decisions included. Folding the log rebuilds the engine."""
        self.now_ns = max(self.now_ns, event.ts_ns)
        match event:
            case TradesSeen():
                self.markets[event.product_id].trades(event)
            case QuoteSeen():
                self.markets[event.product_id].quote(event)
                self._value()
            case ClockTicked():
                # A new connection ticks before it shows the trades we missed: until it is ready,
                # the open candle may lack some, and must not be announced.
                # Nor is a fill that REST told earlier a sign that all trades before it are here:
                # only the stream's own clock is in line with them.
                if self.feed_ready:
                    for market in self.markets.values():
                        market.builder.tick(event.ts_ns)
            case CandlesLoaded():
                self.markets[event.product_id].builder.load(event.candles)
            case CandleClosed():
                self._candle(event)
            case StopReached():
                self.counts["stops"] += 1
                self.markets[event.product_id].stop()
            case FeedChanged():
                self.feed_ready, self.prices_come = event.ready, event.prices_come
            case BalancesSeen():
                if self.allocation is None:
                    self.allocation = Allocation.from_balances(
                        event, self.opened.products, self.opened.cash
                    )
            case FundingPaid() | PositionLiquidated():
                self.ledger.news(event, self.products)
                self._value()
            case HoldingAdopted():
                self._adopt(event)
            case BooksCompared():
                self.books_agree = not event.differences
            case TradingStateChanged():
                self.trading.apply(event)
            case StopRequested():
                self.stopping = True
            case CancelAsked():
                self.orders.want_ends(event.client_order_ids)
            case SessionResumed():
                self.feed_ready = self.prices_come = self.stopping = False
            case _:
                self._apply_order(event)

    def _apply_order(self, event: Event) -> None:
        match event:
            case OrderIntended() | StopSupervised():
                # A stop that fires is the order it was: only a new one is counted and named.
                self.intents += self.orders.get(event.client_order_id) is None
                if event.draft.asked:
                    self.asked[event.draft.asked] = event.client_order_id
                self.orders.take(event, self.products)
                if isinstance(event, OrderIntended):
                    self.markets[event.draft.product_id].attempts += 1
                    self._rate.count(event.ts_ns)
            case OrderDenied():
                self.counts["denials"] += 1
                if event.draft.asked:
                    self.asked[event.draft.asked] = ""
                for verdict in event.verdicts:
                    if verdict.denies:
                        seen = self.denials_by_rule.get(verdict.rule, 0)
                        self.denials_by_rule[verdict.rule] = seen + 1
            case OrderFilled():
                self._fill(event)
            case FeeRevised():
                if self.ledger.revise(event):
                    self.orders.take(event, self.products)
                    self._value()
            case _:
                if self.orders.take(event, self.products) and isinstance(event, EditIntended):
                    self._rate.count(event.ts_ns)

    def _adopt(self, event: HoldingAdopted) -> None:
        assert event.name not in self.adopted, f"{event.name} is adopted once"
        assert self.allocation is not None, "balances are seen before anything is adopted"
        self.adopted.add(event.name)
        product, before = self.products[event.product_id], self.equity_units()
        self.allocation = self.allocation.adopting(product.base, event.base_size)
        lots, cost_units = product.lots(event.base_size), cash_units_owed(event.cost)
        self.ledger.adopt(event.product_id, lots, cost_units)
        after = self.equity_units()
        if self.valuation.day >= 0:
            assert before is not None and after is not None, "only what has a mark is adopted"
            # Else the limits on losses would take what the owner gave for a profit.
            self.valuation.adopt(after - before)
        self._value()

    def _candle(self, event: CandleClosed) -> None:
        market = self.markets[event.product_id]
        announced = market.builder.closed.pop(0)
        assert announced == (event.candle, event.fresh), "candles are announced in order"
        self.counts["candles"] += event.fresh
        market.candle(event.candle)

    def _fill(self, event: OrderFilled) -> None:
        if self.ledger.has_booked(event.order_id, event.trade_id):
            return
        self.orders.take(event, self.products)
        self.ledger.apply(event, self.products[event.product_id])
        if not self.ledger.position(event.product_id).lots and self.opened.strategy == BY_HAND:
            self.markets[event.product_id].stopped = False  # what a person buys next is new
        self.counts["fills"] += 1
        order = self.orders.get(event.client_order_id)
        assert order is not None
        self.counts["partial_fills"] += order.booked_lots < order.lots
        self.counts["maker_fills"] += event.liquidity is Liquidity.MAKER
        self.counts["taker_fills"] += event.liquidity is Liquidity.TAKER
        self._value()

    def _value(self) -> None:
        equity = self.equity_units()
        if equity is not None:
            self.valuation.update(self.now_ns, equity)

    # --- decide: reads, changes nothing -----------------------------------------------------

    def decide(self, event: Event) -> tuple[Decision, ...]:
        """What follows from `event`, already applied. Changes nothing."""
        match event:
            case CandlesLoaded():
                return self._candles_of(self.markets[event.product_id])
            case TradesSeen():
                market = self.markets[event.product_id]
                return (*self._candles_of(market), *self._triggers(market))
            case QuoteSeen():
                return self._triggers(self.markets[event.product_id])
            case ClockTicked():
                # What held a stop back may be over though no price has moved since.
                each = self.markets.values()
                candles = (c for market in each for c in self._candles_of(market))
                reached = (t for market in each for t in self._triggers(market))
                return (*candles, *expiries(self.orders, self.now_ns), *reached)
            case TriggerReached():
                return fired(self._moment(), event.client_order_id)
            case CandleClosed() if event.fresh and not self.stopping:
                market = self.markets[event.product_id]
                return self._protect(market) or self._trade(market)
            case StopReached():
                return self._leave(self.markets[event.product_id])
            case StopEnded():
                return self._left(event.client_order_id)
            case OrderAsked() if not self.stopping and event.draft.asked not in self.asked:
                return (self._asked(event.draft),)
            case EditAsked() if not self.stopping:
                return self._edit(event)
            case CancelAsked():
                found = filter(None, map(self.orders.get, event.client_order_ids))
                return self._cancels(tuple(found), f"{event.who} asks for it")
            case TradingStateChanged() if event.state is not TradingState.ACTIVE:
                why = f"trading is {event.state.value}: {event.why}"
                return self._withdraw(why, event.product_id)
            case FeedChanged() if not event.ready:
                return self._withdraw(f"the feed is not ready: {event.reason}")
            case BooksCompared() if event.differences:
                return self._withdraw("the books differ from the exchange")
            case StopRequested():
                return self._cancels(self.orders.working(), f"the session ends: {event.reason}")
            case OrderAccepted() | OrderChanged():
                order = self.orders.get(event.client_order_id)
                assert order is not None
                ends = self.stopping or order.end_wanted
                return self._cancels((order,), "its end was asked for before") if ends else ()
            case _:
                return ()

    def _candles_of(self, market: Market) -> tuple[Decision, ...]:
        return tuple(
            CandleClosed(self.now_ns, market.product.product_id, candle, fresh)
            for candle, fresh in market.builder.closed
        )

    def _withdraw(self, why: str, product_id: str = "") -> tuple[Decision, ...]:
        """Cancel what waits in the book to raise a position: nobody may fill it now."""
        raising = self.orders.raising(self.products)
        return self._cancels(tuple(o for o in raising if product_id in ("", o.product_id)), why)

    def _cancels(self, orders: tuple[Order, ...], why: str) -> tuple[Decision, ...]:
        cancels: list[Decision] = []
        for order in orders:
            name, here = order.client_order_id, (OrderStatus.PENDING, OrderStatus.OPEN)
            if order.is_supervised:
                cancels.append(StopEnded(self.now_ns, name, OrderStatus.CANCELLED, why))
            elif order.status in here and not order.cancel_asked:
                cancels.append(CancelIntended(self.now_ns, name, why))
        return tuple(cancels)

    def _triggers(self, market: Market) -> tuple[Decision, ...]:
        """Buys are gone while the feed is not ready; an exit goes by whatever prices come."""
        hears = self.feed_ready or self.prices_come
        if not hears or not self.orders.supervised():
            return ()
        return triggers(self._moment(), market)

    def _moment(self) -> Moment:
        return Moment(
            now_ns=self.now_ns,
            orders=self.orders,
            ledger=self.ledger,
            markets=self.markets,
            mark_age_ns_max=int(self.limits.mark_age_s_max * NS),
            asked=self.asked,
            judge=self.verdicts,
        )

    def _protect(self, market: Market) -> tuple[Decision, ...]:
        position = self.ledger.position(market.product.product_id)
        return loss_stop(position, market, self._stop_rate, self.now_ns)

    def _leave(self, market: Market) -> tuple[Decision, ...]:
        """Sell all of a position; what our stops still offer of it, or would add, ends first."""
        product_id = market.product.product_id
        waits = tuple(o for o in self.orders.supervised() if o.product_id == product_id)
        return self._cancels(waits, "the position's own stop is reached") or self._trade(market)

    def _left(self, client_order_id: str) -> tuple[Decision, ...]:
        """The last stop of a position that is being sold has ended: now it can be."""
        order = self.orders.get(client_order_id)
        assert order is not None, client_order_id
        product_id = order.product_id
        waits = any(o.product_id == product_id for o in self.orders.supervised())
        market = self.markets[product_id]
        return () if waits or not market.stopped or self.stopping else self._trade(market)

    def _trade(self, market: Market) -> tuple[Decision, ...]:
        forbidden = self._forbidden(market)
        if forbidden:
            return forbidden
        target_lots = target_lots_of(market, self.opened.sizing, self.equity_units())
        if target_lots is None:
            return ()
        product, sizing = market.product, self.opened.sizing
        wish = plan(
            Situation(
                product=product,
                target_lots=target_lots,
                position_lots=self.ledger.position(product.product_id).lots,
                working=self.orders.working(product.product_id),
                bid_ticks=market.bid_ticks,
                ask_ticks=market.ask_ticks,
                mark_ticks=market.mark_ticks,
                attempts=market.attempts,
                now_ns=self.now_ns,
                patience_ns=int(sizing["patience_candles"]) * self.opened.candle_s * NS,
                take_bps=int(sizing["take_bps"]),
                collar_bps=int(self.limits.collar_bps_max),
                rebalance_rate=Decimal(str(sizing["rebalance_rate"])),
                market_orders=sizing["market_orders"] == 1,
                good_till=sizing["good_till"] == 1,
            )
        )
        cancels = tuple(CancelIntended(self.now_ns, name, wish.why) for name in wish.cancels)
        if wish.draft is None:
            return cancels
        return (*cancels, self._judged(wish.draft))

    def _forbidden(self, market: Market) -> tuple[Decision, ...]:
        """Cancels for waiting buys that risk, as things stand now, would not let out again."""
        cancels: list[Decision] = []
        for order in self.orders.working(market.product.product_id):
            waits = order.limit_ticks or order.is_supervised
            if may_raise(order, market.product) and order.open_lots and waits:
                draft = renewed(order, market.product)
                facts = facts_of(draft, market, self.ledger, self._exposures(market))
                verdicts = judge(facts, self.limits.of(order.product_id))
                broken = [v for v in verdicts if v.denies and v.rule in STANDING]
                if broken:
                    cancels += self._cancels((order,), "; ".join(reasons(tuple(broken))))
        return tuple(cancels)

    def _asked(self, draft: Draft) -> OrderIntended | StopSupervised | OrderDenied:
        """Judge what a person asks for. One that waits would be withdrawn by a strategy's plan."""
        why = refusal(draft, self.markets[draft.product_id])
        if draft.may_rest and self.opened.strategy != BY_HAND:
            why = (
                f"strategy {self.opened.strategy} trades {draft.product_id} and ends every order "
                "that waits there: ask for IOC or FOK, or stop the session first"
            )
        if why:
            return OrderDenied(self.now_ns, draft, (), (why,))
        return self._judged(draft)

    def _edit(self, event: EditAsked) -> tuple[OrderDenied | EditIntended, ...]:
        """Judge an order as it would be, in the place of what it is."""
        order = self.orders.get(event.client_order_id)
        if order is None or not order.can_be_edited:
            return ()  # it has ended meanwhile, or something else is asked of it
        product = self.products[order.product_id]
        draft = edited(order, product, event.terms)
        verdicts, denials = self.verdicts(draft, instead_of=order.client_order_id)
        if denials:
            return (OrderDenied(self.now_ns, draft, verdicts, denials),)
        return (EditIntended(self.now_ns, order.client_order_id, event.terms, verdicts),)

    def _judged(self, draft: Draft) -> OrderIntended | StopSupervised | OrderDenied:
        verdicts, denials = self.verdicts(draft)
        if denials:
            return OrderDenied(self.now_ns, draft, verdicts, denials)
        name = f"{self.opened.namespace}-{self.intents + 1:06d}"
        if draft.order_type is OrderType.STOP:
            return StopSupervised(self.now_ns, name, draft, verdicts)
        return OrderIntended(self.now_ns, name, draft, verdicts)

    # --- reading ----------------------------------------------------------------------------

    def equity_units(self) -> int | None:
        """Cash and positions at their marks, in cash units; None while a mark is missing."""
        marks = {name: market.mark_ticks for name, market in self.markets.items()}
        return equity_units(self.ledger, self.products, marks)

    def cash_free(self) -> int:
        """Cash units that no working order may still need; of contracts, what no margin needs."""
        market = next(iter(self.markets.values()))
        return cash_free(market.product, self.ledger, self._exposures(market))

    def verdicts(
        self, draft: Draft, instead_of: str = ""
    ) -> tuple[tuple[Verdict, ...], tuple[str, ...]]:
        """What every rule says of an order now, and a sentence for each that denies it.

        `instead_of` is a working order whose place it takes.
        """
        market = self.markets[draft.product_id]
        around = self._exposures(market)
        others = tuple(o for o in around.working if o.client_order_id != instead_of)
        facts = facts_of(draft, market, self.ledger, replace(around, working=others))
        verdicts = judge(facts, self.limits.of(draft.product_id))
        return verdicts, reasons(verdicts)

    def _exposures(self, market: Market) -> Exposures:
        return Exposures(
            markets=self.markets,
            working=self.orders.working(),
            product_id=market.product.product_id,
            equity=self.equity_units(),
            valuation=self.valuation,
            orders_last_minute=self._rate.last_minute(self.now_ns),
            trading_state=self.trading.of(market.product.product_id),
            feed_ready=self.feed_ready,
            books_agree=self.books_agree,
            now_ns=self.now_ns,
            taker_fee_rate=self.opened.taker_fee_rate,
        )

    # --- snapshots --------------------------------------------------------------------------

    def freeze(self) -> dict[str, Any]:
        """All state as JSON-able values: what a fold of the same events gives, to the bit."""
        return {
            "form": FORM,
            "now_ns": self.now_ns,
            "intents": self.intents,
            "counts": self.counts,
            "denials_by_rule": self.denials_by_rule,
            "asked": self.asked,
            "adopted": sorted(self.adopted),
            "intended_ns": self._rate.freeze(),
            "trading": self.trading.freeze(),
            "flags": [self.feed_ready, self.prices_come, self.books_agree, self.stopping],
            "markets": {name: market.freeze() for name, market in self.markets.items()},
            "orders": self.orders.freeze(),
            "ledger": self.ledger.freeze(),
            "valuation": self.valuation.freeze(),
            "opening": None if self.allocation is None else self.allocation.freeze(),
        }

    def thaw(self, frozen: dict[str, Any]) -> None:
        """Become what `freeze` gave; the engine must be new and of the same session.

        Raises
        ------
        StoreDamaged
            It was frozen in another form, by another version: the log itself says all.
        """
        if frozen.get("form") != FORM:
            raise StoreDamaged("a snapshot of another version of the engine")
        self.now_ns = frozen["now_ns"]
        self.intents = frozen["intents"]
        self.counts, self.denials_by_rule = frozen["counts"], frozen["denials_by_rule"]
        self.asked = frozen["asked"]
        self.adopted = set(frozen["adopted"])
        self._rate = Rate.thaw(frozen["intended_ns"])
        self.trading = Trading.thaw(frozen["trading"])
        self.feed_ready, self.prices_come, self.books_agree, self.stopping = frozen["flags"]
        for name, market in self.markets.items():
            market.thaw(frozen["markets"][name])
        self.orders.thaw(frozen["orders"])
        self.ledger = self.ledger.thaw(frozen["ledger"])
        self.valuation = Valuation.thaw(frozen["valuation"])
        if (opening := frozen["opening"]) is not None:
            seen = BalancesSeen(self.opened.ts_ns, {n: Decimal(t) for n, t in opening.items()})
            self.allocation = Allocation.from_balances(seen, self.opened.products, self.opened.cash)
