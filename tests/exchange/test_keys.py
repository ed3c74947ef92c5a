"""API keys: Coinbase's download format for the client, the public part for the exchange."""

import json
import stat
from pathlib import Path

import pytest

from gpt_trader.exchange.keys import Kind, Scope, load_keys, make_key


@pytest.mark.parametrize("kind", list(Kind))
def test_a_key_file_is_like_a_download_from_coinbase(tmp_path: Path, kind: Kind) -> None:
    path = make_key(tmp_path, kind)

    content = json.loads(path.read_text())

    assert set(content) == {"name", "privateKey"}
    assert content["name"].split("/")[::2] == ["organizations", "apiKeys"]
    assert content["privateKey"].startswith("-----BEGIN PRIVATE KEY-----\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(load_keys(tmp_path)) == [content["name"]]


def test_the_exchange_keeps_no_private_part(tmp_path: Path) -> None:
    make_key(tmp_path, Kind.ES256)

    kept = (tmp_path / "keys.json").read_text()

    assert "PUBLIC KEY" in kept
    assert "PRIVATE" not in kept


def test_the_same_label_gives_the_same_key(tmp_path: Path) -> None:
    first = make_key(tmp_path, Kind.ES256).read_bytes()

    second = make_key(tmp_path, Kind.ES256).read_bytes()

    assert second == first


def test_labels_with_their_own_kinds_and_scopes_live_side_by_side(tmp_path: Path) -> None:
    make_key(tmp_path, Kind.ES256)
    make_key(tmp_path, Kind.ED25519, [Scope.VIEW], "reader")

    keys = load_keys(tmp_path).values()

    assert [sorted(key.scopes) for key in keys] == [["trade", "transfer", "view"], ["view"]]


def test_a_lost_key_file_is_replaced_by_a_new_key_and_the_old_one_ends(tmp_path: Path) -> None:
    path = make_key(tmp_path, Kind.ES256)
    old = json.loads(path.read_text())["name"]
    path.unlink()

    new = json.loads(make_key(tmp_path, Kind.ES256).read_text())["name"]

    assert new != old
    assert list(load_keys(tmp_path)) == [new]


def test_a_label_that_is_taken_by_another_kind_is_refused(tmp_path: Path) -> None:
    make_key(tmp_path, Kind.ES256)

    with pytest.raises(ValueError, match="is a ES256 key"):
        make_key(tmp_path, Kind.ED25519)


def test_a_damaged_list_of_keys_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("[{")

    with pytest.raises(ValueError, match="delete it"):
        load_keys(tmp_path)
