"""JSON formats 3 to 7: shapes, errors by path, and guards."""

from __future__ import annotations

import json
import time

import pytest

from nvs.formats import parse_entry
from nvs.number_record import Service, Signature, SmsRoute

NAME = "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa"
SIP = Service("E2U+sip", "!^.*$!sip:a@b!", "sip:a@b")
ROW = {"order": 100, "pref": 10, "flags": "u", "service": "E2U+sip", "regexp": "!^.*$!sip:a@b!"}


def parse(doc):
    return parse_entry(NAME, doc if isinstance(doc, str | bytes) else json.dumps(doc))


def fields(parsed):
    return [problem.field for problem in parsed.problems]


@pytest.mark.parametrize(
    ("doc", "word", "route"),
    [
        (
            {"voice": "sip:a@b", "sms": "telnyx:+14155551234"},
            "voice-sms",
            SmsRoute("telnyx", "+14155551234"),
        ),
        (
            {"voice": "!^.*$!sip:a@b!", "sms": "Telnyx-EU:14155551234"},
            "voice-sms",
            SmsRoute("telnyx-eu", "+14155551234"),
        ),
        ({"voice": "sip:a@b"}, "voice-sms", None),
        (
            {
                "voice": "!^.*$!sip:a@b!",
                "sms": {"provider": "telnyx", "number": "+14155551234", "forward_to": "u@e.com"},
            },
            "voice-sms-object",
            SmsRoute("telnyx", "+14155551234", ("u@e.com",)),
        ),
        (
            {"voice": "sip:a@b", "sms": {"gateway": "x", "webhook": "https://h"}},
            "voice-sms-object",
            SmsRoute("x", webhook="https://h"),
        ),
        (
            {
                "voice": "sip:a@b",
                "sms_provider": "Telnyx",
                "sms_number": "14155551234",
                "sms_webhook": "https://h",
            },
            "flat",
            SmsRoute("telnyx", "+14155551234", (), "https://h"),
        ),
        ({"voice": "sip:a@b", "sms_provider": "telnyx"}, "flat", SmsRoute("telnyx")),
        (
            {"voice": ["sip:a@b"], "sms": {"provider": "p", "forward_to": ["u@e.com", "+1415"]}},
            "superset",
            SmsRoute("p", None, ("u@e.com", "+1415")),
        ),
        (
            {"voice": {"uri": "sip:a@b"}, "sms": "p:1415", "sms_provider": "p"},
            "superset",
            SmsRoute("p", "+1415"),
        ),
        ({"voice": "sip:a@b", "ttl": 3600}, "superset", None),
    ],
)
def test_shapes(doc, word, route):
    parsed = parse(doc)
    assert parsed.format == word
    assert parsed.services == (SIP,)
    assert parsed.sms == route
    assert parsed.ttl == 3600


@pytest.mark.parametrize(
    "doc",
    [
        {"records": [ROW], "ttl": 60},
        {"records": [{**ROW, "flags": "U", "replacement": "."}], "ttl": 60.0},
        {"naptr": [[100, 10, "u", "E2U+sip", "!^.*$!sip:a@b!", "."]], "ttl": 60},
        {"naptr": [[100, 10.0, "u", "E2U+sip", "!^.*$!sip:a@b!"]], "ttl": 6e1},
    ],
)
def test_naptr_rows(doc):
    parsed = parse(doc)
    assert (parsed.format, parsed.ttl, parsed.problems) == ("naptr-rows", 60, ())
    assert parsed.services == (Service("E2U+sip", "!^.*$!sip:a@b!", "sip:a@b", 100, 10),)


def test_preference_may_be_spelled_out():
    row = {key: value for key, value in ROW.items() if key != "pref"} | {"preference": 7}
    assert parse({"records": [row]}).services[0].preference == 7


def test_superset_keeps_the_order_of_the_document():
    parsed = parse(
        {
            "services": {
                "email:mailto": "mailto:x@y",
                "E2U+h323": ["h323:one", "!^.*$!h323:two!"],
            },
            "voice": ["sip:a@b", {"uri": "sip:c@d", "service": "x-voice", "preference": 5}],
            "records": [ROW],
            "ttl": 5,
            "sig": "ver:x|QUJD",
        }
    )
    assert parsed.format == "superset"
    assert [(s.service, s.uri, s.order, s.preference) for s in parsed.services] == [
        ("E2U+email:mailto", "mailto:x@y", None, None),
        ("E2U+h323", "h323:one", None, None),
        ("E2U+h323", "h323:two", None, None),
        ("E2U+sip", "sip:a@b", None, None),
        ("E2U+x-voice", "sip:c@d", 100, 5),
        ("E2U+sip", "sip:a@b", 100, 10),
    ]
    assert parsed.signatures == (Signature("ver:x", "QUJD"),)
    assert (parsed.ttl, parsed.problems) == (5, ())


