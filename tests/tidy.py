"""The rules of `test_architecture.py`: each takes a module's source and returns its complaints."""

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

FLOORS = (
    {"domain"},
    {"kernels", "settings", "flags"},  # a half step up: they refuse with the errors of domain
    {"signals", "portfolio", "risk", "coinbase", "store"},
    {"strategies", "broker"},
    {"engine"},
    {"live", "backtesting", "dashboard", "ops"},
    {"cli", "research"},
)
"""A room imports from itself and from the floors before its own."""

FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

APART = "exchange"
"""Imports nothing of ours, so that one misunderstanding cannot hide on both sides of the wire."""

STARTS_EXCHANGE = {"cli", "live", APART}
"""May name the exchange in a string, to start it as a process; nobody imports it."""

HOMES: Mapping[str, set[str]] = {
    "asyncio": {"coinbase", "exchange", "live"},
    "bokeh": {"research"},
    "certifi": {"coinbase"},
    "coinbase": {"coinbase"},
    "cryptography": {"coinbase", "exchange"},
    "dask": {"research"},
    "distributed": {"research"},
    "holoviews": {"research"},
    "hvplot": {"research"},
    "jwt": {"exchange"},
    "llvmlite": {"kernels"},
    "msgspec": {"coinbase", "exchange", "store"},
    "numba": {"kernels"},
    "numpy": {
        "kernels",
        "signals",
        "store",
        "strategies",
        "risk",
        "exchange",
        "backtesting",
        "research",
    },
    "pandas": {"backtesting", "research"},
    "panel": {"dashboard"},
    "papermill": {"ops"},
    "pyarrow": {"store", "exchange"},
    "requests": {"coinbase"},
    "rich": {"dashboard"},
    "sqlite3": {"store"},
    "tornado": {"exchange"},
    "tqdm": {"live", "backtesting", "ops"},
    "prometheus_client": {"ops"},
    "urllib3": {"coinbase"},
    "vectorbt": {"research"},
    "websockets": {"coinbase", "live"},  # live: the lockstep channel, no part of Coinbase
}
"""Each outside library, and asyncio and sqlite3, with the rooms that may know it."""

PURE = {"domain", "signals", "portfolio", "risk", "strategies", "broker", "engine"}
"""Rooms without I/O: what they are given decides what they return, so a replay can repeat them."""

OUTSIDE_WORLD = {
    "asyncio", "ctypes", "fcntl", "http", "io", "logging", "multiprocessing", "os", "pathlib",
    "select", "selectors", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess",
    "tempfile", "threading", "time", "urllib",
}  # fmt: skip

CLOCK_ROOMS = {"live", "exchange", "ops"}
CLOCKS = re.compile(
    r"time\.(time|monotonic|perf_counter|process_time|thread_time)(_ns)?"
    r"|datetime\.(datetime|date)\.(now|utcnow|today)"
)
NONCE_FILE = "coinbase/signer.py"
"""Besides `live/` and `exchange/` it alone draws entropy: a JWT's nonce reaches no log."""
STOPWATCH_FILE = "backtesting/sweep.py"
"""It measures what a combination takes, to size the chunks of a sweep: no result hangs on it."""
ENTROPY = re.compile(
    r"(numpy\.)?random\.(?!Random$|Generator$|default_rng$).+"
    r"|secrets\..+|uuid\.uuid[14]|os\.urandom"
)
SEEDED = {"random.Random", "numpy.random.default_rng"}
"""Fine anywhere with a seed, refused without one."""

ASYNC_ROOMS = {"coinbase", "exchange", "live"}
NO_FLOAT_ROOMS = {"portfolio", "risk", "broker"}
EMPTY_NAMES = {"utils", "util", "common", "core", "helpers", "helper", "manager", "service", "misc"}

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 500
COLUMNS_MAX = 100


