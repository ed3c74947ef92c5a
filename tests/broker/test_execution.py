"""From a wanted position to the next order: patient first, then paying, one order at a time."""

import random
from dataclasses import replace
from decimal import Decimal

from gpt_trader.broker.execution import NOTHING, Situation, plan
from gpt_trader.broker.orders import Order, Orders
from gpt_trader.domain.events import OrderLost
from gpt_trader.domain.order import OrderStatus, OrderType, Side, TimeInForce
from gpt_trader.domain.product import Product
from tests.broker import references
from tests.builders import MINUTE_NS, START_NS, a_change, a_product, an_acceptance, an_intent
from tests.tier import scaled

PRODUCT = a_product()
BTC = 100_000_000  # lots

FLAT = Situation(
    product=PRODUCT,
    target_lots=BTC,
    position_lots=0,
    working=(),
    bid_ticks=1_999_900,
    ask_ticks=2_000_100,
    mark_ticks=2_000_000,
    attempts=0,
    now_ns=START_NS,
    patience_ns=3 * MINUTE_NS,
    take_bps=30,
    collar_bps=100,
    rebalance_rate=Decimal("0.25"),
    market_orders=False,
    good_till=False,
)


def a_working_order(status: OrderStatus = OrderStatus.OPEN) -> Order:
    orders = Orders()
    orders.intend(an_intent(), PRODUCT)
    if status is OrderStatus.UNKNOWN:
        orders.apply(OrderLost(START_NS, "gt-1", "timeout"))
    else:
        orders.apply(an_acceptance())
        orders.change(a_change(status=status), PRODUCT)
    [order] = orders.all()
    return order


def test_the_first_order_waits_at_our_own_side_of_the_book() -> None:
    draft = plan(FLAT).draft

    assert draft is not None
    assert (draft.side, draft.limit_price) == (Side.BUY, Decimal("19999.00"))
    assert draft.post_only and draft.time_in_force is TimeInForce.GTC
    assert draft.base_size == 1


def test_the_next_one_crosses_the_spread_but_no_further_than_its_bound() -> None:
    draft = plan(replace(FLAT, attempts=1)).draft

    assert draft is not None
    assert draft.time_in_force is TimeInForce.IOC and draft.order_type is OrderType.LIMIT
    assert draft.limit_price == Decimal("20061.00")  # 20001.00 and 30 bps, rounded down
    assert not draft.post_only


def test_a_sale_is_rounded_up_and_reduces() -> None:
    draft = plan(replace(FLAT, target_lots=0, position_lots=BTC, attempts=1)).draft

    assert draft is not None
    assert draft.limit_price == Decimal("19939.01")  # 19999.00 less 30 bps is 19939.003
    assert draft.side is Side.SELL and draft.reduces


def test_without_patience_the_first_order_takes() -> None:
    draft = plan(replace(FLAT, patience_ns=0)).draft

    assert draft is not None and draft.time_in_force is TimeInForce.IOC


def test_a_second_order_of_a_product_is_never_planned() -> None:
    assert plan(replace(FLAT, working=(a_working_order(),))) == NOTHING


def test_an_order_that_waited_long_enough_is_cancelled() -> None:
    later = replace(FLAT, working=(a_working_order(),), now_ns=START_NS + 3 * MINUTE_NS)

    assert plan(later).cancels == ("gt-1",)
    assert plan(replace(later, now_ns=later.now_ns - 1)) == NOTHING


def test_an_order_the_strategy_no_longer_wants_is_cancelled_at_once() -> None:
    changed = replace(FLAT, target_lots=0, working=(a_working_order(),))

    assert plan(changed).cancels == ("gt-1",)


def test_beside_an_order_of_unknown_outcome_nothing_raises_the_position() -> None:
    """There is no order id to cancel, and a second order could double the position."""
    unknown = replace(
        FLAT,
        working=(a_working_order(OrderStatus.UNKNOWN),),
        position_lots=BTC // 2,
        now_ns=START_NS + 100 * MINUTE_NS,
    )

    assert plan(unknown) == NOTHING


def test_an_exit_goes_past_a_buy_in_doubt_and_sells_no_more_than_is_held() -> None:
    unknown = replace(
        FLAT,
        target_lots=0,
        position_lots=BTC // 2,
        working=(a_working_order(OrderStatus.UNKNOWN),),
    )

    draft = plan(unknown).draft

    assert draft is not None
    assert (draft.side, draft.base_size) == (Side.SELL, Decimal("0.5"))


def test_an_exit_waits_for_the_cancel_of_a_live_buy_to_be_asked() -> None:
    leaving = replace(FLAT, target_lots=0, position_lots=BTC, working=(a_working_order(),))

    assert plan(leaving).draft is None
    assert plan(leaving).cancels == ("gt-1",)


def test_in_a_book_wider_than_the_collar_an_exit_waits_at_the_collar() -> None:
    """Priced beyond it, it would be refused again and again, and never happen."""
    wide = replace(
        FLAT,
        target_lots=0,
        position_lots=BTC,
        attempts=1,
        bid_ticks=1_960_000,
        ask_ticks=2_040_000,
    )

    draft = plan(wide).draft

    assert draft is not None
    assert draft.limit_price == Decimal("19800.00")  # the mark less 100 bps, above the bid
    assert draft.time_in_force is TimeInForce.GTC and not draft.post_only


