"""The command `gpt-trader orders`, and the runbook's order flags on `perps-bot`."""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpt_trader.broker.capabilities import PROFILES, ProductType, table
from gpt_trader.broker.derivatives import product_type_of
from gpt_trader.broker.wish import as_mapping
from gpt_trader.domain.errors import UsageError
from gpt_trader.flags import Flags
from gpt_trader.ops import orders_text as text
from gpt_trader.ops.asking import Place, ask, obey_guards
from gpt_trader.ops.orders_flags import add_order_flags, add_runbook_flags, wish_of
from gpt_trader.ops.orders_record import explained, listed, shown
from gpt_trader.ops.snapshot_main import add_snapshot_flags, snapshot
from gpt_trader.settings import Settings, load_settings
from gpt_trader.store.document import check_target, write_document
from gpt_trader.store.previews import KeptPreviews

EPILOG = f"""\
examples:
  gpt-trader orders preview buy 0.01 BTC-USD
  gpt-trader orders preview sell 25% BTC-USD --type limit --price 65000 --reduce-only
  gpt-trader orders place --token TOKEN
  gpt-trader orders place buy "500 USD" BTC-USD --type limit --price 61000 --for 2h
  gpt-trader orders list
  gpt-trader orders explain NAME
  gpt-trader orders cancel-all

Orders pass the engine, its rules and its log: a session that runs takes them, and without one the
same engine is started for them, with no strategy. It stays unfinished, so that the next command
goes on with its orders; `gpt-trader orders close` cancels them and ends it.

which orders there are (usual: the time in force of an order that names none):
{table().replace("%", "%%")}
By us: Coinbase has no such order; our engine watches the trigger and sends a market order, and
that works only while `gpt-trader live --by-hand` runs.
A percentage is of the free cash of a buy, fee included, and of the position of a sale.

exit codes: 0 done, 1 denied or refused, 2 bad usage, 3 exchange unreachable or outcome unknown,
4 needs review, 130 interrupted.
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What a command has to say: to a program, to a person, to a shell."""

    document: dict[str, Any]
    said: str
    code: int = 0


Act = Callable[[argparse.Namespace, Settings], Done]


def run(argv: list[str]) -> int:
    """Run one of the order commands and return its exit code."""
    return _tell(*_ready(order_parser().parse_args(argv)))


def done_by(argv: list[str]) -> Done:
    """Do in a notebook what one of the order commands does, and print nothing."""
    args, settings = _ready(order_parser().parse_args(argv))
    args.where = "in a notebook"
    act: Act = args.act
    return act(args, settings)


