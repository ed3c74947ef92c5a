"""The engine replay against a real session in lockstep: the same fills, orders and equity."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gpt_trader.backtesting.candles import CandleTape, load
from gpt_trader.backtesting.simulation import Simulation
from gpt_trader.broker.sizing import sizing_of
from gpt_trader.domain.events import (
    CancelIntended,
    CandleClosed,
    Event,
    OrderDenied,
    OrderFilled,
    OrderIntended,
    QuoteSeen,
    StopReached,
    StopRequested,
)
from gpt_trader.domain.product import amount_of
from gpt_trader.risk.limits import Limits
from gpt_trader.store.folders import find
from gpt_trader.store.reading import LogReader
from tests.backtesting.plays import JUMPY, a_setup
from tests.live import commands
from tests.live.markets import Recording, five_minutes_of_two, minutes_of_bitcoin
from tests.tier import scaled

ROWS = max(250, scaled(2500))


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person chose for both."""

    sizing: dict[str, float]
    limits: dict[str, Decimal]

    def options(self) -> list[str]:
        """The same as words of `gpt-trader live`."""
        pairs = (("--param", JUMPY), ("--sizing", self.sizing), ("--limit", self.limits))
        return [w for flag, given in pairs for k, v in given.items() for w in (flag, f"{k}={v}")]


class Log:
    """Every event of an engine replay."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def append(self, event: Event) -> None:
        self.events.append(event)


def told(events: Sequence[Event]) -> list[object]:
    """What must be equal, up to the stop; ids of the exchange and of the session are left out."""
    facts: list[object] = []
    for event in events:
        match event:
            case StopRequested():
                break
            case OrderIntended(client_order_id=name):
                facts.append(("order", event.ts_ns, name[-6:], event.draft, event.verdicts))
            case OrderDenied():
                facts.append(("denial", event.ts_ns, event.draft, event.verdicts))
            case CancelIntended(client_order_id=name):
                facts.append(("cancel", event.ts_ns, name[-6:], event.why))
            case OrderFilled(client_order_id=name):
                money = event.price, event.base_size, event.fee, event.liquidity
                facts.append(("fill", event.ts_ns, name[-6:], *money))
            case QuoteSeen() | CandleClosed() | StopReached():
                facts.append(event)
    return facts


@pytest.mark.parametrize(
    ("market", "choices"),
    [
        (minutes_of_bitcoin, Choices({}, {})),
        (
            five_minutes_of_two,
            Choices(
                {"stop_rate": 0.003, "good_till": 1.0, "patience_candles": 2.0},
                {"exposure_rate_max": Decimal("0.39"), "orders_per_minute_max": Decimal(1)},
            ),
        ),
        (
            five_minutes_of_two,
            Choices({"market_orders": 1.0, "patience_candles": 1.0, "rebalance_rate": 0.0}, {}),
        ),
    ],
    ids=["one product", "two with stops and ends", "two at the market"],
)
def test_a_session_and_its_engine_replay_are_equal_to_the_last_unit(
    market: object, choices: Choices, tmp_path: Path
) -> None:
    assert callable(market)
    files = shortened(market(tmp_path), tmp_path)
    session = commands.live(
        tmp_path / "var",
        *(word for file in files for word in ("--data", str(file))),
        *choices.options(),
    )
    assert session.code == 0, session.err
    document = session.document
    with LogReader(find(tmp_path / "var", "latest").log) as reader:
        recorded = [event for _, event in reader.events()]
    log = Log()
    setup = a_setup(sizing=sizing_of(choices.sizing), limits=Limits.from_mapping(choices.limits))

    result = Simulation(setup, [tape_of(file) for file in files], log).run()

    assert told(log.events) == told(recorded)
    assert result.equity_units is not None
    assert str(amount_of(result.equity_units)) == document["equity_end"]
    assert str(amount_of(result.fees_units)) == document["fees"]
    assert len(result.fills) == document["fills"] > 20
    assert sum(row.refused == 0 for row in result.orders) == document["orders"]
    assert sum(row.refused != 0 for row in result.orders) == document["denials"]
    worst = Decimal(result.worst_loss_units) / result.worst_peak_units
    assert abs(worst - Decimal(document["max_drawdown"])) < Decimal("1e-15")


def tape_of(file: Path) -> CandleTape:
    tape = load(file)
    assert isinstance(tape, CandleTape)
    return tape


def shortened(recording: Recording, folder: Path) -> list[Path]:
    files = []
    for name, path in recording.files.items():
        files.append(folder / f"short-{name}.parquet")
        pq.write_table(pq.read_table(path).slice(0, ROWS), files[-1])
    return files
