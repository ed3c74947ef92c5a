"""Checks of JSON values, from which the field tables are made."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any, str], None]


class Mismatch(AssertionError):
    """A body that differs from its table, with the path of the field."""


def fail(at: str, what: str, value: object) -> None:
    raise Mismatch(f"{at}: {what}, not {value!r:.200}")


def pattern(expression: str, what: str) -> Check:
    compiled = re.compile(expression)

    def check(value: Any, at: str) -> None:
        if not isinstance(value, str) or compiled.fullmatch(value) is None:
            fail(at, what, value)

    return check


TEXT = pattern(r"(?s).*", "text")
NAME = pattern(r"(?s).+", "text that is not empty")
DEC = pattern(r"-?\d+(\.\d+)?", "decimal text")
DEC_OR_EMPTY = pattern(r"(-?\d+(\.\d+)?)?", "decimal text or nothing")
COUNT = pattern(r"\d+", "digits as text")
TS = pattern(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", "an RFC 3339 time in UTC")
UUID = pattern(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "a UUID")


def BOOL(value: Any, at: str) -> None:
    if not isinstance(value, bool):
        fail(at, "true or false", value)


def INT(value: Any, at: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        fail(at, "a whole number", value)


def NUMBER(value: Any, at: str) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        fail(at, "a number", value)


def NULL(value: Any, at: str) -> None:
    if value is not None:
        fail(at, "null", value)


def one_of(*words: object) -> Check:
    def check(value: Any, at: str) -> None:
        if value not in words:
            fail(at, f"one of {words}", value)

    return check


def or_null(inner: Check) -> Check:
    def check(value: Any, at: str) -> None:
        if value is not None:
            inner(value, at)

    return check


def listed(inner: Check) -> Check:
    def check(value: Any, at: str) -> None:
        if not isinstance(value, list):
            fail(at, "a list", value)
        for place, one in enumerate(value):
            inner(one, f"{at}[{place}]")

    return check


def table(fields: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """Check an object: all of ``fields``, some of ``optional``, and no other."""
    known = {**fields, **(optional or {})}

    def check(value: Any, at: str) -> None:
        if not isinstance(value, dict):
            fail(at, "an object", value)
        missing, unknown = fields.keys() - value.keys(), value.keys() - known.keys()
        if missing or unknown:
            raise Mismatch(f"{at}: missing {sorted(missing)}, unknown {sorted(unknown)}")
        for name, one in value.items():
            known[name](one, f"{at}.{name}")

    return check


def texts(names: str, check: Check = TEXT) -> dict[str, Check]:
    return dict.fromkeys(names.split(), check)


def by_key(values: Check) -> Check:
    def check(value: Any, at: str) -> None:
        if not isinstance(value, dict):
            fail(at, "an object", value)
        for name, one in value.items():
            values(one, f"{at}.{name}")

    return check


AMOUNT = table({"value": DEC, "currency": NAME})
SIDE = one_of("BUY", "SELL")
STATUS = one_of(
    *[
        "PENDING",
        "OPEN",
        "FILLED",
        "CANCELLED",
        "EXPIRED",
        "FAILED",
        "QUEUED",
        "CANCEL_QUEUED",
        "EDIT_QUEUED",
    ]
)
TIME_IN_FORCE = one_of(
    *["GOOD_UNTIL_CANCELLED", "GOOD_UNTIL_DATE_TIME", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"]
)
TRIGGER_STATUS = one_of(
    *["UNKNOWN_TRIGGER_STATUS", "INVALID_ORDER_TYPE", "STOP_PENDING", "STOP_TRIGGERED"]
)
PRODUCT_TYPE = one_of("SPOT", "FUTURE")
