"""Emercoin addresses, as far as they name one public key.

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

KEY_HASH_OCTETS = 20
"""RIPEMD-160 of SHA-256 of a public key."""

P2PKH_VERSIONS = frozenset({33, 111})
"""First octet: 33 is mainnet (`E...`), 111 testnet and regtest (`m...`, `n...`)."""

BECH32_PREFIXES = frozenset({"em", "te", "emrt"})
"""Human-readable parts of mainnet, testnet and regtest."""

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_TEXT = re.compile(f"[{_BASE58}]{{26,35}}", re.ASCII)
_BASE58_OCTETS = 1 + KEY_HASH_OCTETS + 4

_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_TEXT = re.compile(rf"([a-z]{{2,4}})1([{_BECH32}]{{39}})", re.ASCII)
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def key_hash(address: str) -> bytes | None:
    """The 20 octets of a P2PKH or P2WPKH address, None for every other text. Never raises."""
    return _p2wpkh(address) or _p2pkh(address)


def _p2pkh(address: str) -> bytes | None:
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
    return payload[1:] if payload[0] in P2PKH_VERSIONS else None


def _p2wpkh(address: str) -> bytes | None:
    """BIP173: prefix, `1`, witness version 0, 32 groups of five bits, six of checksum."""
    text = address.lower() if address == address.upper() else address
    match = _BECH32_TEXT.fullmatch(text)
    if match is None or match[1] not in BECH32_PREFIXES:
        return None
    groups = [_BECH32.index(char) for char in match[2]]
    prefix = [ord(char) >> 5 for char in match[1]] + [0] + [ord(char) & 31 for char in match[1]]
    if _polymod([*prefix, *groups]) != 1 or groups[0] != 0:
        return None
    number = 0
    for group in groups[1:-6]:  # 32 groups of five bits are 20 octets, without padding
        number = number << 5 | group
    return number.to_bytes(KEY_HASH_OCTETS, "big")


def _polymod(values: Iterable[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            if top >> bit & 1:
                checksum ^= generator
    return checksum
