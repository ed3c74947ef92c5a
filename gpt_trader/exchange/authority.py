"""The certificate authority of this installation: it vouches for local exchanges, nothing else."""

import datetime as dt
import fcntl
import ipaddress
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK = ("127.0.0.1", "::1", "localhost")
SERVER_DAYS = 397  # the longest that browsers accept for a server certificate
RENEW_DAYS = 30
AUTHORITY_DAYS = 3650
ORGANIZATION = "GPT-Trader embedded exchange"


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signs: the certificate that clients trust, and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class ServerClaim:
    """What a server certificate says: its hosts, from when to when, and for which use."""

    hosts: tuple[str, ...]
    not_before: dt.datetime
    not_after: dt.datetime
    usage: x509.ObjectIdentifier


def open_authority(folder: Path) -> Authority:
    """Open this installation's authority, which is made once, on first use.

    Two processes that start together get the same one. ``ca.pem`` is what clients trust;
    ``ca.key`` can be read by its owner only.

    Raises
    ------
    ValueError
        The files are there but do not belong together or cannot be read.
    """
    with locked(folder):
        if not (folder / "ca.pem").exists():
            _make_authority(folder)
        return _load_authority(folder)


def issue(folder: Path, hosts: tuple[str, ...] = LOOPBACK) -> tuple[Path, Path]:
    """Give the certificate and key files of a server, signed by this installation's authority.

    The certificate in the folder is used again while it names these hosts, was signed by the
    present authority and has at least 30 days left.
    """
    authority = open_authority(folder)
    certificate_path, key_path = folder / "server.pem", folder / "server.key"
    now = dt.datetime.now(dt.UTC)
    with locked(folder):
        if not _still_serves(certificate_path, key_path, authority, hosts, now):
            until = now + dt.timedelta(days=SERVER_DAYS)
            usage = ExtendedKeyUsageOID.SERVER_AUTH
            claim = ServerClaim(hosts, now - dt.timedelta(hours=1), until, usage)
            certificate_pem, key_pem = sign(authority, claim)
            write_private(key_path, key_pem)
            write_private(certificate_path, certificate_pem)
    return certificate_path, key_path


def sign(authority: Authority, claim: ServerClaim) -> tuple[bytes, bytes]:
    """Sign a certificate over a fresh key, and return both as PEM (certificate, key).

    It signs what it is told, false or stale claims too: tests make their bad ones with it.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate.subject
    issuer_id = x509.SubjectKeyIdentifier.from_public_key(authority.key.public_key())
    certificate = (
        _builder(issuer, _name(claim.hosts[0]), key.public_key())
        .not_valid_before(claim.not_before)
        .not_valid_after(claim.not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([claim.usage]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([_general_name(host) for host in claim.hosts]),
            critical=False,
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id),
            critical=False,
        )
        .sign(authority.key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), _private_pem(key)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for one process at a time; it is made (owner only) when missing."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_private(path: Path, content: bytes) -> None:
    """Put a file that only its owner can read in place, whole or not at all."""
    draft = path.with_name(f".{path.name}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)


def _make_authority(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"{ORGANIZATION} authority")
    now = dt.datetime.now(dt.UTC)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        _builder(name, name, key.public_key())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    # The key goes first: ca.pem in place says that both are complete.
    write_private(folder / "ca.key", _private_pem(key))
    write_private(folder / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM))


def _load_authority(folder: Path) -> Authority:
    advice = f"delete the folder {folder} and a new authority is made"
    try:
        certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
    except (ValueError, FileNotFoundError) as error:
        raise ValueError(f"the authority's files cannot be read; {advice}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"the authority's key is not an elliptic curve key; {advice}")
    if certificate.public_key() != key.public_key():
        raise ValueError(f"the authority's key does not belong to its certificate; {advice}")
    if certificate.not_valid_after_utc < dt.datetime.now(dt.UTC):
        raise ValueError(f"the authority has expired; {advice}")
    return Authority(certificate, key)


def _still_serves(
    certificate_path: Path,
    key_path: Path,
    authority: Authority,
    hosts: tuple[str, ...],
    now: dt.datetime,
) -> bool:
    """Tell if the certificate in the folder can be used again; a damaged one can not."""
    if not (certificate_path.exists() and key_path.exists()):
        return False
    try:
        certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
        certificate.verify_directly_issued_by(authority.certificate)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (ValueError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return (
        certificate.public_key() == key.public_key()
        and set(names.value) == {_general_name(host) for host in hosts}
        and certificate.not_valid_after_utc >= now + dt.timedelta(days=RENEW_DAYS)
    )


def _builder(
    issuer: x509.Name, subject: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
