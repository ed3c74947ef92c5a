"""Certificates for tests: a good one, and eight that nobody may accept."""

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

GOOD = "good"
BAD = (
    "self-signed",
    "wrong host",
    "expired",
    "not yet valid",
    "other authority",
    "leaf used as authority",
    "not for servers",
    "common name only",
)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Party:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Claim:
    """What a certificate says of its owner."""

    name: str
    hosts: tuple[str, ...]
    days: tuple[int, int]
    usage: x509.ObjectIdentifier | None
    is_authority: bool


def make_authority(name: str = "test authority") -> Party:
    return _sign(Claim(name, (), (-1, 30), None, True), None)


def server_context(kind: str, authority: Party, folder: Path) -> ssl.SSLContext:
    """TLS of a server that shows a certificate of this kind for `localhost`."""
    chain = _chain(kind, authority)
    path = folder / f"{kind.replace(' ', '-')}.pem"
    encoding = serialization.Encoding.PEM
    key = chain[0].key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificates = b"".join(party.certificate.public_bytes(encoding) for party in chain)
    path.write_bytes(key + certificates)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def write_authority(authority: Party, folder: Path) -> Path:
    path = folder / "ca.pem"
    path.write_bytes(authority.certificate.public_bytes(serialization.Encoding.PEM))
    return path


def _chain(kind: str, authority: Party) -> tuple[Party, ...]:
    server, client = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
    here = ("localhost", "127.0.0.1")
    good = Claim("localhost", here, (-1, 1), server, False)
    match kind:
        case "good":
            return (_sign(good, authority),)
        case "self-signed":
            return (_sign(good, None),)
        case "wrong host":
            return (
                _sign(Claim("elsewhere", ("elsewhere.test",), (-1, 1), server, False), authority),
            )
        case "expired":
            return (_sign(Claim("localhost", here, (-3, -1), server, False), authority),)
        case "not yet valid":
            return (_sign(Claim("localhost", here, (1, 3), server, False), authority),)
        case "other authority":
            return (_sign(good, make_authority("stranger")),)
        case "leaf used as authority":
            leaf = _sign(good, authority)
            return (_sign(good, leaf), leaf)
        case "not for servers":
            return (_sign(Claim("localhost", here, (-1, 1), client, False), authority),)
        case "common name only":
            return (_sign(Claim("localhost", (), (-1, 1), server, False), authority),)
    raise AssertionError(kind)


def _sign(claim: Claim, issuer: Party | None) -> Party:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, claim.name)])
    signing_key = key if issuer is None else issuer.key
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + claim.days[0] * DAY)
        .not_valid_after(now + claim.days[1] * DAY)
        .add_extension(x509.BasicConstraints(claim.is_authority, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()),
            critical=False,
        )
    )
    if claim.is_authority:
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    if claim.usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([claim.usage]), critical=False)
    if claim.hosts:
        names = x509.SubjectAlternativeName([_general_name(host) for host in claim.hosts])
        builder = builder.add_extension(names, critical=False)
    return Party(builder.sign(signing_key, hashes.SHA256()), key)


def _general_name(host: str) -> x509.GeneralName:
    if host[0].isdigit():
        return x509.IPAddress(ipaddress.ip_address(host))
    return x509.DNSName(host)