def test_a_drift_of_the_target_is_not_chased_and_an_exit_always_is() -> None:
    drifted = replace(FLAT, position_lots=BTC * 8 // 10)
    leaving = replace(FLAT, target_lots=0, position_lots=BTC // 100)

    assert plan(drifted) == NOTHING
    assert plan(replace(drifted, position_lots=BTC * 7 // 10)).draft is not None
    assert plan(leaving).draft is not None


def test_dust_is_left_alone() -> None:
    """An order below the exchange's minimum would be rejected again and again."""
    dust = replace(FLAT, target_lots=0, position_lots=4_000)  # 0.80 quote

    assert plan(dust) == NOTHING


def test_nothing_is_planned_without_a_quote() -> None:
    assert plan(replace(FLAT, bid_ticks=0, ask_ticks=0)) == NOTHING


def test_a_waiting_order_may_carry_its_own_end() -> None:
    draft = plan(replace(FLAT, good_till=True)).draft

    assert draft is not None
    assert draft.time_in_force is TimeInForce.GTD
    assert draft.end_ns == START_NS + 3 * MINUTE_NS


def test_an_order_that_ends_by_itself_is_cancelled_only_if_the_exchange_forgets_it() -> None:
    waiting = replace(FLAT, working=(a_working_order(),), good_till=True)

    ended = replace(waiting, now_ns=START_NS + 3 * MINUTE_NS)
    forgotten = replace(waiting, now_ns=START_NS + 6 * MINUTE_NS)

    assert plan(ended) == NOTHING
    assert plan(forgotten).cancels == ("gt-1",)


def test_an_impatient_order_may_go_without_a_worst_price() -> None:
    draft = plan(replace(FLAT, attempts=1, market_orders=True)).draft

    assert draft is not None
    assert (draft.order_type, draft.limit_price) == (OrderType.MARKET, None)
    assert draft.time_in_force is TimeInForce.IOC


def test_a_market_order_is_not_planned_where_the_collar_would_refuse_it() -> None:
    wide = replace(
        FLAT,
        target_lots=0,
        position_lots=BTC,
        attempts=1,
        market_orders=True,
        bid_ticks=1_960_000,
        ask_ticks=2_040_000,
    )

    draft = plan(wide).draft

    assert draft is not None
    assert (draft.order_type, draft.limit_price) == (OrderType.LIMIT, Decimal("19800.00"))


def a_random_order(dice: random.Random) -> Order:
    return Order(
        client_order_id=f"gt-{dice.randrange(10)}",
        order_id=dice.choice(["", "o-1", "o-1"]),
        product_id="BTC-USD",
        side=dice.choice(list(Side)),
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        lots=100,
        limit_ticks=100,
        stop_ticks=0,
        end_ns=0,
        status=dice.choice(
            [OrderStatus.INTENDED, OrderStatus.UNKNOWN, OrderStatus.PENDING, OrderStatus.OPEN]
        ),
        word_lots=0,
        booked_lots=0,
        paid_tick_lots=0,
        fee_units=0,
        intended_ns=START_NS - dice.randrange(8) * MINUTE_NS,
        cancel_asked=dice.random() < 0.3,
        end_wanted=False,
        edit_lots=0,
        edit_ticks=0,
        edit_stop_ticks=0,
        edit_lost=False,
        withheld=(),
        reduce_only=False,
    )


def a_random_product(dice: random.Random) -> Product:
    base = Decimal(1).scaleb(-dice.randrange(9))
    return Product(
        product_id="BTC-USD",
        base="BTC",
        quote="USD",
        base_increment=base,
        price_increment=Decimal(dice.choice([1, 5])).scaleb(-dice.randrange(9)),
        quote_increment=Decimal("0.01"),
        base_min_size=base * dice.choice([1, 10, 2500]),
        base_max_size=base * dice.choice([1_000_000, 10**15]),
        quote_min_size=Decimal(dice.choice(["1", "0.00001", "0.5"])),
        quote_max_size=Decimal("150000000"),
    )


def a_random_situation(dice: random.Random) -> Situation:
    lots_max = 10 ** dice.randrange(1, 13)
    mark = dice.randrange(1, 10 ** dice.randrange(1, 12))
    spread = dice.choice([0, 1, mark // 1000 + 1, mark // 30 + 1])
    bid = max(0, mark - spread)
    position = dice.choice([0, dice.randrange(lots_max)])
    drifted = position + dice.randrange(position // 2 + 1)
    return Situation(
        product=a_random_product(dice),
        target_lots=dice.choice([0, position, drifted, dice.randrange(lots_max)]),
        position_lots=position,
        working=tuple(a_random_order(dice) for _ in range(dice.choice([0, 0, 1, 2]))),
        bid_ticks=dice.choice([bid, bid, bid, 0]),
        ask_ticks=dice.choice([mark + spread, mark + spread, mark + spread, 0]),
        mark_ticks=dice.choice([mark, mark, mark, 0]),
        attempts=dice.randrange(2),
        now_ns=START_NS,
        patience_ns=dice.randrange(5) * MINUTE_NS,
        take_bps=dice.choice([0, 1, 30, 9_999, 20_000, 999_999_999]),
        collar_bps=dice.choice([0, 1, 100, 10_000]),
        rebalance_rate=Decimal(str(dice.choice([0.0, 0.25, 0.1, 1.0, 123456789.5]))),
        market_orders=dice.random() < 0.3,
        good_till=dice.random() < 0.3,
    )


def test_the_compiled_plan_is_the_plan_in_decimals() -> None:
    dice = random.Random(7)
    kinds: set[tuple[bool, str]] = set()

    for _ in range(scaled(50_000)):
        situation = a_random_situation(dice)
        planned = plan(situation)
        assert planned == references.plan(situation), situation
        kinds.add((planned.draft is not None, planned.why))

    assert len(kinds) == 8, "each way through the plan was taken"
