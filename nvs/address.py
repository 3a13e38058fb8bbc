"""Emercoin addresses: whose key, or which script, an output belongs to.

Decoded here rather than by a package: `base58` and `bech32` on PyPI have had no
release since 2021 and 2020, and this code decides who is believed.

Sources: Base58Check as in Bitcoin (its test vectors), bech32 from BIP173 (not
BIP350: witness version 0 only), versions and prefixes from Emercoin 0.8.6,
chainparams.cpp (main, test, regtest).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

KEY_HASH_OCTETS = 20
"""RIPEMD-160 of SHA-256 of a public key."""

P2PKH_VERSIONS = frozenset({33, 111})
"""First octet: 33 is mainnet (`E...`), 111 testnet and regtest (`m...`, `n...`)."""

P2SH_VERSIONS = frozenset({92, 196})
"""First octet: 92 is mainnet (`e...`), 196 testnet and regtest (`2...`)."""

BECH32_PREFIXES = frozenset({"em", "te", "emrt"})
"""Human-readable parts of mainnet, testnet and regtest."""

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_TEXT = re.compile(f"[{_BASE58}]{{26,35}}", re.ASCII)
_BASE58_OCTETS = 1 + KEY_HASH_OCTETS + 4

_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_TEXT = re.compile(rf"([a-z]{{2,4}})1([{_BECH32}]{{39}}|[{_BECH32}]{{59}})", re.ASCII)
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


class Form(StrEnum):
    """How an output is locked; the word is the node's `type` of its script."""

    P2PKH = "pubkeyhash"
    P2SH = "scripthash"
    P2WPKH = "witness_v0_keyhash"
    P2WSH = "witness_v0_scripthash"


class Destination(NamedTuple):
    """What an address says: 20 octets of hash, 32 for P2WSH."""

    form: Form
    digest: bytes


def destination(address: str) -> Destination | None:
    """What an address of any known form says, None for every other text. Never raises."""
    return _from_bech32(address) or _from_base58(address)


def key_hash(address: str) -> bytes | None:
    """The 20 octets of a P2PKH or P2WPKH address, None for every other text. Never raises."""
    found = destination(address)
    return found.digest if found and found.form in (Form.P2PKH, Form.P2WPKH) else None


def _from_base58(address: str) -> Destination | None:
    """Base58Check: version, hash, and the first four octets of a double SHA-256 of both."""
    if _BASE58_TEXT.fullmatch(address) is None:
        return None
    number = 0
    for char in address:
        number = number * 58 + _BASE58.index(char)
    if number >> 8 * _BASE58_OCTETS:
        return None
    octets = number.to_bytes(_BASE58_OCTETS, "big")
    payload, checksum = octets[:-4], octets[-4:]
    if hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4] != checksum:
        return None
    # No version of ours is 0, so there are no leading ones to count.
    if payload[0] in P2PKH_VERSIONS:
        return Destination(Form.P2PKH, payload[1:])
    return Destination(Form.P2SH, payload[1:]) if payload[0] in P2SH_VERSIONS else None


def _from_bech32(address: str) -> Destination | None:
    """BIP173: prefix, `1`, witness version 0, 32 or 52 groups of five bits, six of checksum."""
    text = address.lower() if address == address.upper() else address
    match = _BECH32_TEXT.fullmatch(text)
    if match is None or match[1] not in BECH32_PREFIXES:
        return None
    groups = [_BECH32.index(char) for char in match[2]]
    prefix = [ord(char) >> 5 for char in match[1]] + [0] + [ord(char) & 31 for char in match[1]]
    if _polymod([*prefix, *groups]) != 1 or groups[0] != 0:
        return None
    number = 0
    for group in groups[1:-6]:
        number = number << 5 | group
    if len(groups) == 39:  # 32 groups of five bits are 20 octets, without padding
        return Destination(Form.P2WPKH, number.to_bytes(KEY_HASH_OCTETS, "big"))
    if number & 0b1111:  # 52 groups are 32 octets and four bits, which have to be 0
        return None
    return Destination(Form.P2WSH, (number >> 4).to_bytes(32, "big"))


def _polymod(values: Iterable[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            if top >> bit & 1:
                checksum ^= generator
    return checksum