def test_services_as_a_list():
    parsed = parse(
        {
            "services": [
                {"service": "sms:tel", "uri": "tel:+1", "order": 50},
                {"service": "sms:mailto", "uri": "mailto:a@b", "order": 50, "preference": 10},
                {"uri": "tel:+1"},
            ]
        }
    )
    assert [(s.service, s.order, s.preference) for s in parsed.services] == [
        ("E2U+sms:tel", 50, 20),
        ("E2U+sms:mailto", 50, 10),
    ]
    assert fields(parsed) == ["$.services[2]"]
    assert "lacks 'service'" in parsed.problems[0].message


@pytest.mark.parametrize(
    ("part", "field", "words"),
    [
        ({"voice": ["sip:ok@b", {"uri": 5}]}, "$.voice[1].uri", "expected a URI such as"),
        ({"voice": ["sip:ok@b", {}]}, "$.voice[1]", "lacks 'uri'"),
        ({"voice": ["sip:ok@b", None]}, "$.voice[1]", "got null"),
        ({"voice": ["sip:ok@b", ["x"]]}, "$.voice[1]", "got a list of 1"),
        (
            {"voice": ["sip:ok@b", {"uri": "sip:c", "order": True}]},
            "$.voice[1].order",
            "0 to 65535, got true",
        ),
        (
            {"voice": ["sip:ok@b", {"uri": "sip:c", "order": 65536}]},
            "$.voice[1].order",
            "got 65536",
        ),
        ({"voice": ["sip:ok@b", "x:y"]}, "$.voice[1]", "no"),
        ({"voice": ["sip:ok@b", "nobody"]}, "$.voice[1]", "no scheme"),
        ({"voice": ["sip:ok@b", {"uri": "sip:c", "service": "x_y"}]}, "$.voice[1]", "'x_y'"),
        (
            {"voice": ["sip:ok@b", {"uri": "sip:c", "service": "sip+E2U"}]},
            "$.voice[1]",
            "RFC 2916",
        ),
        ({"services": {"sip": "sip:ok@b", "h323": 5}}, "$.services.h323", "or a list of these"),
        (
            {"services": {"sip": "sip:ok@b", "email:mailto": [{}]}},
            '$.services["email:mailto"][0]',
            "got an object",
        ),
        ({"voice": "sip:ok@b", "ttl": -1}, "$.ttl", "seconds from 0"),
        ({"voice": "sip:ok@b", "ttl": 1.5}, "$.ttl", "got 1.5"),
        ({"voice": "sip:ok@b", "ttl": 1e300}, "$.ttl", "got 1e+300"),
        ({"voice": "sip:ok@b", "sms": "telnyx"}, "$.sms", "'<gateway>:<number>'"),
        ({"voice": "sip:ok@b", "sms": "telnyx:+14155551234\n"}, "$.sms", "expected"),
        ({"voice": "sip:ok@b", "sms": {"number": "+14155551234"}}, "$.sms", "'provider'"),
        ({"voice": "sip:ok@b", "sms": {"provider": "a b"}}, "$.sms.provider", "word such as"),
        ({"voice": "sip:ok@b", "sms": {"provider": "a", "number": "1"}}, "$.sms.number", "E.164"),
        ({"voice": "sip:ok@b", "sms_number": "+1415"}, "$.sms_number", "without 'sms_provider'"),
        (
            {"voice": "sip:ok@b", "sms_provider": "a", "sms_number": "x"},
            "$.sms_number",
            "E.164",
        ),
        ({"voice": "sip:ok@b", "sig": "nothing"}, "$.sig", "ver:name|base64"),
        ({"voice": "sip:ok@b", "sig": "ver:x|\ud800"}, "$.sig", "signature claims"),
        ({"voice": "sip:ok@b", "vioce": 1}, "$.vioce", "did you mean 'voice'?"),
        ({"voice": "sip:ok@b", "zzzz\n\ud800": 1}, '$["zzzz\\n\\ud800"]', "known are: voice"),
    ],
)
def test_an_error_names_its_path_and_takes_nothing_with_it(part, field, words):
    parsed = parse(part)
    assert [s.uri for s in parsed.services] == ["sip:ok@b"]
    assert parsed.sms is None
    assert parsed.ttl == 3600
    assert fields(parsed) == [field]
    assert words in parsed.problems[0].message


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"flags": ""}, "$.records[1].flags", 'expected "u"'),
        ({"flags": None}, "$.records[1].flags", "got null"),
        ({"order": "100"}, "$.records[1].order", "got '100'"),
        ({"replacement": "a.b"}, "$.records[1].replacement", "root"),
        ({"service": "E2U_pstn:tel"}, "$.records[1]", "'_' stands after"),
        ({"service": "sip+E2U"}, "$.records[1]", "RFC 2916"),
        ({"regexp": "!^.*$!sip:a b!"}, "$.records[1]", "a blank"),
    ],
)
def test_a_bad_row_leaves_the_good_one(change, field, words):
    parsed = parse({"records": [ROW, {**ROW, **change}]})
    assert len(parsed.services) == 1
    assert fields(parsed) == [field]
    assert words in parsed.problems[0].message.replace('"" or "."', "root")


