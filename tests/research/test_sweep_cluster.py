"""Two workers of a Dask cluster, processes of their own, give the table that this process gives."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster

from gpt_trader.domain.errors import UsageError
from gpt_trader.research.sweep import Sweep, sweep
from gpt_trader.strategies.user import strategy, whole
from tests.backtesting.rules import cross
from tests.backtesting.tapes import walk

PLAIN = {"market": "close", "fees": 0.001, "sizing": {"patience_candles": 0}}
GRID = {"fast": [3, 5, 9, 12], "slow": [20, 40, 60]}


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as local:
        yield local


def swept(var: Path, **given: Any) -> Sweep:
    rule = strategy(fast=whole(5, 2, 60), slow=whole(20, 3, 150))(cross)
    choices: dict[str, Any] = {**PLAIN, **given}
    return sweep(walk(2_000, 1), rule, GRID, var=var, progress=False, **choices)


@pytest.mark.parametrize("market", ["close", "exchange"])
def test_a_cluster_gives_the_same_table(market: str, cluster: LocalCluster, tmp_path: Path) -> None:
    here = swept(tmp_path / "here", market=market)

    there = swept(tmp_path / "there", market=market, cluster=cluster.scheduler_address)

    assert there.result_hash == here.result_hash
    assert there.table.equals(here.table)


def test_a_client_is_left_open(cluster: LocalCluster, tmp_path: Path) -> None:
    with Client(cluster) as client:  # type: ignore[no-untyped-call]
        result = swept(tmp_path, cluster=client)

        assert client.submit(len, [1, 2]).result() == 2
    assert len(result) == 12


def test_an_address_where_nobody_answers_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cluster = tcp://127.0.0.1:9: no Dask scheduler"):
        swept(tmp_path, cluster="tcp://127.0.0.1:9")
