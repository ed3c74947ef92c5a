import base64
import copy
import inspect
import io
import json
import os
import pickle
import pydoc
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat

from gpt_trader.coinbase.signer import Signer
from gpt_trader.domain.errors import UsageError
from tests.coinbase.builders import KEY_NAME, a_key, pem_of, write_key_file

NOW_NS = 1_795_425_306_999_999_999
NOW_S = NOW_NS // 1_000_000_000


def raw_ed25519(key: Any) -> bytes:
    raw: bytes = key.private_bytes_raw()
    return raw


@pytest.mark.parametrize(("kind", "algorithm"), [("ES256", "ES256"), ("Ed25519", "EdDSA")])
def test_a_rest_token_says_who_asks_for_what_and_for_how_long(
    kind: str, algorithm: str, tmp_path: Path
) -> None:
    key = a_key(kind)
    signer = Signer.from_key_file(write_key_file(tmp_path, pem_of(key)), lambda: NOW_NS)

    token = signer.rest_token("POST", "localhost:9", "/api/v3/brokerage/orders")

    claims = jwt.decode(
        token,
        key.public_key(),
        algorithms=[algorithm],
        options={"verify_exp": False, "verify_nbf": False},
    )
    assert claims == {
        "sub": KEY_NAME,
        "iss": "cdp",
        "nbf": NOW_S,
        "exp": NOW_S + 120,
        "uri": "POST localhost:9/api/v3/brokerage/orders",
    }
    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["typ"], header["kid"]) == (algorithm, "JWT", KEY_NAME)


def test_a_stream_token_names_no_request_and_each_has_its_own_nonce(tmp_path: Path) -> None:
    signer = Signer.from_key_file(write_key_file(tmp_path, pem_of(a_key())), time.time_ns)

    first, second = signer.stream_token(), signer.stream_token()

    assert "uri" not in jwt.decode(first, options={"verify_signature": False})
    nonces = [jwt.get_unverified_header(token)["nonce"] for token in (first, second)]
    assert nonces[0] != nonces[1]


def every_way_to_write_a_key() -> dict[str, tuple[Any, str]]:
    curve, edwards = a_key("ES256"), a_key("Ed25519")
    raw = raw_ed25519(edwards)
    public = edwards.public_key().public_bytes_raw()  # type: ignore[union-attr]
    return {
        "PKCS8": (curve, pem_of(curve)),
        "SEC1": (curve, pem_of(curve, PrivateFormat.TraditionalOpenSSL)),
        "with literal line ends": (curve, pem_of(curve).replace("\n", "\\n")),
        "Ed25519 PEM": (edwards, pem_of(edwards)),
        "Ed25519 in 32 bytes": (edwards, base64.b64encode(raw).decode()),
        "Ed25519 in 64 bytes": (edwards, base64.b64encode(raw + public).decode() + "\n"),
    }


WAYS = every_way_to_write_a_key()


@pytest.mark.parametrize(("key", "text"), WAYS.values(), ids=WAYS)
def test_every_way_coinbase_writes_a_key_is_read(key: Any, text: str, tmp_path: Path) -> None:
    signer = Signer.from_key_file(write_key_file(tmp_path, text), time.time_ns)

    token = signer.stream_token()

    algorithms = ["ES256"] if isinstance(key, ec.EllipticCurvePrivateKey) else ["EdDSA"]
    assert jwt.decode(token, key.public_key(), algorithms=algorithms)["sub"] == KEY_NAME


def test_a_newer_key_file_names_its_key_id(tmp_path: Path) -> None:
    path = write_key_file(tmp_path, "")
    path.write_text(json.dumps({"id": "1a2b", "privateKey": pem_of(a_key())}))

    token = Signer.from_key_file(path, time.time_ns).stream_token()

    assert jwt.get_unverified_header(token)["kid"] == "1a2b"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601])
def test_a_key_that_others_can_touch_is_refused(mode: int, tmp_path: Path) -> None:
    path = write_key_file(tmp_path, pem_of(a_key()))
    path.chmod(mode)

    with pytest.raises(UsageError, match="chmod 600"):
        Signer.from_key_file(path, time.time_ns)


def test_a_link_to_a_key_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(write_key_file(tmp_path, pem_of(a_key())))

    with pytest.raises(UsageError, match="is a link"):
        Signer.from_key_file(link, time.time_ns)


def test_a_key_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_key_file(tmp_path, pem_of(a_key()))
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)

    with pytest.raises(UsageError, match="another user"):
        Signer.from_key_file(path, time.time_ns)


def test_a_key_in_a_folder_that_anyone_can_write_is_refused(tmp_path: Path) -> None:
    path = write_key_file(tmp_path, pem_of(a_key()))
    tmp_path.chmod(0o777)

    with pytest.raises(UsageError, match="anyone can replace"):
        Signer.from_key_file(path, time.time_ns)


def unusable_files() -> dict[str, bytes]:
    other_curve = pem_of(ec.generate_private_key(ec.SECP384R1()))
    other_kind = pem_of(rsa.generate_private_key(65537, 2048))
    secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ="
    return {
        "not JSON": b"-----BEGIN EC PRIVATE KEY-----",
        "not text": b"\xff\xfe\x00",
        "a list": b"[]",
        "nested beyond reason": b"[" * 60_000,
        "without a name": json.dumps({"privateKey": secret}).encode(),
        "without a key": json.dumps({"name": "n"}).encode(),
        "a number for a key": json.dumps({"name": "n", "privateKey": 7}).encode(),
        "base64 of something else": json.dumps({"name": "n", "privateKey": secret}).encode(),
        "neither": json.dumps({"name": "n", "privateKey": "secret secret!"}).encode(),
        "a broken PEM": json.dumps({"name": "n", "privateKey": "-----BEGIN X-----"}).encode(),
        "P-384": json.dumps({"name": "n", "privateKey": other_curve}).encode(),
        "RSA": json.dumps({"name": "n", "privateKey": other_kind}).encode(),
        "too large": b" " * 65_537,
    }


UNUSABLE = unusable_files()


@pytest.mark.parametrize("content", UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_key_file_is_refused_without_quoting_it(content: bytes, tmp_path: Path) -> None:
    path = write_key_file(tmp_path, "")
    path.write_bytes(content)

    with pytest.raises(UsageError) as refused:
        Signer.from_key_file(path, time.time_ns)

    assert "c2VjcmV0" not in str(refused.value) and "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        Signer.from_key_file(tmp_path / "none.json", time.time_ns)
    with pytest.raises(UsageError, match="is no file"):
        Signer.from_key_file(tmp_path, time.time_ns)


@pytest.mark.parametrize("kind", ["ES256", "Ed25519"])
def test_a_signer_shows_its_secret_to_nobody(kind: str, tmp_path: Path) -> None:
    key = a_key(kind)
    secret = "".join(pem_of(key).split("\n")[1:-2])
    signer = Signer.from_key_file(write_key_file(tmp_path, pem_of(key)), time.time_ns)
    shown = io.StringIO()

    with redirect_stdout(shown):
        pydoc.Helper(output=shown).help(signer)
    text = " ".join(
        (
            repr(signer),
            str(signer),
            f"{signer}",
            shown.getvalue(),
            str(inspect.signature(Signer)),
            str(inspect.getmembers(signer)),
        )
    )

    assert repr(signer) == "<Signer …1a2b>"
    assert all(secret[i : i + 16] not in text for i in range(len(secret) - 16))
    with pytest.raises(TypeError):
        vars(signer)
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="neither pickled nor copied"):
            take(signer)
