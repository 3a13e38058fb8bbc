"""Message signatures, against what a node made and accepted."""

from __future__ import annotations

import base64
import hashlib

import pytest
from coincurve import PrivateKey
from hypothesis import given
from hypothesis import strategies as st

import nvs.signature
from nvs.address import key_hash
from nvs.signature import MessageSignature, can_verify, message_hash
from tests.unit.nvs.emercoin_vectors import (
    LEGACY,
    MAINNET,
    NAME,
    SIGNATURE,
    SIGNED,
    WRONG_NAME,
    WRONG_SIGNATURE,
)

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def parsed(text: str) -> MessageSignature:
    signature = MessageSignature.parse(text)
    assert signature is not None
    return signature


def with_octets(text: str, change: dict[int, int]) -> str:
    octets = bytearray(base64.b64decode(text))
    for at, octet in change.items():
        octets[at] = octet
    return base64.b64encode(bytes(octets)).decode()


def rewritten(text: str) -> str:
    """The same signature with -s instead of s: valid, and anybody can make it."""
    octets = base64.b64decode(text)
    s = ORDER - int.from_bytes(octets[33:], "big")
    header = 27 + ((octets[0] - 27) ^ 1)
    return base64.b64encode(bytes([header]) + octets[1:33] + s.to_bytes(32, "big")).decode()


@pytest.mark.parametrize(("address", "name", "text"), SIGNED)
def test_the_nodes_own_signatures(address: str, name: str, text: str) -> None:
    assert parsed(text).key_hash(name) == key_hash(address)
    assert parsed(text).key_hash(name + "0") != key_hash(address)


def test_a_signature_over_another_name() -> None:
    found = parsed(WRONG_SIGNATURE).key_hash(WRONG_NAME)
    assert found not in (None, key_hash(LEGACY), key_hash(MAINNET))


def test_headers_as_the_node_reads_them() -> None:
    header = base64.b64decode(SIGNATURE)[0]
    for other in range(256):
        text = with_octets(SIGNATURE, {0: other})
        signature = MessageSignature.parse(text)
        assert (signature is not None) == (27 <= other <= 42)
        if signature is not None:
            same = other in (header, header + 8)
            assert (signature.key_hash(NAME) == key_hash(LEGACY)) == same


def test_an_uncompressed_key() -> None:
    key = PrivateKey(hashlib.sha256(b"a test key").digest())
    compact = key.sign_recoverable(message_hash(NAME), hasher=None)
    text = base64.b64encode(bytes([27 + compact[64]]) + compact[:64]).decode()
    octets = key.public_key.format(compressed=False)
    expected = hashlib.new("ripemd160", hashlib.sha256(octets).digest()).digest()
    assert parsed(text).key_hash(NAME) == expected


@pytest.mark.parametrize("text", [signature for _, _, signature in SIGNED])
def test_a_rewritten_signature_is_the_same_signature(text: str) -> None:
    other = rewritten(text)
    assert other != text
    assert parsed(other).key_hash(NAME) == parsed(text).key_hash(NAME)
    assert parsed(other).digest == parsed(text).digest
    assert parsed(with_octets(text, {0: base64.b64decode(text)[0] + 8})).digest == (
        parsed(text).digest
    )


def test_different_signatures_differ() -> None:
    assert len({parsed(signature).digest for _, _, signature in SIGNED}) == len(SIGNED)


@pytest.mark.parametrize(
    "text",
    [
        "",
        SIGNATURE[:-1],
        SIGNATURE + "=",
        " " + SIGNATURE[1:],
        "_" + SIGNATURE[1:],
        "é" + SIGNATURE[1:],
        SIGNATURE[:-2] + "==",
        "A" * 88,
        base64.b64encode(bytes([31]) * 66).decode(),
    ],
)
def test_what_is_no_signature(text: str) -> None:
    assert MessageSignature.parse(text) is None


@pytest.mark.parametrize("octets", [bytes(64), b"\xff" * 64, b"\xff" * 32 + bytes(32)])
def test_numbers_out_of_range_recover_nothing(octets: bytes) -> None:
    signature = parsed(base64.b64encode(b"\x1f" + octets).decode())
    assert signature.key_hash(NAME) is None
    assert len(signature.digest) == 32


@pytest.mark.parametrize("length", [252, 253, 65535, 65536])
def test_long_texts(length: int) -> None:
    size = {252: b"\xfc", 253: b"\xfd\xfd\x00", 65535: b"\xfd\xff\xff"}.get(
        length, b"\xfe\x00\x00\x01\x00"
    )
    packed = b"\x19EmerCoin Signed Message:\n" + size + b"x" * length
    expected = hashlib.sha256(hashlib.sha256(packed).digest()).digest()
    assert message_hash("x" * length) == expected


def test_without_ripemd160(monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_verify()

    def missing(*_: object) -> None:
        raise ValueError("unsupported hash type")

    monkeypatch.setattr(nvs.signature.hashlib, "new", missing)
    assert not can_verify()


@given(st.text(max_size=100) | st.binary(min_size=65, max_size=65), st.text(max_size=20))
def test_hostile_signatures_never_raise(content: str | bytes, name: str) -> None:
    text = content if isinstance(content, str) else base64.b64encode(content).decode()
    signature = MessageSignature.parse(text)
    if signature is not None:
        assert len(signature.digest) == 32
        assert signature.key_hash(name) != key_hash(LEGACY)
