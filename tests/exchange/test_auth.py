"""Tokens are verified as strictly as Coinbase does; tokens of the SDK pass."""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from coinbase import jwt_generator
from cryptography.hazmat.primitives import serialization

from gpt_trader.exchange.auth import Forbidden, Unauthorized, Verifier, require
from gpt_trader.exchange.keys import Kind, Scope, load_keys, make_key

SECOND_NS = 1_000_000_000
NOW_S = 1_800_000_000
NOW_NS = NOW_S * SECOND_NS
METHOD, PATH = "GET", "/api/v3/brokerage/accounts"
ALGORITHMS = {Kind.ES256: "ES256", Kind.ED25519: "EdDSA"}


class Signer:
    """A client with a key, which can sign whatever it likes."""

    def __init__(self, folder: Path, kind: Kind) -> None:
        content = json.loads(make_key(folder, kind).read_text())
        self.name: str = content["name"]
        self.secret: str = content["privateKey"]
        self.algorithm = ALGORITHMS[kind]

    def claims(self, **changes: Any) -> dict[str, Any]:
        claims = {
            "sub": self.name,
            "iss": "cdp",
            "nbf": NOW_S,
            "exp": NOW_S + 120,
            "uri": f"{METHOD} api.coinbase.com{PATH}",
        } | changes
        return {name: value for name, value in claims.items() if value is not None}

    def sign(self, headers: dict[str, Any] | None = None, **changes: Any) -> str:
        """Sign good claims, but for the changes; None leaves a claim out."""
        headers = {"kid": self.name, "nonce": "00ff"} | (headers or {})
        return jwt.encode(
            self.claims(**changes), self.secret, algorithm=self.algorithm, headers=headers
        )


@pytest.fixture(params=list(Kind))
def signer(tmp_path: Path, request: pytest.FixtureRequest) -> Signer:
    return Signer(tmp_path, request.param)


@pytest.fixture
def verifier(tmp_path: Path, signer: Signer) -> Verifier:
    return Verifier(load_keys(tmp_path))


