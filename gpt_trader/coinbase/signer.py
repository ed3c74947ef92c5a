"""Signs requests with the account's API key, and never lets the key out."""

import base64
import binascii
import json
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from gpt_trader.domain.errors import UsageError

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

TOKEN_S = 120  # Coinbase refuses a longer life (coinbase-wire, 1.1)
KEY_FILE_BYTES_MAX = 65_536


class Signer:
    """Makes the short-lived tokens that prove who asks.

    It has no ``__dict__``, shows only the end of its key id, and refuses to be pickled or
    copied. `now_ns` is the machine's clock: a token's life never follows a tape.
    """

    __slots__ = ("_key", "_key_id", "_now_ns")

    def __init__(self, key_id: str, key: PrivateKey, now_ns: Callable[[], int]) -> None:
        self._key_id = key_id
        self._key = key
        self._now_ns = now_ns

    @classmethod
    def from_key_file(cls, path: Path, now_ns: Callable[[], int]) -> "Signer":
        """Read a key as Coinbase lets you download it: ``{"name": …, "privateKey": …}``.

        Raises
        ------
        UsageError
            The file is missing, is a link, can be read by others, belongs to someone else, or
            holds no ES256 or Ed25519 key. The message never quotes the file.
        """
        try:
            document = json.loads(_read_private(path))
        except (ValueError, RecursionError):
            raise UsageError(f"{path} is no key file: it is not JSON") from None
        if not isinstance(document, dict):
            raise UsageError(f"{path} is no key file: it is not a JSON object")
        key_id = document.get("name") or document.get("id")
        secret = document.get("privateKey")
        if not isinstance(key_id, str) or not isinstance(secret, str) or not key_id:
            raise UsageError(f"{path} is no key file: it needs the texts name and privateKey")
        return cls(key_id, _parse_key(secret, path), now_ns)

    def rest_token(self, method: str, host: str, path: str) -> str:
        """A token for one REST request; `path` is without its query."""
        return self._token({"uri": f"{method} {host}{path}"})

    def stream_token(self) -> str:
        """A token for one WebSocket message."""
        return self._token({})

    def _token(self, claims: dict[str, str]) -> str:
        now_s = self._now_ns() // 1_000_000_000
        algorithm = "ES256" if isinstance(self._key, ec.EllipticCurvePrivateKey) else "EdDSA"
        header = {
            "alg": algorithm,
            "typ": "JWT",
            "kid": self._key_id,
            "nonce": secrets.token_hex(16),
        }
        body = {
            "sub": self._key_id,
            "iss": "cdp",
            "nbf": now_s,
            "exp": now_s + TOKEN_S,
            **claims,
        }
        signed = f"{_base64(msgspec.json.encode(header))}.{_base64(msgspec.json.encode(body))}"
        return f"{signed}.{_base64(self._signature(signed.encode()))}"

    def _signature(self, message: bytes) -> bytes:
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(message)
        r, s = decode_dss_signature(self._key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def __repr__(self) -> str:
        return f"<Signer …{self._key_id[-4:]}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Signer is neither pickled nor copied")

    def __copy__(self) -> NoReturn:
        raise TypeError("a Signer is neither pickled nor copied")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError("a Signer is neither pickled nor copied")


def _read_private(path: Path) -> bytes:
    """The content of a file that is its owner's alone, checked on the file that was opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        if path.is_symlink():
            raise UsageError(f"{path} is a link; name the key file itself") from None
        raise UsageError(f"cannot read the key file {path}: {error.strerror}") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"{path} is no file")
        if status.st_uid != os.geteuid():
            raise UsageError(f"{path} belongs to another user; a key must be your own")
        if status.st_mode & 0o077:
            raise UsageError(f"{path} can be read by others; run: chmod 600 {path}")
        folder = path.resolve().parent.stat().st_mode
        if folder & stat.S_IWOTH and not folder & stat.S_ISVTX:
            raise UsageError(f"anyone can replace files in {path.resolve().parent}; move the key")
        content = os.read(descriptor, KEY_FILE_BYTES_MAX + 1)
    finally:
        os.close(descriptor)
    if len(content) > KEY_FILE_BYTES_MAX:
        raise UsageError(f"{path} is no key file: it has more than {KEY_FILE_BYTES_MAX} bytes")
    return content


def _parse_key(secret: str, path: Path) -> PrivateKey:
    """The key of a PEM text, or of Ed25519's 32 or 64 bytes in base64. Errors never quote it."""
    text = secret.strip().replace("\\n", "\n")  # keys pasted through a shell carry a literal \n
    try:
        if text.startswith("-----BEGIN"):
            key = serialization.load_pem_private_key(text.encode(), password=None)
        else:
            raw = base64.b64decode("".join(text.split()), validate=True)
            if len(raw) not in (32, 64):
                raise ValueError
            key = ed25519.Ed25519PrivateKey.from_private_bytes(raw[:32])
    except (ValueError, TypeError, binascii.Error, UnsupportedAlgorithm):
        raise UsageError(f"{path}: privateKey is neither PEM nor base64 of Ed25519") from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise UsageError(f"{path}: the key is neither ES256 (P-256) nor Ed25519")


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
