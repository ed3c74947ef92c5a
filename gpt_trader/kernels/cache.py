"""Where compiled kernels are kept between processes, and why an old one is never loaded.

Numba's own cache looks at one file: a fee edited in `b.py` left `a.net(100.0)`, which calls it,
at its old answer in a fresh process. Here the folder's name is a hash of all kernel, signal and
strategy sources, of the versions of Python, NumPy and Numba, and of the processor; and the file's
name holds a hash of the bytecode of the step and of all it calls, so that a step written in a
notebook is told from its own earlier text.
"""

import fcntl
import hashlib
import os
import pickle
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

import llvmlite.binding  # type: ignore[import-untyped]
import numba
import numpy
from numba.core import config, types
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
from numba.core.codegen import CPUCodegen
from numba.core.serialize import dumps

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.closure import code_hash

FOLDER_VARIABLE = "GPT_TRADER_KERNEL_CACHE"

_DAMAGED = (EOFError, ValueError, pickle.UnpicklingError)
"""What reading a pickle raises that a power loss cut short or filled with zeros."""

_PACKAGE = Path(__file__).parent.parent
_ROOMS = ("kernels", "signals", "strategies")

_BLAS = "scipy.linalg.cython_blas"

Step = TypeVar("Step", bound=Callable[..., object])


def _import_arrays() -> None:
    """Import Numba's arrays without scipy's linear algebra: half a second of each start.

    Numba imports it only to see whether BLAS is there, and again where something that multiplies
    matrices is compiled. So at first it finds an empty module; without scipy it finds none.
    """
    if _BLAS in sys.modules:
        return
    sys.modules[_BLAS] = ModuleType(_BLAS)
    try:
        import numba.np.arraymath  # noqa: F401
    finally:
        del sys.modules[_BLAS]


_import_arrays()


def compiled(function: Step) -> Step:
    """Hand `function` to Numba with our rules and our cache."""
    return _cached(function, "", forceinline=False, counts=True)


def compiled_lean(function: Step) -> Step:
    """As `compiled`, without reference counts, and copied into whatever calls it."""
    return _cached(function, "lean", forceinline=True, counts=False)


def compiled_aside(function: Step) -> Step:
    """As `compiled`, without reference counts, and called from where it stands."""
    return _cached(function, "aside", forceinline=False, counts=False)


def _cached(function: Step, kind: str, *, forceinline: bool, counts: bool) -> Step:
    # Every option is given: what is left out a callee takes over from its first caller.
    jit = numba.njit(  # type: ignore[call-overload]
        fastmath=False,
        error_model="python",
        nogil=True,
        forceinline=forceinline,
        _nrt=counts,
    )
    step = jit(function)
    _forget_literals(step)
    # What `enable_caching` does, with our cache in place of Numba's.
    step._cache = KernelCache(function, kind)
    return cast(Step, step)


def _forget_literals(step: Any) -> None:
    """Compile what a step calls once for numbers, and not once for each number written there.

    Numba types a constant argument as that constant, so a callee would be compiled for each:
    the exchange's order book in 48 s instead of 6. LLVM sees the constants all the same.
    """
    template = step.get_call_template

    def without_literals(args: Any, kws: Any) -> Any:
        plain = types.unliteral
        named = {name: plain(kind) for name, kind in kws.items()}  # type: ignore[no-untyped-call]
        return template(tuple(plain(kind) for kind in args), named)  # type: ignore[no-untyped-call]

    step.get_call_template = without_literals


def use_folder(path: Path) -> None:
    """Keep what is compiled from now on below `path`."""
    _SHELF.base = path


def sources_key(package: Path) -> str:
    """Name everything a compiled kernel depends on, apart from a user's own step."""
    digest = hashlib.sha256()
    for room in _ROOMS:
        for file in sorted((package / room).rglob("*.py")):
            digest.update(file.relative_to(package).as_posix().encode() + b"\0")
            digest.update(file.read_bytes() + b"\0")
    for part in (
        platform.python_version(),
        numpy.__version__,
        numba.__version__,
        llvmlite.binding.get_host_cpu_name(),
        str(config.BOUNDSCHECK),  # type: ignore[attr-defined]
    ):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


