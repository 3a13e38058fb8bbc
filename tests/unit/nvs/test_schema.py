"""The published schema is complete, and is what the parser goes by."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from nvs.formats import parse_entry
from nvs.schema import schema_text, validator

SCHEMA = json.loads(schema_text())


def subschemas(node, path="$"):
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            if key != "examples":
                yield from subschemas(value, f"{path}.{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from subschemas(value, f"{path}[{index}]")


def test_it_is_a_versioned_draft_2020_12_schema():
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["$id"].endswith(":number-record:1")
    Draft202012Validator.check_schema(SCHEMA)


def test_every_property_is_described():
    for path, node in subschemas(SCHEMA):
        for name, prop in node.get("properties", {}).items():
            if path.endswith(".properties"):
                continue
            assert prop.get("description"), f"{path}.{name}"


def test_every_place_that_can_fail_says_what_was_expected():
    for path, node in subschemas(SCHEMA):
        if "type" in node and "anyOf" not in path:
            assert node.get("title"), path


@pytest.mark.parametrize("example", SCHEMA["examples"])
def test_examples_are_valid_and_read_without_a_problem(example):
    assert validator().is_valid(example)
    parsed = parse_entry("enum:14155551234:0", json.dumps(example))
    assert parsed.problems == ()
    assert parsed.services


@pytest.mark.parametrize(
    "bad", [{}, {"voice": 5}, {"sms": "telnyx"}, {"sms": "telnyx:+14155551234\n"}, {"foo": 1}, []]
)
def test_what_is_not_valid(bad):
    assert not validator().is_valid(bad)


def test_patterns_judge_text_only():
    assert not validator().is_valid({"sig": 5})