@dataclass(frozen=True)
class Module:
    """One source file: where it lies below the repository's top, and its text."""

    path: str  # "gpt_trader/engine/step.py", always with forward slashes
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def name(self) -> str:
        """The dotted name it is imported by."""
        return self.path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")

    @property
    def room(self) -> str:
        """The folder or file right below the package; empty for the package's own face.

        A `__main__` is the terminal's door to a room, and belongs to the terminal's floor.
        """
        if self.name.endswith("__main__"):
            return "cli"
        return self.name.partition(".")[2].partition(".")[0]

    @property
    def below_package(self) -> str:
        return self.path.partition("/")[2]

    @cached_property
    def imports(self) -> tuple[tuple[int, str], ...]:
        """Line and dotted name of whatever is imported, at the top or inside a function."""
        return tuple(_imports(self.tree))

    @cached_property
    def meanings(self) -> dict[str, str]:
        """What each name that an import brought here stands for, in full."""
        return dict(_meanings(self.tree))

    def resolve(self, node: ast.expr) -> str:
        """The full dotted name of an imported thing; as written for anything else."""
        first, dot, rest = _dotted(node).partition(".")
        return self.meanings.get(first, first) + dot + rest

    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        """Every call, with the full name of what is called."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield node, self.resolve(node.func)

    @cached_property
    def strings(self) -> tuple[tuple[int, str], ...]:
        """Line and text of every string, docstrings and the parts of f-strings too."""
        return tuple(
            (node.lineno, node.value)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        )


Rule = Callable[[Module], Iterator[str]]
"""Yields one line per offence: where, what, and what to do instead."""


def source_modules(root: Path, *folders: str) -> tuple[Module, ...]:
    """Every Python file below the folders, in the order of their paths."""
    paths = sorted(path for folder in folders for path in (root / folder).rglob("*.py"))
    return tuple(
        Module(path.relative_to(root).as_posix(), path.read_text("utf-8")) for path in paths
    )


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)


def _meanings(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                yield alias.asname or first, alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            before = _dotted(value)
            return before and f"{before}.{attribute}"
    return ""


def _room_of(imported: str) -> str | None:
    """The room of ours that an import names; None for a library or the package's own face."""
    parts = imported.split(".")
    if parts[0] != "gpt_trader" or len(parts) == 1 or parts[1].startswith("__"):
        return None
    return parts[1]


# --- rules of the package -----------------------------------------------------------------------


def imports_go_down(module: Module) -> Iterator[str]:
    """A room imports only from floors below it; the exchange stands apart from all of them."""
    for line, imported in module.imports:
        there = _room_of(imported)
        if imported.startswith("."):
            yield f"{module.path}:{line}: {imported}: imports are absolute"
        elif there is None or there == module.room:
            continue
        elif APART in (there, module.room):
            yield f"{module.path}:{line}: nothing passes between {module.room} and {there}"
        elif there not in FLOOR or module.room not in FLOOR:
            yield f"{module.path}:{line}: {there} or {module.room} is no room of any floor"
        elif FLOOR[there] >= FLOOR[module.room]:
            yield f"{module.path}:{line}: {module.room} may not import {there}"


def only_some_start_the_exchange(module: Module) -> Iterator[str]:
    """Only the command line and the live session start the exchange, by name, as a process."""
    if module.room in STARTS_EXCHANGE:
        return
    for line, text in module.strings:
        if re.fullmatch(rf"gpt_trader\.{APART}[\w.:]*", text):
            yield f"{module.path}:{line}: {module.room} may not start {text}"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.List | ast.Tuple) and _starts_exchange(node.elts):
            yield f"{module.path}:{node.lineno}: {module.room} may not start the exchange"


def _starts_exchange(words: list[ast.expr]) -> bool:
    texts = [word.value for word in words if isinstance(word, ast.Constant)]
    return APART in texts and bool({"gpt_trader", "gpt-trader"} & set(texts))


def libraries_stay_at_home(module: Module) -> Iterator[str]:
    """An outside library is known in its rooms only, so that it can be exchanged there."""
    for line, imported in module.imports:
        library = imported.partition(".")[0]
        if library in ("gpt_trader", ""):
            continue
        if library in HOMES and module.room not in HOMES[library]:
            yield f"{module.path}:{line}: {library} lives in {', '.join(sorted(HOMES[library]))}"
        elif library not in HOMES and library not in sys.stdlib_module_names:
            yield f"{module.path}:{line}: {library} has no home room in tests/tidy.py"


def pure_rooms_do_no_io(module: Module) -> Iterator[str]:
    """Policy neither reads nor writes the world: it is given values and returns values."""
    if module.room not in PURE:
        return
    for line, imported in module.imports:
        if imported.partition(".")[0] in OUTSIDE_WORLD:
            yield f"{module.path}:{line}: {module.room} is pure and may not import {imported}"
    for call, name in module.calls():
        if name in ("open", "print", "input"):
            yield f"{module.path}:{call.lineno}: {module.room} is pure and may not {name}()"


