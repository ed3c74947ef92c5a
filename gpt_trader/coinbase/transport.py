"""One REST request and every way it can fail, told apart by whether it may have had an effect."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from requests import HTTPError, JSONDecodeError, RequestException, Response

from gpt_trader.coinbase.errors import NotAuthorized
from gpt_trader.coinbase.sdk import KeylessClient
from gpt_trader.coinbase.signer import Signer
from gpt_trader.coinbase.watch import Watch
from gpt_trader.coinbase.wording import one_line
from gpt_trader.domain.errors import ExchangeUnreachable, OutcomeUnknown, UsageError

ROOT = "/api/v3/brokerage"
Query = Mapping[str, str | int | Sequence[str] | None]

DEFINITE = frozenset({400, 404, 422, 429})
"""Statuses that, with a reason in the body, say that nothing was done (coinbase-wire, 2.1)."""

RATE_LIMITED = 429
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(:\d{1,5})?|\[[0-9A-Fa-f:]+\](:\d{1,5})?")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Coinbase answered that it does not do this, and why."""

    status: int
    reason: str
    message: str


class Transport:
    """Sends requests to one host over verified TLS. For one thread at a time.

    Raises
    ------
    UsageError
        `host` is not a host name with an optional port, or `ca_file` does not exist.
    """

    def __init__(
        self,
        host: str,
        signer: Signer | None,
        ca_file: Path | None,
        timeout_s: float,
        watch: Watch | None = None,
    ) -> None:
        if _HOST.fullmatch(host) is None:
            raise UsageError(f"{host!r} is no host: write NAME or NAME:PORT, without https://")
        self.host = host
        # Without the port: what went wrong is recorded, and equal sessions have equal records.
        self._name = urlsplit(f"//{host}").hostname
        self.is_signed = signer is not None
        self.requests = 0  # sent so far: Coinbase counts them all against its limits
        self._client = KeylessClient(host, signer, ca_file, timeout_s, watch)

    def read(self, path: str, query: Query) -> Any:
        """Ask for something and change nothing. Gives the JSON body or a `Refusal`.

        Raises
        ------
        ExchangeUnreachable
            No answer, a server error, too many requests, or something that is not JSON, such as
            some proxy's page: asking again may help.
        NotAuthorized
            The key is not accepted for this.
        """
        self.requests += 1
        try:
            return self._client.get(f"{ROOT}{path}", params=dict(query), public=True)
        except HTTPError as error:
            return _refusal_of_read(path, error)
        except (JSONDecodeError, RecursionError):
            raise ExchangeUnreachable(
                f"{self._name} answered {path} with something that is not JSON"
            ) from None
        except RequestException as error:
            raise ExchangeUnreachable(f"no answer from {self._name}: {_cause(error)}") from None

    def send(self, path: str, body: Mapping[str, Any]) -> Any:
        """Ask for a change, once: nothing is ever sent again. Gives the JSON body or a `Refusal`.

        Raises
        ------
        OutcomeUnknown
            The request may have been carried out: no answer, a server error, a redirect, or an
            answer without a readable reason.
        NotAuthorized
            The key is not accepted, and the answer says why; nothing was carried out.
        """
        if not self.is_signed:
            raise NotAuthorized(f"{path} needs an API key")
        self.requests += 1
        try:
            return self._client.post(f"{ROOT}{path}", data=dict(body))
        except HTTPError as error:
            return _refusal_of_send(path, error)
        except (JSONDecodeError, RecursionError):
            raise OutcomeUnknown(f"{self._name} answered {path} with no JSON") from None
        except RequestException as error:
            raise OutcomeUnknown(f"no answer from {self._name}: {_cause(error)}") from None

    def close(self) -> None:
        """Close the connections."""
        self._client.session.close()


def _refusal_of_read(path: str, error: HTTPError) -> Refusal:
    response = _response(error)
    _check_authorized(path, response)
    if response.status_code >= 500 or response.status_code == RATE_LIMITED:
        raise ExchangeUnreachable(f"{path}: HTTP {response.status_code}") from None
    return _refusal(response) or Refusal(response.status_code, "", response.reason or "")


def _refusal_of_send(path: str, error: HTTPError) -> Refusal:
    response = _response(error)
    refusal = _refusal(response)
    if refusal is not None:  # a bare 403 may be a proxy's on the way back
        _check_authorized(path, response)
    if refusal is None or response.status_code not in DEFINITE:
        raise OutcomeUnknown(f"{path}: HTTP {response.status_code}") from None
    return refusal


def _check_authorized(path: str, response: Response) -> None:
    if response.status_code in (401, 403):
        refusal = _refusal(response)
        reason = refusal.message if refusal else response.reason
        raise NotAuthorized(f"{path}: HTTP {response.status_code} {reason}") from None


def _refusal(response: Response) -> Refusal | None:
    """The reason in the body of a refusal, in either of Coinbase's two shapes; None without one."""
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    errors = body.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        body = {"error": errors[0].get("id"), "message": errors[0].get("message")}
    reason = body.get("error")
    message = body.get("message") or body.get("error_details") or ""
    if not isinstance(reason, str) or not reason or not isinstance(message, str):
        return None
    return Refusal(response.status_code, one_line(reason), one_line(message))


def _response(error: HTTPError) -> Response:
    # The SDK raises it with the response, always; `requests` types it as optional.
    assert error.response is not None
    return error.response


def _cause(error: RequestException) -> str:
    """What went wrong at the bottom of it, without the request: its headers hold a token.

    The library's own words name ports and addresses in memory, which no record may hold.
    """
    deepest: BaseException = error
    while (below := deepest.__cause__ or deepest.__context__) is not None:
        deepest = below
    return f"{type(error).__name__}: {deepest}"[:300]
