"""`lookup`, `explain`, `lint`: what the records say, without a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nvs.testing import FakeNode
from tests.integration.cli.conftest import Invoke, document


def test_lookup(invoke: Invoke, config: str) -> None:
    text = invoke("lookup", "+1 415 555-1234", "--config", config).stdout
    assert "+14155551234  (4.3.2.1.5.5.5.5.1.4.1.e164.arpa)" in text
    assert "operator" in text
    assert "voice   E2U+sip  sip:alice@pbx.example" in text
    assert "sms     telnyx -> +14155551234  (not configured here)" in text
    assert "forward alice@example.com" in text
    assert 'NAPTR   100 10 "u" "E2U+sip" "!^.*$!sip:alice@pbx.example!" .' in text
    text = invoke("lookup", "14155550102", "--config", config).stdout
    assert "webhook https://hook.example/x" in text
    assert "! $.voice: " in text


def test_lookup_as_json(invoke: Invoke, config: str) -> None:
    answer = document(invoke("lookup", "14155550101", "--json", "--config", config))
    assert answer["naptr"] == ['100 10 "u" "E2U+sip" "!^(.*)$!sip:bob@pbx.example!" .']
    assert (answer["ttl"], answer["sms"], answer["number"]) == (600, None, "+14155550101")


def test_lookup_of_what_is_not_there(invoke: Invoke, config: str) -> None:
    result = invoke("lookup", "+14155559999", "--config", config, code=1)
    assert result.stdout == ""
    assert result.stderr == "enum-backend: There is no record for +14155559999.\n"
    answer = document(invoke("lookup", "12", "--json", "--config", config, code=1))
    assert answer["success"] is False
    assert answer["error_code"] == "INVALID_PHONE_FORMAT"


def test_lookup_publishes_nothing_untrusted(invoke: Invoke, config: str) -> None:
    path = Path(config)
    path.write_text(path.read_text() + 'trust = "untrusted"\n')
    assert "NAPTR   none published" in invoke("lookup", "14155550101", "--config", config).stdout


def test_node_that_is_down(invoke: Invoke, folder: Path) -> None:
    with FakeNode() as node:
        node.add("enum:14155550101:0", "!^.*$!sip:a@b.example!")
        path = folder / "rpc.toml"
        path.write_text(f'[nvs]\nsource = "rpc"\n[nvs.rpc]\nurl = "{node.url}"\ntimeout = 1\n')
        assert "height" in invoke("lookup", "14155550101", "--config", str(path)).stdout
        node.refuse_connections()
        for command in ("lookup", "lint", "explain"):
            arguments = (command, "14155550101", "--json", "--config", str(path))
            answer = document(invoke(*arguments, code=1))
            assert answer["error_code"] == "NVS_UNAVAILABLE"
            assert node.password not in json.dumps(answer)


def test_explain(invoke: Invoke, config: str, folder: Path) -> None:
    text = invoke("explain", "14155550102", "--message", "Zürich", "--config", config).stdout
    assert "+14155550102 -> +14155550104  (simulation mode)" in text
    assert "* record" in text
    assert "chain     simulator" in text
    assert "text      GSM-7, 1 segment(s)" in text
    assert "cost      no price is set" in text
    assert "limit     per_recipient_hour: 0 of 5 used" in text
    assert not (folder / "data").exists(), "explaining creates nothing"


def test_explain_as_json_with_a_price(invoke: Invoke, config: str, folder: Path) -> None:
    path = Path(config)
    gateway = '[gateways.telnyx]\napi_key = "KEYtest"\nfrom = "+14155550100"\nprice = "0.004"\n'
    path.write_text(path.read_text() + gateway)
    invoke("db", "upgrade", "--config", config)
    for sender in ("(415) 555-0100", "+14155550100"):
        arguments = ("explain", "14155551234", "--from", sender, "--gateway", "telnyx")
        answer = document(invoke(*arguments, "--message", "x", "--json", "--config", config))
        assert answer["chain"] == ["telnyx"]
        assert answer["mode"] == "live"
        assert answer["estimated_cost"] == {"amount": "0.0040", "currency": "USD"}
    text = invoke("explain", "14155551234", "--message", "x", "--config", config).stdout
    assert "cost      0.0040 USD" in text
    assert (folder / "data" / "enum-backend.sqlite3").exists()
    arguments = ("explain", "14155551234", "--from", "Nobody", "--json", "--config", config)
    assert document(invoke(*arguments, code=1))["error_code"] == "VALIDATION_FAILED"


def test_explain_refuses(invoke: Invoke, config: str) -> None:
    answer = document(invoke("explain", "123", "--json", "--config", config, code=1))
    assert answer["error_code"] == "INVALID_PHONE_FORMAT"
    arguments = ("explain", "14155551234", "--gateway", "nobody", "--json", "--config", config)
    assert document(invoke(*arguments, code=1))["error_code"] == "GATEWAY_NOT_CONFIGURED"


def test_lint_of_a_number(invoke: Invoke, config: str) -> None:
    answer = document(invoke("lint", "14155550102", "--json", "--config", config, code=1))
    assert answer["success"] is False
    assert {finding["name"] for finding in answer["findings"]} == {"enum:14155550102:0"}
    assert "$.voice" in {finding["field"] for finding in answer["findings"]}
    result = invoke("lint", "14155559999", "--config", config, code=1)
    assert "There is no record" in result.stderr


def test_lint_of_one_name(invoke: Invoke, config: str) -> None:
    name = "enum:14155550102:0"
    answer = document(invoke("lint", name, "--json", "--config", config, code=1))
    assert {finding["name"] for finding in answer["findings"]} == {name}
    invoke("lint", "enum:14155550101:0", "--config", config)
    result = invoke("lint", "enum:14155550101:1", "--config", config, code=1)
    assert "There is no record enum:14155550101:1." in result.stderr
    invoke("lint", "enum:nonsense", "--config", config, code=1)


@pytest.mark.parametrize("target", ["14155550101", "enum:14155550101:0"])
@pytest.mark.parametrize(
    ("value", "code"),
    [("E2U+sip=100|10|!^.*$!sip:a@b.example!", 0), ('{"voice": 7}', 1), ("[" * 10_000, 1)],
)
def test_lint_of_a_value(invoke: Invoke, target: str, value: str, code: int) -> None:
    answer = document(invoke("lint", target, "--value", value, "--json", code=code))
    assert answer["success"] is (code == 0)


def test_lint_of_a_file(invoke: Invoke, folder: Path) -> None:
    good = folder / "good.json"
    good.write_text(json.dumps({"enum:14155550101:0": "E2U+sip=100|10|!^.*$!sip:a@b.example!"}))
    invoke("lint", str(good))
    bad = folder / "bad.json"
    bad.write_text(json.dumps({"enum:14155550101:0": "{", "enum:nonsense": "x"}))
    result = invoke("lint", str(bad), code=1)
    assert "error   enum:14155550101:0" in result.stdout
    assert "note: " in result.stderr
    broken = folder / "broken.json"
    broken.write_bytes(b"\xff{")
    answer = document(invoke("lint", str(broken), "--json", code=1))
    assert answer["error_code"] == "RECORDS_FILE_INVALID"
    assert str(broken) in answer["error"]


def test_lint_of_a_file_that_cannot_be_read(
    invoke: Invoke, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "locked.json"
    file.write_text("{}")

    def locked(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", locked)
    assert "Permission denied" in invoke("lint", str(file), code=1).stderr


def test_lint_without_findings_says_so(invoke: Invoke, folder: Path) -> None:
    file = folder / "empty.json"
    file.write_text("{}")
    assert invoke("lint", str(file)).stdout == "Nothing to report.\n"


@pytest.mark.parametrize("command", ["lookup", "explain", "lint"])
def test_wrong_use(invoke: Invoke, command: str) -> None:
    invoke(command, code=2)
    invoke(command, "14155551234", "--nonsense", code=2)
    invoke(command, "14155551234", "extra", code=2)
