"""Checks of this machine, its settings and its store: nothing is asked of the exchange."""

import os
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from re import match

from gpt_trader import __version__
from gpt_trader.coinbase.signer import Signer
from gpt_trader.domain.errors import StoreRefused
from gpt_trader.domain.order import TradingState
from gpt_trader.ops.preflight import (
    ALL,
    REAL,
    Check,
    Finding,
    Ground,
    failed,
    passed,
    review,
)
from gpt_trader.ops.scratch import controls_hold
from gpt_trader.risk.limits import DEFAULTS, Limits
from gpt_trader.settings import load_settings
from gpt_trader.store.folders import SessionFolder, sessions
from gpt_trader.store.reading import LogReader
from gpt_trader.store.trading_state import THE_START, read_standing, record_path
from gpt_trader.store.verify import verify_chain

PYTHON = (3, 11)
NO_SESSION = "no session yet"
GIB = 1024**3
FREE_ENOUGH, FREE_LEAST = GIB, GIB // 2
LOOSE = "daily_loss_rate_max", "drawdown_rate_max", "position_rate_max", "exposure_rate_max"


def _settings(ground: Ground) -> Finding:
    """Read again what a session would load, from the same places."""
    settings = load_settings(ground.flags, ground.environ, ground.folder)
    chosen = sorted(settings.origins)
    return passed(f"chosen: {', '.join(chosen)}" if chosen else "all by default")


def _guards(ground: Ground) -> Finding:
    on = [
        name
        for name, is_on in (
            ("RISK_KILL_SWITCH_ENABLED", ground.settings.kill_switch),
            ("RISK_REDUCE_ONLY_MODE", ground.settings.reduce_only),
        )
        if is_on
    ]
    if on:
        return review(f"on: {' and '.join(on)}")
    record = read_standing(record_path(ground.settings.var, ground.profile))
    if record is None:
        return passed("none is on")
    names = {"all products": record.everything, **record.products}
    held = [
        f"{name} {one.state.value} by {one.who}: {one.why}"
        for name, one in names.items()
        if one.state is not TradingState.ACTIVE and one.who != THE_START
    ]
    return review("; ".join(held)) if held else passed("none is on, and nobody holds trading back")


def _limits(ground: Ground) -> Finding:
    limits = Limits.from_mapping({**DEFAULTS, **ground.settings.limits}).as_mapping()
    loose = [f"{name} {limits[name]:f}" for name in LOOSE if limits[name] > DEFAULTS[name]]
    shut = [name for name, value in limits.items() if name.endswith("_max") and value == 0]
    if shut:
        return failed(f"nothing can be bought with {', '.join(shut)} at 0")
    if loose:
        return review(f"looser than by default: {', '.join(loose)}")
    return passed(f"an order up to {limits['order_notional_max']:f}, and none looser than usual")


def _key(ground: Ground) -> Finding:
    path = ground.settings.coinbase_key_file
    if path is None:
        return failed("no API key file is named")
    Signer.from_key_file(path, ground.now_ns)
    return passed(f"{path.name} reads")


def _var(ground: Ground) -> Finding:
    var = ground.settings.var
    try:
        var.mkdir(parents=True, mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=var) as file:
            file.write(b"preflight")
            file.flush()
            os.fsync(file.fileno())
    except OSError as e:
        raise StoreRefused(f"{var} cannot be written: {e.strerror}") from e
    return passed(f"{var} can be written")


def _disk(ground: Ground) -> Finding:
    try:
        free = shutil.disk_usage(ground.settings.var).free
    except OSError as e:
        raise StoreRefused(f"{ground.settings.var}: {e.strerror}") from e
    said = f"{free / GIB:.2f} GiB free for {ground.settings.var}"
    if free < FREE_LEAST:
        return failed(said)
    return review(said) if free < FREE_ENOUGH else passed(said)


def _versions(ground: Ground) -> Finding:
    if sys.version_info < PYTHON:
        return failed(f"Python {sys.version.split()[0]}")
    missing = []
    try:
        needs = metadata.requires(ground.distribution) or []
    except metadata.PackageNotFoundError:
        return failed(f"{ground.distribution} is not installed")
    for need in needs:
        name = match(r"[A-Za-z0-9._-]+", need)
        if name is not None and "extra ==" not in need:
            try:
                metadata.version(name[0])
            except metadata.PackageNotFoundError:
                missing.append(name[0])
    if missing:
        return failed(f"not installed: {', '.join(missing)}")
    return passed(f"Python {sys.version.split()[0]}, gpt-trader {__version__}")