def run_runbook(argv: list[str]) -> int:
    """Run `perps-bot` with one of the runbook's order or snapshot flags."""
    parser = Flags(
        prog="perps-bot",
        description="The operations runbook's flags for orders and the account. With none of them "
        "perps-bot is `gpt-trader live`.",
        allow_abbrev=False,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--preview-order", action="store_true", help="say what it would do")
    what.add_argument("--edit-order-preview", metavar="ORDER_ID", help="the same of a change")
    what.add_argument("--apply-order-edit", metavar="ORDER_ID:PREVIEW_ID", help="make the change")
    what.add_argument("--account-snapshot", action="store_true", help="the whole account")
    add_runbook_flags(parser)
    add_snapshot_flags(parser)
    _add_place_flags(parser)
    args = parser.parse_args(argv)
    args.act = _runbook_act(args)
    ready = _ready(args)
    if args.account_snapshot:
        return snapshot(*ready, place_of(*ready))
    return _tell(*ready)


def _runbook_act(args: argparse.Namespace) -> Act:
    if args.edit_order_preview is not None:
        args.order = args.edit_order_preview
        return _edit
    if args.apply_order_edit is not None:
        args.order, colon, args.token = args.apply_order_edit.partition(":")
        if not colon or not args.order or not args.token:
            raise UsageError(
                "--apply-order-edit ORDER_ID:PREVIEW_ID, as the preview of an edit says"
            )
        return _edit
    return _preview


def _ready(args: argparse.Namespace) -> tuple[argparse.Namespace, Settings]:
    check_target(args.json)
    flags = {"var": args.var, "coinbase_host": args.coinbase_host}
    settings = load_settings(
        {**flags, "coinbase_key_file": args.coinbase_key_file}, os.environ, Path.cwd()
    )
    obey_guards(settings, args.profile)
    return args, settings


def _tell(args: argparse.Namespace, settings: Settings) -> int:
    act: Act = args.act
    done = act(args, settings)
    if args.json is not None:
        write_document(done.document, args.json)
    if args.json != "-":
        print(done.said)
    return done.code


def order_parser() -> argparse.ArgumentParser:
    """The flags of `gpt-trader orders`: each command's namespace has its `act`."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = Flags(
        prog="gpt-trader orders",
        description="Orders by hand: previewed, placed, watched and ended.",
        epilog=EPILOG,
        formatter_class=raw,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shared = Flags(add_help=False)
    _add_place_flags(shared)

    def add(name: str, act: Act, what: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, parents=[shared], help=what, description=what)
        command.set_defaults(act=act)
        return command

    add_order_flags(add("preview", _preview, "what an order would cost, fill and break"))
    place = add("place", _place, "send an order, or the one of a preview's token")
    add_order_flags(place)
    place.add_argument("--token", metavar="TOKEN", help="of a preview; names the whole order")
    place.add_argument(
        "--allow-unlikely-fill", action="store_true", help="though its limit may miss the market"
    )
    edit = add("edit", _edit, "preview other prices or size of a waiting order, or make it so")
    edit.add_argument("order", metavar="ORDER")
    edit.add_argument("--price", metavar="P", help="the new limit price")
    edit.add_argument("--stop", metavar="P", help="the new stop price")
    edit.add_argument("--size", metavar="SIZE", help="the new size in base, in all")
    edit.add_argument("--token", metavar="TOKEN", help="of the preview: make the change")
    end = add("cancel", _cancel, "end orders, by our name, Coinbase's or yours")
    end.add_argument("orders", nargs="+", metavar="ORDER")
    add("cancel-all", _cancel_all, "end every order of the session")
    add("list", _list, "the orders of the newest session, from its log").add_argument(
        "--open", action="store_true", help="only those that still work"
    )
    add("show", _show, "one order and its fills").add_argument("order", metavar="ORDER")
    add(
        "explain", _explain, "why an order was sent or denied, and all that became of it"
    ).add_argument("order", metavar="ORDER")
    adopt = add("adopt", _adopt, "give a part of the owner's holdings to the session")
    adopt.add_argument("product", metavar="PRODUCT")
    adopt.add_argument("size", metavar="SIZE", help="base")
    adopt.add_argument("--cost", required=True, metavar="QUOTE", help="what all of it has cost")
    adopt.add_argument("--name", metavar="TEXT", help="tells it from an equal one before")
    add("close", _close, "end the session by hand: its orders are cancelled")
    return parser


def _add_place_flags(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(where="at the command line")
    parser.add_argument("--profile", choices=PROFILES, default="dev", help="where orders go [dev]")
    parser.add_argument("--var", metavar="DIR", help="where everything is written [./var]")
    parser.add_argument("--coinbase-host", metavar="HOST[:PORT]", help="another exchange")
    parser.add_argument("--coinbase-ca", metavar="FILE", help="authority it is trusted by")
    parser.add_argument("--coinbase-key-file", metavar="FILE", help="API key as downloaded")
    parser.add_argument("--json", nargs="?", const="-", metavar="F.json|-", help="a document [-]")


def place_of(args: argparse.Namespace, settings: Settings) -> Place:
    """Where a command asks, and what a session is started with if none runs there."""
    given = {
        "--coinbase-host": args.coinbase_host,
        "--coinbase-ca": args.coinbase_ca,
        "--coinbase-key-file": args.coinbase_key_file,
        "--product": _product_of(args, settings),
    }
    flags = tuple(word for name, value in given.items() if value for word in (name, value))
    return Place(settings.var, args.profile, flags, args.where)


def _product_of(args: argparse.Namespace, settings: Settings) -> str | None:
    """What a session that has to be started trades; the embedded exchange's trades all it has."""
    name = None
    if getattr(args, "product", None):
        name = str(args.product).upper()
    elif getattr(args, "token", None) and not hasattr(args, "order"):
        name = KeptPreviews(settings.var, args.profile).find(args.token).wanted.get("product_id")
    if args.profile == "dev" and settings.coinbase_host is None and name is not None:
        return name if product_type_of(name) is ProductType.FUTURE else None
    return name


def _preview(args: argparse.Namespace, settings: Settings) -> Done:
    wish = wish_of(args, settings.derivatives)
    document = ask(place_of(args, settings), "preview", {"order": as_mapping(wish)})
    return Done(document, text.preview(document), 0 if document["preview"]["allowed"] else 1)


def _place(args: argparse.Namespace, settings: Settings) -> Done:
    body: dict[str, Any] = {"allow_unlikely_fill": "yes" if args.allow_unlikely_fill else ""}
    if args.token is not None:
        body["token"] = args.token
    if args.token is None or args.side is not None:
        body["order"] = as_mapping(wish_of(args, settings.derivatives))
    document = ask(place_of(args, settings), "place", body)
    return Done(document, text.order(document["placed"]))


def _edit(args: argparse.Namespace, settings: Settings) -> Done:
    place = place_of(args, settings)
    if getattr(args, "token", None) is not None:
        document = ask(place, "edit", {"name": args.order, "token": args.token})
        return Done(document, text.order(document["edited"]))
    new = {"size": args.size or "", "price": args.price or "", "stop": args.stop or ""}
    body = {"name": args.order, **new}
    document = ask(place, "edit_preview", body)
    return Done(document, text.edit_preview(document), 0 if document["preview"]["allowed"] else 1)


def _cancel(args: argparse.Namespace, settings: Settings) -> Done:
    document = ask(place_of(args, settings), "cancel", {"orders": args.orders})
    return Done(document, text.cancelled(document))


def _cancel_all(args: argparse.Namespace, settings: Settings) -> Done:
    document = ask(place_of(args, settings), "cancel", {"orders": "all"})
    return Done(document, text.cancelled(document))


def _list(args: argparse.Namespace, settings: Settings) -> Done:
    document = listed(settings.var, args.profile, args.open)
    return Done(document, text.orders(document))


def _show(args: argparse.Namespace, settings: Settings) -> Done:
    document = shown(settings.var, args.profile, args.order)
    return Done(document, text.order(document))


def _explain(args: argparse.Namespace, settings: Settings) -> Done:
    document = explained(settings.var, args.profile, args.order)
    return Done(document, text.explanation(document))


def _adopt(args: argparse.Namespace, settings: Settings) -> Done:
    body = {"product_id": args.product.upper(), "base_size": args.size, "cost": args.cost}
    body["name"] = args.name or ""
    document = ask(place_of(args, settings), "adopt", body)
    return Done(document, f"{document['adopted']} of {document['product_id']} is the session's now")


def _close(args: argparse.Namespace, settings: Settings) -> Done:
    document = ask(place_of(args, settings), "close", {})
    return Done(document, "the session is closed; what it held is the owner's")
