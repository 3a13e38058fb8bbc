"""A value that is one regexp."""

from __future__ import annotations

import pytest

from nvs.formats import parse_entry
from nvs.number_record import Service

NAME = "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa"


@pytest.mark.parametrize(
    "value",
    [
        "!^.*$!sip:user@domain.com!",
        '"!^.*$!sip:user@domain.com!"',
        "'!^.*$!sip:user@domain.com!'\n",
        "/^.*$/sip:user@domain.com/",
    ],
)
def test_bare_or_quoted(value):
    parsed = parse_entry(NAME, value)
    assert (parsed.format, parsed.ttl) == ("regexp", 3600)
    assert parsed.services == (
        Service("E2U+sip", "!^.*$!sip:user@domain.com!", "sip:user@domain.com"),
    )


def test_back_references_leave_the_scheme_readable():
    (service,) = parse_entry(NAME, r"!^\+1([0-9]{10})$!tel:\1!").services
    assert (service.service, service.uri) == ("E2U+voice:tel", None)


def test_a_bad_one_is_a_problem():
    parsed = parse_entry(NAME, '"!^.*$!sip:a"')
    assert parsed.format == "regexp"
    assert "2 delimiters" in parsed.problems[0].message


@pytest.mark.parametrize("value", ["sip:a@b", "!a!\n!b!", '"', "#comment", '""', "\\a\\b\\"])
def test_what_is_no_regexp(value):
    assert parse_entry(NAME, value).format == "unknown"