def _store(ground: Ground) -> Finding:
    """The newest session's log, every hash of it."""
    folder = _newest(ground)
    if folder is None:
        return passed(NO_SESSION)
    report = verify_chain(folder.log)
    if report.fault is not None:
        return failed(f"the log of {folder.session_id}: {report.fault}")
    return passed(f"{report.events} events of {folder.session_id} are as they were written")


def _newest(ground: Ground) -> SessionFolder | None:
    known = sessions(ground.settings.var, ground.profile)
    return known[-1] if known else None


def _unfinished(ground: Ground) -> Finding:
    """What the newest session left: orders of unknown outcome, or another version's log."""
    folder = _newest(ground)
    if folder is None:
        return passed(NO_SESSION)
    from gpt_trader.ops.stored import stored_engine  # 0.6 s that --help need not wait for

    with LogReader(folder.log) as reader:
        version = reader.meta.get("version", __version__)
    engine, _ = stored_engine(folder)
    unknown = [o.client_order_id for o in engine.orders.working() if o.status.value == "UNKNOWN"]
    if unknown:
        return failed(f"{folder.session_id}: not known how {', '.join(unknown)} ended")
    if not engine.books_agree:
        return failed(f"{folder.session_id}: its books differ from the exchange's")
    working = len(engine.orders.working())
    if version != __version__ and (working or not engine.stopping):
        return failed(f"{folder.session_id} was begun by gpt-trader {version}")
    return review(f"{working} orders wait") if working else passed("nothing is left open")


def _contacts(ground: Ground) -> Finding:
    missing = [
        name
        for name, value in (
            ("contacts", ground.settings.contacts),
            ("status_page", ground.settings.status_page),
        )
        if not value
    ]
    if missing:
        return review(f"nobody is named: {' and '.join(missing)}")
    return passed(f"{ground.settings.contacts}; {ground.settings.status_page}")


def _controls(ground: Ground) -> Finding:
    """Trip the kill switch in a store of its own, and see that it binds."""
    with tempfile.TemporaryDirectory() as folder:
        fault = controls_hold(Path(folder))
    return passed("halted refuses an order that active lets out") if not fault else failed(fault)


SETTINGS = Check(
    "settings",
    "the settings read",
    ALL,
    False,
    "",
    "correct the name or value that is told; `gpt-trader config show` lists what there is",
    _settings,
)
MACHINE = (
    SETTINGS,
    Check(
        "guards",
        "no guard holds trading back",
        ALL,
        False,
        "",
        "take the variable out of the shell and of .env, and `gpt-trader resume`, if trading is "
        "meant to begin",
        _guards,
    ),
    Check(
        "limits",
        "the limits let trade, and no more than usual",
        ALL,
        False,
        "",
        "look at `gpt-trader config show`, and set the limits that are meant",
        _limits,
    ),
    Check(
        "api_key",
        "the API key is there, private, and reads",
        REAL,
        False,
        "",
        "download a key from Coinbase, chmod 600 it, name it with --coinbase-key-file",
        _key,
    ),
    Check(
        "var_folder",
        "the data folder can be written",
        ALL,
        False,
        "",
        "name a folder of yours with --var",
        _var,
    ),
    Check(
        "disk",
        "there is room on the disk",
        ALL,
        False,
        "var_folder",
        "free a gigabyte, or name another disk with --var",
        _disk,
    ),
    Check(
        "versions",
        "Python and libraries are there",
        ALL,
        False,
        "",
        "install again as the README says",
        _versions,
    ),
    Check(
        "store",
        "the newest log is what was written",
        ALL,
        False,
        "",
        "keep the folder as it is, and restore it from a backup",
        _store,
    ),
    Check(
        "left_open",
        "no order is left whose end is unknown",
        ALL,
        False,
        "store",
        "run the session's own command again: it asks the exchange",
        _unfinished,
    ),
    Check(
        "contacts",
        "alerts say whom to call",
        REAL,
        False,
        "",
        "set contacts and status_page in gpt_trader.toml",
        _contacts,
    ),
    Check(
        "controls",
        "the kill switch binds",
        ALL,
        False,
        "",
        "do not trade: this copy of gpt-trader is damaged",
        _controls,
    ),
)
