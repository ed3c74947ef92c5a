"""The command `gpt-trader metrics`: a profile's figures for Prometheus, on this machine only."""

import argparse
import os
import threading
from pathlib import Path

from gpt_trader.domain.errors import UsageError
from gpt_trader.flags import Flags
from gpt_trader.settings import load_settings
from gpt_trader.store.folders import PROFILES

PORT = 9301
EPILOG = """\
It reads what the session writes down and asks the exchange nothing, so it may run beside one, or
without. Alert rules and a Grafana dashboard are in docs/monitoring.

examples:
  gpt-trader metrics --profile prod
  gpt-trader metrics --once | grep equity

exit codes: 0 printed (--once), 2 bad usage, 130 ended by Ctrl-C.
"""


def run(argv: list[str]) -> int:
    """Serve until Ctrl-C, or print once, and return the exit code."""
    parser = Flags(
        prog="gpt-trader metrics",
        description="Equity, profit, limits, positions, orders, ages: for Prometheus to scrape.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--profile", choices=PROFILES, default="dev", help="whose session [dev]")
    parser.add_argument("--var", metavar="DIR", help="where everything is written [./var]")
    parser.add_argument("--port", metavar="N", type=int, default=PORT, help=f"loopback [{PORT}]")
    parser.add_argument("--once", action="store_true", help="print what a scrape gives, and end")
    args = parser.parse_args(argv)
    if not 0 <= args.port <= 65_535:
        raise UsageError(f"--port {args.port}: from 0 (any free one) to 65535")
    settings = load_settings({"var": args.var}, os.environ, Path.cwd())
    return _serve(settings.var, args)


def _serve(var: Path, args: argparse.Namespace) -> int:
    from prometheus_client import CollectorRegistry, generate_latest, start_http_server

    from gpt_trader.ops.metrics import Session

    registry = CollectorRegistry()
    registry.register(Session(var, args.profile))
    if args.once:
        print(generate_latest(registry).decode(), end="")
        return 0
    try:
        server, _ = start_http_server(args.port, addr="127.0.0.1", registry=registry)
    except OSError as e:
        raise UsageError(f"--port {args.port}: {e.strerror}; another one is free") from e
    print(f"http://127.0.0.1:{server.server_port}/metrics", flush=True)
    threading.Event().wait()  # until Ctrl-C
    return 0
