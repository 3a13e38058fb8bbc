"""Inputs that show an owner's signature, and outputs that are an owner's."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvs.errors import UnusableAnswer
from nvs.spends import Spend, pays_to, spend_of
from nvs.testing.name_script import push
from tests.unit.nvs.transaction_kit import (
    ANYONE,
    KEY,
    KEYS,
    NONE,
    SIGNATURE,
    SINGLE,
    SPENT,
    TWO_OF_THREE,
    multisig,
    out,
    p2pkh,
    p2sh,
    p2wpkh,
    p2wsh,
    program,
    script_program,
    vin,
)

SHARED = Path(
    os.environ.get("EMERCOIN_TRANSCRIPTS", "")
    or Path(__file__).parents[4] / "shared" / "facts" / "emercoin-transcripts"
)


def spent_by(address: str, *inputs: dict[str, Any]) -> Spend | None:
    return spend_of({"vin": list(inputs)}, address)


# Every known form --------------------------------------------------------------------------

OPENED = {
    "p2pkh": (p2pkh(), vin(SIGNATURE, KEY)),
    "p2wpkh": (p2wpkh(), vin(witness=(SIGNATURE, KEY))),
    "p2sh-p2wpkh": (p2sh(program()), vin(program(), witness=(SIGNATURE, KEY))),
    "p2sh-multisig": (p2sh(TWO_OF_THREE), vin(b"", SIGNATURE, SIGNATURE, TWO_OF_THREE)),
    "p2wsh-multisig": (
        p2wsh(TWO_OF_THREE),
        vin(witness=(b"", SIGNATURE, SIGNATURE, TWO_OF_THREE)),
    ),
    "p2sh-p2wsh-multisig": (
        p2sh(script_program(TWO_OF_THREE)),
        vin(script_program(TWO_OF_THREE), witness=(b"", SIGNATURE, SIGNATURE, TWO_OF_THREE)),
    ),
    "long key": (p2pkh(b"\x04" + bytes(64)), vin(SIGNATURE, b"\x04" + bytes(64))),
}


@pytest.mark.parametrize("form", OPENED)
def test_the_owners_signature_is_seen(form: str) -> None:
    address, item = OPENED[form]
    assert spent_by(address, item) == SPENT


@pytest.mark.parametrize("form", OPENED)
def test_it_may_be_any_input(form: str) -> None:
    address, item = OPENED[form]
    other = vin(SIGNATURE, KEYS[3], spent=Spend("cd" * 32, 0))
    coinbase = {"coinbase": "00", "sequence": 1}
    bare_key = vin(SIGNATURE, spent=Spend("cd" * 32, 1))
    assert spent_by(address, coinbase, other, bare_key, item) == SPENT
    assert spent_by(address, coinbase, other, bare_key) is None


@pytest.mark.parametrize("form", OPENED)
@pytest.mark.parametrize("hash_type", [NONE, SINGLE, ANYONE, b"\x82", b"\x83", b"\x00", b""])
def test_only_a_signature_of_everything_counts(form: str, hash_type: bytes) -> None:
    address, item = OPENED[form]
    weaker = (SIGNATURE[:-1] + hash_type).hex()
    script = bytes.fromhex(item["scriptSig"]["hex"])
    changed = script.replace(push(SIGNATURE), push(bytes.fromhex(weaker)), 1)
    item = item | {"scriptSig": {"hex": changed.hex()}}
    if "txinwitness" in item:
        at = item["txinwitness"].index(SIGNATURE.hex())
        witness = [*item["txinwitness"][:at], weaker, *item["txinwitness"][at + 1 :]]
        item = item | {"txinwitness": witness}
    assert spent_by(address, item) is None


@pytest.mark.parametrize("form", OPENED)
def test_the_inputs_of_one_form_say_nothing_about_another(form: str) -> None:
    for other, (address, _) in OPENED.items():
        if other != form:
            assert spent_by(address, OPENED[form][1]) is None, other


@pytest.mark.parametrize(
    ("address", "item"),
    [
        # another's key
        (p2pkh(), vin(SIGNATURE, KEYS[1])),
        (p2wpkh(), vin(witness=(SIGNATURE, KEYS[1]))),
        (p2sh(program()), vin(program(KEYS[1]), witness=(SIGNATURE, KEYS[1]))),
        (p2sh(program()), vin(program(), witness=(SIGNATURE, KEYS[1]))),
        # more, or less, than the form wants
        (p2pkh(), vin(KEY)),
        (p2pkh(), vin()),
        (p2pkh(), vin(SIGNATURE, SIGNATURE, KEY)),
        (p2pkh(), vin(SIGNATURE, KEY, witness=(SIGNATURE, KEY))),
        (p2pkh(), vin(b"", KEY)),
        (p2wpkh(), vin(witness=(SIGNATURE, SIGNATURE, KEY))),
        (p2wpkh(), vin(SIGNATURE, witness=(SIGNATURE, KEY))),
        (p2sh(program()), vin(b"x", program(), witness=(SIGNATURE, SIGNATURE, KEY))),
        (p2sh(program()), vin()),
        (p2sh(program()), vin(program())),
        (p2wsh(TWO_OF_THREE), vin(b"x", witness=(b"", SIGNATURE, SIGNATURE, TWO_OF_THREE))),
        (p2wsh(TWO_OF_THREE), vin()),
        # multisig: one signature too few, too many, nothing before them, another script
        (p2sh(TWO_OF_THREE), vin(b"", SIGNATURE, TWO_OF_THREE)),
        (p2sh(TWO_OF_THREE), vin(b"", SIGNATURE, SIGNATURE, SIGNATURE, TWO_OF_THREE)),
        (p2sh(TWO_OF_THREE), vin(SIGNATURE, SIGNATURE, SIGNATURE, TWO_OF_THREE)),
        (p2sh(TWO_OF_THREE), vin(TWO_OF_THREE)),
        (p2sh(TWO_OF_THREE), vin(TWO_OF_THREE, witness=(b"", SIGNATURE, SIGNATURE))),
        (p2sh(TWO_OF_THREE), vin(b"", SIGNATURE, SIGNATURE, multisig(1, KEY))),
        # scripts that are no standard multisig
        *(
            (p2sh(script), vin(b"", SIGNATURE, script))
            for script in (
                b"\x51",
                b"\x51\xae",
                push(KEY) + b"\xac",
                multisig(1, KEY) + b"\x51",
                b"\x50" + push(KEY) + b"\x51\xae",  # OP_RESERVED is no number
                b"\x52" + push(KEY) + b"\x51\xae",  # two of one
                b"\x51" + push(KEY) + b"\x52\xae",  # one of two, but one is there
                b"\x51" + push(KEY[:-1]) + b"\x51\xae",
                b"\x51" + b"\x76\x51\xae",
                b"\x51" + push(KEY)[:-1] + b"\x51\xae",
            )
        ),
        # texts that are no address
        ("EAlice", vin(SIGNATURE, KEY)),
        ("", vin(SIGNATURE, KEY)),
    ],
)
def test_everything_else_is_not_signed(address: str, item: dict[str, Any]) -> None:
    assert spent_by(address, item) is None


@pytest.mark.parametrize(
    "script",
    [
        push(SIGNATURE) + push(KEY) + b"\x75",  # an opcode
        push(SIGNATURE) + push(KEY)[:-1],  # cut short
        push(SIGNATURE) + push(KEY) + b"\x4c",  # a length that is missing
        push(SIGNATURE) + push(KEY) + b"\x4d\x01",
    ],
)
def test_scripts_that_do_not_only_push(script: bytes) -> None:
    item = vin() | {"scriptSig": {"hex": script.hex()}}
    assert spent_by(p2pkh(), item) is None


def test_long_ways_to_push_count() -> None:
    script = b"\x4c" + push(SIGNATURE) + b"\x4d\x21\x00" + KEY
    assert spent_by(p2pkh(), vin() | {"scriptSig": {"hex": script.hex()}}) == SPENT
    script = b"\x4e\x47\x00\x00\x00" + SIGNATURE + push(KEY)
    assert spent_by(p2pkh(), vin() | {"scriptSig": {"hex": script.hex()}}) == SPENT


# Outputs -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        (p2pkh(), "pubkeyhash"),
        (p2wpkh(), "witness_v0_keyhash"),
        (p2sh(program()), "scripthash"),
        (p2wsh(TWO_OF_THREE), "witness_v0_scripthash"),
    ],
)
def test_outputs_of_an_address(address: str, kind: str) -> None:
    for shown in (kind, f"name_{kind}"):
        assert pays_to({"vout": [out(shown, "x", n=0), out(shown, address)]}, 3, address)
        assert not pays_to({"vout": [out(shown, address, n=0), out(shown, "x")]}, 3, address)
        assert not pays_to({"vout": [out(shown, address, "x")]}, 3, address)
        assert not pays_to({"vout": [out(shown)]}, 3, address)


@pytest.mark.parametrize("kind", ["pubkey", "multisig", "nonstandard", "witness_unknown", None, 5])
def test_outputs_that_need_no_signature_of_the_owner(kind: Any) -> None:
    assert not pays_to({"vout": [out(kind, p2pkh())]}, 3, p2pkh())


def test_an_output_without_addresses() -> None:
    bare = {"n": 3, "scriptPubKey": {"type": "pubkeyhash"}}
    assert not pays_to({"vout": [bare]}, 3, p2pkh())
    assert not pays_to({"vout": [out("pubkeyhash", "EAlice")]}, 3, "EAlice")


# A node's own ------------------------------------------------------------------------------


def test_a_recorded_update() -> None:
    path = SHARED / "06-reorg-zmq-blockscan.txt"
    if not path.is_file():
        pytest.skip("no transcripts here")
    text = path.read_text()
    real = json.JSONDecoder().raw_decode(text, text.index('{\n "txid"'))[0]
    first = real["vin"][0]
    owner = p2wpkh(bytes.fromhex(first["txinwitness"][1]))
    assert owner == "emrt1qdmndj7tc0qnllrqs2guash3k2qnqfvrz8wxsx9"  # of name_show before it
    assert spend_of(real, owner) == Spend(first["txid"], first["vout"])
    after = "emrt1q6nh6cv5aec6v2klx7vkjdnwchxs0gvf3jzzgvv"
    assert spend_of(real, after) is None  # where the update moved the name
    assert pays_to(real, 1, after)
    assert not pays_to(real, 0, after)


# Answers that are none ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "transaction",
    [
        None,
        [],
        "00",
        {},
        {"vin": None},
        {"vin": [None]},
        {"vin": [{}]},
        {"vin": [vin() | {"scriptSig": None}]},
        {"vin": [vin() | {"scriptSig": {}}]},
        {"vin": [vin() | {"scriptSig": {"hex": "0"}}]},
        {"vin": [vin() | {"scriptSig": {"hex": 0}}]},
        {"vin": [vin() | {"txinwitness": "00"}]},
        {"vin": [vin() | {"txinwitness": [None]}]},
        {"vin": [vin() | {"txid": 5}]},
        {"vin": [vin() | {"vout": True}]},
        {"vin": [vin() | {"vout": "3"}]},
    ],
)
def test_odd_inputs(transaction: Any) -> None:
    with pytest.raises(UnusableAnswer, match="getrawtransaction"):
        spend_of(transaction, p2pkh())


@pytest.mark.parametrize(
    "transaction",
    [None, {"vout": {}}, {"vout": ["x"]}, {"vout": []}, {"vout": [{"n": 3, "scriptPubKey": 5}]}],
)
def test_odd_outputs(transaction: Any) -> None:
    with pytest.raises(UnusableAnswer, match="getrawtransaction"):
        pays_to(transaction, 3, p2pkh())


@given(script=st.binary(max_size=300), witness=st.lists(st.binary(max_size=120), max_size=5))
def test_whatever_an_input_holds_it_is_no_signature(script: bytes, witness: list[bytes]) -> None:
    item = vin(witness=tuple(witness)) | {"scriptSig": {"hex": script.hex()}}
    for address, _ in OPENED.values():
        assert spent_by(address, item) is None
