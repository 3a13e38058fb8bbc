"""Blocks as `getblock` prints them, and the scripts in them."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from nvs.testing import FakeChain, FakeRpc, NameOp, Operation, SyntheticNames
from nvs.testing.chain_addresses import NETWORKS, KeyHash, read_address, write_address
from nvs.testing.name_script import name_script, pay_to, script_number
from nvs.testing.transactions import compact

REGTEST = NETWORKS["regtest"]
OWNER = "emrt1q6nh6cv5aec6v2klx7vkjdnwchxs0gvf3jzzgvv"
TAIL = "0014d4efac329dce34c55be6f32d26cdd8b9a0f43131"
SHARED = Path(
    os.environ.get("EMERCOIN_TRANSCRIPTS", "")
    or Path(__file__).parents[4] / "shared" / "facts" / "emercoin-transcripts"
)


def ask(chain: FakeChain, method: str, *params: Any) -> Any:
    body = json.dumps({"id": 1, "method": method, "params": params}, ensure_ascii=False).encode()
    return json.loads(FakeRpc(chain).answer(body)[1].decode("latin-1"))["result"]


def op(kind: Operation, name: bytes, value: bytes = b"", days: int = 0, to: str = OWNER) -> NameOp:
    return NameOp(kind, name, value, days, read_address(REGTEST, to))


def without_witness(transaction: bytes) -> bytes:
    """Cut out what BIP144 adds, read back from the two witnesses of our wallet's inputs."""
    if transaction[8:10] != b"\x00\x01":
        return transaction
    inputs, rest = transaction[10], transaction[:-4]
    one = 1 + 1 + 71 + 1 + 33  # two items: signature and public key
    return transaction[:8] + rest[10 : len(rest) - inputs * one] + transaction[-4:]


# Scripts -----------------------------------------------------------------------------------


def test_an_update_of_a_name() -> None:
    script = name_script(op(Operation.UPDATE, b"ab", b"value", 1))
    assert script.octets().hex() == "5275" + "026162" + "0101" + "6d" + "0576616c7565" + "75" + TAIL
    assert script.type == "name_witness_v0_keyhash"
    # "ab" is short, so it is printed as a number
    assert script.asm() == f"2 OP_DROP 25185 1 OP_2DROP 76616c7565 OP_DROP 0 {TAIL[4:]}"


def test_a_registration_to_a_legacy_address() -> None:
    to = "mqZYo461aC5KbPjHA7JYEfDQRn2bQ5UB5p"
    script = name_script(op(Operation.NEW, b"enum:1", b"v" * 80, 365, to))
    pay = "76a9146e2ee38faeb2bcf82768e0a746c5141a60338"
    assert script.octets().hex().startswith("517506656e756d3a31" + "026d016d" + "4c50" + "76" * 80)
    assert pay_to(read_address(REGTEST, to)).octets().hex().startswith(pay)
    assert script.octets().hex().endswith("88ac")
    assert script.type == "name_pubkeyhash"
    assert script.asm().endswith(" OP_EQUALVERIFY OP_CHECKSIG")


def test_a_deletion() -> None:
    script = name_script(op(Operation.DELETE, b"tmp:del"))
    assert script.octets().hex() == "537507746d703a64656c75" + TAIL


@pytest.mark.parametrize(
    ("size", "pushes"),
    [
        (520, "4d0802{520}75"),
        (521, "4d0802{520}01{1}6d"),
        (1560, "4d0802{520}4d0802{520}4d0802{520}6d75"),
    ],
)
def test_long_values_go_in_chunks(size, pushes) -> None:
    script = name_script(op(Operation.NEW, b"n", b"\xee" * size, 1)).octets().hex()
    expected = pushes.replace("{520}", "ee" * 520).replace("{1}", "ee")
    assert script == "5175016e01016d" + expected + TAIL


@pytest.mark.parametrize(
    ("number", "octets"),
    [(0, ""), (1, "01"), (127, "7f"), (128, "8000"), (365, "6d01"), (-1, "81"), (-128, "8080")],
)
def test_script_numbers(number, octets) -> None:
    assert script_number(number).hex() == octets


