"""Chunks of a sweep on the workers of a Dask cluster: candles travel once, then only figures."""

from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpt_trader.backtesting.sweep_job import Job
from gpt_trader.backtesting.sweep_store import Rows
from gpt_trader.domain.errors import UsageError

if TYPE_CHECKING:
    from distributed import Client

TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class _Cluster:
    """Runs chunks as tasks of one client; one it made itself is closed again."""

    client: "Client"
    own: bool

    def __call__(self, job: Job, chunks: Sequence[tuple[int, int]]) -> Iterator[tuple[int, Rows]]:
        from distributed import as_completed

        with closing(self.client) if self.own else nullcontext():
            everywhere = self.client.scatter(  # type: ignore[no-untyped-call]
                job, broadcast=True, hash=False
            )
            tasks = [
                self.client.submit(_run, everywhere, first, end, pure=False)
                for first, end in chunks
            ]
            for task in as_completed(tasks):  # type: ignore[no-untyped-call]
                yield task.result()
                task.release()


def _run(job: Job, first: int, end: int) -> tuple[int, Rows]:
    return first, job.run(first, end)


def cluster_runner(cluster: "str | Client") -> _Cluster:
    """The runner of a cluster, by its address or a client of it.

    Raises
    ------
    UsageError
        Dask is not installed, or nobody answers at the address.
    """
    try:
        from distributed import Client
    except ImportError as e:
        raise UsageError("cluster: Dask is missing; pip install 'gpt-trader[cluster]'") from e
    if not isinstance(cluster, str):
        return _Cluster(cluster, own=False)
    try:
        client = Client(cluster, timeout=TIMEOUT_S)  # type: ignore[no-untyped-call]
        return _Cluster(client, own=True)
    except (OSError, ValueError) as e:
        raise UsageError(f"cluster = {cluster}: no Dask scheduler answers there") from e
