"""`${VAR}` in templates: every value survives, everything wrong is said at once."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enum_backend.errors import ValidationFailed
from meshcentral_plugin.config.placeholders import fill

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(value=ANY_TEXT)
def test_any_value_survives_as_text(value: str) -> None:
    filled = fill('{"a": "<${X}>", "${X}b": 1}', {"X": value})
    assert json.loads(filled) == {"a": f"<{value}>", f"{value}b": 1}


@given(
    value=st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
)
def test_any_number_or_boolean_stands_outside_quotes(value: float) -> None:
    assert json.loads(fill('{"a": ${X}}', {"X": json.dumps(value)})) == {"a": value}


@given(template=ANY_TEXT.filter(lambda text: "${" not in text))
def test_a_template_without_placeholders_stays_as_it_is(template: str) -> None:
    assert fill(template, {}) == template


@pytest.mark.parametrize(
    ("template", "variables", "filled"),
    [
        ('{"port": ${PORT}}', {"PORT": "8443"}, '{"port": 8443}'),
        ('{"port": ${PORT:-443}}', {}, '{"port": 443}'),
        ('{"port": ${PORT:-443}}', {"PORT": ""}, '{"port": 443}'),
        ('{"on": ${ON}}', {"ON": "True"}, '{"on": true}'),
        ('{"on": ${ON}}', {"ON": " false "}, '{"on": false}'),
        ('{"n": ${N}}', {"N": "null"}, '{"n": null}'),
        ('{"t": "${T:-}"}', {}, '{"t": ""}'),
        ('{"t": "${T}"}', {"T": ""}, '{"t": ""}'),
        ('{"t": "${T:-a b:-c}"}', {}, '{"t": "a b:-c"}'),
        ('{"t": "${T:-say \\"hi\\"}"}', {}, '{"t": "say \\"hi\\""}'),
        ('{"t": "\\"${T}\\""}', {"T": '"'}, '{"t": "\\"\\"\\""}'),
        ('{"t": "$${T} $T $$"}', {}, '{"t": "${T} $T $$"}'),
        ('{"t": "${A}"}', {"A": "${B}", "B": "never"}, '{"t": "${B}"}'),
    ],
)
def test_forms(template: str, variables: dict[str, str], filled: str) -> None:
    assert fill(template, variables) == filled
    json.loads(filled)


def test_everything_wrong_is_said_at_once() -> None:
    template = '{"a": "${ONE}",\n "b": "${TWO}${ONE}", "c": ${THREE}, "d": "${1X}", "e": ${FOUR}}'
    with pytest.raises(ValidationFailed) as caught:
        fill(template, {"THREE": "seven", "FOUR": "007"})
    fields = [item.field for item in caught.value.errors]
    assert fields == ["ONE", "TWO", "THREE", "line 2", "FOUR"]
    assert "ONE: is not set; TWO: is not set; THREE: stands outside quotes" in str(caught.value)
    assert "seven" not in str(caught.value)


@pytest.mark.parametrize("form", ["${}", "${X", "${X-a}", "${X:?a}", "${X Y}"])
def test_what_is_not_a_placeholder(form: str) -> None:
    with pytest.raises(ValidationFailed, match="line 1: expected"):
        fill(f'{{"a": "{form}', {"X": "1"})


def test_a_default_holds_no_placeholder() -> None:
    with pytest.raises(ValidationFailed, match="X: a default cannot hold another placeholder"):
        fill('{"a": "${X:-${Y}}"}', {"Y": "1"})


def test_a_value_that_is_not_text() -> None:
    with pytest.raises(ValidationFailed, match="X: is not UTF-8 text"):
        fill('{"a": "${X}"}', {"X": "\udc80"})
