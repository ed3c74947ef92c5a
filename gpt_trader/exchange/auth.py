"""Verification of the signed tokens (JWT) that clients send, as strict as Coinbase's."""

import base64
import binascii
from collections.abc import Mapping

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

from gpt_trader.exchange.keys import ApiKey, Scope
from gpt_trader.exchange.timestamps import SECOND_NS

ISSUERS = ("cdp", "coinbase-cloud")

TOKEN_BYTES_MAX = 8_192
P256_BYTES = 32


class Unauthorized(Exception):
    """The token proves nothing. The text says why, for us; the client is told only 401."""


class Forbidden(Exception):
    """The key is genuine but lacks the scope for this request."""


class Header(msgspec.Struct, frozen=True):
    """The signed header: how the token is signed, and by which key."""

    alg: str
    kid: str
    crit: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Claims(msgspec.Struct, frozen=True):
    """What the token claims; times are UNIX seconds. Other claims are tolerated."""

    sub: str
    iss: str
    nbf: int | float
    exp: int | float
    uri: str | None = None
    uris: list[str] | None = None


class Verifier:
    """Tells which key signed a token, or refuses it.

    The caller passes the machine's time: a token's validity never follows the tape's clock.
    """

    def __init__(self, keys: Mapping[str, ApiKey]) -> None:
        self._keys = keys

    def rest(self, token: str, method: str, path: str, now_ns: int) -> ApiKey:
        """Verify the token of a REST request; it must be made for this method and path.

        The host in the claim is not compared: clients that were pointed here by an address of
        their own still sign for the host they know.

        Raises
        ------
        Unauthorized
            With the reason.
        """
        key, claims = self._verified(token, now_ns)
        targets = claims.uris if claims.uri is None else [claims.uri]
        if not any(_is_for(target, method, path) for target in targets or []):
            raise Unauthorized("the uri claim is missing or names another method or path")
        return key

    def socket(self, token: str, now_ns: int) -> ApiKey:
        """Verify the token of a WebSocket message, which needs no uri claim.

        Raises
        ------
        Unauthorized
            With the reason.
        """
        key, _ = self._verified(token, now_ns)
        return key

    def _verified(self, token: str, now_ns: int) -> tuple[ApiKey, Claims]:
        parts = token.split(".")
        if len(parts) != 3 or len(token) > TOKEN_BYTES_MAX:
            raise Unauthorized("not a signed token")
        try:
            signed = f"{parts[0]}.{parts[1]}".encode("ascii")
            header = msgspec.json.decode(_unbase64(parts[0]), type=Header)
            claims = msgspec.json.decode(_unbase64(parts[1]), type=Claims)
            signature = _unbase64(parts[2])
        except (binascii.Error, UnicodeEncodeError, msgspec.DecodeError) as error:
            # `from None`: the library's message may quote the token.
            raise Unauthorized(f"not a readable token ({type(error).__name__})") from None
        key = self._keys.get(header.kid)
        if key is None:
            raise Unauthorized("unknown key id")
        if header.crit is not msgspec.UNSET:
            raise Unauthorized("critical header fields are not supported")
        _check_signature(key, header.alg, signature, signed)
        _check_claims(claims, key, now_ns)
        return key, claims


def require(key: ApiKey, scope: Scope) -> None:
    """Let the request pass if the key has the scope.

    Raises
    ------
    Forbidden
        It has not.
    """
    if scope not in key.scopes:
        raise Forbidden(f"the key lacks the scope {scope}")


def _check_signature(key: ApiKey, algorithm: str, signature: bytes, signed: bytes) -> None:
    """The key decides the algorithm, never the token, so "none" or a swapped one is refused."""
    try:
        match key.public_key, algorithm:
            case ec.EllipticCurvePublicKey() as curve_key, "ES256":
                if len(signature) != 2 * P256_BYTES:
                    raise Unauthorized("an ES256 signature has 64 bytes")
                r = int.from_bytes(signature[:P256_BYTES], "big")
                s = int.from_bytes(signature[P256_BYTES:], "big")
                der = utils.encode_dss_signature(r, s)
                curve_key.verify(der, signed, ec.ECDSA(hashes.SHA256()))
            case ed25519.Ed25519PublicKey() as edwards_key, "EdDSA":
                edwards_key.verify(signature, signed)
            case _:
                raise Unauthorized("the algorithm is not the key's")
    except InvalidSignature:
        raise Unauthorized("the signature is not the key's") from None


def _check_claims(claims: Claims, key: ApiKey, now_ns: int) -> None:
    if claims.sub != key.name:
        raise Unauthorized("the subject is not the key")
    if claims.iss not in ISSUERS:
        raise Unauthorized("unknown issuer")
    if claims.nbf * SECOND_NS > now_ns:
        raise Unauthorized("not yet valid")
    if claims.exp * SECOND_NS <= now_ns:  # RFC 7519, 4.1.4: refused on or after this time
        raise Unauthorized("expired")


def _is_for(target: str, method: str, path: str) -> bool:
    claimed_method, _, place = target.partition(" ")
    return claimed_method == method and place.endswith(path)


def _unbase64(text: str) -> bytes:
    padded = text + "=" * (-len(text) % 4)
    return base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
