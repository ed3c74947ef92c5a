"""No look-ahead: a strategy is run as in a backtest and as live, and must want the same."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels import showing
from gpt_trader.kernels.candles import Candles, candles_of
from gpt_trader.kernels.closure import captured
from gpt_trader.kernels.showing import COLUMNS, Form
from gpt_trader.kernels.vectors import Floats
from gpt_trader.signals.memories import watched
from gpt_trader.signals.strategy import Strategy, Values

CAPTURED_MAX = 64
"""Values that a strategy may bring along in one tuple: enough for weights, too few for a tape."""

_WRONG = (2.0**45, -(2.0**45))
"""What is shown in place of the future: two of them, for one may hide in a comparison."""

_OUTSIDE = np.inf  # the answer of a plain Python step that looked beyond the arrays
_TRIAL_CANDLES = 3_000
_WARMUPS = 3  # in a trial at least: two would end right after the memories are full
_BEGIN_CANDLES = 64
_TRIAL_SEED = 20_230_301
_MINUTE_NS = 60_000_000_000
_START_NS = 1_677_628_800_000_000_000  # 1 March 2023


class LookAhead(UsageError):
    """A strategy looks at candles that are still to come."""

    def __init__(self, said: str, candle: int, columns: tuple[str, ...]) -> None:
        super().__init__(said)
        self.candle = candle  # where its target changes, counted from 0
        self.columns = columns  # what it looks at; empty: only at how many candles there are


def check_leaks(strategy: Strategy, params: Values, candles: Candles) -> None:
    """Run a strategy on `candles` as in a backtest and as live, and compare every target.

    Live it is shown the candles of its warm-up in a sliding buffer and nothing else; what is
    still to come, and what is longer ago, is replaced by a wrong value, a large one in one run
    and a negative one in another. The time it takes grows with the number of candles alone; of a
    strategy in plain Python the first few thousand candles are taken.

    Raises
    ------
    LookAhead
        A target changes with candles that are still to come. The message names the first candle
        and the columns.
    UsageError
        A target depends on candles longer ago than the warm-up, or on the place `t`; the
        strategy brings something along that may hold a tape, or writes beside a memory; a target
        is no exposure.
    """
    _refuse_captured(strategy)
    trial = _Trial(strategy, params, candles)
    if not strategy.compiled:  # Python would take minutes for all of a tape
        count = max(_TRIAL_CANDLES, _WARMUPS * trial.warmup)
        trial = _Trial(strategy, params, showing.beginning(candles, count))
        candles = trial.tape
    batch = trial.targets(showing.whole(candles))
    # Each form holds a copy of the tape: made one by one, only one of them is there at a time.
    seen_so_far = (showing.prefixes(candles, COLUMNS, None, wrong) for wrong in _WRONG)
    lives = (showing.live(candles, trial.warmup, wrong) for wrong in _WRONG)
    candle = trial.first_difference(batch, seen_so_far)
    if candle is not None:
        raise _look_ahead(trial, candle)
    candle = trial.first_difference(batch, lives)
    if candle is not None:
        raise _look_back(trial, candle)
    _refuse_targets(trial, batch)


def check_once(strategy: Strategy, params: Values, candles: Candles, candles_hash: str) -> None:
    """Run `check_leaks`, unless these candles, by their hash, have passed in this process."""
    key = _key(strategy, strategy.values(params), candles_hash)
    if key in _PASSED:
        return
    check_leaks(strategy, params, candles)
    _PASSED.add(key)


def check_beginning(
    strategy: Strategy, combinations: Iterable[Values], candles: Candles, candles_hash: str
) -> None:
    """Check every combination, as `check_leaks` does, on the first few warm-ups of a tape.

    A combination takes a fraction of a millisecond, and each is tried once in a process.

    Raises
    ------
    UsageError
        As `check_leaks`; the message names the parameters.
    """
    known = f"beginning of {candles_hash}"
    missing = {}
    for given in combinations:
        values = strategy.values(given)
        key = _key(strategy, values, known)
        if key not in _PASSED:
            missing[key] = values
    if not missing:
        return
    _refuse_captured(strategy)
    beginnings = _Beginnings(strategy, max(map(strategy.warmup, missing.values())), candles)
    for key, values in missing.items():
        beginnings.check(values)
        _PASSED.add(key)


_Key = tuple[str, str, tuple[tuple[str, float], ...], str]
_PASSED: set[_Key] = set()


def _key(strategy: Strategy, values: Values, candles_hash: str) -> _Key:
    return strategy.name, strategy.source_hash, tuple(sorted(values.items())), candles_hash


@lru_cache(maxsize=8)
def trial_candles(count: int) -> Candles:
    """Minutes of a seeded random walk with gaps, coarse enough for equal prices, to try on."""
    dice = np.random.default_rng(_TRIAL_SEED)
    walk = 20_000.0 + np.cumsum(dice.integers(-12, 13, count)).astype(np.float64)
    close: Floats = np.maximum(np.abs(walk), 100.0)
    opened: Floats = np.append(20_000.0, close[:-1])
    high: Floats = np.maximum(opened, close) + dice.integers(0, 6, count)
    low: Floats = np.minimum(opened, close) - dice.integers(0, 6, count)
    minutes = np.cumsum(np.where(dice.random(count) < 0.01, dice.integers(2, 90, count), 1))
    volume = dice.integers(1, 1_000, count).astype(np.float64)
    starts_ns = _START_NS + minutes * _MINUTE_NS
    return candles_of(starts_ns, (opened, high, low, close), volume, 0.01, _MINUTE_NS)


def check_on_trial(strategy: Strategy) -> None:
    """Run `check_leaks` with the defaults on a few thousand generated candles."""
    warmup = strategy.warmup(strategy.values({}))
    check_leaks(strategy, {}, trial_candles(max(_TRIAL_CANDLES, _WARMUPS * warmup)))


class _Beginnings:
    """The first candles of a tape in the forms that matter, made once for many combinations."""

    def __init__(self, strategy: Strategy, warmup_max: int, tape: Candles) -> None:
        self._strategy = strategy
        self._tape = showing.beginning(tape, self._count(warmup_max))
        self._whole = showing.whole(self._tape)
        self._lives = [showing.live(self._tape, warmup_max, wrong) for wrong in _WRONG]

    def check(self, values: Values) -> None:
        """Refuse one combination that wants live what it does not want in a backtest."""
        warmup = self._strategy.warmup(values)
        tape = showing.beginning(self._tape, self._count(warmup))
        trial = _Trial(self._strategy, values, tape)
        batch = trial.targets(self._whole)
        lives = (showing.again(form, warmup) for form in self._lives)
        candle = trial.first_difference(batch, lives)
        if candle is not None:
            check_leaks(self._strategy, values, tape)  # says what it looks at
            raise _look_back(trial, candle)
        _refuse_targets(trial, batch)

    def _count(self, warmup: int) -> int:
        return _BEGIN_CANDLES + _WARMUPS * warmup


class _Trial:
    """One strategy with its parameters, ready to be folded over forms of one tape."""

    def __init__(self, strategy: Strategy, params: Values, tape: Candles) -> None:
        self.values = strategy.values(params)
        self.strategy = strategy
        self.tape = tape
        self.warmup = strategy.warmup(self.values)
        self.name = strategy.told(self.values)
        if strategy.compiled:
            self._fold = showing.compiled_fold(strategy.step)
        else:
            self._fold = showing.plain_fold(strategy.step, _OUTSIDE)

    def targets(self, form: Form) -> Floats:
        """The target at every candle; NaN before the warm-up."""
        out = np.full(self.tape.close.size, np.nan)
        p, s = self.strategy.record(self.values), self.strategy.state(self.values)
        with watched(self.name, s):
            self._fold(self.tape, form, p, s, out)
        out[: self.warmup - 1] = np.nan
        return out

    def first_difference(self, wanted: Floats, forms: Iterable[Form]) -> int | None:
        """The first candle at which a form gives another target than `wanted`."""
        found = []
        for form in forms:
            targets = self.targets(form)
            differs = (targets != wanted) & ~(np.isnan(targets) & np.isnan(wanted))
            if differs.any():
                found.append(int(differs.argmax()))
        return min(found, default=None)

    def columns(self, window: int | None) -> tuple[str, ...]:
        """The columns that alone make a difference when they are hidden."""
        seen = self.targets(showing.prefixes(self.tape, (), window, np.nan))
        return tuple(
            name
            for name in COLUMNS
            if self.first_difference(
                seen, (showing.prefixes(self.tape, (name,), window, wrong) for wrong in _WRONG)
            )
            is not None
        )

    def when(self, candle: int) -> str:
        """A candle's number and time, for a person."""
        moment = datetime.fromtimestamp(self.tape.start_ns[candle] / 1e9, UTC)
        return f"candle {candle} ({moment:%Y-%m-%d %H:%M})"


