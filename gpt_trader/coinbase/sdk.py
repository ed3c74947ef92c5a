"""Coinbase's official SDK without a secret in it: the signer makes the tokens."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gpt_trader.coinbase.signer import Signer
from gpt_trader.coinbase.tls import trusted_authorities
from gpt_trader.coinbase.watch import Watch, WatchedAdapter

SECRET_VARIABLES = ("COINBASE_API_KEY", "COINBASE_API_SECRET")


@contextmanager
def _secrets_hidden() -> Iterator[None]:
    """Keep the environment's secrets away while the SDK is imported.

    It reads them as default arguments, which `help()` and every signature would then print
    (measured with 1.8.4).
    """
    hidden = {name: os.environ.pop(name) for name in SECRET_VARIABLES if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


with _secrets_hidden():
    from coinbase.constants import USER_AGENT
    from coinbase.rest import RESTClient

# It logs whole answers, at ERROR for a refusal and at DEBUG for the rest.
logging.getLogger("coinbase.RESTClient").setLevel(logging.CRITICAL + 1)


class KeylessClient(RESTClient):  # type: ignore[misc]
    """The SDK's client with our signer, verified TLS, a time limit, and no redirects."""

    def __init__(
        self,
        host: str,
        signer: Signer | None,
        ca_file: Path | None,
        timeout_s: float,
        watch: Watch | None = None,
    ) -> None:
        # None must be said: the defaults are what the environment held at import.
        super().__init__(api_key=None, api_secret=None, base_url=host, timeout=timeout_s)
        self._signer = signer
        self.is_authenticated = signer is not None
        self.session.verify = str(trusted_authorities(ca_file))
        # Proxies, a .netrc that replaces our token, and REQUESTS_CA_BUNDLE, which would win over
        # the line above, all come from the environment.
        self.session.trust_env = False
        self.session.max_redirects = 0
        if watch is not None:
            self.session.mount("https://", WatchedAdapter(watch))

    def set_headers(self, method: str, path: str) -> dict[str, str]:
        """The headers of one request, with a fresh token when there is a key (SDK's hook)."""
        headers = {"User-Agent": USER_AGENT, "Content-Type": "application/json"}
        if self._signer is not None:
            token = self._signer.rest_token(method, self.base_url, path)
            headers["Authorization"] = f"Bearer {token}"
        return headers
