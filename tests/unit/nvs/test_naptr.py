"""Regexps, services, URIs, and the published text."""

from __future__ import annotations

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvs.enumservice import service_for_uri, split_services
from nvs.naptr import published, to_text
from nvs.naptr_text import InvalidNaptr
from nvs.number_record import NumberRecord, Service, Trust, TrustLevel
from nvs.substitution import canonical_regexp, group_count, matches, normalise_regexp

DIGITS = "14155551234"


@pytest.mark.parametrize(
    ("regexp", "expected", "uri"),
    [
        ("!^.*$!sip:a@b!", "!^.*$!sip:a@b!", "sip:a@b"),
        ("!^(.*)$!sip:a@b!", "!^(.*)$!sip:a@b!", "sip:a@b"),
        (r"!^(.*)$!sip:\1@b!", "!^.*$!sip:+14155551234@b!", "sip:+14155551234@b"),
        (r"!^\+?(.*)$!sip:\1@b!", "!^.*$!sip:14155551234@b!", "sip:14155551234@b"),
        (r"!^(\+.+)$!sip:\1@b!", "!^.*$!sip:+14155551234@b!", "sip:+14155551234@b"),
        (r"!^[+]([0-9]+)$!sip:\1@b!", "!^.*$!sip:14155551234@b!", "sip:14155551234@b"),
        (r"!^\+1415(\d*)$!sip:\1@b!", "!^.*$!sip:5551234@b!", "sip:5551234@b"),
        (r"!^+1415(.*)$!sip:\1@b!", "!^.*$!sip:5551234@b!", "sip:5551234@b"),
        (r"!(+1415.*)!sip:\1@b!", "!^.*$!sip:+14155551234@b!", "sip:+14155551234@b"),
        (r"!^\+1(415)(.*)$!sip:\2@b!", r"!^\+1(415)(.*)$!sip:\2@b!", None),
        (r"!^\+1([0-9]{10})$!sip:\1@b!", r"!^\+1([0-9]{10})$!sip:\1@b!", None),
        ("#^.*$#sip:a@b#", "!^.*$!sip:a@b!", "sip:a@b"),
        (r"/^.*$/http:\/\/a/", "!^.*$!http://a!", "http://a"),
        ("!^.*$!sip:a@b!i", "!^.*$!sip:a@b!", "sip:a@b"),
    ],
)
def test_regexps_become_what_clients_share(regexp, expected, uri):
    done = normalise_regexp(regexp, DIGITS)
    assert (done.regexp, done.uri) == (expected, uri)


def test_without_a_number_nothing_is_expanded():
    assert normalise_regexp(r"!^(.*)$!sip:\1@b!", None).uri is None


@pytest.mark.parametrize(
    ("regexp", "words"),
    [
        ("", "is empty"),
        ("a^.*$asip:ba", "expected the delimiter"),
        (r"\x\y\\"[:1], "expected the delimiter"),
        ("!^.*$!sip:a", "has 2 delimiters"),
        ("!a!b:c!d!", "has 4 delimiters"),
        (r"!^.*$!sip:a\!b!", "%21"),
        ("!!sip:a!", "pattern is empty"),
        ("!(!sip:a!", "does not compile"),
        ("!(?:a)!sip:a!", "does not compile"),
        ("!a**!sip:a!", "does not compile"),
        ("!^.*$!sip:a b!", "a blank at character 12"),
        ("!^.*$!sip:\0!", "a NUL"),
        ("!^.*$!sip:\x1b!", "a control character"),
        ("!^.*$!sip:é!", "a non-ASCII character"),
        ("!^.*$!sip:" + "a" * 250 + "!", "at most 255"),
        ("!^.*$!nothing!", "no scheme"),
        (r"!^.*$!sip:\1!", "group 1, the pattern has 0"),
        (r"!^(.*)$!sip:\2!", "group 2, the pattern has 1"),
        (r"!^(.*)$!sip:\0!", "followed by 1..9"),
        (r"!^(.*)$!\1!", "no scheme"),
        (r"!^\+44(.*)$!sip:\1!", "cannot match +14155551234"),
        (r"!^([0-9]+)$!sip:\1!", "cannot match"),
        ("!^abc$!sip:a!i", "matters"),
        ("!^.*$!sip:a!g", "unknown"),
        ("#^!$#sip:a#", "cannot become"),
    ],
)
def test_what_cannot_be_published_is_named(regexp, words):
    with pytest.raises(InvalidNaptr) as caught:
        normalise_regexp(regexp, DIGITS)
    assert words in str(caught.value)


