"""Transactions of the fake chain: who signs them, and `getrawtransaction`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from nvs.signature import hash160
from nvs.testing import FakeChain, FakeRpc, Operation
from nvs.testing.chain_addresses import NETWORKS, read_address, write_address
from nvs.testing.transactions import double_sha256
from nvs.testing.unlocking import witness_program

NAME = "enum:14155551234:0"
NO_SUCH = "No such mempool or blockchain transaction. Use gettransaction for wallet transactions."
SHARED = Path(
    os.environ.get("EMERCOIN_TRANSCRIPTS", "")
    or Path(__file__).parents[4] / "shared" / "facts" / "emercoin-transcripts"
)


def answer(chain: FakeChain, method: str, *params: Any) -> Any:
    body = json.dumps({"id": 1, "method": method, "params": params}).encode()
    return json.loads(FakeRpc(chain).answer(body)[1])


def raw(chain: FakeChain, txid: str, *more: Any) -> Any:
    reply = answer(chain, "getrawtransaction", txid, *more)
    assert reply["error"] is None
    return reply["result"]


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain(height=4)


# Who signs ---------------------------------------------------------------------------------


def signers(chain: FakeChain, txid: str) -> list[str]:
    """The address whose output each input spends, and whose key it shows."""
    found = []
    for item in raw(chain, txid, 1)["vin"]:
        script = raw(chain, item["txid"], 1)["vout"][item["vout"]]["scriptPubKey"]
        (address,) = script["addresses"]
        owner = read_address(chain.network, address)
        shown = item.get("txinwitness") or item["scriptSig"]["asm"].split()
        key = bytes.fromhex(shown[1])
        assert owner.digest == hash160(witness_program(key) if owner.script else key)
        assert bool(item["scriptSig"]["hex"]) is owner.legacy
        assert ("txinwitness" in item) is (owner.script or not owner.legacy)
        found.append(address)
    return found


@pytest.mark.parametrize("form", [{}, {"legacy": True}, {"script": True}])
def test_the_new_owner_pays_unless_told_otherwise(chain: FakeChain, form: Any) -> None:
    owner, other = chain.new_address(**form), chain.stranger(**form)
    assert signers(chain, chain.name_new(NAME, "v", address=owner)) == [owner]
    chain.mine()
    assert signers(chain, chain.name_update(NAME, "v", address=other)) == [owner, other]
    chain.mine()
    given = chain.name_update(NAME, "v", address=owner, paid_by=other)
    assert signers(chain, given) == [other, other]
    chain.mine()
    forged = chain.name_update(NAME, "v", address=other, paid_by=other, forged=True)
    assert signers(chain, forged) == [other]
    many = chain.send(chain.op(Operation.NEW, "b", "v", 5, owner), paid_by=(other, owner))
    assert signers(chain, many) == [other, owner]


def test_a_stranger_is_not_the_wallets(chain: FakeChain) -> None:
    stranger = read_address(chain.network, chain.stranger())
    wrapped = read_address(chain.network, chain.stranger(script=True))
    own = read_address(chain.network, chain.new_address(script=True))
    assert [chain.wallet.owns(owner) for owner in (stranger, wrapped, own)] == [False, False, True]
    with pytest.raises(KeyError):
        chain.sign(write_address(chain.network, stranger), "m")


def test_the_wallet_pays_from_where_it_is_told(chain: FakeChain) -> None:
    owner, coins = chain.new_address(), chain.new_address()
    txid = answer(chain, "name_new", NAME, "v", 1, owner)["result"]
    assert signers(chain, txid) == [owner]
    chain.mine()
    chain.wallet.pays_from = read_address(chain.network, coins)
    txid = answer(chain, "name_update", NAME, "v", 1, owner)["result"]
    assert signers(chain, txid) == [owner, coins]


@pytest.mark.parametrize("network", ["main", "test", "regtest"])
def test_addresses_of_scripts(network: str) -> None:
    chain = FakeChain(height=0, network=network)
    address = answer(chain, "getnewaddress", "", "p2sh-segwit")["result"]
    assert address[0] in {"main": "e", "test": "2", "regtest": "2"}[network]
    owner = read_address(NETWORKS[network], address)
    assert (owner.legacy, owner.script) == (True, True)
    assert write_address(NETWORKS[network], owner) == address


# getrawtransaction -------------------------------------------------------------------------


def test_a_transaction_before_and_after_its_block(chain: FakeChain) -> None:
    txid = chain.name_new(NAME, "v")
    waiting = raw(chain, txid, True)
    assert waiting["txid"] == txid
    assert "blockhash" not in waiting
    assert raw(chain, txid) == raw(chain, txid, False) == raw(chain, txid, 0) == waiting["hex"]
    assert waiting["hash"] == double_sha256(bytes.fromhex(waiting["hex"]))[::-1].hex() != txid
    chain.mine(2)
    mined = raw(chain, txid.upper(), 1)
    place = {"blockhash": chain.block_hash(5), "confirmations": 2}
    assert mined == waiting | place | {"blocktime": mined["blocktime"]}
    chain.reorg(2)
    gone = raw(chain, txid, 1)
    assert (gone["blockhash"], gone["confirmations"]) == (place["blockhash"], 0)
    assert "blocktime" not in gone


def test_coins_and_coinbases_are_there_too(chain: FakeChain) -> None:
    txid = chain.name_new(NAME, "v", address=chain.new_address())
    coin = raw(chain, raw(chain, txid, 1)["vin"][0]["txid"], 1)
    assert "blockhash" not in coin
    coinbase = chain.tree.tip.make()[0].txid
    assert "coinbase" in raw(chain, coinbase, 1)["vin"][0]


def test_what_is_not_told(chain: FakeChain) -> None:
    """Unknown, of an owner without a known key, and loaded in bulk."""
    unknown = "emrt1q6nh6cv5aec6v2klx7vkjdnwchxs0gvf3jzzgvv"
    chain.load([(b"enum:1415:0", b"v", 1, chain.new_address())])
    bulk = chain.tree.tip.make()[1].txid
    for txid in ("ab" * 32, chain.name_new(NAME, "v", address=unknown), bulk):
        error = answer(chain, "getrawtransaction", txid, 1)["error"]
        assert error == {"code": -5, "message": NO_SUCH}


def test_parameters(chain: FakeChain) -> None:
    error = answer(chain, "getrawtransaction", "xy")["error"]
    assert error["code"] == -8
    assert "must be hexadecimal string (not 'xy')" in error["message"]
    assert answer(chain, "getrawtransaction", "ab" * 32, "1")["error"]["code"] == -5
    txid = chain.name_new(NAME, "v")
    assert answer(chain, "getrawtransaction", txid, "1")["error"]["code"] == -1


def test_a_recorded_transaction_has_the_same_fields(chain: FakeChain) -> None:
    path = SHARED / "06-reorg-zmq-blockscan.txt"
    if not path.is_file():
        pytest.skip("no transcripts here")
    lines = path.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(">>> getrawtransaction"))
    real = json.loads(lines[at + 1].split(" ", 3)[3])["result"]
    chain.name_new(NAME, "v", address=chain.new_address())
    chain.mine()
    txid = chain.name_update(NAME, "v")
    chain.mine()
    made = raw(chain, txid, 2)
    assert list(made) == list(real)
    assert list(made["vin"][0]) == list(real["vin"][0])
    assert [list(item) for item in made["vout"]] == [list(item) for item in real["vout"]]
    assert (made["vout"][1]["nvsname"], made["vout"][1]["nvsvalue"]) == (NAME, "v")
