"""What a person types becomes whole increments or one clear refusal."""

import random
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import pytest

from gpt_trader.broker.capabilities import Kind
from gpt_trader.broker.wish import (
    Amount,
    Means,
    Unit,
    Wish,
    as_mapping,
    check_wish,
    draft_of,
    from_mapping,
    parse_amount,
    parse_number,
)
from gpt_trader.coinbase.wire_orders import build_create
from gpt_trader.domain.errors import TraderError, UsageError
from gpt_trader.domain.events import OrderIntended
from gpt_trader.domain.order import Side, TimeInForce
from gpt_trader.domain.product import Product
from gpt_trader.exchange import catalog as exchange
from gpt_trader.exchange.order_requests import read_lots, read_price
from gpt_trader.exchange.reasons import Rejected
from tests.builders import a_product
from tests.kernels.test_money import catalogue
from tests.tier import scaled

NOW_NS = 1_800_000_000_000_000_000
WHOLE = 10**8  # lots of one BTC


def a_wish(**changes: Any) -> Wish:
    wish = Wish(
        product_id="BTC-USD",
        side=Side.BUY,
        kind=Kind.LIMIT,
        time_in_force=TimeInForce.GTC,
        amount=Amount(Decimal("0.01"), Unit.BASE),
        limit_price=Decimal("20000"),
        stop_price=None,
        end_ns=None,
        for_ns=None,
        post_only=False,
        reduce_only=False,
        asked="",
    )
    return replace(wish, **changes)


def some_means(**changes: Any) -> Means:
    means = Means(
        position_lots=2 * WHOLE,
        buying_lots=0,
        selling_lots=0,
        cash_free=10_000 * WHOLE,
        taker_fee_rate=Decimal("0.006"),
        bid_ticks=1_999_900,
        ask_ticks=2_000_100,
        mark_ticks=2_000_000,
    )
    return replace(means, **changes)


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("0.01", "0.01", Unit.BASE),
        ("0.01 BTC", "0.01", Unit.BASE),
        ("0.01btc", "0.01", Unit.BASE),
        (" 500 USD ", "500", Unit.QUOTE),
        ("25%", "25", Unit.PERCENT),
        ("100 %", "100", Unit.PERCENT),
    ],
)
def test_a_size_may_be_base_quote_or_a_share(text: str, number: str, unit: Unit) -> None:
    assert parse_amount(text, "BTC-USD") == Amount(Decimal(number), unit)


@pytest.mark.parametrize(
    "text",
    [
        *("", "abc", "0", "-1", "1e3", "1,5", "nan", "inf", "1 ETH", "101%", "1_0", "+-1", "%"),
        *("9" * 19, "1" * 18 + "." + "1" * 7, "1" * 200_000, "x" * 200_000),
    ],
)
def test_what_is_no_size_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_amount(text, "BTC-USD")

    assert len(str(refused.value)) < 150
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"limit_price": None}, "a limit order needs a limit price"),
        ({"stop_price": Decimal(1)}, "a limit order has no stop price"),
        ({"kind": Kind.STOP_LIMIT}, "a stop_limit order needs a stop price"),
        ({"kind": Kind.MARKET}, "a market order has no limit price"),
        ({"time_in_force": TimeInForce.GTD}, "--until or --for"),
        ({"end_ns": NOW_NS}, "--until or --for"),
        ({"time_in_force": TimeInForce.GTD, "end_ns": 1, "for_ns": 1}, "--until or --for"),
        ({"post_only": True, "time_in_force": TimeInForce.IOC}, "--post-only"),
        ({"kind": Kind.BRACKET, "stop_price": Decimal(1)}, "say --reduce-only"),
    ],
)
def test_a_wish_that_contradicts_itself_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_wish(a_wish(**changes))


@pytest.mark.parametrize(
    ("side", "amount", "lots"),
    [
        (Side.BUY, Amount(Decimal("0.012345678999"), Unit.BASE), 1_234_567),
        (Side.BUY, Amount(Decimal(500), Unit.QUOTE), 2_500_000),
        (Side.SELL, Amount(Decimal(25), Unit.PERCENT), WHOLE // 2),
        (Side.BUY, Amount(Decimal(100), Unit.PERCENT), 49_701_789),  # 10,000 / 20,000 / 1.006
    ],
)
def test_a_size_becomes_lots_and_never_more(side: Side, amount: Amount, lots: int) -> None:
    draft = draft_of(a_wish(side=side, amount=amount), a_product(), some_means(), NOW_NS)

    assert a_product().lots(draft.base_size) == lots


@pytest.mark.parametrize(("held", "selling", "lots"), [(5, 0, 5), (5, 2, 3), (2000, 0, 1000)])
def test_reduce_only_is_clamped_to_what_is_free(held: int, selling: int, lots: int) -> None:
    wish = a_wish(side=Side.SELL, reduce_only=True, amount=Amount(Decimal("0.01"), Unit.BASE))
    product = replace(a_product(), quote_min_size=Decimal(0))
    means = some_means(position_lots=held * 1000, selling_lots=selling * 1000)

    draft = draft_of(wish, product, means, NOW_NS)

    assert product.lots(draft.base_size) == lots * 1000
    assert draft.reduces


@pytest.mark.parametrize("changes", [{"position_lots": 0}, {"selling_lots": 2 * WHOLE}])
def test_reduce_only_of_nothing_is_refused(changes: dict[str, Any]) -> None:
    wish = a_wish(side=Side.SELL, reduce_only=True)

    with pytest.raises(TraderError, match="can reduce nothing"):
        draft_of(wish, a_product(), some_means(**changes), NOW_NS)
    with pytest.raises(TraderError, match="can reduce nothing"):
        draft_of(replace(wish, side=Side.BUY), a_product(), some_means(), NOW_NS)


def test_what_comes_to_nothing_or_ends_in_the_past_is_refused() -> None:
    tiny = Amount(Decimal("0.000000001"), Unit.BASE)
    cheap = a_wish(amount=Amount(Decimal("0.99"), Unit.QUOTE))
    late = a_wish(time_in_force=TimeInForce.GTD, end_ns=1)
    low = a_wish(limit_price=Decimal("0.001"))

    for wish, said in (
        (a_wish(amount=tiny), "below the least of"),
        (cheap, "least order of 1 USD"),
        (late, "lies in the past"),
        (low, "comes to nothing"),
    ):
        with pytest.raises(UsageError, match=said):
            draft_of(wish, a_product(), some_means(), NOW_NS)
    blind = some_means(bid_ticks=0, ask_ticks=0, mark_ticks=0)
    market = a_wish(kind=Kind.MARKET, limit_price=None, amount=Amount(Decimal(5), Unit.QUOTE))
    with pytest.raises(TraderError, match="give the size in base"):
        draft_of(market, a_product(), blind, NOW_NS)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"kind": Kind.STOP_LIMIT, "stop_price": Decimal("0.00000001"), "reduce_only": True},
        {"time_in_force": TimeInForce.GTD, "for_ns": 7, "post_only": True, "asked": "demo-001"},
        {"time_in_force": TimeInForce.GTD, "end_ns": NOW_NS, "side": Side.SELL},
        {"kind": Kind.MARKET, "time_in_force": TimeInForce.IOC, "limit_price": None},
    ],
)
def test_a_wish_survives_its_file(changes: dict[str, Any]) -> None:
    wish = a_wish(**changes)

    assert from_mapping(as_mapping(wish)) == wish