def test_a_costly_pattern_is_refused_quickly():
    with pytest.raises(InvalidNaptr, match="does not compile"):
        group_count("((((a{30}){30}){30}){30})" * 5)
    assert not matches("(a*)*b", DIGITS)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("user@host", "no scheme"),
        ("sip:", "no scheme"),
        ("sip:a!b", "%21"),
        (r"sip:a\b", "%5C"),
        ("sip:a b", "a blank"),
        ("sip:" + "a" * 245, "at most 255"),
    ],
)
def test_uris_that_clients_break_on(uri, words):
    with pytest.raises(InvalidNaptr, match=words):
        canonical_regexp(uri)


def test_the_longest_uri_fits_exactly():
    assert len(canonical_regexp("sip:" + "a" * 244)) == 255


@pytest.mark.parametrize(
    ("uri", "service"),
    [
        ("SIP:a@b", "E2U+sip"),
        ("sips:a@b", "E2U+sip"),
        ("tel:+1", "E2U+voice:tel"),
        ("h323:gw", "E2U+h323"),
        ("mailto:a@b", "E2U+email:mailto"),
        ("xmpp:a@b", "E2U+xmpp"),
        ("http://a", "E2U+web:http"),
        ("https://a", "E2U+web:https"),
    ],
)
def test_service_of_a_scheme(uri, service):
    assert service_for_uri(uri) == service


def test_a_scheme_without_a_service_asks_for_one():
    with pytest.raises(InvalidNaptr, match="name one"):
        service_for_uri("gopher:x")


def test_services_are_split_with_their_case_kept():
    assert split_services("e2u+SIP+sms:tel") == ("e2u+SIP", "e2u+sms:tel")


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ("E2U", "names no service"),
        ("E2U_pstn:tel", "'_' stands after 'E2U'"),
        ("E2U+", "'' in"),
        ("E2U+si_p", "'si_p' in"),
        ("E2U+sip:", "'' in"),
        ("E2U+" + "a" * 33, "1 to 32"),
        ("sip+E2U", "RFC 2916"),
        ("SIP+D2U", "does not start"),
        ("E2U+sip tel", "a blank"),
    ],
)
def test_a_bad_service_says_what_is_wrong(service, words):
    with pytest.raises(InvalidNaptr) as caught:
        split_services(service)
    assert words in str(caught.value)


def record(level, *services):
    return NumberRecord("+14155551234", (), Trust(level, ""), services, None, 3600, "memory")


def test_untrusted_records_are_published_only_when_asked():
    service = Service("E2U+sip", "!^.*$!sip:a@b!", "sip:a@b", 100, 10)
    assert published(record(TrustLevel.UNTRUSTED, service), "trusted") == ()
    assert published(record(TrustLevel.UNTRUSTED, service), "all") == (service,)
    assert published(record(TrustLevel.ATTESTED, service), "trusted") == (service,)


def test_the_best_service_stands_first():
    late = Service("E2U+sip", "!^.*$!sip:a@b!", "sip:a@b", 100, 20)
    early = Service("E2U+sip", "!^.*$!sip:c@d!", "sip:c@d", 100, 10)
    assert published(record(TrustLevel.OPERATOR, late, early), "all") == (early, late)


def test_text_form():
    service = Service("E2U+sip", "!^.*$!sip:a@b!", "sip:a@b", 100, 10)
    assert to_text(service) == '100 10 "u" "E2U+sip" "!^.*$!sip:a@b!" .'


def test_text_form_needs_a_place():
    with pytest.raises(ValueError, match="no order"):
        to_text(Service("E2U+sip", "!^.*$!sip:a@b!", "sip:a@b"))


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=255))
def test_text_form_is_master_file_text(regexp):
    text = to_text(Service("E2U+sip", regexp, None, 100, 10))
    rdata = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.NAPTR, text)
    assert rdata.regexp == regexp.encode()