def test_an_empty_name_and_no_days() -> None:
    script = name_script(op(Operation.UPDATE, b"", b"\x81"))
    assert script.octets().hex() == "527500006d018175" + TAIL
    assert script.asm().startswith("2 OP_DROP 0 0 OP_2DROP -1 OP_DROP 0 ")


# Addresses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "address", "digest", "legacy"),
    [
        ("regtest", OWNER, TAIL[4:], False),
        ("main", "EV7NKcpy7hiLmKL2ZBuCgMoDLTPjsyELyw", "8326a813", True),
        ("test", "mqZYo461aC5KbPjHA7JYEfDQRn2bQ5UB5p", "6e2ee38f", True),
    ],
)
def test_addresses_of_each_network(network, address, digest, legacy) -> None:
    owner = read_address(NETWORKS[network], address)
    assert owner.legacy is legacy
    assert owner.digest.hex().startswith(digest)
    assert write_address(NETWORKS[network], owner) == address


@pytest.mark.parametrize(
    "address",
    [
        OWNER[:-1] + "q",
        OWNER[:-2],
        "em1" + OWNER[5:],
        "mqZYo461aC5KbPjHA7JYEfDQRn2bQ5UB5q",
        "EV7NKcpy7hiLmKL2ZBuCgMoDLTPjsyELyw",
        "e" * 34,
        "0" * 34,
        "x",
    ],
)
def test_damaged_addresses(address) -> None:
    with pytest.raises(ValueError, match="not a regtest address"):
        read_address(REGTEST, address)


# JSON --------------------------------------------------------------------------------------


@pytest.fixture
def chain() -> FakeChain:
    chain = FakeChain(height=4)
    chain.name_new("enum:14155551234:0", "E2U", 30, address=OWNER)
    chain.mine()
    chain.pay()
    chain.name_update("enum:14155551234:0", "E2V", 1, address=OWNER)
    chain.mine()
    return chain


def test_a_block_in_full(chain) -> None:
    block = ask(chain, "getblock", chain.best_hash(), 2)
    assert block["height"] == 6
    assert block["nTx"] == len(block["tx"]) == 3
    assert block["previousblockhash"] == chain.block_hash(5)
    assert "nextblockhash" not in block
    coinbase, ordinary, update = block["tx"]
    assert list(coinbase["vin"][0]) == ["coinbase", "sequence"]
    assert (ordinary["version"], update["version"]) == (2, 1638)
    vouts = {vout["scriptPubKey"]["type"]: vout for vout in update["vout"]}
    assert list(vouts) == ["name_witness_v0_keyhash", "witness_v0_keyhash"]
    assert vouts["name_witness_v0_keyhash"] == {
        "value": 0.0001,
        "n": 0,
        "scriptPubKey": {
            "asm": "2 OP_DROP 656e756d3a31343135353535313233343a30 1 OP_2DROP 5648965 OP_DROP "
            "0 d4efac329dce34c55be6f32d26cdd8b9a0f43131",
            "hex": "527512656e756d3a31343135353535313233343a3001016d0345325675" + TAIL,
            "type": "name_witness_v0_keyhash",
            "reqSigs": 1,
            "addresses": [OWNER],
        },
    }
    assert update["vin"][0]["txid"] == chain.tree.at(5).make()[1].txid


def test_identifiers_are_hashes_of_what_is_printed(chain) -> None:
    def twice(octets: bytes) -> str:
        return hashlib.sha256(hashlib.sha256(octets).digest()).digest()[::-1].hex()

    for height in range(7):
        block = ask(chain, "getblock", chain.block_hash(height), 2)
        header = bytes.fromhex(ask(chain, "getblockheader", block["hash"], False))
        whole = ask(chain, "getblock", block["hash"], 0)
        assert (len(header), twice(header)) == (80, block["hash"])
        assert whole.startswith(header.hex())
        for transaction in block["tx"]:
            assert twice(bytes.fromhex(transaction["hex"])) == transaction["hash"]
            bare = without_witness(bytes.fromhex(transaction["hex"]))
            assert twice(bare) == transaction["txid"]
            assert transaction["weight"] == 3 * len(bare) + transaction["size"]
            assert transaction["hex"] in whole
        assert [t["txid"] for t in block["tx"]] == ask(chain, "getblock", block["hash"])["tx"]
        assert ask(chain, "getblock", block["hash"], False) == whole
        assert ask(chain, "getblock", block["hash"], True)["nTx"] == block["nTx"]


