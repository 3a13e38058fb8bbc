"""Addresses: published vectors, every network, and whatever else stands in the field."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nvs.address import Destination, Form, _polymod, destination, key_hash
from tests.unit.nvs.emercoin_vectors import EXPIRING, LEGACY, MAINNET, SEGWIT

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58check(payload: bytes) -> str:
    octets = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, text = int.from_bytes(octets, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return text


@pytest.mark.parametrize(
    ("address", "octets"),
    [
        (LEGACY, "6e2ee38faeb2bcf82768e0a746c5141a603381e1"),
        (EXPIRING, "7442ee39e51dbd4615094f8afabb66f06ccc321f"),
        (MAINNET, "8326a813ff2e4b8c67b918b421fcfdf0cfaa834f"),
        # Bitcoin Core's base58_keys_valid.json, testnet P2PKH
        ("mo9ncXisMeAoXwqcV5EWuyncbmCcQN4rVs", "53c0307d6851aa0ce7825ba883c6bd9ad242b486"),
        (SEGWIT, "0260f6e73d1d69642f8633ed55a3ff46b5c192bc"),
    ],
)
def test_addresses_of_one_key(address: str, octets: str) -> None:
    assert key_hash(address) == bytes.fromhex(octets)


def test_bech32_may_be_upper_case_but_not_mixed() -> None:
    assert key_hash(SEGWIT.upper()) == key_hash(SEGWIT)
    assert key_hash(SEGWIT[:-1] + SEGWIT[-1].upper()) is None


@pytest.mark.parametrize("version", [0, 5, 92, 128, 196])
def test_other_versions_are_no_keys_of_emercoin(version: int) -> None:
    assert key_hash(base58check(bytes([version]) + bytes(range(20)))) is None


@pytest.mark.parametrize("version", [33, 111])
def test_both_versions(version: int) -> None:
    assert key_hash(base58check(bytes([version]) + bytes(range(20)))) == bytes(range(20))


def test_base58_that_is_too_long() -> None:
    assert key_hash("z" * 35) is None


@pytest.mark.parametrize(
    "address",
    [
        # BIP173's own vectors: another prefix; witness version 1; 32 octets (P2WSH)
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
        # right checksum, witness version 1 instead of 0
        "emrt1pqfs0deear45kgtuxx0k4tgllg66ury4uzyd4ks",
        "",
        "é" * 30,
    ],
)
def test_everything_else(address: str) -> None:
    assert key_hash(address) is None


@pytest.mark.parametrize("address", [LEGACY, SEGWIT, MAINNET])
def test_one_wrong_character_is_noticed(address: str) -> None:
    for at, char in enumerate(address):
        other = "q" if char != "q" else "p"
        assert key_hash(address[:at] + other + address[at + 1 :]) is None


@given(st.text(max_size=100) | st.text(ALPHABET, min_size=20, max_size=40))
@example("1" * 34)
@example("emrt1" + "q" * 39)
def test_hostile_addresses_never_raise(text: str) -> None:
    assert key_hash(text) is None


# Scripts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [92, 196])
def test_addresses_of_scripts(version: int) -> None:
    address = base58check(bytes([version]) + bytes(range(20)))
    assert destination(address) == Destination(Form.P2SH, bytes(range(20)))


def test_addresses_of_witness_scripts() -> None:
    # BIP173's own P2WSH vector, its prefix and checksum replaced
    script = bytes.fromhex("1863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262")
    data = "qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q"
    address = checked("te", data)
    assert destination(address) == Destination(Form.P2WSH, script)
    assert destination(address.upper()) == destination(address)
    assert key_hash(address) is None
    assert destination(checked("te", data[:-1] + "p")) is None  # padding that is not 0
    assert destination(checked("te", data[:-1])) is None


def checked(prefix: str, data: str) -> str:
    """The text with its checksum (BIP173)."""
    values = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    values += ["qpzry9x8gf2tvdw0s3jn54khce6mua7l".index(char) for char in data]
    check = _polymod([*values, 0, 0, 0, 0, 0, 0]) ^ 1
    tail = ["qpzry9x8gf2tvdw0s3jn54khce6mua7l"[check >> 5 * (5 - i) & 31] for i in range(6)]
    return f"{prefix}1{data}{''.join(tail)}"
