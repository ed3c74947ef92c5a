"""A session asks the exchange for little: connections and requests, counted on the wire."""

import signal
import time
from pathlib import Path

from tests.live import commands
from tests.live.proxy import CountingProxy
from tests.tier import scaled

PRODUCTS = ("BTC-USD", "ETH-USD", "SOL-USD")
NEVER = ("--strategy", "dev_life", "--param", "entry_after=9000", "--param", "exit_after=9001")
WATCHED_S = scaled(60)  # of the machine's clock, as is everything at real speed
A_MINUTE = 10  # requests that an idle session may make


def test_three_products_hold_two_connections_and_an_idle_minute_takes_ten_requests(
    tmp_path: Path,
) -> None:
    chosen = [word for name in PRODUCTS for word in ("--product", name)]
    with (
        commands.exchange(tmp_path, "--speed", "real", *chosen) as exchange,
        CountingProxy(exchange.host, exchange.tls) as proxy,
    ):
        options = ["--profile", "dev", "--speed", "real", *exchange.session_options(proxy.host)]
        words = ["live", "--var", str(tmp_path / "var"), "--json", "-", *options, *chosen, *NEVER]
        with commands.begun(words, tmp_path) as process:
            commands.wait_until(lambda: proxy.counts.frames > len(PRODUCTS), process)
            time.sleep(1.0)  # the questions of the start
            before = proxy.counts.requests.total()
            time.sleep(WATCHED_S)
            asked = proxy.counts.requests.total() - before
            process.send_signal(signal.SIGINT)
            done = commands.ended(process)

    assert done.code == 130, done.err
    assert done.document["ledger_difference"] == "0"
    assert before > 0
    assert asked <= A_MINUTE * WATCHED_S / 60
    assert proxy.counts.sockets == 1
    assert proxy.counts.connections - proxy.counts.sockets == 1
