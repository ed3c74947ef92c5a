"""Command lines that make no sense, over every command: a clear line, an exit code, no harm."""

import io
import os
import random
import re
import select
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

import pytest

from gpt_trader import cli
from gpt_trader.domain.errors import TraderError
from gpt_trader.domain.events import Event
from gpt_trader.exchange.choices import read_choices
from gpt_trader.live import options
from gpt_trader.store.event_log import EventLog
from gpt_trader.store.folders import new_session
from tests.builders import START_NS, a_change, a_draft, a_fill, an_acceptance, an_intent, an_opening
from tests.live.commands import KERNELS, Finished, begun, ended
from tests.printing import Said
from tests.tier import by_tier, scaled

LINES = 6_000
BEGUN = by_tier(quick=2, ci=3, soak=60)
READY_S = 30.0  # for an exchange to say that it is, or why it is not
BLOCKED, RECORDED, FREE = "blocked", "recorded", "free"
"""Data folders: in the first nothing can be written, so no request reaches a session; the second
holds a recorded session, for commands that only read; backtests write in the third."""

READS = ("list", "show", "explain")
COMMANDS: tuple[tuple[str, ...], ...] = (
    *(("orders", name) for name in ("preview", "place", "edit", "cancel", "cancel-all")),
    *(("orders", name) for name in (*READS, "adopt", "close")),
    *(("data", name) for name in ("download", "import", "check", "list")),
    *(("live",), ("replay",), ("backtest",), ("sweep",), ("snapshot",), ("exchange",), ("orders",)),
    *(("preflight",), ("status",), ("pnl",), ("log",)),
    ("config", "show"),
)
LIVE_DOORS = (("perps-bot",), ("python -m gpt_trader.live",))
DOORS: dict[str, Callable[[list[str]], int]] = {
    "gpt-trader": cli.main,
    "perps-bot": cli.perps_bot,
    "python -m gpt_trader.live": cli.perps_bot,
}
ELSEWHERE = {"--follow", "--coinbase-host", "--profile"}  # would ask another exchange
NEVER = {"--cluster", "--follow"}  # would wait: for a scheduler that is not there, for a person
WORDS = [
    *("", " ", "-", "--", "-1", "0", "1", "1e9", "1e999", "nan", "inf", "9" * 400, "0x10", "1_0"),
    *("٣", "é", "🙂", "\udcff", "'; drop", "../..", "/", ".", "a b", "\n", "x" * 5_000, "%s", "{}"),
    *("buy", "sell", "0.01", "500 USD", "25%", "BTC-USD", "btc-usd", "BTC-PERP", "BIP-20DEC30-CDE"),
    *("limit", "stop_limit", "bracket", "market", "GTC", "GTD", "2h", "2026-01-31", "9999-12-31"),
    *("latest", "gt-1", "o-1", "mine", "abc", "prod", "dev", "paper", "max", "real", "60", "a=b"),
    *(
        "c.csv",
        "no.csv",
        "BTC-USD 1m",
        "ma_crossover",
        "no.py:x",
        "c.csv:x",
        "=",
        "a=",
        "=b",
        "a,b",
    ),
    *("help", "live", "--help", "-h", "--no-such", "--=", "--price=", "--json=-", "@c.csv"),
]
GOOD = {
    "--data": ("c.csv", "c.csv", "no.csv"),
    "--var": (BLOCKED,),
    "--json": ("-", "-", "x.txt", "no/such.json", BLOCKED, "c.csv"),
    "--report": ("no/such.html", "."),
    "--lots": ("-", "x.txt"),
    "--grid": ("fast=2,3", "slow=5:9:2", "fast=1:1e9:1e-9", "slow=5,x", "fast=2"),
    "--where": ("fast < slow", "fast <", "__import__('os')", "9**9**9**9", "slow / 0 > 1"),
    "--param": ("fast=2", "slow=9", "no=1", "fast=nan", "fast=1e400"),
    "--limit": ("order_notional_max=5", "collar_bps_max=-1", "no=1", "daily_loss_rate_max=9"),
    "--sizing": ("size_fraction=0.1", "stop_rate=5", "no=1", "take_bps=1e9"),
    "--strategy": ("ma_crossover", "breakout", "no", "no.py:x", "c.csv:x"),
    "--product": ("BTC-USD", "ETH-USD", "btc", "X" * 99),
    "--workers": ("2", "0", "-1", "99999999999"),
    "--profile": ("dev", "paper", "prod", "spot"),
    "--speed": ("fused", "engine", "both", "max", "real", "60", "0"),
    "--candle-s": ("60", "7", "0", "999999999999"),
    "--slippage": ("1", "1,0.1", "1,2,3", "-1", "x"),
    "--fees": ("0.001", "0.1,0.2", "1,2,3", "-1", "2"),
    "--cash": ("1000", "0", "-5", "1e30", "0.000000001"),
    "--granularity": ("99q", "1", ""),  # none that a download could begin with
}


