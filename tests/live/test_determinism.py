"""When a message arrives decides nothing: one seed and one tape give one log hash."""

from pathlib import Path

import pytest

from gpt_trader.live.seams import DELAY
from tests.live import commands, markets
from tests.tier import scaled

ROUNDS = 250
BUSY = (  # changes its mind every few candles, crosses the spread, cancels, fills in parts
    *("--strategy", "ma_crossover", "--param", "fast=1", "--param", "slow=3"),
    *("--param", "band_bps=0", "--sizing", "patience_candles=1", "--sizing", "rebalance_rate=0"),
)
SEEDS = tuple(str(seed) for seed in range(1, max(2, scaled(10)) + 1))


def play(folder: Path, *arguments: str, **environ: str) -> commands.Finished:
    """Play the same busy session in a var folder of its own."""
    folder.mkdir()
    ended = commands.live(
        folder / "var",
        *("--speed", "max", "--candles", str(ROUNDS), *BUSY, *arguments),
        **environ,
    )
    assert ended.code == 0, ended.err
    return ended


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return markets.minutes_of_bitcoin(tmp_path_factory.mktemp("data")).options()


@pytest.fixture(scope="module")
def undelayed(data: list[str], tmp_path_factory: pytest.TempPathFactory) -> commands.Finished:
    return play(tmp_path_factory.mktemp("undelayed") / "run", *data)


def test_the_session_gives_arrival_times_something_to_decide(
    undelayed: commands.Finished,
) -> None:
    document = undelayed.document

    assert document["orders"] >= ROUNDS / 4
    assert document["maker_fills"] > 0 and document["taker_fills"] > 0
    assert document["partial_fills"] > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_delayed_readers_change_no_event(
    seed: str, data: list[str], undelayed: commands.Finished, tmp_path: Path
) -> None:
    delayed = play(tmp_path / "run", *data, **{DELAY: seed})

    assert delayed.document["log_hash"] == undelayed.document["log_hash"]
    assert delayed.document["session_id"] != undelayed.document["session_id"]


def test_another_seed_is_another_market(
    data: list[str], undelayed: commands.Finished, tmp_path: Path
) -> None:
    other = play(tmp_path / "run", *data, "--seed", "2")

    assert other.document["log_hash"] != undelayed.document["log_hash"]
