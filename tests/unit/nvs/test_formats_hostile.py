"""Whatever stands on the chain, `parse_entry` returns, and what it returns can be published."""

from __future__ import annotations

import json
import re

import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from nvs.directory import assemble
from nvs.formats import parse_entry
from nvs.lint import lint_value
from nvs.naptr import to_text
from nvs.number_record import Entry, Reading
from nvs.trust import TrustPolicy

NAMES = st.sampled_from(
    ["enum:14155551234:0", "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa", "enum:12345:3", "tmp:x", ""]
)
SERVICE = re.compile(r"[Ee]2[Uu](\+[A-Za-z0-9-]{1,32}(:[A-Za-z0-9-]{1,32})*)")


def check(name, value):
    parsed = parse_entry(name, value)
    for service in parsed.services:
        assert len(service.regexp) <= 255
        assert re.fullmatch(r"[!-~]+", service.regexp)
        assert service.regexp.startswith("!")
        assert service.regexp.endswith("!")
        assert service.regexp.count("!") == 3
        options = re2.Options()
        options.log_errors = False
        re2.compile(service.regexp.split("!")[1], options=options)
        assert SERVICE.fullmatch(service.service)
        for place in (service.order, service.preference):
            assert place is None or 0 <= place <= 65535
        assert (service.order is None) == (service.preference is None)
    assert 0 <= parsed.ttl <= 2**31 - 1
    for problem in parsed.problems:
        assert (problem.field + problem.message).isascii()
    octets = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    reading = Reading("14155551234", (Entry(name, octets),), "memory")
    record = assemble(reading, TrustPolicy())
    assert record is not None
    for service in record.services:
        to_text(service)
    lint_value(name, value)


REGEXP = st.one_of(
    st.sampled_from(["!^.*$!sip:a@b!", r"!^(.*)$!sip:\1@b!", "#^.*$#sip:a#", "!^.*$!sip:a!i", ""]),
    st.text(st.sampled_from("!^$.*+?()[]{}|\\0123abi:@ \t/#é\0"), max_size=40),
    st.builds(
        "{0}{1}{0}{2}{0}{3}".format,
        st.sampled_from("!/#|,"),
        st.text(st.sampled_from(r"^$.*+?()[]\d0129+"), max_size=12),
        st.text(st.sampled_from("sip:ab@\\12!"), max_size=12),
        st.sampled_from(["", "i", "g"]),
    ),
)
NUMBER = st.one_of(st.integers(-(2**70), 2**70).map(str), st.text("0123 x-", max_size=6))
WORD = st.one_of(
    st.sampled_from(["E2U+sip", "e2u+SMS:tel", "E2U", "E2U+sip+sms:tel", "E2U_x", "sip+E2U"]),
    st.text(st.sampled_from("E2U+:sipx-_ "), max_size=12),
)
LINE = st.one_of(
    st.builds("{}={}|{}|{}".format, WORD, NUMBER, NUMBER, REGEXP),
    st.builds("TTL={}".format, NUMBER),
    st.builds("SIG={}".format, st.text(st.sampled_from("ver:x|,ABC= "), max_size=30)),
    st.text(max_size=10),
)
ENUMER = st.builds(
    lambda lines, end: end.join(lines), st.lists(LINE, max_size=6), st.sampled_from("\n\r")
)

SCALAR = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), REGEXP, WORD,
    st.sampled_from(["sip:a@b", "telnyx:+14155551234", "u", ".", "+1415", "ver:x|QUJD"]),
)  # fmt: skip
KEY = st.one_of(
    st.sampled_from(
        ["voice", "sms", "services", "records", "naptr", "ttl", "sig", "sms_provider", "uri",
         "sms_number", "sms_webhook", "service", "order", "preference", "pref", "flags", "regexp",
         "replacement", "provider", "gateway", "number", "forward_to", "webhook", "email:mailto"]
    ),
    st.text(max_size=5),
)  # fmt: skip
ANY_JSON = st.recursive(
    SCALAR,
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(KEY, inner, max_size=5)),
    max_leaves=20,
)
ROW = st.tuples(st.integers(0, 70000), st.integers(0, 70000), st.just("u"), WORD, REGEXP).map(list)
TARGET = st.one_of(REGEXP, st.dictionaries(KEY, SCALAR, max_size=4), st.just("sip:a@b"))
NEAR_JSON = st.fixed_dictionaries(
    {},
    optional={
        "voice": st.one_of(TARGET, st.lists(TARGET, max_size=3), ANY_JSON),
        "services": st.one_of(st.dictionaries(WORD, TARGET, max_size=3), ANY_JSON),
        "naptr": st.one_of(st.lists(ROW, max_size=3), ANY_JSON),
        "records": ANY_JSON,
        "sms": st.one_of(ANY_JSON, st.dictionaries(KEY, SCALAR, max_size=4)),
        "sms_provider": SCALAR,
        "sms_number": SCALAR,
        "ttl": st.one_of(st.integers(-5, 5), SCALAR),
        "sig": SCALAR,
    },
)


@given(NAMES, st.binary(max_size=300))
def test_any_octets(name, value):
    check(name, value)


@given(NAMES, st.text(max_size=100))
def test_any_text(name, value):
    check(name, value)


@given(NAMES, REGEXP)
def test_anything_like_a_regexp(name, value):
    check(name, value)


@settings(max_examples=300)
@given(NAMES, ENUMER)
def test_anything_like_enumer(name, value):
    check(name, value)


@settings(max_examples=300)
@given(NAMES, st.dictionaries(KEY, ANY_JSON, max_size=5))
def test_any_json(name, doc):
    check(name, json.dumps(doc))


@settings(max_examples=300)
@given(NAMES, NEAR_JSON)
def test_anything_like_a_record(name, doc):
    check(name, json.dumps(doc))
