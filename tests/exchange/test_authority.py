"""The local authority: what it signs is trusted by strict clients, and only that."""

import datetime as dt
import multiprocessing
import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from gpt_trader.exchange.authority import (
    LOOPBACK,
    ServerClaim,
    issue,
    open_authority,
    sign,
    write_private,
)

STRICT = ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN  # Python 3.13's default flags


def shake_hands(certificate: tuple[Path, Path], ca: Path, host: str) -> str | None:
    """Connect a strictly verifying client, and return the reason of a refusal."""
    server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_tls.load_cert_chain(*certificate)
    client_tls = ssl.create_default_context(cafile=str(ca))
    client_tls.verify_flags |= STRICT
    near, far = socket.socketpair()

    def serve() -> None:
        with far:
            try:
                server_tls.wrap_socket(far, server_side=True).close()
            except (ssl.SSLError, ConnectionError):
                return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with near, client_tls.wrap_socket(near, server_hostname=host):
            return None
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    finally:
        thread.join()


def claim(now: dt.datetime) -> ServerClaim:
    usage = ExtendedKeyUsageOID.SERVER_AUTH
    return ServerClaim(LOOPBACK, now - dt.timedelta(hours=1), now + dt.timedelta(days=9), usage)


def write_pair(folder: Path, pair: tuple[bytes, bytes]) -> tuple[Path, Path]:
    paths = folder / "bad.pem", folder / "bad.key"
    for path, content in zip(paths, pair, strict=True):
        write_private(path, content)
    return paths


@pytest.mark.parametrize("host", LOOPBACK)
def test_a_strict_client_trusts_a_certificate_of_the_authority(tmp_path: Path, host: str) -> None:
    certificate = issue(tmp_path)

    refused = shake_hands(certificate, tmp_path / "ca.pem", host)

    assert refused is None


def test_a_strict_client_refuses_another_host_and_another_authority(tmp_path: Path) -> None:
    certificate = issue(tmp_path / "ours")
    open_authority(tmp_path / "theirs")

    other_host = shake_hands(certificate, tmp_path / "ours" / "ca.pem", "example.com")
    other_authority = shake_hands(certificate, tmp_path / "theirs" / "ca.pem", "127.0.0.1")

    assert other_host is not None and "mismatch" in other_host
    assert other_authority is not None and "unable to get local issuer" in other_authority


@pytest.mark.parametrize("fault", ["expired", "not yet valid", "for clients"])
def test_a_strict_client_refuses_a_claim_that_does_not_hold(tmp_path: Path, fault: str) -> None:
    authority = open_authority(tmp_path)
    now, day = dt.datetime.now(dt.UTC), dt.timedelta(days=1)
    hosts, server, client = (
        LOOPBACK,
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    )
    bad = {
        "expired": ServerClaim(hosts, now - 2 * day, now - day, server),
        "not yet valid": ServerClaim(hosts, now + day, now + 2 * day, server),
        "for clients": ServerClaim(hosts, now - day, now + day, client),
    }[fault]
    certificate = write_pair(tmp_path, sign(authority, bad))

    refused = shake_hands(certificate, tmp_path / "ca.pem", "127.0.0.1")

    assert refused is not None


def test_a_good_claim_signed_by_hand_is_trusted(tmp_path: Path) -> None:
    """So that the refusals above are refusals of the claim."""
    authority = open_authority(tmp_path)
    certificate = write_pair(tmp_path, sign(authority, claim(dt.datetime.now(dt.UTC))))

    refused = shake_hands(certificate, tmp_path / "ca.pem", "127.0.0.1")

    assert refused is None


def test_private_files_can_be_read_by_their_owner_only(tmp_path: Path) -> None:
    issue(tmp_path / "tls")

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "tls").iterdir()}

    assert modes["ca.key"] == modes["server.key"] == 0o600
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700
    assert not any(name.endswith(".draft") for name in modes)


def test_a_certificate_with_time_left_is_used_again(tmp_path: Path) -> None:
    first = issue(tmp_path)[0].read_bytes()

    second = issue(tmp_path)[0].read_bytes()

    assert second == first
    certificate = x509.load_pem_x509_certificate(first)
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert lifetime == dt.timedelta(days=397, hours=1)


@pytest.mark.parametrize("days_left, reissued", [(29, True), (31, False)])
def test_a_certificate_is_issued_again_when_30_days_are_left(
    tmp_path: Path, days_left: int, reissued: bool
) -> None:
    authority = open_authority(tmp_path)
    now = dt.datetime.now(dt.UTC)
    until, usage = now + dt.timedelta(days=days_left), ExtendedKeyUsageOID.SERVER_AUTH
    old = sign(authority, ServerClaim(LOOPBACK, now - dt.timedelta(hours=1), until, usage))
    write_private(tmp_path / "server.pem", old[0])
    write_private(tmp_path / "server.key", old[1])

    certificate, _ = issue(tmp_path)

    assert (certificate.read_bytes() != old[0]) == reissued


def test_a_certificate_of_a_former_authority_or_for_other_hosts_is_replaced(
    tmp_path: Path,
) -> None:
    first = issue(tmp_path)[0].read_bytes()
    (tmp_path / "ca.pem").unlink()

    second = issue(tmp_path)[0].read_bytes()
    third = issue(tmp_path, ("localhost",))[0].read_bytes()

    assert len({first, second, third}) == 3


def test_processes_that_start_together_share_one_authority(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=issue, args=(tmp_path,)) for _ in range(3)]

    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert shake_hands(issue(tmp_path), tmp_path / "ca.pem", "127.0.0.1") is None


@pytest.mark.parametrize("content", [b"", b"not a certificate"])
def test_a_damaged_authority_is_refused_with_advice(tmp_path: Path, content: bytes) -> None:
    open_authority(tmp_path)
    write_private(tmp_path / "ca.pem", content)

    with pytest.raises(ValueError, match="delete the folder"):
        open_authority(tmp_path)


def test_a_key_that_does_not_belong_to_the_certificate_is_refused(tmp_path: Path) -> None:
    open_authority(tmp_path / "one")
    open_authority(tmp_path / "two")
    write_private(tmp_path / "one" / "ca.key", (tmp_path / "two" / "ca.key").read_bytes())

    with pytest.raises(ValueError, match="does not belong"):
        open_authority(tmp_path / "one")
