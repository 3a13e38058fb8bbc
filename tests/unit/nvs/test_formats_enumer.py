"""ENUMER lines, with EmerDNS's observed answers as the measure."""

from __future__ import annotations

import pytest

from nvs.formats import MAX_VALUE_OCTETS, parse_entry
from nvs.number_record import Problem, Service, Signature

NAME = "enum:17771234567:0"
SIGNATURE = (
    "IBH/Uno3m8swEiACTnWrU3k6lgcp1cREe1N8UgbRa0wIby4Wc5jDJVOeJeVgCy3eY8RfX51O8IoRQHBwRzOnfxE="
)


def places(parsed):
    return [(s.service, s.regexp, s.order, s.preference) for s in parsed.services]


def problem(parsed, field="line 1"):
    found = [p.message for p in parsed.problems if p.field == field]
    assert found, parsed.problems
    return found[0]


def test_the_documented_example():
    parsed = parse_entry(
        NAME,
        f"SIG=ver:enum|{SIGNATURE}\n"
        "E2U+sip=100|10|!^(.*)$!sip:17771234567@in.callcentric.com!\n"
        "E2U+email:mailto=100|20|!^.*$!mailto:alice@example.com!\n"
        "TTL=600",
    )
    assert parsed.format == "enumer"
    assert parsed.ttl == 600
    assert parsed.signatures == (Signature("ver:enum", SIGNATURE),)
    assert places(parsed) == [
        ("E2U+sip", "!^(.*)$!sip:17771234567@in.callcentric.com!", 100, 10),
        ("E2U+email:mailto", "!^.*$!mailto:alice@example.com!", 100, 20),
    ]
    assert parsed.problems == ()


def test_blanks_around_the_separators():
    parsed = parse_entry(
        "enum:17770000005:0",
        "SIG = ver:enum | QUJD \r\nTTL = 77\r\n"
        "E2U+sip = 100 | 10 | !^(.*)$!sip:\\1@spaces.example.com!",
    )
    assert (parsed.ttl, parsed.signatures) == (77, (Signature("ver:enum", "QUJD"),))
    assert parsed.services == (
        Service(
            "E2U+sip",
            "!^.*$!sip:+17770000005@spaces.example.com!",
            "sip:+17770000005@spaces.example.com",
            100,
            10,
        ),
    )


def test_odd_lines():
    parsed = parse_entry(
        "enum:17770000006:0",
        "SIG=ver:enum|QUJD\nE2U+sip=100|10|!^.*$!sip:has space@example.com!\n"
        "e2u+SIP=100|10|!^.*$!sip:lower@example.com!\nE2U+sip=abc|10|!x!y!\n"
        "E2U+sip=99999|70000|!^.*$!sip:big@example.com!\nE2U+sip=100|10|\nGARBAGE line\n"
        "E2U=1|2|!^.*$!sip:nosvc@example.com!",
    )
    assert places(parsed) == [
        ("e2u+SIP", "!^.*$!sip:lower@example.com!", 100, 10),
        ("E2U+sip", "!^.*$!sip:big@example.com!", 34463, 4464),
    ]
    assert parsed.ttl == 86400
    assert "2 delimiters" in problem(parsed, "line 2")
    assert "order: 'abc'" in problem(parsed, "line 4")
    assert "order: '99999' is read as 34463" in problem(parsed, "line 5")
    assert "regexp: is empty" in problem(parsed, "line 6")
    assert "no E2U, TTL or SIG line" in problem(parsed, "line 7")
    assert "service: names no service" in problem(parsed, "line 8")


def test_text_behind_the_first_blank_is_ignored_and_noted():
    parsed = parse_entry(NAME, "E2U+sip=100|10|!^.*$!sip:a@b! and more")
    assert places(parsed) == [("E2U+sip", "!^.*$!sip:a@b!", 100, 10)]
    assert "'and more' is ignored" in problem(parsed)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("-5", 65531),
        ("+7", 7),
        ("007", 7),
        ("65536", 0),
        ("18446744073709551615", 65535),
        ("18446744073709551616", 65535),
        ("-18446744073709551616", 65535),
        ("9" * 10000, 65535),
    ],
)
def test_numbers_as_c_reads_them(text, place):
    parsed = parse_entry(NAME, f"E2U+sip={text}|10|!^.*$!sip:a@b!")
    assert parsed.services[0].order == place
    assert f"is read as {place}" in problem(parsed)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("E2U+sip", "service: no '='"),
        ("E2U+sip=100", "regexp: missing"),
        ("E2U+sip=100|10", "regexp: missing"),
        ("E2U+sip=100|x|!a!b:c!", "preference: 'x'"),
        ("E2U_pstn:tel=1|1|!^.*$!tel:+1!", "'_' stands after 'E2U'"),
        ("E2U+sip=1|1|!^.*$!sip:a\0b!", "a NUL"),
        ("E2U+sip=1|1|!^.*$!sip:é@b!", "non-ASCII"),
        ("TTL", "TTL: ''"),
        ("TTL=soon", "TTL: 'soon'"),
        ("TTL=-1", "TTL: '-1'"),
        ("TTL=2147483648", "TTL: "),
        ("TTL=" + "9" * 10000, "TTL: "),
        ("SIG", "SIG: no '='"),
        ("SIG=ver:x", "SIG: 'ver:x' is not"),
        ("SIG=ver:x|***", "is not base64"),
        ("SIG=ver x|QUJD", "is not 'ver:name|base64'"),
        ("SIG=ver:x|QUJD E2U+sip=100|10|!^.*$!sip:a@b!", "lines of their own"),
        (" E2U+sip=1|1|!^.*$!sip:a@b!", "starts with a blank"),
    ],
)
def test_a_bad_line_is_named_and_the_others_live(line, words):
    parsed = parse_entry(NAME, f"{line}\nE2U+sip=100|10|!^.*$!sip:good@b!")
    assert words in problem(parsed)
    assert parsed.ttl == 86400
    assert [service.uri for service in parsed.services] == ["sip:good@b"]


