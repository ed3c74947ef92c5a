"""Table E: the embedded exchange, as a process of its own on one core, and its matching alone."""

import json
import os
import random
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.goals import Goal
from benchmarks.single import Measured
from benchmarks.tables import Table
from gpt_trader.coinbase.signer import Signer
from gpt_trader.exchange.catalog import Product, find_product
from gpt_trader.exchange.liquidity import Book, LiveBook, Moment
from gpt_trader.exchange.order_entry import OrderEntry
from gpt_trader.exchange.rules import default_rules

ORDERS = "/api/v3/brokerage/orders"
CANCEL = f"{ORDERS}/batch_cancel"
SENDERS = 2  # connections that send at once, as our own session has at most
LISTENERS = 4  # that each hear every message: made once, and numbered and sent to each
BATCH = 100  # orders; as many are then cancelled in one request
READ_BYTES = 1 << 20
TICKER = b'"channel":"ticker"'
USER = b'"channel":"user"'
HOST = "127.0.0.1"

# Of the matching alone: prices in increments of 0.01, sizes in lots of 1e-8.
MIDDLE = 6_200_000
LEVELS, COIN = 15, 10**8
DEAREST, PRICES = 3_049_900, 60_000  # printed trades reach some of the orders below
LOTS = 10_000  # one order's
WAITING = 400
BEGIN_NS = 10**18


@dataclass(frozen=True, slots=True)
class Started:
    """An exchange that is ready."""

    port: int
    plain_port: int
    ca: Path
    key_file: Path
    pid: int

    def signer(self) -> Signer:
        """Of the key that it made."""
        return Signer.from_key_file(self.key_file, time.time_ns)

    def tls(self) -> ssl.SSLContext:
        """Trusts this exchange alone."""
        return ssl.create_default_context(cafile=str(self.ca))


def measured(orders: int, seconds: float, commands: int) -> Measured:
    """Time orders over TLS, WebSocket messages, and commands to the matching core."""
    with exchange("--sync", "--rate-limits", "off") as started:
        rate, frames, per_order_s = _orders(started, orders)
    plain, secure, size = _messages(seconds)
    core = _commands(commands)
    table = Table(
        "E. The embedded exchange on one core; its clients on another",
        ("what", "a second", "asked"),
        rows=[
            (f"orders over TLS with JWT, fsynced, user frames sent ({frames:,})", f"{rate:,.0f}",
             "300"),
            ("commands to the matching core alone: creates, cancels, trades printed",
             f"{core:,.0f}", "20,000"),
            (f"ticker messages of {size:,.0f} bytes to {LISTENERS} WebSockets together, plain",
             f"{plain:,.0f}", "20,000"),
            ("the same over TLS", f"{secure:,.0f}", "8,000"),
        ],
        notes=[f"an order costs the exchange {per_order_s * 1e6:,.0f} us of processor time"],
    )  # fmt: skip
    goals = (
        Goal("orders a second over TLS, durable, on one core", rate, 300, 300, ""),
        Goal("commands a second to the matching core alone", core, 20_000, 20_000, ""),
        Goal("WebSocket messages a second, plain", plain, 20_000, 20_000, ""),
        Goal("WebSocket messages a second, TLS", secure, 8_000, 8_000, ""),
    )
    return Measured(table, goals)


