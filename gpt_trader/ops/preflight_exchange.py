"""Checks of the account at the exchange: each asks it, and changes nothing."""

from decimal import Decimal

from gpt_trader.coinbase.order_word import OWN_PREFIX
from gpt_trader.domain.product import plain
from gpt_trader.ops.preflight import (
    ALL,
    REAL,
    Check,
    Finding,
    Ground,
    asked,
    failed,
    passed,
    review,
)

SIGNED = REAL | {"dev"}
SKEW_S_GOOD, SKEW_S_MAX = 1.0, 5.0


def _reached(ground: Ground) -> Finding:
    asked(ground).server_time_ns()
    return passed(f"{ground.host} answers, and its certificate holds")


def _clock(ground: Ground) -> Finding:
    asked_ns = ground.now_ns()
    server_ns = asked(ground).server_time_ns()
    skew_s = (server_ns - (asked_ns + ground.now_ns()) // 2) / 1e9
    said = f"Coinbase's clock minus ours: {skew_s:.3f} s"
    if ground.profile == "dev":
        return passed(f"{said}; it is its tape's")
    if abs(skew_s) > SKEW_S_MAX:
        return failed(said)
    return review(said) if abs(skew_s) > SKEW_S_GOOD else passed(said)


def _permissions(ground: Ground) -> Finding:
    may = asked(ground).key_permissions()
    if not may.can_view or not may.can_trade:
        missing = [n for n, ok in (("view", may.can_view), ("trade", may.can_trade)) if not ok]
        return failed(f"the key may not {' or '.join(missing)}")
    if may.can_transfer and ground.profile in REAL:
        said = "the key can transfer money out of the account"
        return review(f"{said}; accepted") if ground.transfers_accepted else failed(said)
    return passed("the key may view and trade")


def _products(ground: Ground) -> Finding:
    rest = asked(ground)
    rest.products(ground.products)
    shut = rest.untradable(ground.products)
    if shut:
        return failed("; ".join(f"{name} is {', '.join(why)}" for name, why in shut.items()))
    return passed(f"{', '.join(ground.products)} can be traded")


def _balance(ground: Ground) -> Finding:
    rest = asked(ground)
    products = rest.products(ground.products)
    quotes = sorted({product.quote for product in products})
    if len(quotes) != 1:
        return failed(f"products of several quotes: {', '.join(quotes)}")
    least = max(product.quote_min_size for product in products)
    free = {one.currency: one.available for one in rest.wallets(quotes)}
    held = free.get(quotes[0], Decimal(0))
    said = f"{plain(held):f} {quotes[0]} are free"
    return failed(f"{said}, an order is {least:f} at least") if held < least else passed(said)


def _orders(ground: Ground) -> Finding:
    working = asked(ground).open_orders()
    theirs = [order for order in working if not order.client_order_id.startswith(OWN_PREFIX)]
    if theirs:
        return review(f"{len(theirs)} open orders on the account are not ours")
    return passed("no open order of anybody else's")


EXCHANGE = (
    Check(
        "connectivity",
        "the exchange answers over TLS it is known by",
        ALL,
        True,
        "api_key",
        "look at network, proxy and --coinbase-host; then at Coinbase's status page",
        _reached,
    ),
    Check(
        "clock",
        "the machine's clock is right",
        ALL,
        True,
        "connectivity",
        "let the machine keep its time (systemd-timesyncd, chrony)",
        _clock,
    ),
    Check(
        "permissions",
        "the key may do what is needed, and no more",
        SIGNED,
        True,
        "connectivity",
        "make a key that can view and trade, and cannot transfer",
        _permissions,
    ),
    Check(
        "products",
        "the products exist and are traded",
        ALL,
        True,
        "connectivity",
        "name others with --product, or wait until Coinbase opens them",
        _products,
    ),
    Check(
        "balance",
        "there is something to trade with",
        SIGNED,
        True,
        "products",
        "deposit the quote currency, or let go of what holds it",
        _balance,
    ),
    Check(
        "foreign_orders",
        "no order of somebody else waits",
        SIGNED,
        True,
        "permissions",
        "cancel it where it was made, or go on knowing that it may fill",
        _orders,
    ),
)
