"""The floors hold, functions fit on a screen, and nothing is there that nobody uses.

There is no list of exceptions: the check passes or the code changes. The rules are in `tidy.py`;
each one is shown here to catch what it is for.
"""

from pathlib import Path

import pytest

from tests import tidy

ROOT = Path(__file__).parents[1]
PACKAGE = tidy.source_modules(ROOT, "gpt_trader")
EVERYTHING = PACKAGE + tidy.source_modules(ROOT, "tests")
ENTRIES = {"gpt_trader", "gpt_trader.cli"} | {
    module.name for module in PACKAGE if module.name.endswith(".__main__")
}

PACKAGE_RULES = (
    tidy.imports_go_down,
    tidy.only_some_start_the_exchange,
    tidy.libraries_stay_at_home,
    tidy.pure_rooms_do_no_io,
    tidy.clocks_and_entropy_stay_outside,
    tidy.coroutines_stay_at_the_edge,
    tidy.money_is_never_float,
    tidy.errors_are_caught_by_name,
    tidy.the_first_line_says_what_for,
)
FILE_RULES = (
    tidy.names_are_nouns_with_content,
    tidy.files_fit_in_a_head,
    tidy.functions_fit_on_a_screen,
)


def complaints_of(rule: tidy.Rule, path: str, text: str) -> list[str]:
    return list(rule(tidy.Module(f"gpt_trader/{path}", text)))