@contextmanager
def exchange(*options: str) -> Iterator[Started]:
    """Start ``gpt-trader exchange`` on one core, its ledger in a folder that is thrown away."""
    with TemporaryDirectory() as folder:
        words = ["--port", "0", "--plain-port", "0", "--state", f"{folder}/state"]
        words += ["--tls", f"{folder}/tls", "--product", "BTC-USD", "--parent", *options]
        child = subprocess.Popen(
            [sys.executable, "-m", "gpt_trader", "exchange", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with child:
            assert child.stdout is not None and child.stdin is not None
            ready = json.loads(child.stdout.readline())
            _part_cores(child.pid)
            try:
                yield Started(
                    ready["port"],
                    ready["plain_port"],
                    Path(ready["ca"]),
                    Path(ready["key_file"]),
                    child.pid,
                )
            finally:
                child.stdin.close()
                child.wait(timeout=30)


def _part_cores(pid: int) -> None:
    """Give the exchange the last core, and leave the others to its clients."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(pid, {cores[-1]})


def _cpu_s(pid: int) -> float:
    """Processor time of another process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _orders(started: Started, count: int) -> tuple[float, int, float]:
    """Send orders that wait, and cancel them a hundred at a time.

    Returns
    -------
    float, int, float
        Orders a second, user frames that came, and the exchange's seconds an order.
    """
    listener = _Listener(started, secure=True, channel="user", mark=USER)
    senders = [_Sender(started, name, count // SENDERS) for name in range(SENDERS)]
    cpu, begin = _cpu_s(started.pid), time.perf_counter()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    seconds, used = time.perf_counter() - begin, _cpu_s(started.pid) - cpu
    sent = sum(sender.accepted for sender in senders)
    if sent != count // SENDERS * SENDERS:
        raise RuntimeError(f"{count:,} orders were sent and {sent:,} accepted")
    listener.close()
    if listener.heard < 2 * sent:
        raise RuntimeError(f"{sent:,} orders opened and ended in {listener.heard:,} user frames")
    return sent / seconds, listener.heard, used / sent


class _Sender(threading.Thread):
    """One connection that stays open: each order signed, sent and answered before the next."""

    def __init__(self, started: Started, name: int, count: int) -> None:
        super().__init__(daemon=True)
        self.accepted = 0
        self._name, self._count = name, count
        self._signer = started.signer()
        raw = socket.create_connection((HOST, started.port))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = started.tls().wrap_socket(raw, server_hostname=HOST)
        self._reader = self._socket.makefile("rb")

    def run(self) -> None:
        """Send orders far below the market, so that they wait until they are cancelled."""
        waiting: list[str] = []
        for number in range(self._count):
            answer = self._post(ORDERS, _order(f"{self._name}-{number}", number))
            waiting.append(answer["success_response"]["order_id"])
            self.accepted += 1
            if len(waiting) == BATCH or number == self._count - 1:
                self._post(CANCEL, {"order_ids": waiting})
                waiting.clear()
        self._socket.close()

    def _post(self, path: str, body: dict[str, object]) -> dict[str, dict[str, str]]:
        content = json.dumps(body).encode()
        token = self._signer.rest_token("POST", HOST, path)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + content)
        size = 0
        while (line := self._reader.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                size = int(value)
        answer: dict[str, dict[str, str]] = json.loads(self._reader.read(size))
        return answer


def _order(name: str, number: int) -> dict[str, object]:
    return {
        "client_order_id": f"bench-{name}",
        "product_id": "BTC-USD",
        "side": "BUY",
        "order_configuration": {
            "limit_limit_gtc": {
                "base_size": "0.0001",
                "limit_price": str(30_000 + number % 500),
                "post_only": True,
            }
        },
    }


class _Listener:
    """A WebSocket that counts what it hears on one channel, without reading it further."""

    def __init__(self, started: Started, *, secure: bool, channel: str, mark: bytes) -> None:
        self.heard = 0
        self.bytes = 0
        self._mark = mark
        port = started.port if secure else started.plain_port
        raw = socket.create_connection((HOST, port))
        self._socket = started.tls().wrap_socket(raw, server_hostname=HOST) if secure else raw
        self._socket.sendall(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        while not self._socket.recv(READ_BYTES).endswith(b"\r\n\r\n"):
            continue
        wanted: dict[str, object] = {"type": "subscribe", "channel": channel}
        wanted |= {"product_ids": ["BTC-USD"], "jwt": started.signer().stream_token()}
        text = json.dumps(wanted).encode()
        self._socket.sendall(struct.pack("!BBHI", 0x81, 0x80 | 126, len(text), 0) + text)
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear what is still on its way, and stop."""
        time.sleep(0.2)
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _count(self) -> None:
        rest = b""
        while data := self._received():
            self.bytes += len(data)
            rest += data
            self.heard += rest.count(self._mark)
            rest = rest[-len(self._mark) + 1 :]

    def _received(self) -> bytes:
        try:
            return self._socket.recv(READ_BYTES)
        except ConnectionResetError:  # closed with frames on their way
            return b""


def _messages(seconds: float) -> tuple[float, float, float]:
    """Ticker messages a second, plain and over TLS, all listeners together; bytes of one."""
    rates, size = [], 0.0
    for secure in (False, True):
        with exchange("--speed", "1000000000", "--candles", "1000000") as started:
            listeners = [
                _Listener(started, secure=secure, channel="ticker", mark=TICKER)
                for _ in range(LISTENERS)
            ]
            time.sleep(0.5)
            before, begin = _heard(listeners), time.perf_counter()
            time.sleep(seconds)
            after = _heard(listeners)
            rates.append((after[0] - before[0]) / (time.perf_counter() - begin))
            size = (after[1] - before[1]) / max(after[0] - before[0], 1)
            for listener in listeners:
                listener.close()
    return rates[0], rates[1], size


def _heard(listeners: list[_Listener]) -> tuple[int, int]:
    """Messages and bytes so far."""
    return sum(one.heard for one in listeners), sum(one.bytes for one in listeners)


class _StandingMarket:
    """A book of one product that stands still: what is timed is the orders."""

    def __init__(self) -> None:
        product = find_product("BTC-USD")
        self.products: dict[str, Product] = {product.product_id: product}
        bids = tuple((MIDDLE - step, COIN) for step in range(1, LEVELS + 1))
        asks = tuple((MIDDLE + step, COIN) for step in range(1, LEVELS + 1))
        self._live = LiveBook(Moment(0, 0, None, 1), Book(bids, asks))

    def live(self, product_id: str) -> LiveBook:
        """Give the book, from which nothing stays taken."""
        return self._live

    def queue_ahead(self, product_id: str, price: int, buys: bool) -> int:
        """Give the lots of others at a price."""
        return LEVELS

    def last_price(self, product_id: str) -> int:
        """Give the price of the last trade."""
        return MIDDLE

    def mark_price(self, product_id: str) -> None:
        """Give no mark price: there is no contract."""

    def funding_rate(self, product_id: str, hour_ns: int) -> int:
        """Give no funding."""
        return 0


def _commands(count: int) -> float:
    """Creates, cancels one by one and printed trades, each from its own words, in this process.

    Raises
    ------
    RuntimeError
        An order was refused, or no trade filled one: then something else was timed.
    """
    rules = replace(default_rules(1), balances={"USD": Decimal(10**9), "BTC": Decimal(10**5)})
    entry = OrderEntry(rules, _StandingMarket(), lambda order, time_ns: None, lambda record: None)
    dice, waiting = random.Random(1), entry.matching.waiting
    begin = time.process_time()
    for number in range(count):
        now_ns = BEGIN_NS + number
        if number % 3 == 0:
            answer = entry.create(_order(f"core-{number}", number), now_ns)
            if not answer["success"]:
                raise RuntimeError(f"an order was refused: {answer}")
        elif number % 3 == 1 and len(waiting) > WAITING:
            entry.cancel([next(iter(waiting))], now_ns)
        else:
            ticks = DEAREST - dice.randrange(PRICES)
            entry.matching.print_trade("BTC-USD", ticks, LOTS, now_ns)
    seconds = time.process_time() - begin
    if not entry.matching.fills:
        raise RuntimeError("no printed trade filled an order")
    return count / seconds
