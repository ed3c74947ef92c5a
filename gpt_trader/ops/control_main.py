"""The commands `gpt-trader halt`, `reduce-only` and `resume`."""

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gpt_trader.broker.capabilities import PROFILES
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.order import TradingState
from gpt_trader.flags import Flags
from gpt_trader.ops.asking import obey_guards, who_asks
from gpt_trader.ops.halting import Holding, Scope, hold_back
from gpt_trader.settings import VALUES, Settings, load_settings, variable
from gpt_trader.store.document import check_target, write_document
from gpt_trader.store.lease import holder
from gpt_trader.store.trading_state import Held, Standing, read_standing

NO_REASON = "no reason given"
AT = "at the command line"
CODES = """\
exit codes: 0 done, 1 refused, 2 bad usage, 3 it stands in the record, and a send or a session
does not answer, 4 needs review, 130 interrupted.
"""
HALT = f"""\
examples:
  gpt-trader halt
  gpt-trader halt BTC-USD --reason "odd prices"

Once it has returned, nothing leaves but cancels, in this session and in every later one, until
`gpt-trader resume`. Waiting buys are cancelled by the session that runs. It needs no session, and
works on a full disk. What is held stays held: `gpt-trader reduce-only on` lets exits go on.

{CODES}"""
REDUCE_ONLY = f"""\
examples:
  gpt-trader reduce-only on --reason "thin market"
  gpt-trader reduce-only on BTC-USD
  gpt-trader reduce-only off

Once it has returned, nothing leaves that could raise a position; exits go on, by a strategy or by
hand. It holds in every later session, too. `off` goes on in two steps,
as `gpt-trader resume` does.

{CODES}"""


RESUME = f"""\
examples:
  gpt-trader resume
  gpt-trader resume --confirm 3fa2c1 --reason "prices are whole again"

The first step shows what holds trading back and gives a code that is good for two minutes; whatever
changes the trading state meanwhile makes it worthless. It is refused while a cause persists: a
variable of the environment, books that differ, an unknown order, a limit on losses.

{CODES}"""


def run_halt(argv: list[str]) -> int:
    """Run `gpt-trader halt` and return its exit code."""
    parser = _parser("halt", "Stop trading now, whatever runs and whatever hangs.", HALT)
    args = parser.parse_intermixed_args(argv)
    return _hold_back(args, TradingState.HALTED)


def run_reduce_only(argv: list[str]) -> int:
    """Run `gpt-trader reduce-only` and return its exit code."""
    parser = _parser("reduce-only", "Let nothing out that could raise a position.", REDUCE_ONLY)
    args = parser.parse_intermixed_args(argv)
    if args.switch == "on":
        return _hold_back(args, TradingState.REDUCE_ONLY)
    scope, _ = ready(args)
    standing = read_standing(scope.record)
    own = None if standing is None else standing.own(scope.product_id)
    if own is not None and own.state is TradingState.HALTED:
        raise UsageError(f"{scope} is halted, not reduced: `gpt-trader resume` lets it go on")
    return _resume(args)


def run_resume(argv: list[str]) -> int:
    """Run `gpt-trader resume` and return its exit code."""
    parser = _parser("resume", "Let trading go on, in two steps.", RESUME)
    _add_confirmation(parser)
    return _resume(parser.parse_intermixed_args(argv))


def _add_confirmation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--confirm", metavar="CODE", help="of the first step: let it go on")


