"""`lint NAME`, and `lint --value`."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from enum_backend.cli.lint import lint
from tests.integration.cli.conftest import Invoke, document

GOOD = "E2U+sip=100|10|!^.*$!sip:a@b.example!"


def rules(answer: dict[str, list[dict[str, str]]]) -> set[str]:
    return {finding["rule"] for finding in answer["findings"]}


def test_a_name_of_the_source(invoke: Invoke, config: str, folder: Path) -> None:
    names = {f"enum:14155550101:{index}": GOOD for index in (0, 1, 3)}
    (folder / "records.json").write_text(json.dumps(names))
    arguments = ("--json", "--config", config)
    answer = document(invoke("lint", "enum:14155550101:1", *arguments))
    assert {finding["name"] for finding in answer["findings"]} == {"enum:14155550101:1"}
    assert "same-place" in rules(answer)
    answer = document(invoke("lint", "enum:14155550101:3", *arguments, code=1))
    assert "gap" in rules(answer)
    answer = document(invoke("lint", "enum:14155550101:9", *arguments, code=1))
    assert answer["error_code"] == "NOT_FOUND"
    answer = document(invoke("lint", "enum:0014155550101", *arguments, code=1))
    assert "non-canonical-name" in rules(answer)


def test_a_value_for_a_name(invoke: Invoke) -> None:
    name = "enum:14155550101:4"
    assert "gap" not in rules(document(invoke("lint", name, "--value", GOOD, "--json")))
    answer = document(invoke("lint", name, "--value", "nothing", "--json", code=1))
    assert "unpublished" in rules(answer)
    text = invoke("lint", "+1 415 555 0101", "--value", GOOD).stdout
    assert "enum:14155550101:0" in text
    text = invoke("lint", "+14155550101", "--value", '{"voice":"sip:a@b"}').stdout
    assert "enum:1.0.1.0.5.5.5.5.1.4.1.e164.arpa" in text


def test_a_value_from_standard_input() -> None:
    arguments = ["enum:14155550101:0", "--value", "-", "--json"]
    result = CliRunner().invoke(lint, arguments, input=b"E2U+sip=1|1|\xff")
    assert result.exit_code == 1
    assert "not UTF-8" in result.stdout


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = CliRunner().invoke(lint, [str(tmp_path / "none.json")])
    assert done.exit_code == 1
    assert "there is no such file" in done.output
