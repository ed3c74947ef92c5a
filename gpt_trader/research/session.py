"""`session(...)`: the strategy of a notebook in a live session on the embedded exchange."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpt_trader.backtesting.backtest import tapes_of
from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.choices import Number, cash_of, strategy_of
from gpt_trader.backtesting.numbers import decimals_of, numbers_of, whole_of
from gpt_trader.backtesting.setup import CASH, SEED_MAX
from gpt_trader.domain.errors import TraderError, UsageError
from gpt_trader.domain.events import FeeRevised, OrderFilled, OrderIntended
from gpt_trader.research.handover import strategy_text
from gpt_trader.settings import load_settings
from gpt_trader.signals.strategy import Strategy, near
from gpt_trader.store.folders import find
from gpt_trader.store.reading import LogReader
from gpt_trader.strategies.registry import strategy_named, strategy_names

if TYPE_CHECKING:
    import pandas as pd

NS = 1_000_000_000
USAGE = 2

# Choices of `backtest` that a session has not, and what it does instead.
ONLY_BACKTEST = {
    "fees": "the embedded exchange charges Coinbase's tiers",
    "market": "it plays the embedded exchange's market",
    "latency": "its requests take the time they take",
    "speed": "it runs as fast as it goes",
    "trading_state": "it begins active",
    "by_hand": "it sends the strategy's orders",
}
OPTIONS = ("params", "sizing", "limits", "product", "candle_s", "cash", "seed", "var")


@dataclass(frozen=True)
class SessionResult:
    """A finished session, as its record and its summary tell it."""

    summary: dict[str, Any]
    log: Path

    @property
    def equity_end(self) -> Decimal:
        """Cash and positions at their marks at the end, in quote, exactly."""
        return Decimal(self.summary["equity_end"])

    @cached_property
    def orders(self) -> "pd.DataFrame":
        """One row an order that was sent: time, product, side, size, limit price."""
        import pandas as pd

        rows = [
            {
                "time": pd.Timestamp(event.ts_ns, tz="UTC"),
                "product_id": event.draft.product_id,
                "side": str(event.draft.side),
                "base_size": float(event.draft.base_size),
                "limit_price": _float(event.draft.limit_price),
            }
            for event in self._events()
            if isinstance(event, OrderIntended)
        ]
        columns = ["time", "product_id", "side", "base_size", "limit_price"]
        return pd.DataFrame(rows, columns=columns)

    @cached_property
    def fills(self) -> "pd.DataFrame":
        """One row a fill: time, product, side, price, size, and the fee by Coinbase's last word."""
        import pandas as pd

        revised = {
            (event.order_id, event.trade_id): event.fee
            for event in self._events()
            if isinstance(event, FeeRevised)
        }
        rows = [
            {
                "time": pd.Timestamp(event.ts_ns, tz="UTC"),
                "product_id": event.product_id,
                "side": str(event.side),
                "price": float(event.price),
                "base_size": float(event.base_size),
                "fee": float(revised.get((event.order_id, event.trade_id), event.fee)),
            }
            for event in self._events()
            if isinstance(event, OrderFilled)
        ]
        columns = ["time", "product_id", "side", "price", "base_size", "fee"]
        return pd.DataFrame(rows, columns=columns)

    def _events(self) -> list[object]:
        with LogReader(self.log) as reader:
            return [event for _, event in reader.events()]

    def __repr__(self) -> str:
        said = self.summary
        return (
            f"<Session {said['session_id']}: {said['equity_end']} at the end, "
            f"{said['orders']} orders, {said['fills']} fills>"
        )