def _refuse_captured(strategy: Strategy) -> None:
    for name, kind in captured(strategy.plain, CAPTURED_MAX):
        raise UsageError(
            f"{strategy.name} brings {name} along, of the type {kind}, which may hold candles that "
            f"are still to come: read them from `candles`; weights fit into a tuple of "
            f"{CAPTURED_MAX} numbers"
        )


def _look_ahead(trial: _Trial, candle: int) -> LookAhead:
    columns = trial.columns(None)
    reads = f"it reads {_listed(columns)} beyond candle {candle}"
    if not columns:
        reads = "it depends on how many candles there are"
    said = (
        f"{trial.name}: the target at {trial.when(candle)} changes when later candles "
        f"are added: {reads}"
    )
    return LookAhead(said, candle, columns)


def _look_back(trial: _Trial, candle: int) -> UsageError:
    columns = trial.columns(trial.warmup)
    if columns:
        return UsageError(
            f"{trial.name}: the target at {trial.when(candle)} depends on "
            f"{_listed(columns)} of candles longer ago than its warm-up of {trial.warmup}, which a "
            "live session does not keep: give a larger warmup="
        )
    return UsageError(
        f"{trial.name}: the target at {trial.when(candle)} depends on t itself or on the "
        "length of the arrays. Live they are a sliding buffer: use t only to look at candles "
        "close to it, and count candles in a memory (state=)"
    )


def _refuse_targets(trial: _Trial, batch: Floats) -> None:
    wrong = np.abs(batch) > 1.0
    if wrong.any():
        candle = int(wrong.argmax())
        raise UsageError(
            f"{trial.name} gave the target {batch[candle]:g} at {trial.when(candle)}, "
            "outside -1 to 1"
        )


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in columns)
