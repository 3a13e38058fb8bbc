"""Which input of a transaction spends an output of an address, read from the node's JSON.

Two looks are needed. An input shows a public key or a script that hashes to the
address (`spend_of`). That alone is no proof: public keys are public, and an
output of another script can be spent with anything. So the output that it
spends must belong to the address, too (`pays_to`). Then the chain has checked
the signatures against this very transaction: every node verifies the script of
each input, and nothing is verified a second time here.

What counts as a signature of the whole transaction is SIGHASH_ALL alone: with
any other type somebody else could have added inputs, or changed the outputs,
which hold the names and their values.

Sources: Bitcoin's standard scripts (BIP16, BIP141), Emercoin 0.8.6: standard.cpp
(Solver: the words of `type`, with `name_` before those of name outputs),
interpreter.cpp (VerifyScript).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from nvs.address import Destination, Form, destination
from nvs.errors import UnusableAnswer
from nvs.signature import hash160

SIGHASH_ALL = 1
"""Last octet of a signature that covers every input and every output."""

_OP_1, _OP_16, _CHECKMULTISIG = 0x51, 0x60, 0xAE
_PUSHDATA = {0x4C: 1, 0x4D: 2, 0x4E: 4}
_WITNESS_KEY, _WITNESS_SCRIPT = b"\x00\x14", b"\x00\x20"
_KEY_OCTETS = frozenset({33, 65})


class Spend(NamedTuple):
    """The output that an input spends."""

    txid: str
    vout: int


def spend_of(transaction: Any, address: str) -> Spend | None:
    """What the first input spends that seems signed by `address` with SIGHASH_ALL, if one does.

    Known are P2PKH, P2WPKH, P2SH of P2WPKH, and standard multisig in P2SH,
    P2WSH or both. A coin that was paid to a bare public key (P2PK) shows no
    key when it is spent, so it says nothing.

    Args:
        transaction: result of `getrawtransaction(txid, 1)`.

    Raises:
        UnusableAnswer: it is no such result.
    """
    owner = destination(address)
    for item in _objects(transaction, "vin"):
        if "coinbase" in item:
            continue
        script = _hex(_object(item, "scriptSig").get("hex"))
        witness = [_hex(text) for text in _list(item.get("txinwitness", []))]
        spent, vout = item.get("txid"), item.get("vout")
        if not isinstance(spent, str) or type(vout) is not int:
            raise UnusableAnswer("getrawtransaction: vin: not a transaction and an output")
        if owner is not None and _opens(owner, script, witness):
            return Spend(spent, vout)
    return None


def pays_to(transaction: Any, vout: int, address: str) -> bool:
    """Whether an output belongs to this address alone, with or without a name in it.

    Raises:
        UnusableAnswer: `transaction` is no result of `getrawtransaction(txid, 1)`.
    """
    owner = destination(address)
    for item in _objects(transaction, "vout"):
        if item.get("n") == vout:
            script = _object(item, "scriptPubKey")
            forms = () if owner is None else (owner.form, f"name_{owner.form}")
            return script.get("type") in forms and script.get("addresses") == [address]
    raise UnusableAnswer(f"getrawtransaction: vout: there is no output {vout}")


def _opens(owner: Destination, script: bytes, witness: Sequence[bytes]) -> bool:
    """Whether an input has what such an output wants: the right hash, signatures of the whole."""
    if owner.form is Form.P2PKH:
        return not witness and _key_signs(_pushes(script), owner.digest)
    if owner.form is Form.P2WPKH:
        return not script and _key_signs(witness, owner.digest)
    if owner.form is Form.P2WSH:
        return not script and _script_signs(witness, owner.digest)
    pushes = _pushes(script)
    if not pushes or hash160(redeem := pushes[-1]) != owner.digest:
        return False
    if not witness:
        return _keys_sign(redeem, pushes[:-1])
    program = redeem[2:]
    if redeem == _WITNESS_KEY + program:
        return _key_signs(witness, program)
    return redeem == _WITNESS_SCRIPT + program and _script_signs(witness, program)


def _key_signs(items: Sequence[bytes], digest: bytes) -> bool:
    """Signature, public key."""
    return len(items) == 2 and hash160(items[1]) == digest and _covers_all(items[0])


def _script_signs(items: Sequence[bytes], digest: bytes) -> bool:
    """What the script wants, then the script."""
    if not items or hashlib.sha256(items[-1]).digest() != digest:
        return False
    return _keys_sign(items[-1], items[:-1])


def _keys_sign(script: bytes, items: Sequence[bytes]) -> bool:
    """An empty item, then as many signatures as a multisig script asks for."""
    return (
        len(items) > 1
        and not items[0]
        and len(items) - 1 == _signatures_of(script)
        and all(map(_covers_all, items[1:]))
    )


def _signatures_of(script: bytes) -> int:
    """m of `OP_m <key>.. OP_n OP_CHECKMULTISIG`, 0 for every other script."""
    if len(script) < 3 or script[-1] != _CHECKMULTISIG:
        return 0
    keys = _pushes(script[1:-2])
    wanted, there = (opcode - _OP_1 + 1 for opcode in (script[0], script[-2]))
    sound = 1 <= wanted <= there == len(keys) <= _OP_16 - _OP_1 + 1
    return wanted if sound and all(len(key) in _KEY_OCTETS for key in keys) else 0


def _covers_all(signature: bytes) -> bool:
    return len(signature) > 1 and signature[-1] == SIGHASH_ALL


def _pushes(script: bytes) -> list[bytes]:
    """What a script pushes, nothing where it does anything else."""
    found, at = [], 0
    while at < len(script):
        size, at = script[at], at + 1
        if size in _PUSHDATA:
            start = at + _PUSHDATA[size]
            size, at = int.from_bytes(script[at:start], "little"), start
        elif size > 0x4E:
            return []
        found.append(script[at : at + size])
        at += size
    return found if at == len(script) else []


# The node's JSON ------------------------------------------------------------------------


def _objects(transaction: Any, field: str) -> list[dict[str, Any]]:
    items = _list(transaction.get(field) if isinstance(transaction, dict) else None)
    if not all(isinstance(item, dict) for item in items):
        raise UnusableAnswer(f"getrawtransaction: {field}: not a list of objects")
    return items


def _object(item: dict[str, Any], field: str) -> dict[str, Any]:
    found = item.get(field)
    if not isinstance(found, dict):
        raise UnusableAnswer(f"getrawtransaction: {field}: not an object")
    return found


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise UnusableAnswer("getrawtransaction: not a list where one is expected")
    return value


def _hex(value: Any) -> bytes:
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError):
        raise UnusableAnswer("getrawtransaction: not hex where it is expected") from None
