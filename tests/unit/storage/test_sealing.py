from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enum_backend.errors import SettingsError
from enum_backend.storage import sealing
from enum_backend.storage.sealing import SealBroken, Sealer, load_server_key

SEALER = Sealer(bytes(range(32)))


@given(st.text(max_size=200), st.text(st.characters(codec="utf-8"), max_size=40))
def test_opens_what_it_sealed_and_only_in_its_place(text: str, bound: str) -> None:
    sealed = SEALER.seal(text, bound)
    assert SEALER.open(sealed, bound) == text
    for key, where in ((SEALER, bound + "x"), (Sealer(bytes(32)), bound)):
        with pytest.raises(SealBroken):
            key.open(sealed, where)


def test_altered_short_and_empty_bytes() -> None:
    sealed = SEALER.seal("text", "id")
    assert SEALER.seal("text", "id") != sealed
    for broken in (b"", b"x", sealed[:12], sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1])):
        with pytest.raises(SealBroken):
            SEALER.open(broken, "id")


def test_half_a_surrogate_pair_survives() -> None:
    assert SEALER.open(SEALER.seal("\ud83d", "id"), "id") == "\ud83d"


def test_digest_separates_its_parts() -> None:
    assert SEALER.digest("a", "b") == SEALER.digest("a", "b")
    found = {SEALER.digest(*p) for p in (("a", "b"), ("ab",), ("ab", ""), ("b", "a"), ())}
    assert len(found) == 5
    assert SEALER.digest("a") != Sealer(bytes(32)).digest("a")


def test_key_length() -> None:
    with pytest.raises(ValueError, match="32 octets"):
        Sealer(b"short")


def test_configured_key(tmp_path: Path) -> None:
    key = bytes(range(32))
    assert load_server_key(base64.b64encode(key).decode() + "\n", tmp_path) == key
    for wrong in ("x", "AAAA", "é" * 44, base64.b64encode(bytes(33)).decode()):
        with pytest.raises(SettingsError, match="server_key: expected 32 octets") as refused:
            load_server_key(wrong, tmp_path)
        assert wrong not in str(refused.value).replace("expected", "")
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_made_once_and_private(tmp_path: Path) -> None:
    (tmp_path / f"server.key.{os.getpid()}").write_text("left by a crash")
    key = load_server_key("", tmp_path)
    path = tmp_path / "server.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_server_key("", tmp_path) == key
    assert sealing._create(path) == key
    assert len(list(tmp_path.iterdir())) == 2


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be made"):
        load_server_key("", tmp_path / "none")
    path = tmp_path / "server.key"
    path.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_server_key("", tmp_path)
    path.write_text("AAAA")
    with pytest.raises(SettingsError, match=r"server\.key: expected 32 octets"):
        load_server_key("", tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_server_key("", tmp_path)
