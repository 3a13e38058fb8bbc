"""The wallet of the fake chain: operations, keys, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nvs.testing import FakeChain, FakeRpc
from nvs.testing.chain_addresses import NETWORKS, read_address
from nvs.testing.fake_wallet import verify

VERIFIER = "mqZYo461aC5KbPjHA7JYEfDQRn2bQ5UB5p"
SIGNATURE = (
    "IBH/Uno3m8swEiACTnWrU3k6lgcp1cREe1N8UgbRa0wIby4Wc5jDJVOeJeVgCy3eY8RfX51O8IoRQHBwRzOnfxE="
)


def answer(chain: FakeChain, method: str, *params: Any) -> tuple[int, Any]:
    body = json.dumps({"id": 1, "method": method, "params": params}, ensure_ascii=False).encode()
    status, reply = FakeRpc(chain).answer(body)
    return status, json.loads(reply.decode("latin-1"))


def ask(chain: FakeChain, method: str, *params: Any) -> Any:
    status, reply = answer(chain, method, *params)
    assert status == 200, reply
    return reply["result"]


def error(chain: FakeChain, method: str, *params: Any) -> tuple[int, str]:
    status, reply = answer(chain, method, *params)
    assert status == (404 if reply["error"]["code"] == -32601 else 500)
    return reply["error"]["code"], reply["error"]["message"]


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain(height=40)


def names(items: list[dict[str, Any]]) -> list[str]:
    return [item["name"] for item in items]


# Wallet ------------------------------------------------------------------------------------


def test_the_wallet_registers_changes_and_deletes(chain) -> None:
    txid = ask(chain, "name_new", "a", "v", 1)
    (pending,) = ask(chain, "name_mempool")
    assert {k: v for k, v in pending.items() if k not in {"address", "time"}} == {
        "name": "a",
        "txid": txid,
        "address_is_mine": "true",
        "operation": "name_new",
        "days_added": 1,
        "value": "v",
    }
    for call in (("name_new", "a", "v", 1), ("name_delete", "a")):
        text = f"there are 1 pending operations on that name, including {txid}"
        assert error(chain, *call) == (-32603, text)
    chain.mine()
    assert error(chain, "name_new", "a", "v", 1) == (-32603, "name_new on an unexpired name")
    ask(chain, "name_update", "a", "00ff", 0, VERIFIER, "hex")
    assert "address_is_mine" not in ask(chain, "name_mempool", "hex")[0]
    chain.mine()
    assert chain.find("a").value == b"\x00\xff"
    assert chain.find("a").address == VERIFIER
    assert error(chain, "name_delete", "a") == (-32603, "this name is not in your wallet")
    (listed,) = ask(chain, "name_list", "a", "hex")
    assert (listed["value"], listed["transferred"]) == ("76", True)
    ask(chain, "name_new", "b", "AP+A/gE=", 1, "", "base64")
    chain.mine()
    assert chain.find("b").value == b"\x00\xff\x80\xfe\x01"
    assert names(ask(chain, "name_list")) == ["a", "b"]
    ask(chain, "name_delete", "b")
    assert "value" not in ask(chain, "name_mempool")[0]
    chain.mine()
    assert names(ask(chain, "name_list")) == ["a"]
    assert ask(chain, "name_list", "nobody's") == []


@pytest.mark.parametrize(
    ("call", "code", "text"),
    [
        (("name_update", "nosuch", "x", 1), -32603, "name_update on an inactive name"),
        (("name_delete", "nosuch"), -32603, "name_delete on an inactive name"),
        (("name_new", "a", "", 1), -32603, "value must not be empty"),
        (("name_new", "a", "v" * 20481, 1), -32603, "value is too long.\n"),
        (("name_new", "x" * 513, "v", 1), -32603, "name is too long.\n"),
        (("name_new", "a", "b", 0), -32603, "rental days must be greater than 0.\n"),
        (("name_update", "a", "b", -1), -32603, "rental days must be greater than 0.\n"),
        (("name_new", "a", "v", 366000001), -32603, "rental days value is too large.\n"),
        (("name_new", "a", "b", "1"), -1, "JSON value is not an integer as expected"),
        (("name_new", "a", "b", 1.5), -1, "JSON value is not an integer as expected"),
        (("name_new", 5, "b", 1), -1, "JSON value is not a string as expected"),
        (("name_new", "a"), -1, "usage: name, value, days, toaddress, valuetype"),
        (("name_new", "a", "zz", 5, "", "hex"), -32603, "failed to decode value as hex"),
        (("name_new", "a", "!!!", 5, "", "base64"), -32603, "failed to decode value as base64"),
        (("name_new", "a", "/etc/passwd", 5, "", "file"), -32603, "failed to open file"),
        (("name_new", "a", "v", 5, "E123"), -32603, "Invalid emercoin address"),
        (("getblockhash", 41), -8, "Block height out of range"),
        (("getblock", "ab"), -8, "blockhash must be of length 64 (not 2, for 'ab')"),
        (("getblock", "ab" * 32), -5, "Block not found"),
        (
            ("getblock", "x" * 64),
            -8,
            f"blockhash must be hexadecimal string (not '{'x' * 64}')",
        ),
        (("signmessage", "x", "m"), -5, "Invalid address"),
        (("signmessage", VERIFIER, "m"), -4, "Private key not available"),
        (("verifymessage", "x", SIGNATURE, "m"), -5, "Invalid address"),
        (("verifymessage", VERIFIER, "!", "m"), -5, "Malformed base64 encoding"),
    ],
)
def test_refusals(chain, call, code, text) -> None:
    assert error(chain, *call) == (code, text)


def test_a_node_without_wallet(chain) -> None:
    chain.has_wallet = False
    for call in (("name_list",), ("name_new", "a", "b", 1), ("name_history", "a")):
        code, text = error(chain, *call)
        assert code == -32601
        assert text.endswith("(wallet method is disabled because no wallet is loaded)")
    assert ask(chain, "name_filter") == []


def test_a_node_that_downloads_blocks(chain) -> None:
    chain.downloading = True
    for call in (("name_show", "a"), ("name_scan",), ("name_filter",), ("name_new", "a", "b", 1)):
        assert error(chain, *call) == (-10, "Emercoin is downloading blocks...")
    assert ask(chain, "name_mempool") == []
    info = ask(chain, "getblockchaininfo")
    assert (info["chain"], info["blocks"], info["initialblockdownload"]) == ("regtest", 40, True)
    assert info["bestblockhash"] == chain.best_hash()


# Keys --------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", ["main", "test", "regtest"])
@pytest.mark.parametrize("legacy", [True, False])
def test_messages_signed_by_real_keys(network, legacy) -> None:
    chain = FakeChain(height=0, network=network)
    address = ask(chain, "getnewaddress", "", "legacy" if legacy else "bech32")
    signature = ask(chain, "signmessage", address, "enum:1:0")
    assert chain.sign(address, "enum:1:0") == signature
    assert ask(chain, "verifymessage", address, signature, "enum:1:0") is True
    assert ask(chain, "verifymessage", address, signature, "enum:1:1") is False
    assert ask(chain, "verifymessage", chain.new_address(), signature, "enum:1:0") is False


def test_a_recorded_signature(chain) -> None:
    assert ask(chain, "verifymessage", VERIFIER, SIGNATURE, "enum:17771234567:0") is True


def test_signatures_that_are_none() -> None:
    owner = read_address(NETWORKS["regtest"], VERIFIER)
    for packed in (b"AAAA", b"////" * 22):
        assert not verify(owner, packed, b"m")
    nowhere = b"H" + b"/" * 85 + b"8="  # r and s beyond the curve's order
    assert not verify(owner, nowhere, b"m")
