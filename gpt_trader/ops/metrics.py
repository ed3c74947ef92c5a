"""A session's figures for Prometheus: one registry, read from its page and its log at each scrape.

The log is read from where the last scrape stood, past the market's events, so that a scrape costs
the same on the first day and on the hundredth.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from gpt_trader.domain.errors import StoreDamaged, UsageError
from gpt_trader.domain.events import (
    Event,
    OrderAbsent,
    OrderAccepted,
    OrderDenied,
    OrderFilled,
    OrderIntended,
    OrderLost,
    OrderRejected,
)
from gpt_trader.ops.status_main import status
from gpt_trader.ops.stored import newest
from gpt_trader.store.folders import SessionFolder
from gpt_trader.store.reading import LogReader

PREFIX = "gpt_trader_"
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
OUTCOMES = tuple((name, "") for name in ("intended", "accepted", "lost", "absent"))
"""Counts that are there from the first scrape on, so that a rise from nothing is seen."""
MONEY = {
    "equity": "cash and positions at their marks, in quote",
    "cash": "of the session, in quote",
    "realized_pnl": "of what was sold, fees in it, in quote",
    "fees": "paid so far, in quote",
}
GUARDED = {
    "day_loss": "loss since midnight UTC as a fraction of the day's start",
    "drawdown": "loss from the highest equity as a fraction of it",
    "exposure": "all positions at their marks as a fraction of equity",
}


class Session(Collector):
    """What a profile's newest session shows, whether it runs or not."""

    def __init__(self, var: Path, profile: str) -> None:
        self._var = var
        self._profile = profile
        self._tally = _Tally()

    def collect(self) -> Iterator[Metric]:
        """Give every figure as it is now; without a session, only that none runs."""
        try:
            page = status(self._var, self._profile)
            self._tally.read(newest(self._var, self._profile))
        except (UsageError, StoreDamaged):
            yield _gauge("session_running", "1 while a session runs", 0)
            return
        yield _gauge("session_running", "1 while a session runs", page["running"])
        yield _gauge("page_age_seconds", "since the session wrote its page", page["age_s"])
        yield from _answers(page)
        yield from _money(page["standing"])
        yield from _products(page["standing"])
        rest = page["rest"] or {"last_minute": None, "second_max": None}
        yield _gauge("rest_requests_last_minute", "sent to the exchange", rest["last_minute"])
        yield _gauge("rest_requests_second_max", "in the last minute", rest["second_max"])
        yield from self._tally.metrics()


def _gauge(name: str, about: str, value: object) -> GaugeMetricFamily:
    """One figure; what is not known has no sample, and an alert can ask for its absence."""
    family = GaugeMetricFamily(PREFIX + name, about)
    if value is not None:
        family.add_metric([], float(value))  # type: ignore[arg-type]
    return family


def _answers(page: dict[str, Any]) -> Iterator[Metric]:
    for name in ("alive", "ready", "trading_allowed"):
        yield _gauge(name, f"1 if the session is {name}", page[name]["ok"])
    family = GaugeMetricFamily(PREFIX + "condition_ok", "1 if it holds", labels=["condition"])
    for one in page["trading_allowed"]["conditions"]:
        family.add_metric([one["condition"]], float(one["ok"]))
    yield family
    state = GaugeMetricFamily(PREFIX + "trading_state", "1 for the one that is", labels=["state"])
    record = page["trading"]
    now = page["standing"]["trading_state"] if record is None else record["everything"]["state"]
    state.add_metric([now], 1.0)
    yield state


def _money(stands: dict[str, Any]) -> Iterator[Metric]:
    for name, about in MONEY.items():
        yield _gauge(name, about, stands[name])
    day_pnl = stands["guarded"]["day_loss"]["day_pnl"]
    yield _gauge("day_pnl", "since midnight UTC, in quote", day_pnl)
    for name, about in GUARDED.items():
        yield _gauge(f"{name}_rate", about, stands["guarded"][name]["rate"])
        yield _gauge(f"{name}_rate_max", "the limit", stands["guarded"][name]["rate_max"])


