"""Where trials are written down: below `var`, one file for each set of candles."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.setup import Setup
from gpt_trader.backtesting.trials import Setting, Trials
from gpt_trader.kernels.vectors import Floats
from gpt_trader.settings import load_settings


def trials_of(tapes: Sequence[CandleTape], var: Path | None = None) -> Trials:
    """Every trial ever run on these candles, below `var`, or where settings say."""
    folder = var or load_settings({}, os.environ, Path.cwd()).var
    return Trials(folder, data_sha256(tapes))


def data_sha256(tapes: Sequence[CandleTape]) -> str:
    """The closes of several tapes in whichever order: who has seen these has seen the candles."""
    hashes = sorted(tape.closes_sha256 for tape in tapes)
    if len(hashes) == 1:
        return hashes[0]
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def record(
    tapes: Sequence[CandleTape],
    setup: Setup,
    combinations: Sequence[Mapping[str, float]],
    sharpes_daily: Floats,
    *,
    way: str = "",
    var: Path | None = None,
) -> None:
    """Write trials down before anybody sees what came of them.

    Parameters
    ----------
    setup : Setup
        All but the parameters; a backtest and a sweep of the same setup share their trials.
    combinations : sequence of mappings
        A value for every parameter of the strategy.
    way : str
        How they were run, where it was not one plain backtest over all candles.
    var : Path
        Where they are kept; else as settings say.

    Raises
    ------
    StoreRefused
        `var` cannot be written; the message says where it is.
    StoreDamaged
        What is in it is not what was written.
    """
    settings: dict[str, Setting] = {name: repr(value) for name, value in setup.choices().items()}
    if way:
        settings["way"] = way
    trials = trials_of(tapes, var)
    trials.record(setup.strategy.source_hash, settings, combinations, sharpes_daily)
