"""What may be sent, as one small file of a profile: it outlives its session, kill -9, a full disk.

The file has two slots of fixed size, made when it is made, so a change needs no room. A change is
written into the slot that does not count, in place, and waits for the disk: whatever interrupts
it, the other slot is whole. The newest whole slot counts. A file without one counts as halted.

Whoever may write there may change it: the session that runs tightens it, and commands do, with or
without a session.
"""

import fcntl
import hashlib
import json
import mmap
import os
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from gpt_trader.domain.errors import StoreRefused
from gpt_trader.domain.order import TradingState
from gpt_trader.store.folders import profile_folder

NAME = "trading_state"
SLOT_BYTES = 16_384  # some hundred products
MAGIC = b"gttrade1"
_HEAD = struct.Struct("<8sQQ16s")  # magic, sequence, bytes of the body, their digest
_SEQUENCE = struct.Struct("<Q")
_SLOTS = (0, SLOT_BYTES)
WORDS_MAX = 300  # of a name or a reason
TRIES, PAUSE_S = 2_000, 0.001  # for another one who writes: a change takes milliseconds
ROUNDS_MAX = 10  # of writing and looking again: one is enough unless others write as well


@dataclass(frozen=True, slots=True)
class Held:
    """One state: who set it, when by the machine's clock (nanoseconds UTC), and why."""

    state: TradingState
    who: str
    since_ns: int
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in the record: the state of all products, and those of single ones."""

    sequence: int  # of changes; -1: nothing that stands there could be read
    everything: Held
    products: Mapping[str, Held]

    def own(self, product_id: str) -> Held | None:
        """What was set for just this product, or for all ("")."""
        return self.products.get(product_id) if product_id else self.everything

    def of(self, product_id: str) -> Held:
        """What holds for a product: the tighter one of its own state and that of all."""
        own = self.products.get(product_id, self.everything)
        return own if own.state.tightness > self.everything.state.tightness else self.everything

    def with_state(self, product_id: str, held: Held) -> "Standing":
        """The same with another state for one product, or for all ("")."""
        if not product_id:
            return replace(self, everything=held)
        return replace(self, products={**self.products, product_id: held})


REAL_MONEY = ("canary", "prod")
"""Profiles that start halted: nothing is sent before a person says so."""
THE_START = "the start"


def start_of(profile: str, now_ns: int) -> Held:
    """The first state of a profile that has no record yet."""
    if profile in REAL_MONEY:
        return Held(TradingState.HALTED, THE_START, now_ns, "real money waits for a person")
    return Held(TradingState.ACTIVE, THE_START, now_ns, "nobody holds it back")


def record_path(var: Path, profile: str) -> Path:
    """Where a profile's record is."""
    return profile_folder(var, profile) / NAME