FITS = {
    "preview": ("buy", "0.01", "BTC-USD"),
    "place": ("sell", "25%", "BTC-USD"),
    "edit": ("gt-1", "--price", "60000"),
    "adopt": ("BTC-USD", "0.5", "--cost", "1"),
    "backtest": ("--data", "c.csv", "--product", "BTC-USD"),
    "sweep": ("--data", "c.csv", "--product", "BTC-USD", "--grid", "fast=2,3"),
    "perps-bot": ("--preview-order", "--order-symbol", "BTC-USD", "--order-side", "buy"),
}
"""How a line may begin, so that what follows is looked at."""


def run(door: str, words: list[str]) -> Finished:
    """Run one line in this process, its output encoded as a terminal's would be."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace", write_through=True)
    with redirect_stdout(out), redirect_stderr(err):
        code = DOORS[door](words)
    said = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return Finished(int(code), *said)


def flags_of(command: tuple[str, ...]) -> list[str]:
    """Every flag that the help of a command names."""
    if command in LIVE_DOORS:
        helps = [("perps-bot", ["--help"]), ("perps-bot", ["--preview-order", "--help"])]
    else:
        helps = [("gpt-trader", [*command, "--help"])]
    text = "".join(run(*one).out for one in helps)
    return sorted(set(re.findall(r"--[a-z][a-z-]+", text)) - NEVER)


class Lines:
    """Draws lines: half of their words fit the command, the others come from anywhere."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._flags = {command: flags_of(command) for command in (*COMMANDS, *LIVE_DOORS)}
        self._any = sorted({flag for flags in self._flags.values() for flag in flags})

    def line(self) -> tuple[str, list[str], str]:
        """A door, its words, and the data folder that is meant unless they say another."""
        dice = self._dice
        command = dice.choice((*COMMANDS, *LIVE_DOORS))
        words = [] if command in LIVE_DOORS else list(command)
        if dice.random() < 0.02:
            words = [dice.choice(WORDS)]
        if dice.random() < 0.7:
            words += FITS.get(command[-1], ())
        for _ in range(dice.randrange(7)):
            words += self._one(command)
        reads = command[-1] in (*READS, "replay", "status", "pnl", "log")
        var = RECORDED if reads else FREE if command[0] in ("backtest", "sweep") else BLOCKED
        return (command[0] if command in LIVE_DOORS else "gpt-trader"), words, var

    def that_begins(self, command: str, bounds: list[str]) -> list[str]:
        """A line of `live` or `exchange` with several flags that its parser accepts."""
        while True:
            words = [command]
            for _ in range(self._dice.randrange(2, 6)):
                words += self._one((command,))
            flags = {word.partition("=")[0] for word in words if word.startswith("--")}
            if len(flags) > 1 and not flags & ELSEWHERE and would_run("gpt-trader", words + bounds):
                return words + bounds

    def _one(self, command: tuple[str, ...]) -> list[str]:
        dice = self._dice
        if dice.random() < 0.25:
            return [dice.choice(WORDS)]
        flag = dice.choice(self._any if dice.random() < 0.1 else self._flags[command])
        fits = GOOD.get(flag)
        value = dice.choice(fits) if fits and dice.random() < 0.8 else dice.choice(WORDS)
        if flag == "--var":
            return [flag, BLOCKED]
        return dice.choice(
            ([flag, value], [flag, value], [flag, value], [f"{flag}={value}"], [flag])
        )


def would_run(door: str, words: list[str]) -> bool:
    """Whether a line is a whole session or exchange: those are begun by other tests."""
    if door == "gpt-trader" and words[:1] not in (["live"], ["exchange"]):
        return False
    if any(word.endswith("=--") for word in words):
        return False
    if door != "gpt-trader" and any(w.partition("=")[0] in cli.DESK_FLAGS for w in words):
        return False
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        try:
            if words[:1] == ["exchange"]:
                read_choices(words[1:])
            else:
                given = words[1:] if door == "gpt-trader" else words
                options.parse(given, os.environ, "gpt-trader live")
        except (SystemExit, TraderError, OSError):
            return False
    return True


def is_told(done: Finished) -> bool:
    """Whether a refusal is one line that names the command."""
    lines = done.err.splitlines()
    return len(lines) == 1 and lines[0].startswith(("gpt-trader", "perps-bot"))


def is_report(words: list[str], done: Finished) -> bool:
    """Whether exit code 1 is the finding of a command that looks for faults."""
    looks = words[:1] == ["replay"] or words[:2] == ["data", "check"]
    return looks and done.code == cli.Exit.REFUSED and bool(done.out or "different: " in done.err)


