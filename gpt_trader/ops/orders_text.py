"""Previews, orders and explanations for a person to read."""

from decimal import Decimal
from typing import Any

Document = dict[str, Any]
UNKNOWN = "unknown"
WATCHED = "not there: we watch its trigger, and it works only while a session by hand runs"


def preview(document: Document) -> str:
    """A preview of an order, and how it is placed."""
    unlikely = any(one["gap_bps"] for one in document["preview"]["probable_refusals"])
    flag = " --allow-unlikely-fill" if unlikely else ""
    return _preview(document, f"gpt-trader orders place --token {document['token']}{flag}")


def edit_preview(document: Document) -> str:
    """A preview of an edit, and how it is made."""
    token = document["token"]
    line = f"gpt-trader orders edit {document['order_id']} --token {token}"
    return f"{_preview(document, line)}\napply        {document['order_id']}:{token}"


def _preview(document: Document, following: str) -> str:
    """What an order would do, the verdicts that deny it first, and what to do next."""
    one: Document = document["preview"]
    order_of, quote, base = one["order"], one["quote"], one["base"]
    lines = [
        f"order        {_order_line(order_of)}",
        f"notional     {_known(one['notional'])} {quote} at {_known(one['price'])}",
        f"fee          {_known(one['fee'])} {quote}, {_fee_line(one)}",
        f"fills now    {_known(one['fills_at_once'])} {base} at {_known(one['average_price'])}, "
        f"slippage {_known(one['slippage_bps'])} bps",
        f"position     {one['position']} -> {one['position_after']} {base}",
        *_margin_lines(one),
        f"rules        {_verdict_line(one)}",
    ]
    lines += [f"             denied: {reason}" for reason in one["denials"]]
    for refusal in one["probable_refusals"]:
        gap = "" if refusal["gap_bps"] is None else f" (gap {refusal['gap_bps']} bps)"
        lines.append(f"Coinbase     will probably refuse it: {refusal['reason']}{gap}")
        lines.append(f"             {refusal['why']}")
    if "exchange_refuses" in document:
        lines.append(f"Coinbase     {_exchange_line(document['exchange_refuses'])}")
    lines += [f"warning      {warning}" for warning in one["warnings"]]
    if document["token"] is None:
        lines.append("next         nothing can be placed: a rule denies it")
    else:
        lines.append(
            f"token        {document['token']}, for {document['token_valid_s']} s and this order"
        )
        lines.append(f"next         {following}")
    return "\n".join(lines)


def _fee_line(one: Document) -> str:
    contract = one["contract"]
    if contract is None:
        return f"{_percent(one['fee_rate'])} of it"
    return f"{contract['fee_a_contract']} a contract as taker"


def _margin_lines(one: Document) -> list[str]:
    """Of contracts: what they are of, and what the account looks like after them."""
    contract = one["contract"]
    if contract is None:
        return []
    after = _known(contract["margin_after"]), _known(contract["leverage_after"])
    return [
        f"contracts    of {contract['underlying_size']} {contract['underlying']} in all",
        f"margin       {after[0]} {one['quote']} after it, leverage {after[1]}, buffer before "
        f"liquidation {_known(contract['liquidation_buffer_percent_after'])} %",
    ]


def order(document: Document) -> str:
    """One order as it stands."""
    waits = document["status"] == "SUPERVISED"
    return "\n".join(
        [
            f"order        {document['client_order_id']}",
            f"Coinbase's   {WATCHED if waits else document['order_id'] or 'no name yet'}",
            f"what         {_order_line(document)}",
            f"status       {document['status']}, filled {document['filled_size']} "
            f"at {document['average_price'] or '-'}, fees {document['fees']}",
        ]
    )


def orders(document: Document) -> str:
    """A list of orders, one a line."""
    rows = [
        f"{row['client_order_id']}  {row['status']:<9}  {_order_line(row)}, "
        f"filled {row['filled_size']}"
        for row in document["orders"]
    ]
    head = f"session {document['session_id']}, as of {document['as_of']}"
    return "\n".join([head, *(rows or ["no order"])])


def cancelled(document: Document) -> str:
    """What became of orders whose end was asked for."""
    rows = [f"{row['client_order_id']}  {row['status']}" for row in document["orders"]]
    return "\n".join(rows) or str(document["message"])


def explanation(document: Document) -> str:
    """The decision record of one order."""
    lines = [
        f"order        {document['client_order_id'] or 'never sent'}"
        + (f", asked for as {document['asked']}" if document["asked"] else ""),
        f"what         {_order_line(document['order'])}",
        f"why          {document['why']}; mark {document['mark_price']}, "
        f"position wanted {document['target']}",
        "rules",
        *(f"  {_one_verdict(verdict)}" for verdict in document["verdicts"]),
        "course",
    ]
    for row in document["course"]:
        lines.append(f"  {row['time']}  {row['what']}  [{row['source']}, event {row['seq']}]")
        if row["verdicts"] != document["verdicts"]:  # those stand above
            lines += [f"      {_one_verdict(verdict)}" for verdict in row["verdicts"]]
    return "\n".join(lines)


def _exchange_line(refuses: list[str] | None) -> str:
    if refuses is None:
        return "did not say whether it would take it"
    return f"says that it refuses it: {', '.join(refuses)}" if refuses else "says that it takes it"


def _order_line(one: Document) -> str:
    words = [one["side"], one["base_size"], one["product_id"], one["type"], one["time_in_force"]]
    prices = [f"at {one['limit_price']}"] if one.get("limit_price") else []
    prices += [f"trigger {one['stop_price']}"] if one.get("stop_price") else []
    marks = [
        name for name, key in (("post-only", "post_only"), ("reduces", "reduces")) if one.get(key)
    ]
    return " ".join([*words, *prices, *marks])


def _verdict_line(one: Document) -> str:
    denied = [verdict for verdict in one["verdicts"] if verdict["denies"]]
    return f"{len(one['verdicts']) - len(denied)} of {len(one['verdicts'])} allow it"


def _one_verdict(verdict: Document) -> str:
    word = "DENIES" if verdict["denies"] else "allows"
    limit, value = _known(verdict["limit"]), _known(verdict["value"])
    return f"{word} {verdict['rule']:<15} {value} against {limit} {verdict['unit']}"


def _known(value: object) -> str:
    return UNKNOWN if value is None else str(value)


def _percent(rate: str) -> str:
    return f"{Decimal(rate) * 100:f}".rstrip("0").rstrip(".") + " %"