def begin(path: Path, start: Held) -> None:
    """Make the record if there is none; the first state in it is `start`.

    Raises
    ------
    StoreRefused
        The folder cannot be written, or its disk is full.
    """
    if path.exists():
        return
    fresh = path.with_name(f".{NAME}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        with fresh.open("wb") as file:
            file.write(b"".join(_slot(Standing(sequence, start, {})) for sequence in (0, 1)))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(fresh, path)  # unlike a rename it never replaces what another one has made
        fresh.unlink()
        _sync_folder(path.parent)
    except OSError as e:
        raise StoreRefused(f"cannot write {path}: {e.strerror}") from e


def tighten(path: Path, product_id: str, held: Held) -> Standing:
    """Hold trading back as far as `held` says, if it is not yet; never less. It needs no room.

    Raises
    ------
    StoreRefused
        The record cannot be written.
    """

    def tightened(standing: Standing) -> Standing:
        own = standing.own(product_id)
        if own is not None and own.state.tightness >= held.state.tightness:
            return standing
        return standing.with_state(product_id, held)

    return _change(path, tightened, overrides=True)


def loosen(path: Path, product_id: str, held: Held, sequence: int) -> Standing:
    """Set a state that lets more be sent, if nothing was changed since `sequence`.

    Raises
    ------
    StoreRefused
        The record was changed meanwhile, or cannot be written.
    """

    def loosened(standing: Standing) -> Standing:
        if standing.sequence != sequence:
            raise StoreRefused(
                "the trading state was changed meanwhile: look at it and ask for a new code"
            )
        return standing.with_state(product_id, held)

    return _change(path, loosened, overrides=False)


class TradingRecord:
    """The record as its readers see it. To look whether it moved costs a microsecond.

    For one thread. What it is not allowed to read, or what is gone, counts as halted.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._map: mmap.mmap | None = None
        self._inode = 0
        self._stamp: tuple[int, int] | None = None  # of both slots, as they were read
        self._standing = _unread("it was not read yet")

    def close(self) -> None:
        """Let go of the file."""
        if self._map is not None:
            self._map.close()
            self._map = None

    def standing(self) -> Standing:
        """What stands in the record now."""
        try:
            inode = self._path.stat().st_ino
            if self._map is None or inode != self._inode:
                self._open()
        except (OSError, ValueError) as e:
            self._stamp = None
            return _unread(f"{self._path} cannot be read: {e}")
        assert self._map is not None
        first, second = (_SEQUENCE.unpack_from(self._map, at + 8)[0] for at in _SLOTS)
        if self._stamp != (first, second):
            self._standing, whole = _newest(self._map[:])
            # A slot that somebody writes this moment is looked at again.
            self._stamp = (first, second) if whole else None
        return self._standing

    def _open(self) -> None:
        self.close()
        with self._path.open("rb") as file:
            self._inode = os.fstat(file.fileno()).st_ino
            self._map = mmap.mmap(file.fileno(), 2 * SLOT_BYTES, access=mmap.ACCESS_READ)
        self._stamp = None


def read_standing(path: Path) -> Standing | None:
    """What stands in a record; None if there is no such file."""
    try:
        return _newest(path.read_bytes())[0]
    except FileNotFoundError:
        return None
    except OSError as e:
        return _unread(f"{path} cannot be read: {e.strerror}")


def _change(path: Path, change: Callable[[Standing], Standing], *, overrides: bool) -> Standing:
    """Write what `change` makes of the record; `overrides` one who holds it and stands still.

    A writer that was stopped in mid-change has not written, or will write, a number below ours
    into the other slot than ours: what it says does not count any more. Those who override it
    take turns among themselves, and whoever wrote looks whether it stands.
    """
    try:
        with path.open("r+b", buffering=0) as file:
            alone = _had(fcntl.flock, file.fileno())
            if not alone and not overrides:
                raise StoreRefused(f"another process writes {path} and stands still: stop it first")
            if not alone:
                _had(fcntl.lockf, file.fileno())
            return _changed(file.fileno(), change, 1 if alone else 2)
    except OSError as e:
        raise StoreRefused(f"cannot write {path}: {e.strerror}") from e


def _changed(descriptor: int, change: Callable[[Standing], Standing], stride: int) -> Standing:
    """Write the change and look whether it stands; `stride` leaves a number to whom we override."""
    stands = built_on = _newest(_both(descriptor))[0]
    for _ in range(ROUNDS_MAX):
        after = change(built_on)
        if after == stands:
            return stands
        after = replace(after, sequence=max(built_on.sequence, 0) + stride)
        os.pwrite(descriptor, _slot(after), _SLOTS[after.sequence % 2])
        os.fsync(descriptor)
        data = _both(descriptor)
        stands = _newest(data)[0]
        if stands.sequence != after.sequence:
            built_on = stands  # somebody went past us
            continue
        at = _SLOTS[(after.sequence + 1) % 2]
        other = _standing_in(data[at : at + SLOT_BYTES])
        if other is None or other.sequence <= built_on.sequence:
            return after
        built_on = _tightest(after, other)  # the one we went past wrote between our two looks
    raise StoreRefused("others change the trading state without pause: stop them first")


def _both(descriptor: int) -> bytes:
    return os.pread(descriptor, 2 * SLOT_BYTES, 0)


def _tightest(one: Standing, other: Standing) -> Standing:
    """The first, with whatever the other holds back further."""
    for name in ("", *other.products):
        own, theirs = one.own(name), other.own(name)
        assert theirs is not None
        if own is None or own.state.tightness < theirs.state.tightness:
            one = one.with_state(name, theirs)
    return one


def _had(lock: Callable[[int, int], None], descriptor: int) -> bool:
    for _ in range(TRIES):
        try:
            lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # lockf may say either
            time.sleep(PAUSE_S)
        else:
            return True
    return False


def _slot(standing: Standing) -> bytes:
    held = {name: asdict(one) for name, one in standing.products.items()}
    body = json.dumps({"everything": asdict(standing.everything), "products": held}).encode()
    if len(body) > SLOT_BYTES - _HEAD.size:
        raise StoreRefused(
            f"the trading state of {len(held)} products does not fit: set one for all of them"
        )
    head = _HEAD.pack(MAGIC, standing.sequence, len(body), _digest(standing.sequence, body))
    return (head + body).ljust(SLOT_BYTES, b"\0")


def _digest(sequence: int, body: bytes) -> bytes:
    return hashlib.blake2b(_SEQUENCE.pack(sequence) + body, digest_size=16).digest()


def _newest(data: bytes) -> tuple[Standing, bool]:
    """The newest whole slot, and whether both are whole."""
    found = [_standing_in(data[at : at + SLOT_BYTES]) for at in _SLOTS]
    known = [standing for standing in found if standing is not None]
    if not known:
        return _unread("neither slot of the record is whole"), False
    return max(known, key=lambda standing: standing.sequence), len(known) == len(_SLOTS)


def _standing_in(slot: bytes) -> Standing | None:
    if len(slot) != SLOT_BYTES:
        return None
    magic, sequence, size, digest = _HEAD.unpack_from(slot)
    body = slot[_HEAD.size : _HEAD.size + size]
    if magic != MAGIC or digest != _digest(sequence, body):
        return None
    # What has our digest is what we wrote.
    document = json.loads(body)
    products = {name: _held(one) for name, one in document["products"].items()}
    return Standing(sequence, _held(document["everything"]), products)


def _held(found: Mapping[str, str | int]) -> Held:
    state, who, since_ns, why = (found[name] for name in ("state", "who", "since_ns", "why"))
    return Held(TradingState(str(state)), str(who), int(since_ns), str(why))


def _unread(why: str) -> Standing:
    return Standing(-1, Held(TradingState.HALTED, "the record", 0, why), {})


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