def contents(folder: Path) -> dict[Path, tuple[int, int]]:
    """Every file and folder below one, files with their size and when they were written."""
    found = {}
    for path in folder.rglob("*"):
        if path.name.endswith(("-shm", "-wal")):
            continue  # SQLite's own, for whoever reads
        status = path.stat()
        found[path] = (0, 0) if path.is_dir() else (status.st_size, status.st_mtime_ns)
    return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with candles, a recorded session, and a data folder nobody can write to."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GPT_TRADER_KERNEL_CACHE", str(KERNELS))
    rows = [f"{1_700_000_040 + 60 * n},100,101,99,{100 + n % 3},5" for n in range(60)]
    Path("c.csv").write_text("\n".join(["time,open,high,low,close,volume", *rows]) + "\n")
    for name in (BLOCKED, "var"):
        Path(name).mkdir()
        (Path(name) / "data").write_text("a file where the folder should be")
    folder = new_session(Path(RECORDED), "dev", "20260101T000000.000000Z-00000000")
    draft = replace(a_draft(), asked="mine#0123")
    intent = an_intent(draft=draft)
    events: list[Event] = [an_opening(), intent, an_acceptance(), a_change(), a_fill()]
    log = EventLog.create(folder.log, {}, lambda: START_NS)
    for event in events:
        log.append(event)
    log.commit_durable()
    log.close()
    (Path(RECORDED) / "logs").mkdir()
    said = "2026-01-01T00:00:00.000Z ERROR order mine rejected\n"
    (Path(RECORDED) / "logs" / "perps_bot.log").write_text(said)
    yield tmp_path


def test_no_command_line_is_a_traceback_and_none_that_fails_changes_anything(
    place: Path, monkeypatch: pytest.MonkeyPatch, say: Said
) -> None:
    lines, codes, begun = Lines(seed=17), Counter[int](), 0
    known = contents(place)
    for _ in range(scaled(LINES)):
        door, words, var = lines.line()
        monkeypatch.setenv("GPT_TRADER_VAR", str(place / var))
        if would_run(door, words):
            begun += 1
            continue

        done = run(door, words)

        codes[done.code] += 1
        assert done.code in set(cli.Exit), (door, words)
        kept = words[:1] == ["preflight"] and bool(done.out)  # its report of what is not ready
        if done.code == cli.Exit.OK or kept:
            known = contents(place)
            continue
        assert contents(place) == known, (door, words, done)
        assert is_report(words, done) or is_told(done), (door, words, done)
    say(f"{begun} would begin, " + ", ".join(f"{n} x exit {c}" for c, n in sorted(codes.items())))
    assert min(codes[0], codes[1], codes[2]) >= scaled(LINES) // 100


def bounds(command: str, own: Path) -> list[str]:
    """What keeps a line short, and all that it writes in one folder; the last of a flag counts."""
    if command == "live":
        return ["--candles", "5", "--speed", "max"]
    port = ("--port", "0", "--json", "-")
    return [*port, "--state", str(own / "state"), "--tls", str(own / "tls")]


def carried_out(words: list[str], place: Path, own: Path) -> Finished:
    """Begin a whole session or exchange; an exchange is ended by a signal once it is ready."""
    environ = {"GPT_TRADER_VAR": str(own), "GPT_TRADER_KERNEL_CACHE": str(KERNELS)}
    with begun(words, place, **environ) as process:
        if words[0] == "exchange":
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], READY_S)[0], f"{words} says nothing"
            process.send_signal(signal.SIGTERM)
        return ended(process)


@pytest.mark.parametrize("command", ["live", "exchange"])
def test_what_the_parser_takes_is_carried_out_or_refused_in_one_line(
    command: str, place: Path, tmp_path_factory: pytest.TempPathFactory, say: Said
) -> None:
    """Sessions of five candles on our own exchange, and exchanges that are ended when ready."""
    codes, lines, known = Counter[int](), Lines(seed=29), contents(place)
    for _ in range(BEGUN):
        own = tmp_path_factory.mktemp("own")
        words = lines.that_begins(command, bounds(command, own))

        done = carried_out(words, place, own)

        codes[done.code] += 1
        assert done.code in set(cli.Exit), (words, done)
        assert "Traceback" not in done.out + done.err, (words, done)
        is_done = done.code == cli.Exit.OK or (done.code, done.err) == (cli.Exit.INTERRUPTED, "")
        assert is_done or is_told(done), (words, done)
        assert contents(place) == known, (words, done)
    say(f"{command}: " + ", ".join(f"{n} x exit {c}" for c, n in sorted(codes.items())))
