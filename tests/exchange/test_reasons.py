"""Every printed reason has a rule here, which is provoked, or is marked as a fault switch's."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpt_trader.exchange import reasons
from gpt_trader.exchange.reasons import SWITCH, UNKNOWN, UNKNOWN_PREVIEW, switched
from gpt_trader.exchange.render import rejected_answer
from gpt_trader.exchange.rules import Duplicate, VenueRules, default_rules
from gpt_trader.exchange.venue import Venue
from tests.exchange.markets import (
    BIP_ID,
    COIN,
    Wire,
    a_body,
    a_contract_order,
    a_contract_venue,
    a_limit,
    a_venue,
    place,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "exchange.md"
PRINTS = [(60.0 * minute, 6_200_000, 10 * COIN, True) for minute in range(3)]


def a_market(rules: VenueRules | None = None) -> Venue:
    """A venue after its first minute, in which one trade printed at 62,000.00."""
    venue = a_venue(PRINTS, rules)
    venue.advance()
    return venue


def buy(**fields: Any) -> Wire:
    return a_body("c", "BUY", "market_market_ioc", **fields)


def limit(side: str = "BUY", price: str = "61000", size: str = "0.1", **fields: Any) -> Wire:
    return a_limit("c", side, price, size, **fields)


def dated(**fields: str) -> Wire:
    return a_body("c", "BUY", "limit_limit_gtd", limit_price="1", base_size="1", **fields)


def stop(side: str, price: str, limit_price: str, way: str = "DOWN") -> Wire:
    fields = {"stop_price": price, "limit_price": limit_price, "base_size": "0.1"}
    direction = f"STOP_DIRECTION_STOP_{way}"
    return a_body("c", side, "stop_limit_stop_limit_gtc", stop_direction=direction, **fields)


def bracket(gain: str, loss: str, size: str = "base_size") -> Wire:
    fields = {size: "0.1", "limit_price": gain, "stop_trigger_price": loss}
    return a_body("c", "SELL", "trigger_bracket_gtc", **fields)


def exits(gain: str = "63000", loss: str = "61000", **more: str) -> Wire:
    fields = {"limit_price": gain, "stop_trigger_price": loss, **more}
    return {"attached_order_configuration": {"trigger_bracket_gtc": fields}}


ORDERS: Mapping[str, Wire] = {
    "UNSUPPORTED_ORDER_CONFIGURATION": a_body("c", "BUY", "twap_limit_gtd", base_size="1"),
    "INVALID_SIDE": limit("HOLD"),
    "INVALID_PRODUCT_ID": limit() | {"product_id": "X-USD"},
    "INVALID_SIZE_PRECISION": limit(size="0.000000001"),
    "INVALID_PRICE_PRECISION": limit(price="1.001"),
    "INSUFFICIENT_FUND": limit("SELL", size="7"),
    "INVALID_LIMIT_PRICE_POST_ONLY": limit(price="70000", post_only=True),
    "INVALID_LIMIT_PRICE": limit(price="cheap"),
    "INVALID_MARGIN_TYPE": limit() | {"margin_type": "WIDE"},
    "INVALID_LEVERAGE": limit() | {"leverage": "3"},
    "GTD_ORDERS_MUST_HAVE_END_TIME": dated(),
    "END_TIME_IS_IN_THE_PAST": dated(end_time="2026-01-05T00:01:00Z"),
    "END_TIME_TOO_FAR_IN_FUTURE": dated(end_time="2037-01-05T00:00:00Z"),
    "POST_ONLY_NOT_ALLOWED_WITH_FOK": a_body(
        "c", "BUY", "limit_limit_fok", limit_price="1", base_size="1", post_only=True
    ),
    "PRICE_NOT_ALLOWED_FOR_MARKET_ORDERS": buy(base_size="0.1", limit_price="61000"),
    "REDUCE_ONLY_NOT_ALLOWED_ON_SPOT_PRODUCTS": limit() | {"reduce_only": True},
    "BRACKET_ORDER_NOT_SUPPORTED": limit("SELL", "64000") | exits(),
    "INVALID_BRACKET_PRICES": bracket("61000", "61500"),
    "INVALID_BRACKET_LIMIT_PRICE": bracket("62000", "61500"),
    "INVALID_BRACKET_STOP_TRIGGER_PRICE": bracket("63000", "62000"),
    "QUOTE_SIZE_NOT_ALLOWED_FOR_BRACKET": bracket("63000", "61000", "quote_size"),
    "ATTACHED_ORDER_SIZE_MUST_BE_NIL": buy(base_size="0.1") | exits(base_size="0.1"),
    "INVALID_ATTACHED_TAKE_PROFIT_PRICE": buy(base_size="0.1") | exits(gain="62000"),
    "INVALID_ATTACHED_TAKE_PROFIT_PRICE_PRECISION": buy(base_size="0.1") | exits(gain="63000.001"),
    "INVALID_ATTACHED_STOP_LOSS_PRICE": buy(base_size="0.1") | exits(loss="62000"),
    "INVALID_ATTACHED_STOP_LOSS_PRICE_PRECISION": buy(base_size="0.1") | exits(loss="61000.001"),
    "PREVIEW_INVALID_QUOTE_SIZE_PRECISION": buy(quote_size="1.001"),
    "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL": buy(base_size="0"),
    "PREVIEW_INVALID_BASE_SIZE_TOO_LARGE": buy(base_size="3401"),
    "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL": buy(quote_size="0.99"),
    "PREVIEW_INVALID_QUOTE_SIZE_TOO_LARGE": buy(quote_size="150000001"),
    "PREVIEW_INVALID_STOP_PRICE": stop("SELL", "low", "61000"),
    "PREVIEW_INVALID_STOP_PRICE_PRECISION": stop("SELL", "61000.001", "61000"),
    "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE": stop("SELL", "62001", "61000"),
    "PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE": stop("BUY", "61999", "63000", "UP"),
    "PREVIEW_STOP_PRICE_ABOVE_LIMIT_PRICE": stop("BUY", "61000", "60000"),
    "PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE": stop("SELL", "59500", "60000"),
    "PREVIEW_NON_NUMERIC_ORDER_SIZE": buy(base_size="many"),
}
"""One order for each reason that a plain order in an open market can get."""


def without_trades(body: Wire) -> Wire:
    return a_venue(PRINTS).create_order(body)[0]


def disabled() -> Wire:
    rules = replace(default_rules(1), trading_disabled=frozenset({"BTC-USD"}))
    return a_market(rules).create_order(limit())[0]


def repeated() -> Wire:
    rules = replace(default_rules(1), duplicate_client_order_id=Duplicate.REJECT)
    venue = a_market(rules)
    place(venue, limit())
    return venue.create_order(limit())[0]


def closed() -> Wire:
    return a_market().close_position({"client_order_id": "c", "product_id": "BTC-USD"})[0]


def without_margin() -> Wire:
    return a_contract_venue([62_000] * 2).create_order(a_contract_order("BUY", "9"))[0]


def reducing_nothing() -> Wire:
    body = a_contract_order("BUY", "1", reduce_only=True)
    return a_contract_venue([62_000] * 2).create_order(body)[0]


def in_liquidation() -> Wire:
    """The book is too thin for the liquidation, so the account stays in it."""
    venue = a_contract_venue([62_000, 62_000, 40_000], balance="7000", level_count=1)
    place(venue, a_limit("c", "BUY", "62000", "40", product_id=BIP_ID))
    venue.advance()
    venue.advance()
    return venue.create_order(a_limit("late", "SELL", "62000", "1", product_id=BIP_ID))[0]


SITUATIONS: Mapping[str, Callable[[], Wire]] = {
    "INVALID_NO_LIQUIDITY": lambda: without_trades(buy(base_size="0.1")),
    "PREVIEW_MISSING_PRODUCT_PRICE_BOOK": lambda: without_trades(stop("SELL", "60000", "59000")),
    "TRADING_DISABLED": disabled,
    "DUPLICATE_CLIENT_ORDER_ID": repeated,
    "CANNOT_CLOSE_ZERO_POSITION": closed,
    "INSUFFICIENT_FUNDS": without_margin,
    "REDUCE_ONLY_INCREASED_POSITION_SIZE": reducing_nothing,
    "IN_LIQUIDATION": in_liquidation,
}
"""The others, each with what must be so for it."""

PREVIEW_ONLY = {f"PREVIEW_{name}": rule for name, rule in reasons.PREVIEW_ONLY.items()}


def named(answer: Wire) -> tuple[str, str]:
    error = answer["error_response"]
    assert error["new_order_failure_reason"] == error["error"]
    return error["error"], error["preview_failure_reason"]


def test_every_rule_has_an_example_and_nothing_else_has() -> None:
    rules = {name for name, rule in (reasons.NEW_ORDER | PREVIEW_ONLY).items() if rule}

    assert rules == {*ORDERS, *SITUATIONS}


@pytest.mark.parametrize("name", [*ORDERS, *SITUATIONS])
def test_a_rule_gives_its_reason_in_all_its_spellings(name: str) -> None:
    answer = a_market().create_order(ORDERS[name])[0] if name in ORDERS else SITUATIONS[name]()

    expected = switched(name)
    if name == "PREVIEW_INVALID_QUOTE_SIZE_PRECISION":  # its other name says less
        expected = replace(expected, error="INVALID_SIZE_PRECISION")
    assert named(answer) == (expected.error, expected.preview)


@pytest.mark.parametrize("name", [*reasons.NEW_ORDER, *PREVIEW_ONLY])
def test_a_switch_can_give_every_reason(name: str) -> None:
    answer = rejected_answer(switched(name), {"limit_limit_gtc": {}})

    error, preview = named(answer)
    assert name in (error, preview)
    assert (error == UNKNOWN) == (name in PREVIEW_ONLY)
    assert preview == UNKNOWN_PREVIEW or preview.startswith("PREVIEW_")
    assert answer["error_response"]["message"]


@pytest.mark.parametrize("name", ["", "PREVIEW_", "NO_SUCH_REASON", "ORDER_NOT_FOUND"])
def test_what_coinbase_does_not_print_cannot_be_switched(name: str) -> None:
    with pytest.raises(ValueError, match="is no reason to refuse an order"):
        switched(name)


@pytest.mark.parametrize(
    ("table", "file"), [(reasons.EDIT, "test_edits.py"), (reasons.LATE, "test_attached.py")]
)
def test_the_rules_of_the_other_tables_are_provoked_where_they_belong(
    table: Mapping[str, str], file: str
) -> None:
    """Order by order in the tests of edits, attached exits and of the venue."""
    folder = Path(__file__).parent
    text = (folder / file).read_text() + (folder / "test_venue.py").read_text()

    assert not [name for name, rule in table.items() if rule and f'"{name}"' not in text]


def test_both_reasons_of_a_cancel_are_given_by_their_rule() -> None:
    venue = a_market()
    order_id = place(venue, limit())

    answer, _ = venue.cancel_orders([order_id, order_id, "nobodys"])

    given = {one["failure_reason"] for one in answer["results"] if not one["success"]}
    assert given == {name for name, rule in reasons.CANCEL.items() if rule}


def rows() -> list[str]:
    """The document's table."""
    tables = {
        "order": reasons.NEW_ORDER | PREVIEW_ONLY,
        "edit": reasons.EDIT,
        "cancel": reasons.CANCEL,
        "`reject_reason`": reasons.LATE,
    }
    return [
        f"| {kind} | `{name}` | {rule or SWITCH} |"
        for kind, table in tables.items()
        for name, rule in table.items()
    ]


def test_the_document_lists_every_reason() -> None:
    """When it fails: the lines of ``rows()`` belong under the head of that table."""
    lines = DOCUMENT.read_text().splitlines()
    first = lines.index("| refused | reason | when |") + 2

    assert lines[first : first + len(rows())] == rows()
