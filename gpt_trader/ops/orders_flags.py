"""The flags of an order: those of `gpt-trader orders`, and the runbook's of `perps-bot`."""

import argparse
import re
from typing import TypeVar

from gpt_trader.broker.capabilities import ATTACHED, USUAL, Kind, ProductType, check
from gpt_trader.broker.derivatives import check_gate, product_type_of
from gpt_trader.broker.wish import Wish, check_name, check_wish, parse_amount, parse_number
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.order import Side, TimeInForce
from gpt_trader.ops.times import moment_ns, span_ns

Choice = TypeVar("Choice")
_PRODUCT = re.compile(r"[A-Z0-9]{1,20}-[A-Z0-9]{2,10}")


def add_order_flags(parser: argparse.ArgumentParser) -> None:
    """The order of `gpt-trader orders preview` and `place`."""
    parser.add_argument("side", nargs="?", metavar="SIDE", help="buy or sell")
    parser.add_argument("size", nargs="?", metavar="SIZE", help='0.01, "0.01 BTC", "500 USD", 25%%')
    parser.add_argument("product", nargs="?", metavar="PRODUCT", help="like BTC-USD")
    kinds = "|".join(kind.value for kind in Kind)
    parser.add_argument("--type", metavar="TYPE", help=f"{kinds} [market]")
    parser.add_argument("--price", metavar="P", help="limit price, quote for one base")
    parser.add_argument("--stop", metavar="P", help="stop price, at which the order begins to work")
    times = "|".join(time.name for time in TimeInForce)
    parser.add_argument("--tif", metavar="TIF", help=f"time in force: {times}")
    parser.add_argument("--until", metavar="TIME", help="the end of a GTD order, UTC")
    parser.add_argument("--for", dest="span", metavar="SPAN", help="or how long: 90s, 30m, 2h, 1d")
    parser.add_argument("--post-only", action="store_true", help="never take from the book")
    parser.add_argument("--reduce-only", action="store_true", help="only shrink the position")
    parser.add_argument("--client-id", metavar="NAME", help="your own name for it, used once")
    parser.add_argument("--take-profit", metavar="P", help="not offered: see docs/orders.md")
    parser.add_argument("--stop-loss", metavar="P", help="not offered: see docs/orders.md")


def add_runbook_flags(parser: argparse.ArgumentParser) -> None:
    """The same order as the operations runbook writes it."""
    parser.add_argument("--order-symbol", dest="product", metavar="ID", help="like BTC-USD")
    parser.add_argument("--order-side", dest="side", metavar="SIDE", help="buy or sell")
    parser.add_argument("--order-type", dest="type", metavar="TYPE", help="as `orders preview`")
    parser.add_argument("--order-qty", dest="size", metavar="SIZE", help="0.01, 500 USD, 25%%")
    parser.add_argument("--order-price", dest="price", metavar="P", help="limit price")
    parser.add_argument("--order-stop", dest="stop", metavar="P", help="stop price")
    parser.add_argument("--order-tif", dest="tif", metavar="TIF", help="GTC, GTD, IOC or FOK")
    parser.add_argument("--order-until", dest="until", metavar="TIME", help="the end of GTD, UTC")
    parser.add_argument("--order-for", dest="span", metavar="SPAN", help="or how long: 2h")
    parser.add_argument("--order-client-id", dest="client_id", metavar="NAME", help="used once")
    parser.add_argument("--order-take-profit", dest="take_profit", metavar="P", help="not offered")
    parser.add_argument("--order-stop-loss", dest="stop_loss", metavar="P", help="not offered")
    parser.add_argument("--order-post-only", dest="post_only", action="store_true")
    parser.add_argument("--order-reduce-only", dest="reduce_only", action="store_true")


def wish_of(args: argparse.Namespace, derivatives: bool) -> Wish:
    """The order of a command line, checked as far as one can without a session.

    Parameters
    ----------
    derivatives : bool
        Whether COINBASE_ENABLE_DERIVATIVES is on.

    Raises
    ------
    UsageError
        Something is missing, unknown or contradicts itself.
    """
    for name in ("side", "size", "product"):
        if not getattr(args, name):
            raise UsageError(f"which {name}? An order is SIDE SIZE PRODUCT: buy 0.01 BTC-USD")
    if args.take_profit or args.stop_loss:
        raise UsageError(f"--take-profit and --stop-loss are not offered: {ATTACHED}")
    product_id = args.product.upper()
    check_gate(product_id, derivatives)
    product_type = product_type_of(product_id)
    if product_type is ProductType.SPOT and _PRODUCT.fullmatch(product_id) is None:
        raise UsageError(f"product {args.product[:40]!r}: write it like BTC-USD")
    kind = _one_of(args.type or "market", {k.value: k for k in Kind}, "type")
    times = {time.name: time for time in TimeInForce}
    ends = bool(args.until or args.span)
    usual = TimeInForce.GTD if ends and args.tif is None else USUAL[kind]
    time_in_force = usual if args.tif is None else _one_of(args.tif.upper(), times, "tif")
    check(kind, time_in_force, product_type, args.profile)
    wish = Wish(
        product_id=product_id,
        side=_one_of(args.side.upper(), {side.value: side for side in Side}, "side"),
        kind=kind,
        time_in_force=time_in_force,
        amount=parse_amount(args.size, product_id),
        limit_price=None if args.price is None else parse_number(args.price, "price"),
        stop_price=None if args.stop is None else parse_number(args.stop, "stop"),
        end_ns=None if args.until is None else moment_ns(args.until, "--until"),
        for_ns=None if args.span is None else span_ns(args.span, "--for"),
        post_only=args.post_only,
        reduce_only=args.reduce_only,
        asked=_name(args.client_id),
    )
    check_wish(wish)
    return wish


def _one_of(text: str, known: dict[str, Choice], what: str) -> Choice:
    if text not in known:
        raise UsageError(f"{what} {text[:40]!r}: there is {', '.join(known)}")
    return known[text]


def _name(text: str | None) -> str:
    if text is None:
        return ""
    check_name(text)
    return text