def _parser(command: str, what: str, epilog: str) -> argparse.ArgumentParser:
    parser = Flags(
        prog=f"gpt-trader {command}",
        description=what,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if command == "reduce-only":
        parser.add_argument("switch", choices=("on", "off"), metavar="on|off")
        _add_confirmation(parser)
    parser.add_argument("product", nargs="?", metavar="PRODUCT", help="like BTC-USD [all]")
    parser.add_argument("--reason", metavar="TEXT", default=NO_REASON, help="for whoever asks why")
    parser.add_argument("--profile", choices=PROFILES, default="dev", help="whose orders [dev]")
    parser.add_argument("--var", metavar="DIR", help="where everything is written [./var]")
    parser.add_argument("--json", nargs="?", const="-", metavar="F.json|-", help="a document [-]")
    return parser


def ready(args: argparse.Namespace) -> tuple[Scope, Settings]:
    """What a command is about, and the settings it runs under."""
    check_target(args.json)
    settings = load_settings({"var": args.var}, os.environ, Path.cwd())
    obey_guards(settings, args.profile)
    return Scope(settings.var, args.profile, (args.product or "").upper()), settings


def tell(args: argparse.Namespace, document: dict[str, Any], said: str) -> None:
    """Say what was done, to a program or to a person."""
    if args.json is not None:
        write_document(document, args.json)
    if args.json != "-":
        print(said)


def _hold_back(args: argparse.Namespace, wanted: TradingState) -> int:
    try:
        scope, _ = ready(args)
    except UsageError as e:
        # A misspelt limit, or a place for a document, must not keep anybody from stopping.
        scope = Scope(_place(args, e), args.profile, (args.product or "").upper())
        print(_said(scope, hold_back(scope, wanted, who_asks(AT), args.reason)))
        raise UsageError(f"held back all the same; {e}") from e
    done = hold_back(scope, wanted, who_asks(AT), args.reason)
    tell(args, _document(scope, done), _said(scope, done))
    return 0


def _place(args: argparse.Namespace, error: UsageError) -> Path:
    """Where everything is written, although the settings do not read.

    Raises
    ------
    UsageError
        The settings' own, if one of them may say it: --var does.
    """
    if args.var is not None:
        return Path(args.var)
    if given := os.environ.get(variable("var")):
        return Path(given)
    for name in (".env", "gpt_trader.toml"):
        path = Path(name)
        if path.exists() and "var" in path.read_bytes().decode(errors="replace").lower():
            raise UsageError(f"nothing is held back: {error}; say where with --var") from error
    return Path(VALUES["var"])


def _resume(args: argparse.Namespace) -> int:
    # It reads the books, and so imports what takes half a second: a halt does not wait for that.
    from gpt_trader.ops.resuming import confirm, offer, when

    scope, settings = ready(args)
    if args.confirm is None:
        standing, code = offer(scope, settings)
        document = {"trading": standing_document(standing), "code": code.code, "until": when(code)}
        said = (
            f"{_all_of(standing)}\nLet {scope} go on, until {when(code)}, with\n"
            f"  --confirm {code.code} --reason TEXT"
        )
        tell(args, document, said)
        return 0
    if args.reason == NO_REASON:
        raise UsageError("--confirm needs --reason TEXT: whoever reads the log asks why")
    standing = confirm(scope, settings, args.confirm, who_asks(AT), args.reason)
    tell(args, {"trading": standing_document(standing)}, _all_of(standing))
    return 0


def _all_of(standing: Standing) -> str:
    lines = [f"all products: {spoken(standing.everything)}"]
    return "\n".join([*lines, *(f"{name}: {spoken(o)}" for name, o in standing.products.items())])


def standing_document(standing: Standing) -> dict[str, Any]:
    """The whole trading state, for programs."""
    return {
        "everything": _held_document(standing.everything),
        "products": {name: _held_document(one) for name, one in standing.products.items()},
    }


def _held_document(held: Held) -> dict[str, Any]:
    return {
        "state": held.state.value,
        "who": held.who,
        "why": held.why,
        "since": since(held),
    }


def since(held: Held) -> str:
    """When a state was set, UTC."""
    return datetime.fromtimestamp(held.since_ns / 1e9, UTC).isoformat(timespec="milliseconds")


def spoken(held: Held) -> str:
    """A state with who set it, when and why."""
    return f"{held.state.value} since {since(held)} by {held.who}: {held.why}"


def _who_runs(scope: Scope) -> str:
    process = holder(scope.var, scope.profile)
    if process is not None:
        return f"the session is process {process}"
    return (
        f"no session of profile {scope.profile} runs below {scope.var.resolve()}: what waits at "
        "the exchange stays there"
    )


def _document(scope: Scope, done: Holding) -> dict[str, Any]:
    return {
        "profile": scope.profile,
        "product_id": scope.product_id or None,
        "changed": done.changed,
        "trading": standing_document(done.standing),
        "in_flight": list(done.in_flight),
        "recorded_ms": round(done.recorded_s * 1e3, 3),
        "in_force_ms": round(done.in_force_s * 1e3, 3),
    }


def _said(scope: Scope, done: Holding) -> str:
    own = done.standing.own(scope.product_id)
    assert own is not None, "it was just written"
    ways = ", ".join(done.in_flight) or "nothing"
    before = "" if done.changed else "it was held back so far already; "
    return (
        f"{scope}: {spoken(own)}\n"
        f"{before}recorded after {done.recorded_s * 1e3:.1f} ms, in force after "
        f"{done.in_force_s * 1e3:.1f} ms; on its way meanwhile: {ways}\n"
        f"{_who_runs(scope)}"
    )
