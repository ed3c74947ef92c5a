"""The terminal face: one lazy table from command to room, and the exit codes they share.

A room is imported when its command is named and not before, so that `gpt-trader --help` answers
at once. Each room's `run(argv)` reads its own flags and returns its exit code.
"""

import argparse
import errno
import importlib
import os
import select
import sys
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import NamedTuple

from gpt_trader import __version__
from gpt_trader.domain.errors import (
    BooksDisagree,
    ExchangeUnreachable,
    OutcomeUnknown,
    StoreDamaged,
    TraderError,
    Unwatched,
    UsageError,
)
from gpt_trader.flags import Flags


class Exit(IntEnum):
    """How a command ended, in the number that a shell or a supervisor sees."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3
    REVIEW = 4
    INTERRUPTED = 130


EXIT_MEANINGS = {
    Exit.OK: "done, and every check passed",
    Exit.REFUSED: "a check failed, or something was refused; the message says what",
    Exit.USAGE: "bad usage: an unknown flag, name, value or file",
    Exit.UNREACHABLE: "the exchange could not be reached, or an outcome is unknown",
    Exit.REVIEW: "the books or the store need a person's review before trading goes on",
    Exit.INTERRUPTED: "stopped by Ctrl-C, cleanly",
}


class Command(NamedTuple):
    """Where a command's `run(argv) -> int` lives, and what it is for."""

    run: str  # "module:function"
    summary: str


COMMANDS = {
    "live": Command(
        "gpt_trader.live.main:run",
        "trade a strategy on an exchange; by default the embedded one, with no real money",
    ),
    "replay": Command(
        "gpt_trader.backtesting.replay_main:run",
        "re-run a recorded session and compare every decision, byte for byte",
    ),
    "backtest": Command(
        "gpt_trader.research.backtest_main:run",
        "trade a strategy on candles in a second, as a live session would",
    ),
    "sweep": Command(
        "gpt_trader.research.sweep_main:run",
        "trade a strategy with every combination of a grid, and show the best",
    ),
    "orders": Command(
        "gpt_trader.ops.orders_main:run",
        "orders by hand: preview, place, list, explain, cancel",
    ),
    "halt": Command(
        "gpt_trader.ops.control_main:run_halt",
        "stop trading now, from any terminal: nothing leaves but cancels",
    ),
    "reduce-only": Command(
        "gpt_trader.ops.control_main:run_reduce_only",
        "hold trading back: nothing that could raise a position leaves",
    ),
    "resume": Command(
        "gpt_trader.ops.control_main:run_resume",
        "let trading go on after a halt: shows what holds and gives a code, then confirms it",
    ),
    "snapshot": Command(
        "gpt_trader.ops.snapshot_main:run",
        "the account: balances, holdings, open orders, profit, each with source and age",
    ),
    "preflight": Command(
        "gpt_trader.ops.preflight_main:run",
        "may a session trade: settings, key, clock, account, store, controls",
    ),
    "status": Command(
        "gpt_trader.ops.status_main:run",
        "one page: equity, day profit against its limit, positions, orders, prices",
    ),
    "pnl": Command(
        "gpt_trader.ops.pnl_main:run",
        "what was earned, by day and product, fees in it",
    ),
    "metrics": Command(
        "gpt_trader.ops.metrics_main:run",
        "a session's figures for Prometheus, on this machine only",
    ),
    "log": Command(
        "gpt_trader.ops.log_main:run",
        "the lines of the log that matter: by level, by time, by text",
    ),
    "config": Command(
        "gpt_trader.ops.config_main:run",
        "every setting and limit: its value, its unit, where it comes from, what it means",
    ),
    "data": Command(
        "gpt_trader.ops.data_main:run",
        "candles: download them, import files, check them, list what is stored",
    ),
    "exchange": Command(
        "gpt_trader.exchange.main:run",
        "run the embedded Coinbase by itself, for any Advanced Trade client",
    ),
}

