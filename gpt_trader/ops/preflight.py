"""What must be so before a session may trade: a catalogue of checks, each with its remedy."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from gpt_trader.coinbase.errors import NotAuthorized
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.domain.errors import ExchangeUnreachable, TraderError, UsageError, WireError
from gpt_trader.settings import Settings

REAL = frozenset({"canary", "prod"})
ALL = frozenset({"dev", "paper", "canary", "prod"})


class Level(StrEnum):
    """What a check found, the worst last."""

    PASSED = "passed"
    REVIEW = "review"  # a person must look, and may go on
    UNSEEN = "unseen"  # what it rests on has not passed
    FAILED = "failed"


VERDICTS = {
    Level.PASSED: "ready",
    Level.REVIEW: "review",
    Level.UNSEEN: "not ready",
    Level.FAILED: "not ready",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check saw."""

    level: Level
    said: str


def passed(said: str) -> Finding:
    """It is as it must be."""
    return Finding(Level.PASSED, said)


def review(said: str) -> Finding:
    """A person must look at it."""
    return Finding(Level.REVIEW, said)


def failed(said: str) -> Finding:
    """It must not be so."""
    return Finding(Level.FAILED, said)


@dataclass(frozen=True, slots=True)
class Ground:
    """What checks stand on."""

    profile: str
    folder: Path  # where settings files lie
    environ: Mapping[str, str]
    flags: Mapping[str, str | None]  # of the settings
    settings: Settings
    products: tuple[str, ...]
    host: str | None  # the exchange's; None: profile dev starts one of its own
    rest: RestClient | None  # None: there is nobody to ask, or no key to ask with
    transfers_accepted: bool  # a person typed that a key which can transfer may be used
    distribution: str  # whose requirements must be installed
    now_ns: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the catalogue."""

    id: str
    title: str
    profiles: frozenset[str]
    asks: bool  # the exchange
    needs: str  # another check, without which this one says nothing; "" none
    remedy: str
    look: Callable[[Ground], Finding] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A check and what it found."""

    check: Check
    finding: Finding


def looked(ground: Ground, checks: Sequence[Check]) -> Iterator[Outcome]:
    """Look at everything that concerns the profile, in the catalogue's order.

    A check that cannot tell has failed: what is not known is not in order.
    """
    fallen = set[str]()
    for check in checks:
        if ground.profile not in check.profiles or (check.asks and not _is_asked(ground)):
            continue
        finding = _found(check, ground, fallen)
        if finding.level in (Level.UNSEEN, Level.FAILED):
            fallen.add(check.id)
        yield Outcome(check, finding)


def _found(check: Check, ground: Ground, fallen: set[str]) -> Finding:
    if check.needs in fallen:
        return Finding(Level.UNSEEN, f"not looked at: {check.needs} comes first")
    try:
        return check.look(ground)
    except (ExchangeUnreachable, NotAuthorized, WireError) as e:
        return failed(f"the exchange does not say: {e}")
    except TraderError as e:
        return failed(str(e))


def _is_asked(ground: Ground) -> bool:
    """The embedded exchange that profile dev starts for itself cannot be asked before it runs."""
    return ground.host is not None


def verdict(outcomes: Sequence[Outcome]) -> Level:
    """The worst of all findings."""
    order = list(Level)
    return max((one.finding.level for one in outcomes), key=order.index, default=Level.PASSED)


def asked(ground: Ground) -> RestClient:
    """The way to the exchange.

    Raises
    ------
    UsageError
        There is none: the key that it needs does not read.
    """
    if ground.rest is None:
        raise UsageError("no API key to ask with: name its file with --coinbase-key-file")
    return ground.rest
