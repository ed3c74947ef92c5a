"""What the data commands say, to people and as one JSON document."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gpt_trader.coinbase.catalog import product as product_named
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.product import Product
from gpt_trader.ops.data_download import Range, Wish
from gpt_trader.ops.data_import import Imported
from gpt_trader.store.candle_files import read_candles
from gpt_trader.store.candle_quality import Finding, check, find_gaps, gap_text
from gpt_trader.store.candle_table import (
    SECOND_NS,
    CandleTable,
    between,
    checked_width,
    time_text,
    told_width,
)
from gpt_trader.store.catalog import Catalog, content_hash
from gpt_trader.store.document import write_document


def say_downloaded(
    catalog: Catalog, wish: Wish, span: Range, stored: int, json_to: str | None
) -> None:
    """Report a download: how many candles are there now, what is absent, and their hash."""
    document: dict[str, object] = {
        "name": wish.name,
        "start_s": span.start_s,
        "end_s": span.end_s,
        "stored": stored,
        "candles": 0,
        "gaps": [],
        "sha256": None,
    }
    lines = [f"{wish.name}: {stored} candles stored; nothing was traded in the whole range"]
    if any(record.rows for record in catalog.records(wish.name)):
        table = between(catalog.read(wish.name), span.start_s, span.end_s)
        gaps = find_gaps(table.starts_ns, wish.candle_s)
        document |= {
            "candles": table.times.size,
            "gaps": [{"start_s": gap.start_ns // SECOND_NS, "absent": gap.absent} for gap in gaps],
            "sha256": content_hash(table),
        }
        lines = [
            f"{wish.name}: {stored} candles stored, {table.times.size} there from "
            f"{time_text(span.start_s * SECOND_NS)} to before {time_text(span.end_s * SECOND_NS)}",
            f"  gaps    {gap_text(gaps, wish.candle_s) if gaps else 'none'}",
            f"  sha256  {content_hash(table)}",
        ]
    _say(document, lines, json_to)


def say_imported(taken: Sequence[Imported], json_to: str | None) -> None:
    """Report what files brought."""
    lines = [
        f"{one.name}: {one.stored} of {one.rows} candles stored"
        + ("" if one.stored == one.rows else ", the others were there")
        for one in taken
    ]
    _say({"imported": [asdict(one) for one in taken]}, lines, json_to)


@dataclass(frozen=True, slots=True)
class ToCheck:
    """What a check looks at, and what files may not say of themselves."""

    names: Sequence[str]  # of stored candles, or files; all that is stored without any
    product_id: str | None
    candle_s: int | None


def say_checked(catalog: Catalog, wanted: ToCheck, json_to: str | None) -> int:
    """Check stored candles and files, report all findings; 1 if there is an error among them."""
    documents, lines = [], []
    failed = False
    for table, product in _tables(catalog, wanted):
        findings = _check(table, wanted.candle_s, product)
        failed |= any(finding.is_error for finding in findings)
        documents.append(
            {
                "source": table.where,
                "candles": table.times.size,
                "findings": [asdict(finding) for finding in findings],
            }
        )
        lines += _lines(table, findings)
    _say({"ok": not failed, "checked": documents}, lines or ["nothing is stored"], json_to)
    return 1 if failed else 0


def say_listed(catalog: Catalog, json_to: str | None) -> None:
    """List the catalog: what, from when to when, how many candles."""
    documents, lines = [], []
    for name in catalog.names():
        records = catalog.records(name)
        rows = sum(record.rows for record in records)
        start_s, end_s = records[0].part.from_s, records[-1].part.until_s
        documents.append(
            {
                "name": name,
                "start_s": start_s,
                "end_s": end_s,
                "candles": rows,
                "parts": [
                    {
                        "file": str(record.part.path),
                        "start_s": record.part.from_s,
                        "end_s": record.part.until_s,
                        "candles": record.rows,
                        "sha256": record.sha256,
                    }
                    for record in records
                ],
            }
        )
        lines.append(
            f"{name:<14} {time_text(start_s * SECOND_NS)[:16]} to "
            f"{time_text(end_s * SECOND_NS)[:16]}  {rows:>10,} candles in {len(records)} parts"
        )
    empty = "nothing is stored yet; `gpt-trader data download --help` shows how to get candles"
    _say({"stored": documents}, lines or [empty], json_to)


def _tables(catalog: Catalog, wanted: ToCheck) -> Iterator[tuple[CandleTable, Product | None]]:
    """Each table with its product, as a backtest would take it; None where nobody says it."""
    for name in wanted.names or catalog.names():
        path = Path(name)
        if path.suffix.lower() not in (".parquet", ".csv") and not path.is_dir():
            yield catalog.read(name), catalog.product(name)
            continue
        for table in read_candles(path):
            product_id = wanted.product_id or table.product_id
            if table.product_id not in (None, product_id):
                raise UsageError(f"{table.where}: holds {table.product_id}, not {product_id}")
            yield table, None if product_id is None else product_named(product_id)


def _check(table: CandleTable, candle_s: int | None, product: Product | None) -> list[Finding]:
    width_s = told_width(table) if candle_s is None else candle_s
    if width_s is None:
        return [Finding("too short", False, 1, "one candle alone has no width; give --granularity")]
    return check(table, checked_width(width_s), product)


def _lines(table: CandleTable, findings: Sequence[Finding]) -> list[str]:
    verdict = "no findings" if not findings else ""
    lines = [f"{table.where}: {table.times.size:,} candles{', ' if verdict else ''}{verdict}"]
    for finding in findings:
        level = "ERROR  " if finding.is_error else "warning"
        lines.append(f"  {level} {finding.kind} ({finding.count}): {finding.says}")
    return lines


def _say(document: Mapping[str, object], lines: Sequence[str], json_to: str | None) -> None:
    if json_to is not None:
        write_document(document, json_to)
    if json_to != "-":
        print("\n".join(lines))