@pytest.mark.parametrize("rule", PACKAGE_RULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps_the_rule(rule: tidy.Rule) -> None:
    complaints = [complaint for module in PACKAGE for complaint in rule(module)]

    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("rule", FILE_RULES, ids=lambda rule: rule.__name__)
def test_package_and_tests_keep_the_rule(rule: tidy.Rule) -> None:
    complaints = [complaint for module in EVERYTHING for complaint in rule(module)]

    assert not complaints, "\n".join(complaints)


def test_no_module_imports_itself_by_a_detour() -> None:
    assert tidy.cycles(PACKAGE) == []


def test_every_module_is_reached_from_an_entry_point() -> None:
    orphans = tidy.unreached(PACKAGE, ENTRIES)

    assert not orphans, "\n".join(orphans)


def test_every_room_has_a_floor() -> None:
    rooms = {module.room for module in PACKAGE} - {"", tidy.APART}

    assert rooms - set(tidy.FLOOR) == set()


OFFENCES = {
    "an import from above": (
        tidy.imports_go_down, "risk/limits.py", "import gpt_trader.engine.step"
    ),
    "an import from a neighbour": (
        tidy.imports_go_down, "live/main.py", "from gpt_trader.ops import desk"
    ),
    "an import hidden in a function": (
        tidy.imports_go_down,
        "domain/order.py",
        "def f():\n    from gpt_trader.store import codec",
    ),
    "a relative import": (tidy.imports_go_down, "risk/limits.py", "from . import verdicts"),
    "the exchange imports ours": (
        tidy.imports_go_down, "exchange/venue.py", "from gpt_trader.domain import order"
    ),
    "ours imports the exchange": (
        tidy.imports_go_down, "live/main.py", "import gpt_trader.exchange.venue"
    ),
    "a room without a floor": (
        tidy.imports_go_down, "live/main.py", "from gpt_trader.attic import old"
    ),
    "the engine starts the exchange": (
        tidy.only_some_start_the_exchange,
        "engine/step.py",
        "NAME = 'gpt_trader.exchange.main:run'",
    ),
    "a strategy starts the exchange": (
        tidy.only_some_start_the_exchange,
        "strategies/breakout.py",
        "import sys\nWORDS = [sys.executable, '-m', 'gpt_trader', 'exchange']",
    ),
    "numba outside the kernels": (
        tidy.libraries_stay_at_home, "strategies/breakout.py", "from numba import njit"
    ),
    "sqlite outside the store": (tidy.libraries_stay_at_home, "live/app.py", "import sqlite3"),
    "a library without a home": (
        tidy.libraries_stay_at_home, "live/app.py", "import sqlalchemy.orm"
    ),
    "policy that opens a socket": (
        tidy.pure_rooms_do_no_io, "broker/execution.py", "import socket"
    ),
    "policy that prints": (tidy.pure_rooms_do_no_io, "risk/limits.py", "print(1)"),
    "a clock": (
        tidy.clocks_and_entropy_stay_outside, "engine/step.py", "import time\ntime.time_ns()"
    ),
    "a clock under another name": (
        tidy.clocks_and_entropy_stay_outside,
        "store/chain.py",
        "from time import monotonic as m\nf(m)",
    ),
    "a calendar clock": (
        tidy.clocks_and_entropy_stay_outside,
        "risk/limits.py",
        "from datetime import datetime\ndatetime.now()",
    ),
    "an id from entropy": (
        tidy.clocks_and_entropy_stay_outside,
        "broker/orders.py",
        "from uuid import uuid4\nuuid4()",
    ),
    "the module's own random numbers": (
        tidy.clocks_and_entropy_stay_outside,
        "coinbase/stream.py",
        "import random\nrandom.uniform(0, 1)",
    ),
    "a generator without a seed": (
        tidy.clocks_and_entropy_stay_outside,
        "backtesting/sweep.py",
        "import numpy as np\nnp.random.default_rng()",
    ),
    "a nonce outside the signer": (
        tidy.clocks_and_entropy_stay_outside,
        "coinbase/rest.py",
        "import secrets\nsecrets.token_hex(16)",
    ),
    "a clock in the signer": (
        tidy.clocks_and_entropy_stay_outside, "coinbase/signer.py", "import time\ntime.time()"
    ),
    "a coroutine in the engine": (
        tidy.coroutines_stay_at_the_edge, "engine/step.py", "async def step(): ..."
    ),
    "money as float": (tidy.money_is_never_float, "portfolio/ledger.py", "cash = float('1')"),
    "a broad catch": (
        tidy.errors_are_caught_by_name,
        "live/app.py",
        "try:\n    f()\nexcept Exception:\n    pass",
    ),
    "a bare catch": (
        tidy.errors_are_caught_by_name, "live/app.py", "try:\n    f()\nexcept:\n    pass"
    ),
    "a broad catch in company": (
        tidy.errors_are_caught_by_name,
        "live/app.py",
        "try:\n    f()\nexcept (OSError, BaseException):\n    pass",
    ),
    "a broad catch by another name": (
        tidy.errors_are_caught_by_name,
        "live/app.py",
        "ANY = (OSError, Exception)\ntry:\n    f()\nexcept ANY:\n    pass",
    ),
    "no docstring": (tidy.the_first_line_says_what_for, "risk/limits.py", "X = 1"),
    "a docstring without an end": (
        tidy.the_first_line_says_what_for, "risk/limits.py", '"""Limits and\n\nsuch."""'
    ),
    "code in an __init__": (
        tidy.the_first_line_says_what_for, "risk/__init__.py", "from x import y"
    ),
    "a name without content": (tidy.names_are_nouns_with_content, "risk/order_utils.py", ""),
    "a long file": (tidy.files_fit_in_a_head, "risk/limits.py", "x = 1\n" * 501),
    "a long line": (tidy.files_fit_in_a_head, "risk/limits.py", "x = '" + "1" * 95 + "'"),
    "a long function": (
        tidy.functions_fit_on_a_screen, "risk/limits.py", "def f():\n" + "    x = 1\n" * 60
    ),
    "a function made long by its decorators": (
        tidy.functions_fit_on_a_screen,
        "risk/limits.py",
        "@g\n" * 2 + "async def f():\n" + "    x = 1\n" * 58,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "path", "text"), OFFENCES.values(), ids=OFFENCES)
def test_a_planted_offence_is_found(rule: tidy.Rule, path: str, text: str) -> None:
    assert len(complaints_of(rule, path, text)) == 1


CUSTOMS = {
    "a seeded generator": (
        tidy.clocks_and_entropy_stay_outside,
        "coinbase/stream.py",
        "import random\ndef wait(dice: random.Random) -> float: return random.Random(7).random()",
    ),
    "a clock in the live room": (
        tidy.clocks_and_entropy_stay_outside, "live/clock.py", "import time\ntime.time_ns()"
    ),
    "a nonce in the signer": (
        tidy.clocks_and_entropy_stay_outside,
        "coinbase/signer.py",
        "import secrets\nsecrets.token_hex(16)",
    ),
    "the command line's table": (
        tidy.only_some_start_the_exchange, "cli.py", "RUN = 'gpt_trader.exchange.main:run'"
    ),
    "several named errors": (
        tidy.errors_are_caught_by_name,
        "live/app.py",
        "try:\n    f()\nexcept (*NETWORK, ValueError):\n    pass",
    ),
    "an import from below": (
        tidy.imports_go_down, "engine/step.py", "from gpt_trader.domain.events import Event"
    ),
    "a function of sixty lines": (
        tidy.functions_fit_on_a_screen, "risk/limits.py", "def f():\n" + "    x = 1\n" * 59
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "path", "text"), CUSTOMS.values(), ids=CUSTOMS)
def test_what_is_allowed_passes(rule: tidy.Rule, path: str, text: str) -> None:
    assert complaints_of(rule, path, text) == []


def test_a_planted_cycle_is_found() -> None:
    modules = (
        tidy.Module("gpt_trader/a.py", "from gpt_trader.b import x"),
        tidy.Module("gpt_trader/b.py", "def f():\n    import gpt_trader.c"),
        tidy.Module("gpt_trader/c.py", "from gpt_trader import a"),
    )

    circle = tidy.cycles(modules)

    assert set(circle) == {"gpt_trader.a", "gpt_trader.b", "gpt_trader.c"}


def test_a_planted_orphan_is_found() -> None:
    modules = (
        tidy.Module("gpt_trader/cli.py", "TABLE = 'gpt_trader.a:run'"),
        tidy.Module("gpt_trader/a.py", "from gpt_trader.b import x"),
        tidy.Module("gpt_trader/b.py", ""),
        tidy.Module("gpt_trader/orphan.py", "from gpt_trader.b import x"),
    )

    orphans = tidy.unreached(modules, {"gpt_trader.cli"})

    assert orphans == ["gpt_trader.orphan"]
