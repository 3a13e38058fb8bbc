"""Inputs and outputs as the node prints them, and addresses of every form."""

from __future__ import annotations

import hashlib
from typing import Any

from nvs.signature import hash160
from nvs.spends import Spend
from nvs.testing.chain_addresses import _BECH32 as BECH32
from nvs.testing.chain_addresses import NETWORKS, KeyHash, write_address
from nvs.testing.chain_addresses import _expanded as expanded
from nvs.testing.chain_addresses import _polymod as polymod
from nvs.testing.name_script import push

REGTEST = NETWORKS["regtest"]
ALL, NONE, SINGLE, ANYONE = b"\x01", b"\x02", b"\x03", b"\x81"
SIGNATURE = bytes.fromhex("30440220") + b"\x11" * 32 + bytes.fromhex("0220") + b"\x22" * 32 + ALL
KEYS = [b"\x02" + bytes([i]) * 32 for i in range(1, 5)]
KEY = KEYS[0]
SPENT = Spend("ab" * 32, 3)


def p2pkh(key: bytes = KEY) -> str:
    return write_address(REGTEST, KeyHash(hash160(key), legacy=True))


def p2wpkh(key: bytes = KEY) -> str:
    return write_address(REGTEST, KeyHash(hash160(key), legacy=False))


def p2sh(script: bytes) -> str:
    return write_address(REGTEST, KeyHash(hash160(script), legacy=True, script=True))


def p2wsh(script: bytes) -> str:
    """BIP173; the fake itself has no such addresses."""
    number = int.from_bytes(hashlib.sha256(script).digest(), "big") << 4
    groups = [0, *(number >> 5 * i & 31 for i in reversed(range(52)))]
    check = polymod([*expanded("emrt"), *groups, 0, 0, 0, 0, 0, 0]) ^ 1
    groups += [check >> 5 * (5 - i) & 31 for i in range(6)]
    return "emrt1" + "".join(BECH32[group] for group in groups)


def program(key: bytes = KEY) -> bytes:
    """The script that P2WPKH in P2SH has the hash of."""
    return b"\x00\x14" + hash160(key)


def script_program(script: bytes) -> bytes:
    """The script that P2WSH in P2SH has the hash of."""
    return b"\x00\x20" + hashlib.sha256(script).digest()


def multisig(wanted: int, *keys: bytes) -> bytes:
    body = b"".join(push(key) for key in keys)
    return bytes([0x50 + wanted]) + body + bytes([0x50 + len(keys), 0xAE])


TWO_OF_THREE = multisig(2, *KEYS[:3])


def vin(*pushes: bytes, witness: tuple[bytes, ...] = (), spent: Spend = SPENT) -> dict[str, Any]:
    """An input."""
    script = b"".join(push(item) for item in pushes)
    item: dict[str, Any] = {"txid": spent.txid, "vout": spent.vout}
    item["scriptSig"] = {"asm": "", "hex": script.hex()}
    if witness:
        item["txinwitness"] = [octets.hex() for octets in witness]
    return item


def out(kind: str, *addresses: str, n: int = SPENT.vout) -> dict[str, Any]:
    """An output."""
    return {"n": n, "scriptPubKey": {"type": kind, "addresses": list(addresses)}}
