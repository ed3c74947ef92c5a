"""The command `gpt-trader preflight`: may a session of this profile trade, and what is missing."""

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gpt_trader.domain.errors import StoreRefused, TraderError, UsageError
from gpt_trader.flags import Flags
from gpt_trader.settings import Settings, load_settings
from gpt_trader.store.document import check_target, write_document, write_durably
from gpt_trader.store.folders import PROFILES

COINBASE_HOST = "api.coinbase.com"
REST_S_MAX = 10.0
ACCEPTED = "this key may move money out"
EPILOG = f"""\
Every check has a name, a finding and, where it does not pass, a remedy. The report is kept below
VAR/reports, one a run. Profile dev asks an exchange only where --coinbase-host names one; it starts
its own otherwise. A key that can transfer is refused where money is real, unless
--accept-transfer-key is given with the words "{ACCEPTED}".

examples:
  gpt-trader preflight
  gpt-trader preflight --profile canary --coinbase-key-file key.json
  gpt-trader preflight --profile prod --product BTC-USD --product ETH-USD --json

exit codes: 0 ready, 1 not ready, 2 bad usage, 4 a person must look first.
"""


def run(argv: list[str]) -> int:
    """Look at everything, print and keep the report, and return the exit code."""
    args = _parser().parse_args(argv)
    if args.accept_transfer_key not in (None, ACCEPTED):
        raise UsageError(f'--accept-transfer-key takes exactly the words "{ACCEPTED}"')
    check_target(args.json)
    document = preflight(args)
    if args.json is not None:
        write_document(document, args.json)
    if args.json != "-":
        print(_text(document))
    return {"ready": 0, "review": 4, "not ready": 1}[document["verdict"]]


def preflight(args: argparse.Namespace) -> dict[str, Any]:
    """Run the catalogue, and keep its report."""
    from tqdm import tqdm

    from gpt_trader.ops.preflight import VERDICTS as words
    from gpt_trader.ops.preflight import Ground, Outcome, failed, looked, verdict
    from gpt_trader.ops.preflight_exchange import EXCHANGE
    from gpt_trader.ops.preflight_machine import MACHINE, SETTINGS

    flags = {name: getattr(args, name) for name in ("var", "coinbase_host", "coinbase_key_file")}
    begun_ns = time.time_ns()
    try:
        settings = load_settings(flags, os.environ, Path.cwd())
    except UsageError as e:
        # Nothing else can be looked at: which files and which exchange are meant is not known.
        outcomes = [Outcome(SETTINGS, failed(str(e)))]
        var = Path(args.var or "var")
    else:
        var = settings.var
        host = settings.coinbase_host or (None if args.profile == "dev" else COINBASE_HOST)
        with _asked(args, settings, host) as rest:
            ground = Ground(
                profile=args.profile,
                folder=Path.cwd(),
                environ=os.environ,
                flags=flags,
                settings=settings,
                products=tuple(args.product or ["BTC-USD"]),
                host=host,
                rest=rest,
                transfers_accepted=args.accept_transfer_key == ACCEPTED,
                distribution="gpt-trader",
                now_ns=time.time_ns,
            )
            checks = (*MACHINE, *EXCHANGE)
            looking = looked(ground, checks)
            outcomes = list(tqdm(looking, "checks", total=len(checks), disable=None, leave=False))
    level = verdict(outcomes)
    when = datetime.fromtimestamp(begun_ns / 1e9, UTC)
    document = {
        "profile": args.profile,
        "time": when.isoformat(timespec="seconds"),
        "verdict": words[level],
        "checks": [
            {
                "id": one.check.id,
                "title": one.check.title,
                "level": one.finding.level.value,
                "found": one.finding.said,
                "remedy": None if one.finding.level == "passed" else one.check.remedy,
            }
            for one in outcomes
        ],
    }
    name = f"preflight-{args.profile}-{when.strftime('%Y%m%dT%H%M%SZ')}.json"
    try:
        write_durably(var / "reports" / name, document)
    except StoreRefused:
        return {**document, "report": None}  # the check of the folder says why
    return {**document, "report": str(var / "reports" / name)}


@contextmanager
def _asked(args: argparse.Namespace, settings: Settings, host: str | None) -> Iterator[Any]:
    """A way to the exchange; None where there is none, or no key that reads."""
    from gpt_trader.coinbase.rest import RestClient
    from gpt_trader.coinbase.signer import Signer

    signer, path = None, settings.coinbase_key_file
    if host is None or (path is None and args.profile != "paper"):
        yield None
        return
    if path is not None and args.profile != "paper":
        try:
            signer = Signer.from_key_file(path, time.time_ns)
        except TraderError:
            yield None  # the check of the key says why
            return
    ca = None if args.coinbase_ca is None else Path(args.coinbase_ca)
    rest = RestClient(host, signer, ca_file=ca, timeout_s=REST_S_MAX, now_ns=time.time_ns)
    try:
        yield rest
    finally:
        rest.close()


def _parser() -> argparse.ArgumentParser:
    parser = Flags(
        prog="gpt-trader preflight",
        description="May a session of this profile trade, and if not, what to do about it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--profile", choices=PROFILES, default="dev", help="for whom [dev]")
    parser.add_argument("--product", action="append", metavar="ID", help="to trade [BTC-USD]")
    parser.add_argument("--var", metavar="DIR", help="where everything is written [./var]")
    parser.add_argument("--coinbase-host", metavar="HOST[:PORT]", help="another exchange")
    parser.add_argument("--coinbase-ca", metavar="FILE", help="authority it is trusted by")
    parser.add_argument("--coinbase-key-file", metavar="FILE", help="API key as downloaded")
    parser.add_argument("--accept-transfer-key", metavar="WORDS", help="see below")
    parser.add_argument("--json", nargs="?", const="-", metavar="F.json|-", help="a document [-]")
    return parser


def _text(document: dict[str, Any]) -> str:
    width = max(len(one["id"]) for one in document["checks"])
    lines = []
    for one in document["checks"]:
        lines.append(f"{one['level']:<6}  {one['id']:<{width}}  {one['found']}")
        if one["remedy"]:
            lines.append(f"{'':<6}  {'':<{width}}  -> {one['remedy']}")
    kept = document["report"] or "not kept"
    lines.append(f"\nprofile {document['profile']}: {document['verdict']}; report: {kept}")
    return "\n".join(lines)
