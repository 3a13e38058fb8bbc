"""`register`, `update`, `delete`: against a fake chain, and without any node."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from enum_backend.cli.register import delete, register, update
from enum_backend.cli.registration_text import ProgressLine
from nvs.testing import FakeChain, FakeChainNode
from tests.integration.cli.conftest import document

FLOW = sys.modules["enum_backend.cli.registration"]
NUMBER = "+14155551234"
E164 = "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa"
ENUMER = "enum:14155551234:0"
VALUE = '{"voice":"sip:alice@domain.com","sms":"telnyx:+14155551234"}'
ALICE = ("--voice", "sip:alice@domain.com", "--sms", "telnyx:+14155551234")
NATIVE = "E2U+sip=100|10|!^.*$!sip:alice@domain.com!"

Call = Callable[..., Result]


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain(height=60)


@pytest.fixture
def node(chain: FakeChain, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeChainNode]:
    with FakeChainNode(chain) as node:
        monkeypatch.setenv("ENUM_BACKEND_NVS__RPC__URL", node.url)
        yield node


@pytest.fixture
def no_node(node: FakeChainNode) -> FakeChainNode:
    node.refuse_connections()
    return node


@pytest.fixture
def call() -> Call:
    """Run one of the three; checks its exit code."""

    def run(command: click.Command, *arguments: str, code: int = 0, typed: object = "") -> Result:
        assert isinstance(typed, str | bytes)
        result = CliRunner().invoke(command, [NUMBER, *arguments], input=typed)
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return run


# Printing


def test_the_documented_line(call: Call, no_node: FakeChainNode) -> None:
    result = call(register, *ALICE, "--days", "365", "--print")
    assert result.stdout == f"emercoin-cli name_new '{E164}' '{VALUE}' 365\n"
    assert result.stderr == ""
    assert no_node.requests == []


def test_printing_native_lines(call: Call, node: FakeChainNode, chain: FakeChain) -> None:
    result = call(register, *ALICE, "--format", "enumer", "--days", "9", "--print")
    assert result.stdout == (
        f"emercoin-cli name_new '{ENUMER}' '{NATIVE}\n"
        "E2U+sms:tel=100|20|!^.*$!tel:+14155551234!' 9\n"
    )
    assert "sms: ENUMER lines cannot say that telnyx carries" in result.stderr
    chain.name_new(ENUMER, "v")
    chain.mine()
    assert "enum:14155551234:1'" in call(register, *ALICE, "--format", "enumer", "--print").stdout
    node.refuse_connections()
    result = call(register, *ALICE, "--format", "enumer", "--print")
    assert ENUMER in result.stdout
    assert "index 0 is a guess" in result.stderr
    result = call(register, *ALICE, "--format", "enumer", "--index", "7", "--print")
    assert "enum:14155551234:7'" in result.stdout


def test_a_shell_takes_the_lines(call: Call, no_node: FakeChainNode, tmp_path: Path) -> None:
    program = tmp_path / "emercoin-cli"
    program.write_text(
        f"#!{sys.executable} -I\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n"
    )
    program.chmod(0o755)
    native = (*ALICE, "--format", "enumer", "--index", "0", "--print")
    for command, word in ((register, "name_new"), (update, "name_update")):
        done = subprocess.run(
            ["bash", "-c", call(command, *native).stdout],
            env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
            capture_output=True,
            check=True,
            timeout=30,
        )
        assert json.loads(done.stdout)[:3] == [
            word,
            ENUMER,
            f"{NATIVE}\nE2U+sms:tel=100|20|!^.*$!tel:+14155551234!",
        ]


def test_printing_an_update(call: Call, node: FakeChainNode, chain: FakeChain) -> None:
    address = chain.new_address()
    line = f"emercoin-cli name_update '{E164}' '{VALUE}' 0"
    assert (
        call(update, *ALICE, "--print", "--to-address", address).stdout == f"{line} '{address}'\n"
    )
    result = call(update, *ALICE, "--print")
    assert result.stdout.startswith("# Without an address")
    assert result.stdout.endswith(f"\n{line}\n")
    assert "not active" in result.stderr
    chain.name_new(E164, "v", address=address)
    chain.mine()
    assert call(update, *ALICE, "--print").stdout == f"{line} '{address}'\n"
    node.refuse_connections()
    result = call(update, *ALICE, "--print")
    assert result.stdout.splitlines()[1] == line
    assert "could not be read" in result.stderr
    assert call(delete, "--print").stdout == f"emercoin-cli name_delete '{E164}'\n"


def test_printing_as_json(call: Call, no_node: FakeChainNode) -> None:
    answer = document(call(register, *ALICE, "--print", "--json"))
    assert answer["commands"] == [f"emercoin-cli name_new '{E164}' '{VALUE}' 365"]
    assert (answer["success"], answer["name"], answer["value"]) == (True, E164, VALUE)
    assert answer["blocks"] == 365 * 175
    assert answer["naptr"][1].endswith('"E2U+sms:tel" "!^.*$!tel:+14155551234!" .')


def test_warnings_are_not_in_the_way(call: Call, no_node: FakeChainNode) -> None:
    result = call(register, *ALICE, "--forward-to", "alice@example.com", "--print")
    assert result.stdout.count("\n") == 1
    assert "warning" in result.stderr
    assert "an e-mail address stands on the chain" in result.stderr


# Refusals before anything is sent


@pytest.mark.parametrize("more", [(), ("--print",)])
def test_what_would_be_unreadable_is_refused(
    call: Call, node: FakeChainNode, more: tuple[str, ...]
) -> None:
    result = call(register, "--voice", "alice", "--yes", *more, code=1)
    assert f"error   {E164} $.voice: uri:" in result.stderr
    assert "enum-backend: " in result.stderr
    answer = document(call(register, "--voice", "alice", "--yes", "--json", *more, code=1))
    assert answer["error_code"] == "REGISTRATION_REFUSED"
    assert answer["findings"][0]["field"] == "$.voice"
    assert node.calls("name_new") == []


def test_json_never_asks(call: Call, node: FakeChainNode) -> None:
    answer = document(call(register, *ALICE, "--json", code=1))
    assert "--yes" in answer["error"]
    assert node.requests == []


def test_nobody_can_be_asked_when_the_value_is_typed(call: Call, node: FakeChainNode) -> None:
    result = call(register, "--value-file", "-", typed=NATIVE, code=1)
    assert "nobody can be asked" in result.stderr
    assert node.calls("name_new") == []


@pytest.mark.parametrize("typed", ["n\n", ""])
def test_no_means_no(call: Call, node: FakeChainNode, typed: str) -> None:
    result = call(register, *ALICE, typed=typed, code=1)
    assert "Send name_new now?" in result.output
    assert node.calls("name_new") == []


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--ttl", "60"),
        ("--sms", "telnyx"),
        ("--voice", "sip:a@b", "--forward-to", "a@b"),
        ("--service", "=x"),
        ("--voice", "sip:a@b", "--days", "0"),
        ("--voice", "sip:a@b", "--days", "366000001"),
        ("--voice", "sip:a@b", "--index", "1"),
        ("--voice", "sip:a@b", "--value-file", "-"),
        ("--value-file", "-", "--sign-with", "ver:x"),
        ("--voice", "sip:a@b", "--timeout", "soon"),
    ],
)
def test_wrong_use(call: Call, no_node: FakeChainNode, arguments: tuple[str, ...]) -> None:
    call(register, *arguments, code=2)


def test_more_wrong_use(call: Call, no_node: FakeChainNode, tmp_path: Path) -> None:
    call(update, code=2)
    call(delete, "--index", "1", code=2)
    call(register, "--value-file", str(tmp_path / "none"), code=1)
    answer = document(call(register, *ALICE, "--print", "--to-address", "../x", "--json", code=1))
    assert answer["error_code"] == "VALIDATION_FAILED"
    assert "address" in answer["error"]


def test_a_node_that_is_not_there(
    call: Call, no_node: FakeChainNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments in (ALICE, (*ALICE, "--format", "enumer"), (*ALICE, "--sign-with", "ver:x")):
        answer = document(call(register, *arguments, "--yes", "--json", code=1))
        assert answer["error_code"] == "NVS_UNAVAILABLE"
        assert no_node.password not in json.dumps(answer)
    monkeypatch.setenv("ENUM_BACKEND_NVS__RPC__URL", "ftp://x")
    assert "nvs.rpc.url" in call(register, *ALICE, "--yes", code=1).stderr


# Sending


def test_register_update_delete(call: Call, node: FakeChainNode, chain: FakeChain) -> None:
    result = call(register, *ALICE, "--days", "10", typed="y\n")
    for part in (
        f"register {E164}",
        f"value    {VALUE}",
        "octets",
        "10 days = 1750 blocks, until about ",
        "a fresh address of the wallet",
        'DNS      100 10 "u" "E2U+sip" "!^.*$!sip:alice@domain.com!" .',
        "sent, transaction ",
        "--wait",
    ):
        assert part in result.stdout
    ((name, value, days, address, kind),) = node.calls("name_new")
    assert (name, bytes.fromhex(value).decode(), str(days)) == (E164, VALUE, "10")
    assert (address, kind) == ("", "hex")
    pending = call(register, *ALICE, "--yes", code=1).stderr
    assert "pending already: name_new" in pending
    chain.mine()
    owner = chain.live()[E164.encode()].address
    again = call(register, *ALICE, "--yes", code=1).stderr
    assert f"owned by {owner}; an update changes it" in again

    answer = document(call(update, "--voice", "sip:bob@b.example", "--yes", "--json"))
    assert (answer["success"], answer["to_address"]) == (True, owner)
    assert "confirmed" not in answer
    chain.mine()
    assert chain.live()[E164.encode()].address == owner
    assert chain.live()[E164.encode()].value == b'{"voice":"sip:bob@b.example"}'

    call(update, "--days", "5", "--yes")
    chain.mine()
    renewed = chain.live()[E164.encode()]
    assert renewed.value == b'{"voice":"sip:bob@b.example"}'
    assert renewed.expires_at == 61 + 15 * 175

    result = call(delete, "--yes")
    assert "anybody may register it" in result.stdout
    chain.mine()
    assert chain.live() == {}
    assert "is not active" in call(delete, "--yes", code=1).stderr
    assert "no value to keep" in call(update, "--days", "5", "--yes", code=1).stderr


def test_a_new_owner(call: Call, node: FakeChainNode, chain: FakeChain) -> None:
    first, second = chain.new_address(), chain.new_address()
    call(register, *ALICE, "--to-address", first, "--yes")
    chain.mine()
    assert chain.live()[E164.encode()].address == first
    call(update, *ALICE, "--to-address", second, "--yes")
    chain.mine()
    assert chain.live()[E164.encode()].address == second


def test_values_as_they_stand(
    call: Call, node: FakeChainNode, chain: FakeChain, tmp_path: Path
) -> None:
    file = tmp_path / "value"
    file.write_bytes(NATIVE.encode() + b"\n# caf\xc3\xa9\n")
    call(register, "--value-file", str(file), "--yes")
    call(register, "--value-file", "-", "--format", "json", "--yes", typed=VALUE)
    chain.mine()
    assert chain.live()[ENUMER.encode()].value == file.read_bytes()
    assert chain.live()[E164.encode()].value == VALUE.encode()
    file.write_bytes(b"E2U+sip=1|1|!^.*$!sip:a@b!\n# \x1b[2J")
    call(update, "--value-file", str(file), "--format", "enumer", "--index", "0", "--yes")
    shown = call(register, "--value-file", str(file), "--index", "1", typed="n", code=1).output
    assert "\\x1b[2J" in shown
    assert "\x1b" not in shown
    file.write_bytes(b"#" * 20481)
    assert "20481 octets" in call(register, "--value-file", str(file), code=1).stderr


def test_native_names(call: Call, node: FakeChainNode, chain: FakeChain) -> None:
    native = ("--voice", "sip:alice@domain.com", "--format", "enumer")
    for index in (0, 1):
        answer = document(call(register, *native, "--yes", "--json"))
        assert answer["name"] == f"enum:14155551234:{index}"
        chain.mine()
    gap = document(call(register, *native, "--index", "5", "--yes", "--json", code=1))
    assert "gap" in {finding["rule"] for finding in gap["findings"]}
    assert "would never be read" in call(register, *native, "--index", "5", "--yes", code=1).stderr
    which = call(delete, "--format", "enumer", "--yes", code=1).stderr
    assert "2 names are live, say which (0 to 1)" in which
    result = call(delete, "--format", "enumer", "--index", "0", "--yes")
    assert "note     enum:14155551234:1 and later ones will not be read then" in result.stdout
    chain.mine()
    call(delete, "--format", "enumer", "--index", "1", "--yes")
    chain.mine()
    call(register, *native, "--yes")
    chain.mine()
    assert chain.live()[ENUMER.encode()].value == NATIVE.encode()
    call(update, *native, "--ttl", "60", "--yes")
    chain.mine()
    assert chain.live()[ENUMER.encode()].value == f"{NATIVE}\nTTL=60".encode()


def test_signing(call: Call, node: FakeChainNode, chain: FakeChain) -> None:
    address = chain.new_address(legacy=True)
    chain.name_new("ver:x", "v", address=address)
    chain.mine()
    voice = ("--voice", "sip:alice@domain.com", "--sign-with", "ver:x", "--yes")
    call(register, *voice)
    call(register, *voice, "--format", "enumer")
    chain.mine()
    value = json.loads(chain.live()[E164.encode()].value)
    assert value["sig"] == f"ver:x|{chain.sign(address, E164)}"
    lines = chain.live()[ENUMER.encode()].value.decode().split("\n")
    assert lines == [f"SIG=ver:x|{chain.sign(address, ENUMER)}", NATIVE]
    answer = document(call(update, *voice[:2], "--sign-with", "ver:y", "--json", code=1))
    assert answer["error_code"] == "SIGNING_FAILED"


def test_the_nodes_own_words(call: Call, node: FakeChainNode, chain: FakeChain) -> None:
    chain.name_new(E164, "v", address=FakeChain(seed=3).new_address())
    chain.mine()
    answer = document(call(update, *ALICE, "--yes", "--json", code=1))
    assert answer["error_code"] == "NVS_RPC_ERROR"
    assert "this name is not in your wallet (code -32603)" in answer["error"]
    chain.has_wallet = False
    assert "wallet method is disabled" in call(update, *ALICE, "--yes", code=1).stderr


def test_an_owner_nobody_knows(
    call: Call, node: FakeChainNode, chain: FakeChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain.name_new(E164, "v")
    chain.mine()
    monkeypatch.setattr(FLOW.NameState, "address", "")
    assert "say --to-address" in call(update, *ALICE, "--yes", code=1).stderr


# Waiting


def test_waiting(
    call: Call, node: FakeChainNode, chain: FakeChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FLOW, "INTERVAL", 0.01)
    chain.before_call("name_show", chain.mine, after=4)
    result = call(register, *ALICE, "--days", "10", "--yes", "--wait")
    owner = chain.live()[E164.encode()].address
    assert result.stdout.endswith(f"confirmed: owner {owner}, until block {61 + 1750}\n")
    assert "waiting for a block, 0 s" in result.stderr
    chain.before_call("name_show", chain.mine, after=2)
    answer = document(call(update, *ALICE, "--yes", "--wait", "--json"))
    assert (answer["confirmed"], answer["address"]) == (True, owner)
    assert answer["expires_at"] == 61 + 1750
    chain.before_call("name_show", chain.mine, after=2)
    assert "confirmed: the name is free" in call(delete, "--yes", "--wait").stdout


def test_waiting_in_vain(call: Call, node: FakeChainNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FLOW, "INTERVAL", 0.01)
    arguments = (*ALICE, "--yes", "--wait", "--timeout", "0.05s", "--json")
    answer = document(call(register, *arguments, code=1))
    assert answer["error_code"] == "WAIT_TIMEOUT"
    assert "no block has it" in answer["error"]


def test_progress_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    line = ProgressLine()
    line(5.0, "")
    line(10.0, "no answer")
    line.close()
    shown = capsys.readouterr().err
    assert shown.count("\r") == 2
    assert "10 s: no answer" in shown
    assert shown.endswith("\n")