def _products(stands: dict[str, Any]) -> Iterator[Metric]:
    by_product = ["product"]
    value = GaugeMetricFamily(PREFIX + "position_value", "at the mark, in quote", labels=by_product)
    for row in stands["positions"]:
        if row["value"] is not None:
            value.add_metric([row["product_id"]], float(row["value"]))
    age = GaugeMetricFamily(PREFIX + "mark_age_seconds", "of the price", labels=by_product)
    for row in stands["prices"]:
        if row["age_s"] is not None:
            age.add_metric([row["product_id"]], row["age_s"])
    yield from (value, age)
    yield _gauge("positions", "products held", len(stands["positions"]))
    working = Counter(row["status"] for row in stands["open_orders"])
    orders = GaugeMetricFamily(PREFIX + "open_orders", "by status", labels=["status"])
    for name, count in working.items():
        orders.add_metric([name], count)
    yield orders
    ages = (row["age_s"] for row in stands["open_orders"])
    yield _gauge("open_order_age_seconds_max", "of the oldest", max(ages, default=0))


class _Tally:
    """Counts over one session's log, as far as it was read."""

    def __init__(self) -> None:
        self._begin("")

    def _begin(self, session_id: str) -> None:
        self._session_id, self._seq, self._bytes = session_id, 0, 0
        self._orders: Counter[tuple[str, str]] = Counter()
        self._fills: Counter[str] = Counter()
        self._sent_ns: dict[str, int] = {}
        self._buckets = [0] * (len(BUCKETS_S) + 1)
        self._sum_s = 0.0

    def read(self, folder: SessionFolder) -> None:
        """Count what was written since the last look."""
        if folder.session_id != self._session_id:
            self._begin(folder.session_id)
        with LogReader(folder.log) as reader:
            for seq, wall_ns, event in reader.without_market(self._seq):
                self._seq = seq
                self._count(event, wall_ns)
        files = folder.log.parent.glob(f"{folder.log.name}*")
        self._bytes = sum(path.stat().st_size for path in files if path.is_file())

    def _count(self, event: Event, wall_ns: int) -> None:
        match event:
            case OrderIntended(client_order_id=name):
                self._orders["intended", ""] += 1
                self._sent_ns[name] = wall_ns
            case OrderDenied(verdicts=verdicts):
                for rule in {v.rule for v in verdicts if v.denies} or {"form"}:
                    self._orders["denied", rule] += 1
            case OrderAccepted(client_order_id=name):
                self._orders["accepted", ""] += 1
                self._answered(name, wall_ns)
            case OrderRejected(client_order_id=name, reason=reason):
                self._orders["rejected", reason] += 1
                self._answered(name, wall_ns)
            case OrderLost():
                self._orders["lost", ""] += 1
            case OrderAbsent():
                self._orders["absent", ""] += 1
            case OrderFilled(liquidity=liquidity):
                self._fills[liquidity.name.lower()] += 1
            case _:
                pass

    def _answered(self, name: str, wall_ns: int) -> None:
        sent_ns = self._sent_ns.pop(name, None)
        if sent_ns is not None:
            took_s = (wall_ns - sent_ns) / 1e9
            self._buckets[bisect_left(BUCKETS_S, took_s)] += 1
            self._sum_s += took_s

    def metrics(self) -> Iterator[Metric]:
        """The counts as Prometheus takes them."""
        orders = CounterMetricFamily(
            PREFIX + "orders", "by outcome and reason", labels=["outcome", "reason"]
        )
        for outcome, reason in sorted({*self._orders, *OUTCOMES}):
            orders.add_metric([outcome, reason], self._orders[outcome, reason])
        fills = CounterMetricFamily(PREFIX + "fills", "ours", labels=["liquidity"])
        for liquidity, count in sorted(self._fills.items()):
            fills.add_metric([liquidity], count)
        yield from (orders, fills)
        summed, buckets = 0, []
        for bound, count in zip((*map(str, BUCKETS_S), "+Inf"), self._buckets, strict=True):
            summed += count
            buckets.append((bound, summed))
        yield HistogramMetricFamily(
            PREFIX + "order_answer_seconds",
            "from the durable intent to the exchange's answer in the log",
            buckets=buckets,
            sum_value=self._sum_s,
        )
        yield _gauge("store_bytes", "of the session's log", self._bytes)
