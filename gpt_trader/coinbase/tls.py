"""Which certificates we trust: one authority of our choice, or the public ones."""

import ssl
from pathlib import Path

import certifi

from gpt_trader.domain.errors import UsageError


def trusted_authorities(ca_file: Path | None) -> Path:
    """The file with the authorities that vouch for the exchange; None is the public ones.

    Raises
    ------
    UsageError
        There is no such file.
    """
    path = Path(certifi.where()) if ca_file is None else ca_file
    if not path.is_file():
        raise UsageError(f"no certificate file at {path}")
    return path


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """TLS that insists on a valid certificate for the very host we asked for.

    The SDK's own WebSocket client verifies nothing (measured with 1.8.4), so it is never used.

    Raises
    ------
    UsageError
        The file is missing or holds no certificate.
    """
    path = trusted_authorities(ca_file)
    try:
        context = ssl.create_default_context(cafile=str(path))
    except ssl.SSLError as error:
        raise UsageError(f"{path} holds no readable certificate: {error.reason}") from error
    # A common name was never meant to be a host; REST (urllib3) does not accept it either.
    context.hostname_checks_common_name = False
    return context
