"""Emercoin addresses: pay to public key hash, in Base58Check and in Bech32, and to script hash.

Version octets and Bech32 prefixes are those of Emercoin Core's chain parameters;
the ones of regtest were also seen in a running node's answers.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import NamedTuple

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_HASH_OCTETS = 20


class Network(NamedTuple):
    """What differs between networks in addresses."""

    name: str
    version: int
    """First octet of a P2PKH address."""
    prefix: str
    """Human-readable part of a Bech32 address."""
    script_version: int = 196
    """First octet of a P2SH address."""


NETWORKS = {
    network.name: network
    for network in (
        Network("main", 33, "em", 92),
        Network("test", 111, "te"),
        Network("regtest", 111, "emrt"),
    )
}


class KeyHash(NamedTuple):
    """What an address says: whose key, and by which script.

    Attributes:
        digest: of the public key, or of the script (P2SH).
        legacy: written in Base58Check, not in Bech32.
        script: P2SH; here always of a P2WPKH script.
    """

    digest: bytes
    legacy: bool
    script: bool = False


def hash160(octets: bytes) -> bytes:
    """RIPEMD-160 of SHA-256, 20 octets."""
    return hashlib.new("ripemd160", hashlib.sha256(octets).digest()).digest()


@lru_cache(maxsize=65536)
def write_address(network: Network, owner: KeyHash) -> str:
    """`mqZYo461aC5KbPjHA7JYEfDQRn2bQ5UB5p` when legacy (P2SH `2..`), else `emrt1qqfs0dee..`."""
    if owner.legacy:
        version = network.script_version if owner.script else network.version
        return _base58check(bytes([version]) + owner.digest)
    values = [0, *_five_bits(owner.digest)]
    checked = [*_expanded(network.prefix), *values, 0, 0, 0, 0, 0, 0]
    check = _polymod(checked) ^ 1
    values += [check >> 5 * (5 - i) & 31 for i in range(6)]
    return network.prefix + "1" + "".join(_BECH32[value] for value in values)


@lru_cache(maxsize=65536)
def read_address(network: Network, address: str) -> KeyHash:
    """The hash of a P2PKH, P2WPKH or P2SH address.

    Raises:
        ValueError: neither, damaged, or of another network.
    """
    owner = _read_bech32(network, address) or _read_base58(network, address)
    if owner is None or write_address(network, owner) != address:
        raise ValueError(f"not a {network.name} address: {address!r}")
    return owner


def _read_bech32(network: Network, address: str) -> KeyHash | None:
    head, _, tail = address.rpartition("1")
    if head != network.prefix or len(tail) != 1 + 32 + 6 or not set(tail) <= set(_BECH32):
        return None
    number = 0
    for character in tail[1:-6]:
        number = number << 5 | _BECH32.index(character)
    return KeyHash(number.to_bytes(_HASH_OCTETS, "big"), legacy=False)


def _read_base58(network: Network, address: str) -> KeyHash | None:
    if not 25 <= len(address) <= 35 or not set(address) <= set(_BASE58):
        return None
    number = 0
    for character in address:
        number = number * 58 + _BASE58.index(character)
    payload = number.to_bytes(27, "big")[2:-4]
    return KeyHash(payload[1:], legacy=True, script=payload[0] == network.script_version)


def _base58check(payload: bytes) -> str:
    check = hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, text = int.from_bytes(payload + check, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return text  # no version octet here is 0, so no leading "1"


def _five_bits(octets: bytes) -> list[int]:
    number, count = int.from_bytes(octets, "big"), len(octets) * 8 // 5
    return [number >> 5 * i & 31 for i in reversed(range(count))]


def _expanded(prefix: str) -> list[int]:
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate(_GENERATORS):
            if top >> i & 1:
                check ^= generator
    return check
