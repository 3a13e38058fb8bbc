"""Name operations in scripts."""

from __future__ import annotations

import pytest

from nvs.mirror.script import NameOp, Operation, operations, read_script

# The update of facts about the real node: regtest, transaction e9653f46..., output 1.
UPDATE = (
    "527513656e756d667265653a31363636303030313a3001016d254532552b7369703d317c317c215e2e2a2421"
    "7369703a7632406578616d706c652e636f6d21750014d4efac329dce34c55be6f32d26cdd8b9a0f43131"
)


def output(script: object) -> dict[str, object]:
    return {"scriptPubKey": {"hex": script, "asm": "2 OP_DROP 1 OP_DROP"}}


def test_an_update_of_the_real_node() -> None:
    transactions = [{"txid": "e9", "vout": [output("0014" + "00" * 20), output(UPDATE)]}]
    assert list(operations(transactions)) == [
        NameOp(Operation.UPDATE, b"enumfree:16660001:0", "e9")
    ]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (b"\x51\x75\x01\x01", (Operation.NEW, b"\x01")),  # asm would print a number
        (b"\x53\x75\x00\x75", (Operation.DELETE, b"")),
        (b"\x51\x75\x4c\x50" + b"n" * 80, (Operation.NEW, b"n" * 80)),
        (b"\x51\x6d\x4d\x00\x02" + b"n" * 512, (Operation.NEW, b"n" * 512)),
        (b"\x51\x61\x4e\x01\x00\x00\x00\xff", (Operation.NEW, b"\xff")),
        (b"\x51\x75", None),
        (b"\x54\x75\x01a", None),
        (b"\x51\x76\x01a", None),
        (b"\x51\x75\x51\x75", None),
        (b"\x51\x75\x05abc", None),
    ],
)
def test_scripts(script: bytes, expected: object) -> None:
    assert read_script(script) == expected


@pytest.mark.parametrize(
    "transactions",
    [
        None,
        [1, {"vout": 1}, {"vout": [1, {}, {"scriptPubKey": 1}]}],
        [{"vout": [output(None), output("51zz"), output("5175"), output("76a9")]}],
    ],
)
def test_other_shapes_are_no_operations(transactions: object) -> None:
    assert list(operations(transactions)) == []


def test_a_transaction_without_an_id() -> None:
    assert [op.txid for op in operations([{"vout": [output("51750161")]}])] == [""]