def base64_json(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_good_token_names_its_key(signer: Signer, verifier: Verifier) -> None:
    token = signer.sign()

    key = verifier.rest(token, METHOD, PATH, NOW_NS)

    assert key.name == signer.name


def test_tokens_made_by_the_sdk_pass(signer: Signer, verifier: Verifier) -> None:
    uri = jwt_generator.format_jwt_uri(METHOD, PATH)
    rest_token = jwt_generator.build_rest_jwt(uri, signer.name, signer.secret)
    socket_token = jwt_generator.build_ws_jwt(signer.name, signer.secret)

    rest_key = verifier.rest(rest_token, METHOD, PATH, time.time_ns())
    socket_key = verifier.socket(socket_token, time.time_ns())

    assert rest_key.name == socket_key.name == signer.name


@pytest.mark.parametrize(
    "claims",
    [
        {"uri": f"{METHOD} 127.0.0.1:8443{PATH}"},
        {"uri": f"{METHOD} http://127.0.0.1:8080{PATH}"},
        {"uri": None, "uris": [f"POST h{PATH}", f"{METHOD} h{PATH}"]},
        {"iss": "coinbase-cloud", "aud": ["retail_rest_api_proxy"], "iat": NOW_S},
    ],
)
def test_variants_of_other_clients_pass(
    signer: Signer, verifier: Verifier, claims: dict[str, Any]
) -> None:
    token = signer.sign(**claims)

    key = verifier.rest(token, METHOD, PATH, NOW_NS)

    assert key.name == signer.name


@pytest.mark.parametrize(
    "claims, reason",
    [
        ({"uri": f"POST h{PATH}"}, "uri claim"),
        ({"uri": f"{METHOD} h{PATH}/1"}, "uri claim"),
        ({"uri": f"{METHOD} h/api/v3/brokerage/orders"}, "uri claim"),
        ({"uri": f"{METHOD} h{PATH}?limit=1"}, "uri claim"),
        ({"uri": None}, "uri claim"),
        ({"uri": None, "uris": []}, "uri claim"),
        ({"sub": "somebody else"}, "subject"),
        ({"sub": None}, "not a readable token"),
        ({"iss": "somebody else"}, "issuer"),
        ({"iss": None}, "not a readable token"),
        ({"nbf": NOW_S + 1}, "not yet valid"),
        ({"nbf": None}, "not a readable token"),
        ({"exp": NOW_S - 1}, "expired"),
        ({"exp": NOW_S}, "expired"),
        ({"exp": None}, "not a readable token"),
        ({"exp": "2099-01-01"}, "not a readable token"),
    ],
)
def test_claims_that_do_not_hold_are_refused(
    signer: Signer, verifier: Verifier, claims: dict[str, Any], reason: str
) -> None:
    token = signer.sign(**claims)

    with pytest.raises(Unauthorized, match=reason):
        verifier.rest(token, METHOD, PATH, NOW_NS)


def test_the_last_moment_of_a_token_is_just_before_its_end(
    signer: Signer, verifier: Verifier
) -> None:
    token = signer.sign()

    key = verifier.rest(token, METHOD, PATH, NOW_NS + 120 * SECOND_NS - 1)

    assert key.name == signer.name


def test_a_socket_token_needs_no_uri(signer: Signer, verifier: Verifier) -> None:
    token = signer.sign(uri=None)

    key = verifier.socket(token, NOW_NS)

    assert key.name == signer.name


def test_an_unknown_key_id_is_refused(signer: Signer, verifier: Verifier) -> None:
    token = signer.sign({"kid": "organizations/o/apiKeys/k"}, sub="organizations/o/apiKeys/k")

    with pytest.raises(Unauthorized, match="unknown key"):
        verifier.socket(token, NOW_NS)


def test_another_key_behind_a_known_id_is_refused(
    tmp_path: Path, signer: Signer, verifier: Verifier
) -> None:
    kind = Kind.ES256 if signer.algorithm == "ES256" else Kind.ED25519
    stranger = Signer(tmp_path / "elsewhere", kind)
    token = stranger.sign({"kid": signer.name}, sub=signer.name)

    with pytest.raises(Unauthorized, match="signature"):
        verifier.socket(token, NOW_NS)


@pytest.mark.parametrize("part", [0, 1])
def test_a_changed_header_or_claim_breaks_the_signature(
    signer: Signer, verifier: Verifier, part: int
) -> None:
    parts = signer.sign().split(".")
    content = json.loads(base64.urlsafe_b64decode(parts[part] + "=="))
    parts[part] = base64_json(content | {"extra": 1})

    with pytest.raises(Unauthorized, match="signature"):
        verifier.socket(".".join(parts), NOW_NS)


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS256", "ES384", ""])
def test_an_algorithm_that_is_not_the_keys_is_refused(
    signer: Signer, verifier: Verifier, algorithm: str
) -> None:
    header = {"alg": algorithm, "typ": "JWT", "kid": signer.name}
    signed = f"{base64_json(header)}.{base64_json(signer.claims())}"
    # What a careless verifier would accept for HS256: an HMAC keyed with the public key.
    public = public_pem(signer)
    mac = hmac.new(public, signed.encode(), hashlib.sha256).digest()
    signature = "" if algorithm.lower() == "none" else base64.urlsafe_b64encode(mac).decode()

    with pytest.raises(Unauthorized, match="algorithm"):
        verifier.socket(f"{signed}.{signature.rstrip('=')}", NOW_NS)


def public_pem(signer: Signer) -> bytes:
    private = serialization.load_pem_private_key(signer.secret.encode(), password=None)
    return private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def test_a_genuine_signature_under_the_other_algorithms_name_is_refused(
    signer: Signer, verifier: Verifier
) -> None:
    other = "EdDSA" if signer.algorithm == "ES256" else "ES256"
    parts = signer.sign().split(".")
    parts[0] = base64_json({"alg": other, "kid": signer.name})

    with pytest.raises(Unauthorized, match="algorithm"):
        verifier.socket(".".join(parts), NOW_NS)


@pytest.mark.parametrize(
    "token", ["", "a", "a.b", "a.b.c", "....", "é.é.é", "e30.e30.e30", "x" * 9000 + ".e30."]
)
def test_what_is_no_token_is_refused_without_an_echo(verifier: Verifier, token: str) -> None:
    with pytest.raises(Unauthorized) as refused:
        verifier.socket(token, NOW_NS)

    assert len(str(refused.value)) < 100
    assert refused.value.__cause__ is None


def test_critical_header_fields_are_refused(signer: Signer, verifier: Verifier) -> None:
    token = signer.sign({"crit": ["audience"], "audience": "x"})

    with pytest.raises(Unauthorized, match="critical"):
        verifier.socket(token, NOW_NS)


def test_a_key_may_do_what_its_scopes_say_and_no_more(tmp_path: Path) -> None:
    make_key(tmp_path, Kind.ES256, [Scope.VIEW])
    (key,) = load_keys(tmp_path).values()

    require(key, Scope.VIEW)

    with pytest.raises(Forbidden, match="trade"):
        require(key, Scope.TRADE)