class _Shelf:
    """The folder in use. The key is taken at import, when source and memory still agree."""

    def __init__(self) -> None:
        self.key = sources_key(_PACKAGE)
        self.base: Path | None = None

    def folder(self) -> Path:
        return (self.base or _default_base()) / self.key


def _default_base() -> Path:
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen)
    return Path(tempfile.gettempdir()) / f"gpt-trader-kernels-{os.getuid()}"


class _Locator(_CacheLocator):
    """Tells Numba the folder, and a name that no other source shares."""

    def __init__(self, function: Callable[..., object]) -> None:
        self._py_file = function.__code__.co_filename  # for Numba's warnings
        self._folder = _SHELF.folder()
        self._code_hash = code_hash(function)

    @classmethod
    def from_function(cls, py_func: Callable[..., object], py_file: str) -> "_Locator":
        return cls(py_func)

    def ensure_cache_path(self) -> None:
        _make_private(self._folder)

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        return self._code_hash

    def get_disambiguator(self) -> str:
        return self._code_hash[:24]


class _Files(CompileResultCacheImpl):
    """What Numba writes of one compiled form, under a checksum: a wrong bit would be executed."""

    _locator_classes = (_Locator,)  # type: ignore[assignment]

    def reduce(self, data: object) -> tuple[bytes, bytes]:
        """Turn a compiled form into its checksum and its bytes."""
        content: bytes = dumps(super().reduce(data))  # type: ignore[no-untyped-call]
        return hashlib.sha256(content).digest(), content

    def rebuild(self, target_context: object, payload: tuple[bytes, bytes]) -> object:
        """Turn it back, or raise `UnpicklingError` where the checksum is another."""
        checksum, content = payload
        if hashlib.sha256(content).digest() != checksum:
            raise pickle.UnpicklingError("the checksum is another")
        return super().rebuild(  # type: ignore[no-untyped-call]
            target_context, pickle.loads(content)
        )


class KernelCache(FunctionCache):
    """Numba's cache of one function, safe with several processes and after a power loss."""

    _impl_class = _Files

    def __init__(self, function: Callable[..., object], kind: str) -> None:
        self._function = function
        self._kind = kind
        super().__init__(function)  # type: ignore[no-untyped-call]

    def _index_key(self, sig: object, codegen: CPUCodegen) -> tuple[object, ...]:
        """Name one compiled form by what it is made of.

        Numba's own name pickles what a function encloses, and an enclosed step has a name made
        at random in each process: its machine code would never be found again.
        """
        stamp = self._impl.locator.get_source_stamp()
        magic = codegen.magic_tuple()  # type: ignore[no-untyped-call]
        return (sig, magic, self._kind, stamp)

    def load_overload(self, sig: object, target_context: object) -> object:
        """Read the compiled form, or None where it is absent, cut short or unreadable.

        The name is made anew, now that Numba is about to compile: since the step was written a
        notebook may have redefined what it calls, or `use_folder` have chosen another place.
        """
        super().__init__(self._function)  # type: ignore[no-untyped-call]
        _refuse_foreign(Path(self.cache_path))
        try:
            return super().load_overload(  # type: ignore[no-untyped-call]
                sig, target_context
            )
        except (OSError, ImportError, AttributeError, *_DAMAGED):
            # Also a script's own module, which cannot be imported by the name it ran under.
            return None

    def save_overload(self, sig: object, data: object) -> None:
        """Write the compiled form; on a full or read-only disk go on without.

        Numba reads the index, picks the next file number and writes both. Two processes that do
        it at once for two types of arguments may give both the same number, and the machine code
        of one would answer for the other: hence the lock.
        """
        try:
            with _one_writer(Path(self.cache_path)):
                try:
                    super().save_overload(sig, data)  # type: ignore[no-untyped-call]
                except _DAMAGED:
                    self.flush()  # type: ignore[no-untyped-call]
                    super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except OSError:
            return  # the step is compiled and right; only the next start is slower


@contextmanager
def _one_writer(folder: Path) -> Iterator[None]:
    _make_private(folder)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_private(folder: Path) -> None:
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def _refuse_foreign(folder: Path) -> None:
    """Compiled code from another user's folder would run with the trader's keys."""
    for path in (folder.parent, folder):
        if path.exists() and path.stat().st_uid not in (os.getuid(), 0):
            raise UsageError(f"{path} belongs to another user: set {FOLDER_VARIABLE} to your own")


_SHELF = _Shelf()