@pytest.mark.parametrize(
    "changes",
    [{"side": "BOTH"}, {"number": "-1"}, {"end_ns": "x"}, {"limit_price": "NaN"}, {"unit": "lots"}],
)
def test_a_file_that_was_tampered_with_is_no_wish(changes: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        from_mapping({**as_mapping(a_wish()), **changes})


def has_only_steps(text: str, step: Decimal) -> bool:
    """Coinbase's rule, in digits: no more places than the increment has, and a multiple of it."""
    places = max(0, -int(step.as_tuple().exponent))
    whole, _, part = text.partition(".")
    units = int(whole + part[:places].ljust(places, "0"))
    return (
        (whole + part).isdigit()
        and not part[places:].strip("0")
        and units % int(step.scaleb(places)) == 0
    )


def a_real_product(made: Product) -> Product:
    """The increments of the catalogue with bounds that let every size through."""
    most = Decimal(10) ** 12
    return replace(made, base_min_size=Decimal(0), quote_min_size=Decimal(0), base_max_size=most)


def as_listed(product: Product) -> exchange.Product | None:
    """The product at the embedded exchange, which lists steps of ten to the minus something."""
    places = [
        -int(step.normalize().as_tuple().exponent)
        for step in (product.price_increment, product.base_increment)
    ]
    if [product.price_increment, product.base_increment] != [Decimal(1).scaleb(-p) for p in places]:
        return None
    price_places, base_places = places
    return replace(
        exchange.find_product("BTC-USD"),
        price_places=price_places,
        base_places=base_places,
        base_min=0,
        base_max=10**30,
    )


def is_taken(fields: dict[str, str], listed: exchange.Product) -> bool:
    """Whether the exchange reads size and price; it has no other reason here than their digits."""
    try:
        read_lots(fields["base_size"], listed)
        read_price(fields["limit_price"], listed)
    except Rejected:
        return False
    return True


def test_no_price_or_size_of_any_product_is_between_its_increments() -> None:
    """A million of them in the soak tier; one too many digits, and Coinbase rejects the order."""
    dice = random.Random(4)
    products = [a_real_product(product) for product in catalogue()]
    listings = [as_listed(product) for product in products]
    assert sum(listed is not None for listed in listings) > 80, "every real one, and generated ones"
    kinds = (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)
    faults, refused, count = 0, 0, scaled(500_000)
    for number in range(count):  # a price and a size each
        place, side = dice.randrange(len(products)), dice.choice((Side.BUY, Side.SELL))
        product, listed = products[place], listings[place]
        price = Decimal(dice.randrange(1, 10**12)).scaleb(-dice.randrange(0, 12))
        size = Decimal(dice.randrange(1, 10**12)).scaleb(-dice.randrange(0, 12))
        wish = a_wish(
            side=side,
            time_in_force=kinds[number % 3],
            amount=Amount(size, Unit.BASE),
            limit_price=price,
        )
        try:
            draft = draft_of(wish, product, some_means(), NOW_NS)
        except UsageError:
            refused += 1
            continue
        body = build_create(OrderIntended(NOW_NS, "gt-1", draft, ()))
        fields = next(iter(body["order_configuration"].values()))
        faults += not has_only_steps(fields["base_size"], product.base_increment)
        faults += not has_only_steps(fields["limit_price"], product.price_increment)
        faults += listed is not None and not is_taken(fields, listed)
        rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
        steps = (price / product.price_increment).to_integral_value(rounding)
        faults += draft.limit_price != steps * product.price_increment
        faults += not 0 <= size - draft.base_size < product.base_increment

    assert faults == 0
    assert refused < count / 4


def test_a_number_that_no_division_could_cut_exactly_is_refused() -> None:
    assert parse_number("123456.000000000000000001", "price") > 0
    with pytest.raises(UsageError, match="more digits"):
        parse_number("1234567.000000000000000001", "price")
