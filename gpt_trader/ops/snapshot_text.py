"""The account for a person to read: each line with its source and its age."""

from typing import Any

Document = dict[str, Any]
UNKNOWN = "unknown"
AMOUNTS = ("cash", "equity", "realized_pnl", "unrealized_pnl", "day_pnl", "fees")


def text(document: Document) -> str:
    """The account, the most asked for first."""
    quote = document["quote"]
    lines = [f"account      profile {document['profile']}, session {document['session']}"]
    for name in ("trading_state", "books_agree"):
        lines.append(_line(name, _plain(document[name]["value"]), document[name]))
    for name in AMOUNTS:
        value = document[name]["value"]
        lines.append(_line(name, UNKNOWN if value is None else f"{value} {quote}", document[name]))
    for name in ("funding", "futures_wallet"):
        if name in document:
            lines.append(_line(name, _plain(document[name]["value"]), document[name]))
    for row in document["holdings"]["value"]:
        ours = f"{row['ours']} {row['base']} ours, cost {row['cost']} {quote}"
        worth = f"worth {_plain(row['value'])} {quote}, unrealized {_plain(row['unrealized_pnl'])}"
        said = f"{ours}, {worth}; {_plain(row['owners'])} {row['base']} the owner's"
        lines.append(_line("holding", said, document["holdings"]))
    lines += _balances(document)
    for row in document["open_orders"]["value"]:
        said = (
            f"{row['client_order_id']} {row['side']} {row['base_size']} {row['product_id']} "
            f"{row['type']}{_prices(row)}, {row['status']}, filled {row['filled_size']}"
        )
        lines.append(_line("open order", said, document["open_orders"]))
    for name in ("foreign_orders", "fee_tier", "permissions", "clock_skew_s"):
        lines.append(_line(name, _plain(document[name]["value"]), document[name]))
    lines.append(_line("limits", _plain(document["limits"]["value"]), document["limits"]))
    return "\n".join(lines)


def _prices(row: Document) -> str:
    limit = "" if row["limit_price"] == "0" else f" at {row['limit_price']}"
    return limit if row["stop_price"] == "0" else f"{limit} trigger {row['stop_price']}"


def _balances(document: Document) -> list[str]:
    balances = document["balances"]
    if balances["value"] is None:
        return [_line("balances", UNKNOWN, balances)]
    return [
        _line("balance", f"{one['total']} {currency}, {one['hold']} of it held", balances)
        for currency, one in balances["value"].items()
        if one["total"] != "0"
    ]


def _line(name: str, said: str, field: Document) -> str:
    age = "of unknown age" if field["age_s"] is None else f"{field['age_s']:g} s old"
    return f"{name.replace('_', ' '):<12} {said}  [{field['source']}, {age}]"


def _plain(value: object) -> str:
    match value:
        case None:
            return UNKNOWN
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{name} {_plain(inner)}" for name, inner in value.items())
        case _:
            return str(value)