def test_neighbours_and_confirmations(chain) -> None:
    first = ask(chain, "getblock", chain.block_hash(0))
    assert "previousblockhash" not in first
    assert (first["nextblockhash"], first["confirmations"]) == (chain.block_hash(1), 7)
    gone = chain.best_hash()
    chain.reorg(1)
    header = ask(chain, "getblockheader", gone)
    assert header["confirmations"] == -1
    assert "nextblockhash" not in header
    assert header["previousblockhash"] == chain.block_hash(5)
    assert header["time"] - header["mediantime"] == 1800
    assert ask(chain, "getblock", gone, 2)["tx"][2]["version"] == 1638


def test_blocks_of_bulk_names(chain) -> None:
    source = SyntheticNames(30, chain.network)
    chain.load(source, per_block=20)
    block = ask(chain, "getblock", chain.best_hash(), 2)
    assert (block["height"], block["nTx"]) == (8, 11)
    name, _, _, address = source[20]
    (vout,) = block["tx"][1]["vout"]
    assert name.hex() in vout["scriptPubKey"]["hex"]
    assert vout["scriptPubKey"]["addresses"] == [address]
    shown = ask(chain, "name_show", name.decode(), "hex")
    assert shown["txid"] == block["tx"][1]["txid"]
    assert bytes.fromhex(shown["value"]) == source[20].value
    assert chain.tree.at(8).octets().hex() == ask(chain, "getblock", chain.best_hash(), 0)


def test_lengths_as_the_network_writes_them() -> None:
    assert [compact(n).hex() for n in (252, 253, 65536)] == ["fc", "fdfd00", "fe00000100"]


# Transcripts -------------------------------------------------------------------------------


def recorded() -> str:
    path = SHARED / "06-reorg-zmq-blockscan.txt"
    if not path.is_file():
        pytest.skip("no transcripts here")
    return path.read_text()


def document(text: str, start: str) -> Any:
    return json.JSONDecoder().raw_decode(text, text.index(start))[0]


def test_a_transaction_has_the_recorded_shape() -> None:
    real = document(recorded(), '{\n "txid"')
    for vout in real["vout"]:
        address = vout["scriptPubKey"]["addresses"][0]
        script = pay_to(read_address(REGTEST, address))
        if vout["n"]:
            value = b"E2U+sip=1|1|!^.*$!sip:v2@example.com!"
            script = name_script(op(Operation.UPDATE, b"enumfree:16660001:0", value, 1, address))
        assert vout["scriptPubKey"] == {
            "asm": script.asm(),
            "hex": script.octets().hex(),
            "type": script.type,
            "reqSigs": 1,
            "addresses": [address],
        }
    chain = FakeChain(height=1)
    chain.name_new("a", "b")
    chain.mine()
    made = ask(chain, "getblock", chain.best_hash(), 2)["tx"][1]
    assert list(made) == list(real)
    assert list(made["vout"][0]) == list(real["vout"][0])
    assert list(made["vout"][0]["scriptPubKey"]) == list(real["vout"][0]["scriptPubKey"])


def test_a_block_has_the_recorded_shape() -> None:
    real = document(recorded(), '{\n "hash"')
    made = ask(FakeChain(height=1), "getblock", FakeChain(height=1).best_hash())
    assert list(made) == list(real)
    assert {key: type(value) for key, value in made.items()} == {
        key: type(value) for key, value in real.items()
    }


def test_a_key_hash_stands_for_itself() -> None:
    owner = KeyHash(bytes(20), legacy=False)
    assert read_address(REGTEST, write_address(REGTEST, owner)) == owner
