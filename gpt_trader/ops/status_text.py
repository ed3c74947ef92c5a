"""The page of `gpt-trader status` as a person reads it."""

from decimal import Decimal
from typing import Any

Document = dict[str, Any]
UNKNOWN = "unknown"


def text(document: Document) -> str:
    """The page, what may be traded first."""
    stands = document["standing"]
    quote = stands["quote"]
    runs = f"runs as process {document['pid']}" if document["running"] else "does not run"
    ended = f", ended: {document['ended']}" if document["ended"] else ""
    lines = [
        f"session      {document['session_id']}, profile {document['profile']}, "
        f"{stands['strategy']}; it {runs}{ended}",
        f"as of        {document['age_s']:g} s ago, by {document['source']}",
        *_trading(document),
        f"equity       {_known(stands['equity'])} {quote}, of it cash {stands['cash']}; realized "
        f"{stands['realized_pnl']}, fees {stands['fees']}",
        *_guarded(stands["guarded"], quote),
    ]
    for row in stands["positions"]:
        lines.append(
            f"position     {row['size']} {row['product_id']}, cost {row['cost']}, worth "
            f"{_known(row['value'])} {quote}, {_percent(row['rate'])} of equity (at most "
            f"{_percent(row['rate_max'])}), unrealized {_known(row['unrealized_pnl'])}"
        )
    lines += _prices(stands["prices"])
    lines += [f"order        {_order(row)}" for row in stands["open_orders"]]
    if not stands["open_orders"]:
        lines.append("orders       none open")
    if document["rest"] is not None:
        rest = document["rest"]
        lines.append(
            f"REST         {rest['last_minute']} requests in the last minute, at most "
            f"{rest['second_max']} in a second of {rest['second_allowed']} that Coinbase takes"
        )
    counts = ", ".join(f"{name} {count}" for name, count in stands["counts"].items() if count)
    lines.append(f"so far       {counts or 'nothing yet'}")
    return "\n".join(lines)


def _trading(document: Document) -> list[str]:
    """What the record says of all products, and of those that are held back by themselves."""
    record = document["trading"]
    if record is None:
        return [f"trading      {document['standing']['trading_state']}; {_allowed(document)}"]
    everything = record["everything"]
    lines = [f"trading      {_held(everything)}", f"             {_allowed(document)}"]
    for name, held in record["products"].items():
        if held["state"] != "active":
            lines.append(f"             {name} {_held(held)}")
    return lines


def _held(held: Document) -> str:
    return f"{held['state']} since {held['since']} by {held['who']}: {held['why']}"


def _prices(rows: list[Document]) -> list[str]:
    known = [
        f"price        {row['product_id']} {row['mark_price']}, {row['age_s']:g} s old (at most "
        f"{row['age_s_max']:g} s for entries)"
        for row in rows
        if row["mark_price"] is not None
    ]
    silent = [row["product_id"] for row in rows if row["mark_price"] is None]
    return [*known, f"no price     of {', '.join(silent)} yet"] if silent else known


def _allowed(document: Document) -> str:
    answer = document["trading_allowed"]
    if answer["ok"]:
        return "entries are allowed"
    return f"no entries: {', '.join(answer['reasons'])}"


def _guarded(guarded: dict[str, Document], quote: str) -> list[str]:
    day, fall, exposure = (guarded[name] for name in ("day_loss", "drawdown", "exposure"))
    return [
        f"day PnL      {_known(day['day_pnl'])} {quote}, a loss of {_of(day)} of the day's start",
        f"drawdown     {_known(fall['amount'])} {quote} below the peak, {_of(fall)}",
        f"exposure     {_known(exposure['amount'])} {quote}, {_of(exposure)} of equity",
    ]


def _of(row: Document) -> str:
    return f"{_percent(row['rate'])} (at most {_percent(row['rate_max'])})"


def _order(row: Document) -> str:
    limit = "" if row["limit_price"] is None else f" at {row['limit_price']}"
    stop = "" if row["stop_price"] is None else f" trigger {row['stop_price']}"
    return (
        f"{row['client_order_id']} {row['side']} {row['base_size']} {row['product_id']} "
        f"{row['type']}{limit}{stop}, {row['status']}, filled {row['filled_size']}, "
        f"{row['age_s']:g} s old"
    )


def _percent(rate: str | None) -> str:
    return UNKNOWN if rate is None else f"{(Decimal(rate) * 100).normalize():f} %"


def _known(value: object) -> str:
    return UNKNOWN if value is None else str(value)