@pytest.mark.parametrize("row", [[], [100, 10, "u"], [1, 2, "u", "E2U+sip", "!a!b:c!", ".", 7]])
def test_a_row_of_wrong_length(row):
    parsed = parse({"naptr": [row]})
    assert parsed.services == ()
    assert "$.naptr[0]" in fields(parsed)


def test_sms_keeps_what_is_right():
    parsed = parse(
        {"sms": {"provider": "p", "gateway": "g", "forward_to": ["a@b", 5], "webhook": "nothing"}}
    )
    assert parsed.sms == SmsRoute("g", forward_to=("a@b",))
    assert fields(parsed) == ["$.sms.forward_to[1]", "$.sms.webhook", "$.sms.provider"]


def test_sms_in_both_spellings():
    parsed = parse({"sms": "a:1415", "sms_provider": "b"})
    assert parsed.sms == SmsRoute("a", "+1415")
    assert "go" in parsed.problems[0].message


def test_long_values_are_never_echoed_in_full():
    parsed = parse({"voice": "é" * 300, "ttl": "x" * 300})
    assert all(len(problem.message) < 160 for problem in parsed.problems)
    assert all(problem.message.isascii() for problem in parsed.problems)


def test_a_key_that_stands_twice():
    parsed = parse('{"voice": "sip:old@b", "voice": "sip:a@b"}')
    assert parsed.services == (SIP,)
    assert fields(parsed) == ["$.voice"]
    parsed = parse('{"ttl": 5, "voice": ["sip:a@b", {"uri": "sip:c", "uri": "sip:d"}]}')
    assert fields(parsed) == ["$.voice[1].uri"]
    parsed = parse('{"ttl": {"a": 1, "a": 2}, "ttl": 5}')
    assert sorted(fields(parsed)) == ["$.a", "$.ttl"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("[" * 10000, "deeper than 16"),
        ('{"a":' * 3000, "deeper than 16"),
        ('{"a": [' + '"]", ' * 3000 + "[" * 17, "deeper than 16"),
        ('{"a": ["' + '\\"' * 9000 + "[" * 20, "is not JSON"),
        ('{"ttl": ' + "1" * 10000 + "}", "a number of 10000 characters"),
        ('{"ttl": NaN}', "NaN"),
        ('{"ttl": -Infinity}', "-Infinity"),
        (b'{"voice": "\xff"}', "not UTF-8 from octet 12"),
        ("{", "is not JSON: Expecting property name"),
        ("[]", "is a list"),
        ("{}", "got an object"),
        ('{"a": ' + "[" * 15 + "]" * 15 + "}", "unknown key"),
        ('{"a": [' + "[1]," * 30 + "[1]]}", "unknown key"),
    ],
)
def test_hostile_values_are_refused_quickly(value, words):
    started = time.perf_counter()
    parsed = parse(value)
    assert time.perf_counter() - started < 0.5
    assert (parsed.format, parsed.services) == ("unknown", ())
    assert words in parsed.problems[0].message


def test_long_lists_are_cut():
    parsed = parse({"voice": [f"sip:{i}@b" for i in range(70)]})
    assert len(parsed.services) == 64
    assert "only the first 64" in parsed.problems[0].message
    parsed = parse({f"k{i}": 1 for i in range(70)})
    assert "only the first 64" in parsed.problems[0].message


def test_too_many_errors_refuse_the_whole():
    parsed = parse({"services": {f"a{i}": [1] * 60 for i in range(10)}, "voice": "sip:a@b"})
    assert parsed.services == ()
    assert parsed.problems[-1].message.startswith("has more than 256 errors")


def test_hints_stop_when_nobody_reads_them():
    parsed = parse({"voice": [{"uri": "sip:a", **{f"k{i}": 1 for i in range(60)}}] * 4})
    assert len(parsed.problems) == 100


def test_errors_inside_a_voided_part():
    parsed = parse(
        {
            "services": {"h323": ["h323:x", 5], "sip": None},
            "sms": {"provider": 5, "x": 1, "forward_to": [5]},
        }
    )
    assert [s.uri for s in parsed.services] == ["h323:x"]
    assert parsed.sms is None


def test_a_typical_value_is_read_quickly():
    value = json.dumps({"voice": "sip:a@b", "sms": "telnyx:+14155551234"})
    parse(value)
    started = time.perf_counter()
    for _ in range(100):
        parse_entry(NAME, value)
    assert (time.perf_counter() - started) / 100 < 0.002
