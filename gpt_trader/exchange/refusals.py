"""The answers with which the exchange refuses a request, as HTTP status and JSON body."""

from typing import Any


class Refusal(Exception):
    """A request the exchange does not carry out, with the answer it gives instead."""

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {
            "error": error,
            "error_details": message,
            "message": message,
        }


class BadRequest(Refusal):
    """The request is malformed: HTTP 400 (coinbase-wire.md, 2.1)."""

    def __init__(self, message: str, error: str = "INVALID_ARGUMENT") -> None:
        super().__init__(400, error, message)


class NotFound(Refusal):
    """The order, account or product does not exist: HTTP 404 (coinbase-wire.md, 2.1)."""

    def __init__(self, message: str) -> None:
        super().__init__(404, "NOT_FOUND", message)
