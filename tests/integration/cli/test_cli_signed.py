"""Names given to a listed owner: registered, looked up, linted, explained, mirrored."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nvs.testing import FakeChain, FakeChainNode
from nvs.testing.chain_addresses import read_address
from nvs.testing.rpc_method import CallError
from tests.integration.cli.conftest import Invoke, document

FLOW = sys.modules["enum_backend.cli.registration"]
NUMBER = "+14155551234"
E164 = "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa"
VOICE = ("--voice", "sip:alice@pbx.example")
UNSIGNED = "registered to a listed address but not signed by it"


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain(height=60)


@pytest.fixture
def node(chain: FakeChain) -> Iterator[FakeChainNode]:
    with FakeChainNode(chain) as node:
        yield node


@pytest.fixture
def owner(chain: FakeChain) -> str:
    return chain.new_address()


def settings(folder: Path, node: FakeChainNode, owner: str, source: str, rule: str = "") -> str:
    path = folder / f"{source}.toml"
    path.write_text(
        f"data_dir = '{folder / 'data'}'\n[nvs]\nsource = '{source}'\n"
        f"[nvs.rpc]\nurl = '{node.url}'\n"
        + (f"[trust]\nrequire_signer = '{rule}'\n" if rule else "")
        + f"[[trust.owners]]\naddress = '{owner}'\ntenant = 'office'\nnumbers = ['+1415']\n"
    )
    return str(path)


@pytest.fixture
def config(folder: Path, node: FakeChainNode, owner: str) -> str:
    return settings(folder, node, owner, "rpc")


@pytest.fixture
def stolen(chain: FakeChain, owner: str) -> None:
    """Somebody else registered the number to the owner's address."""
    value = '{"voice":"sip:evil@pbx.example"}'
    chain.name_new(E164, value, 30, address=owner, paid_by=chain.stranger())
    chain.mine()


def test_a_registration_that_another_address_paid(
    invoke: Invoke,
    config: str,
    chain: FakeChain,
    owner: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FLOW, "INTERVAL", 0.01)
    chain.wallet.pays_from = read_address(chain.network, chain.new_address())
    chain.before_call("name_show", chain.mine, after=2)
    wait = ("--yes", "--wait", "--config", config)
    shown = invoke("register", NUMBER, *VOICE, "--to-address", owner, *wait).stdout
    assert "note     the owner is in trust.owners: it has to sign what it says" in shown
    assert "not yet trusted, as another address paid: run `update` once, with --days 1" in shown
    seen = document(invoke("lookup", NUMBER, "--json", "--config", config))
    assert seen["trust"]["level"] == "untrusted"
    assert UNSIGNED in seen["trust"]["reason"]

    chain.before_call("name_show", chain.mine, after=3)
    answer = document(invoke("update", NUMBER, "--days", "1", "--json", *wait))
    assert answer["signed"] is True
    assert f"the present value was not signed by its owner {owner}" in answer["notes"][0]
    seen = document(invoke("lookup", NUMBER, "--json", "--config", config))
    assert seen["trust"]["level"] == "operator"
    assert seen["trust"]["reason"].endswith("; it signed this value")
    chain.before_call("name_show", chain.mine, after=3)
    answer = document(invoke("update", NUMBER, "--days", "1", "--json", *wait))
    assert answer["notes"] == []


def test_a_registration_that_the_owner_paid(
    invoke: Invoke,
    config: str,
    chain: FakeChain,
    owner: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FLOW, "INTERVAL", 0.01)
    chain.before_call("name_show", chain.mine, after=2)
    arguments = (*VOICE, "--to-address", owner, "--yes", "--wait", "--config", config)
    shown = invoke("register", NUMBER, *arguments).stdout
    assert "not yet trusted" not in shown
    assert shown.splitlines()[-1].startswith(f"confirmed: owner {owner}")
    printed = invoke(
        "register", NUMBER, *VOICE, "--to-address", owner, "--print", "--config", config
    )
    assert "it has to sign what it says" in printed.stderr


@pytest.mark.parametrize("code", [-32601, -1])
def test_a_node_that_cannot_tell(
    invoke: Invoke,
    config: str,
    chain: FakeChain,
    owner: str,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
) -> None:
    def refuse() -> None:
        raise CallError(code, "no")

    monkeypatch.setattr(FLOW, "INTERVAL", 0.01)
    chain.before_call("name_show", chain.mine, after=2)
    chain.before_call("getrawtransaction", refuse, times=None)
    arguments = (*VOICE, "--to-address", owner, "--yes", "--wait", "--config", config)
    shown = invoke("register", NUMBER, *arguments).stdout
    assert shown.endswith("whether the owner signed it could not be found out, see `lookup`\n")


@pytest.mark.usefixtures("stolen")
def test_lookup_lint_and_explain_say_so(
    invoke: Invoke, config: str, chain: FakeChain, owner: str
) -> None:
    at = ("--config", config)
    shown = invoke("lookup", NUMBER, *at).stdout
    assert f"trust   untrusted: {UNSIGNED}: anybody may have written this, until {owner}" in shown
    for target in (NUMBER, E164):
        assert f"warning {E164} owner: {UNSIGNED}" in invoke("lint", target, *at).stdout
    shown = invoke("explain", NUMBER, *at).stdout
    assert f"  trust     {UNSIGNED}" in shown

    chain.name_new("enum:14155551234:0", "E2U+sip=1|1|!^.*$!sip:a@b.example!", address=owner)
    chain.mine()
    lines = invoke("lookup", NUMBER, *at).stdout.splitlines()
    place = lines.index(f"  entry   {E164}  [voice-sms, untrusted]")
    assert lines[place + 1].strip().startswith(UNSIGNED)
    assert f"  {UNSIGNED}" not in lines[1]
    assert lines[-1] == "  entry   enum:14155551234:0  [enumer, operator]"


@pytest.mark.usefixtures("stolen")
def test_the_mirror_says_so(invoke: Invoke, folder: Path, node: FakeChainNode, owner: str) -> None:
    config = settings(folder, node, owner, "mirror")
    assert document(invoke("sync", "--json", "--config", config))["success"]
    seen = document(invoke("lookup", NUMBER, "--json", "--config", config))
    assert (seen["source"], seen["trust"]["level"]) == ("mirror", "untrusted")
    assert UNSIGNED in seen["trust"]["reason"]
    assert document(invoke("sync", "--verify", "--json", "--config", config))["differences"] == []


@pytest.mark.usefixtures("stolen")
@pytest.mark.parametrize("source", ["rpc", "mirror"])
def test_nobody_is_asked_where_the_settings_say_so(
    invoke: Invoke, folder: Path, node: FakeChainNode, owner: str, source: str
) -> None:
    config = settings(folder, node, owner, source, "never")
    if source == "mirror":
        invoke("sync", "--config", config)
    seen = document(invoke("lookup", NUMBER, "--json", "--config", config))
    assert seen["trust"]["level"] == "operator"
    assert node.calls("getrawtransaction") == []