def test_ttl_is_read_like_atoi():
    parsed = parse_entry(NAME, "TTL=0600s\nttl2=700")
    assert parsed.ttl == 700
    assert "is read as 600" in problem(parsed)


def test_a_list_of_signatures_keeps_the_good_ones():
    parsed = parse_entry(NAME, "SIG=ver:a|QUJD,ver:b,ver:c|QUJE")
    assert [claim.verifier for claim in parsed.signatures] == ["ver:a", "ver:c"]


def test_one_line_that_is_not_utf8():
    parsed = parse_entry(
        NAME, b"E2U+sip=1|1|!^.*$!sip:\xff@b!\nE2U+sip=1|2|!^.*$!sip:a@b!\n\xff\xfe"
    )
    assert "not UTF-8 from octet 23" in problem(parsed)
    assert "is no E2U" in problem(parsed, "line 3")
    assert [service.uri for service in parsed.services] == ["sip:a@b"]


def test_comments_and_empty_lines_are_no_problem():
    assert parse_entry(NAME, "# mine\n\n; too\nTTL=5\n").problems == ()


def test_compound_services_are_split_onto_free_preferences():
    parsed = parse_entry(
        NAME,
        "E2U+sip+voice:tel+sms:tel=100|10|!^.*$!tel:+1!\nE2U+sip=100|11|!^.*$!sip:a@b!",
    )
    assert [(s.service, s.order, s.preference) for s in parsed.services] == [
        ("E2U+sip", 100, 10),
        ("E2U+voice:tel", 100, 12),
        ("E2U+sms:tel", 100, 13),
        ("E2U+sip", 100, 11),
    ]
    assert "compound" in problem(parsed)


def test_a_compound_at_the_last_preference_shares_it():
    parsed = parse_entry(NAME, "E2U+sip+sms:tel=100|65535|!^.*$!tel:+1!")
    assert [s.preference for s in parsed.services] == [65535, 65535]


def test_services_and_problems_are_limited():
    lines = [f"E2U+sip=100|{i}|!^.*$!sip:{i}@b!" for i in range(70)]
    parsed = parse_entry(NAME, "\n".join(lines))
    assert len(parsed.services) == 64
    assert problem(parsed, "line 65") == "more than 64 services, this and the rest are unread"
    parsed = parse_entry(NAME, "\n".join(["E2U+x-a+x-b+x-c=100|1|!^.*$!sip:a@b!"] * 30))
    assert len(parsed.services) == 63
    assert "more than 64" in problem(parsed, "line 22")
    parsed = parse_entry(NAME, "TTL=1\n" + "?\n" * 150)
    assert len(parsed.problems) == 100
    assert parsed.problems[-1] == Problem("$", "51 more problems")


def test_unknown_values():
    assert parse_entry(NAME, "hello").format == "unknown"
    assert "neither JSON" in problem(parse_entry(NAME, "hello"), "$")
    assert problem(parse_entry(NAME, " \n"), "$") == "is empty"
    big = parse_entry(NAME, b"E2U" + b"x" * MAX_VALUE_OCTETS)
    assert (big.format, big.ttl) == ("unknown", 3600)
    assert "20483 octets, a value has at most 20480" in problem(big, "$")


def test_a_byte_order_mark_is_noted():
    parsed = parse_entry(NAME, b"\xef\xbb\xbfE2U+sip=1|1|!^.*$!sip:a@b!")
    assert len(parsed.services) == 1
    assert "byte order mark" in problem(parsed, "$")


def test_back_references_stay_where_the_name_has_no_number():
    parsed = parse_entry("tmp:x", r"E2U+sip=1|1|!^(.*)$!sip:\1@b!")
    assert parsed.services[0].regexp == r"!^(.*)$!sip:\1@b!"
    assert parsed.services[0].uri is None