FIRST_STEPS = (
    ("gpt-trader live --speed max --candles 2000", "a session on a synthetic market, in seconds"),
    ("gpt-trader replay latest", "the same session again: equal, or the first difference"),
    ("gpt-trader live --help", "every flag of a command"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run `gpt-trader COMMAND ...` and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in COMMANDS:
        return _guarded(f"gpt-trader {words[0]}", lambda: _run(words[0], words[1:]))
    return _guarded("gpt-trader", lambda: _answer_without_command(words))


DESK_FLAGS = (
    "--preview-order",
    "--edit-order-preview",
    "--apply-order-edit",
    "--account-snapshot",
)
"""The runbook's flags that ask for an order or for the account."""


def perps_bot(argv: Sequence[str] | None = None) -> int:
    """Run `perps-bot ...`: the runbook's order flags, else what `gpt-trader live ...` is."""
    words = list(sys.argv[1:] if argv is None else argv)
    if any(word.partition("=")[0] in DESK_FLAGS for word in words):
        return _guarded("perps-bot", lambda: _run("orders", words, "run_runbook"))
    return _guarded("perps-bot", lambda: _run("live", words))


def _run(command: str, argv: list[str], door: str | None = None) -> int:
    for word in argv:
        if word.startswith("-") and word.endswith("=--"):  # argparse gives a list for it
            raise UsageError(f"{word}: -- is no value")
    module_name, function_name = COMMANDS[command].run.split(":")
    names = vars(importlib.import_module(module_name))
    run: Callable[[list[str]], int] = names[door or function_name]
    return run(argv)


def _answer_without_command(words: list[str]) -> int:
    parser = _parser()
    if not words:
        parser.print_help(sys.stderr)
        return Exit.USAGE
    if not words[0].startswith("-"):
        raise UsageError(_unknown_command(words[0]))
    parser.parse_args(words)
    raise UsageError("which command? `gpt-trader --help` lists them")


def _unknown_command(word: str) -> str:
    import difflib  # 10 ms that only a typing error pays for

    near = difflib.get_close_matches(word, COMMANDS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(COMMANDS)}"
    return f"unknown command {word!r}; {hint}"


def _parser() -> argparse.ArgumentParser:
    width = max(len(line) for line, _ in FIRST_STEPS)
    parser = Flags(
        prog="gpt-trader",
        usage="gpt-trader COMMAND [FLAG ...]",
        description="Research to live trading on Coinbase, on one decision path.\n\ncommands:\n"
        + "\n".join(f"  {name:<11} {command.summary}" for name, command in COMMANDS.items()),
        epilog="first steps:\n"
        + "\n".join(f"  {line:<{width}}  {meaning}" for line, meaning in FIRST_STEPS)
        + "\n\nexit codes:\n"
        + "\n".join(f"  {code.value:>3}  {meaning}" for code, meaning in EXIT_MEANINGS.items())
        + "\n\nNo setting chooses a profile that trades real money: --profile must say so.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"gpt-trader {__version__}")
    return parser


def _guarded(name: str, run: Callable[[], int]) -> int:
    """Run a command; turn each error we raise on purpose into one line and its exit code."""
    try:
        code = _exit_code(run)
        sys.stdout.flush()
    except TraderError as error:
        print(f"{name}: {' '.join(str(error).split())}", file=sys.stderr)
        return exit_code_of(error)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        if not _reader_of_stdout_left():
            raise
        return Exit.REFUSED
    except OSError as error:
        # Any word may be taken for a file; one that none can be called is a mistake like others.
        if error.errno != errno.ENAMETOOLONG:
            raise
        begin = " ".join(str(error.filename)[:60].split())
        print(f"{name}: {begin} ...: no file has so long a name", file=sys.stderr)
        return Exit.USAGE
    return code


def _reader_of_stdout_left() -> bool:
    """Say whether `... | head` closed its end, and if so keep Python from complaining of it.

    A socket breaks with the same error, and that one must be seen. The pipe itself is asked: what
    was written unbuffered leaves nothing to flush that could break a second time.
    """
    stdout = sys.stdout.fileno()
    pipe = select.poll()
    pipe.register(stdout, 0)
    if not pipe.poll(0):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), stdout)
    return True


def _exit_code(run: Callable[[], int]) -> int:
    """The code of a command that returned, or that argparse ended after --help or bad usage."""
    try:
        return run()
    except SystemExit as stop:
        assert isinstance(stop.code, int), stop.code
        return stop.code


def exit_code_of(error: TraderError) -> Exit:
    """The documented exit code of an error that ended a command."""
    match error:
        case UsageError():
            return Exit.USAGE
        case ExchangeUnreachable() | OutcomeUnknown():
            return Exit.UNREACHABLE
        case StoreDamaged() | BooksDisagree() | Unwatched():
            return Exit.REVIEW
        case _:
            return Exit.REFUSED