def clocks_and_entropy_stay_outside(module: Module) -> Iterator[str]:
    """Only `live/` and `exchange/` read a clock or draw entropy; all others are given it."""
    if module.room in CLOCK_ROOMS:
        return
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Name | ast.Attribute):
            continue
        name = module.resolve(node)
        draws = ENTROPY.fullmatch(name) and module.below_package != NONCE_FILE
        reads = CLOCKS.fullmatch(name) and module.below_package != STOPWATCH_FILE
        if draws or reads:
            yield f"{module.path}:{node.lineno}: {name} may be used in live/ and exchange/ only"
    for call, name in module.calls():
        if name in SEEDED and not call.args and not call.keywords:
            yield f"{module.path}:{call.lineno}: {name}() needs a seed"


def coroutines_stay_at_the_edge(module: Module) -> Iterator[str]:
    """All trading state lives on one thread, in plain calls; waiting is the edge's work."""
    if module.room in ASYNC_ROOMS:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.AsyncFunctionDef):
            yield f"{module.path}:{node.lineno}: async def {node.name} outside the edge"


def money_is_never_float(module: Module) -> Iterator[str]:
    """Books, limits and orders are counts of increments and Decimals; a float loses cents."""
    if module.room not in NO_FLOAT_ROOMS:
        return
    for call, name in module.calls():
        if name == "float":
            yield f"{module.path}:{call.lineno}: float() in {module.room}"


def errors_are_caught_by_name(module: Module) -> Iterator[str]:
    """A broad catch turns a defect into a trade."""
    for node in ast.walk(module.tree):
        match node:
            case ast.ExceptHandler(type=None):
                caught: list[ast.expr] = [ast.Name("BaseException")]
            case ast.ExceptHandler(type=ast.expr() as one):
                caught = [one]
            case ast.Tuple(elts=several):  # of an except clause, or of a name it uses
                caught = several
            case _:
                continue
        if {_dotted(each) for each in caught} & {"Exception", "BaseException"}:
            yield f"{module.path}:{node.lineno}: catch a named error"


def the_first_line_says_what_for(module: Module) -> Iterator[str]:
    """Each module says its one responsibility in one sentence; `__init__` files are empty."""
    if module.path.endswith("__init__.py") and module.room:
        if module.text.strip():
            yield f"{module.path}:1: an __init__.py is empty"
        return
    first = (ast.get_docstring(module.tree) or "").partition("\n")[0]
    if not first.endswith((".", "?")):
        yield f"{module.path}:1: the docstring's first line is one sentence"


# --- rules of every file ------------------------------------------------------------------------


def names_are_nouns_with_content(module: Module) -> Iterator[str]:
    """If the noun is missing, the idea is."""
    for part in module.name.split("."):
        if EMPTY_NAMES & set(part.split("_")):
            yield f"{module.path}:1: {part!r} says nothing; name the one thing it holds"


def files_fit_in_a_head(module: Module) -> Iterator[str]:
    """A file has at most 500 lines of at most 100 columns."""
    lines = module.text.splitlines()
    if len(lines) > FILE_LINES_MAX:
        yield f"{module.path}:1: {len(lines)} lines, above {FILE_LINES_MAX}"
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX:
            yield f"{module.path}:{number}: {len(line)} columns, above {COLUMNS_MAX}"


def functions_fit_on_a_screen(module: Module) -> Iterator[str]:
    """A function has at most 60 lines, its docstring and decorators among them."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            lines = (node.end_lineno or first) - first + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{module.path}:{first}: {node.name} has {lines} lines, above 60"


# --- rules of the whole -------------------------------------------------------------------------


def cycles(modules: tuple[Module, ...]) -> list[str]:
    """The first circle of imports, as the modules along it; empty when there is none."""
    names = {module.name for module in modules}
    graph = {module.name: _imported_modules(module, names) for module in modules}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def unreached(modules: tuple[Module, ...], entries: set[str]) -> list[str]:
    """Modules that no entry point leads to, by import or by their dotted name in a string."""
    names = {module.name for module in modules}
    named = {module.name: module for module in modules}
    reached: set[str] = set()
    waiting = sorted(entries & names)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += _imported_modules(named[name], names) | _named_modules(named[name], names)
    packages = {module.name for module in modules if module.path.endswith("__init__.py")}
    return sorted(names - reached - packages)


def _imported_modules(module: Module, names: set[str]) -> set[str]:
    found = set()
    for _, imported in module.imports:
        owner = imported if imported in names else imported.rpartition(".")[0]
        if owner in names and owner != module.name:
            found.add(owner)
    return found


def _named_modules(module: Module, names: set[str]) -> set[str]:
    """Modules that a table or a command line names: `pkg.module`, `pkg.module:function`."""
    found = set()
    for _, text in module.strings:
        name = text.partition(":")[0]
        found |= {name, f"{name}.__main__"} & names
    return found
