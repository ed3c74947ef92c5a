"""API keys: the client holds the secret, the exchange keeps the public part."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from gpt_trader.exchange.authority import locked, write_private

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


class Kind(StrEnum):
    """The signature a key makes: the two that Coinbase issues."""

    ES256 = "ES256"
    ED25519 = "Ed25519"


class Scope(StrEnum):
    """What a key may do."""

    VIEW = "view"
    TRADE = "trade"
    TRANSFER = "transfer"


ALL_SCOPES = (Scope.VIEW, Scope.TRADE, Scope.TRANSFER)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """The exchange's side of a key: who it is, how to verify it, what it may do."""

    name: str
    public_key: PublicKey
    scopes: frozenset[Scope]


class KeyRecord(msgspec.Struct, frozen=True):
    """One key as ``keys.json`` keeps it: the public part only."""

    name: str
    label: str
    kind: Kind
    public_key: str
    scopes: list[Scope]


class KeyFile(msgspec.Struct, frozen=True, rename={"private_key": "privateKey"}):
    """One key as Coinbase lets you download it."""

    name: str
    private_key: str


def make_key(
    folder: Path,
    kind: Kind,
    scopes: Iterable[Scope] = ALL_SCOPES,
    label: str = "cdp_api_key",
) -> Path:
    """Give a key file in Coinbase's download format; the same label gives the same key.

    The file ``<label>.json`` holds the secret and can be read by its owner only. The exchange
    keeps the public part in ``keys.json``.

    Raises
    ------
    ValueError
        ``keys.json`` is damaged, or the label is taken by a key of another kind or scope.
    """
    path = folder / f"{label}.json"
    wanted = sorted(scopes)
    with locked(folder):
        records = _records(folder)
        for record in records:
            if record.label != label or not path.exists():
                continue
            if record.kind is not kind or sorted(record.scopes) != wanted:
                raise ValueError(f"{path} is a {record.kind} key with other scopes")
            return path
        name = f"organizations/{uuid.uuid4()}/apiKeys/{uuid.uuid4()}"
        private_key = _generate(kind)
        record = KeyRecord(name, label, kind, _public_pem(private_key.public_key()), wanted)
        kept = [other for other in records if other.label != label]
        # The exchange knows the key before anyone can hold it.
        write_private(folder / "keys.json", msgspec.json.encode([*kept, record]))
        file = KeyFile(name, _private_pem(private_key))
        write_private(path, msgspec.json.encode(file))
    return path


def load_keys(folder: Path) -> dict[str, ApiKey]:
    """Read the keys that the exchange accepts, by name.

    Raises
    ------
    ValueError
        ``keys.json`` is damaged.
    """
    with locked(folder):
        records = _records(folder)
    return {record.name: _api_key(record) for record in records}


def _records(folder: Path) -> list[KeyRecord]:
    path = folder / "keys.json"
    if not path.exists():
        return []
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[KeyRecord])
    except msgspec.DecodeError as error:
        raise ValueError(f"{path} is damaged; delete it and new keys are made") from error


def _api_key(record: KeyRecord) -> ApiKey:
    public_key = serialization.load_pem_public_key(record.public_key.encode())
    if not isinstance(public_key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        raise ValueError(f"key {record.name} is neither ES256 nor Ed25519")
    return ApiKey(record.name, public_key, frozenset(record.scopes))


def _generate(kind: Kind) -> ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey:
    if kind is Kind.ES256:
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate()


def _public_pem(key: PublicKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(encoding, form).decode()


def _private_pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()