def session(
    candles: Any,
    strategy: Strategy | str,
    *,
    params: Mapping[str, float] | None = None,
    sizing: Mapping[str, float] | None = None,
    limits: Mapping[str, float] | None = None,
    product: str | None = None,
    candle_s: int | None = None,
    cash: Number = CASH,
    seed: int = 1,
    var: Path | str | None = None,
    **others: Any,
) -> SessionResult:
    """Trade a strategy live on the embedded exchange, through Coinbase's own protocol.

    A process of its own: ``python -m gpt_trader.live --speed max``. Orders are written down, sent
    over TLS, matched, filled and booked as they would be at Coinbase; no money is real. It makes
    the orders of `backtest` with the same candles and choices.

    Parameters
    ----------
    candles
        As for `backtest`, with open, high, low, close and volume.
    strategy
        A ready one by name, ``FILE.py:NAME``, or one of this notebook. Of the last the source is
        kept beside the session, with the modules, numbers and helper functions that it uses.
    params, sizing, limits, product, candle_s, cash, seed
        As for `backtest`. What else `backtest` may choose, a session has as it is, fees and
        market among it, and refuses by name.
    var
        Where the session is kept; else as settings say.

    Raises
    ------
    UsageError
        Something given cannot be used.
    TraderError
        The session ended otherwise than well; the message is its own.
    """
    _refuse(others)
    found = strategy_of(strategy)
    chosen = [
        f"--seed={whole_of('seed', seed, -SEED_MAX, SEED_MAX)}",
        *_named("param", found.values(numbers_of("params", params))),
        *_named("sizing", numbers_of("sizing", sizing)),
        *(f"--limit={name}={value}" for name, value in decimals_of("limits", limits).items()),
    ]
    folder = load_settings({"var": None if var is None else str(var)}, os.environ, Path.cwd()).var
    folder.mkdir(parents=True, exist_ok=True)
    tapes = tapes_of(candles, product, candle_s, folder)
    name = strategy if isinstance(strategy, str) else _name_of(found, folder)
    chosen += [f"--balance={tapes[0].product.quote}={cash_of(cash):f}", f"--strategy={name}"]
    with tempfile.TemporaryDirectory() as scratch:
        files = [f"--data={file}" for file in _files(tapes, Path(scratch))]
        summary = _run([*files, *chosen, f"--var={folder}"])
    return SessionResult(summary, find(folder, summary["session_id"]).log)


def _run(arguments: list[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "gpt_trader.live", "--speed=max", "--json=-"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        error = UsageError if done.returncode == USAGE else TraderError
        raise error(said.removeprefix("perps-bot: "))
    document: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return document


def _named(flag: str, values: Mapping[str, float]) -> list[str]:
    """Arguments that say numbers to the last digit."""
    return [f"--{flag}={name}={value!r}" for name, value in values.items()]


def _refuse(others: Mapping[str, Any]) -> None:
    for name in others:
        if name in ONLY_BACKTEST:
            raise UsageError(f"a session has no option {name}: {ONLY_BACKTEST[name]}")
        raise UsageError(f"a session has no option {name}: {near(name, list(OPTIONS))}")


def _files(tapes: Sequence[CandleTape], scratch: Path) -> list[Path]:
    """The candles as files that the exchange can play."""
    files = []
    for tape in tapes:
        if not tape.complete:
            raise UsageError("a session needs open, high, low, close and volume of each candle")
        file = scratch / f"{tape.product.product_id}.parquet"
        _write(tape, file)
        files.append(file)
    return files


def _write(tape: CandleTape, file: Path) -> None:
    """Write a tape with all of its rows: those without a trade move the clock, too."""
    import pandas as pd

    rows = pd.DatetimeIndex(tape.every_row_ns, tz="UTC", name="time")
    frame = tape.frame().reindex(rows)
    frame["volume"] = frame["volume"].fillna(0.0)
    close = frame["close"].ffill().bfill()
    for name in ("open", "high", "low", "close"):
        frame[name] = frame[name].fillna(close)
    frame.insert(0, "time", tape.every_row_ns // NS)
    frame["product_id"] = tape.product.product_id
    frame["granularity"] = tape.candle_s
    frame.to_parquet(file, index=False)


def _name_of(strategy: Strategy, folder: Path) -> str:
    """What the session finds the strategy by: its name, or a file with its source."""
    if strategy.name in strategy_names() and strategy_named(strategy.name) is strategy:
        return strategy.name
    source = strategy_text(strategy.plain)
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    file = folder / "strategies" / f"{strategy.name}_{digest}.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(source)
    return f"{file}:{strategy.name}"


def _float(price: Decimal | None) -> float | None:
    return None if price is None else float(price)
