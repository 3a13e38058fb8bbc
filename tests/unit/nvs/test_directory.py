"""Entries of a number become one record."""

from __future__ import annotations

import json

import pytest

from nvs.directory import Directory, assemble
from nvs.errors import InvalidNumber, NvsUnavailable
from nvs.naptr import published, to_text
from nvs.number_record import Entry, Reading, SmsRoute, TrustLevel
from nvs.trust import Owner, TrustPolicy

DIGITS = "14155551234"
E164 = "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa"
POLICY = TrustPolicy((Owner("EAlice", "alice", ("+1415",)), Owner("EBob", "bob", ("+1415",))))


def entry(name, value, address=None):
    text = value if isinstance(value, str) else json.dumps(value)
    return Entry(
        name if name.startswith("enum:") else f"enum:{DIGITS}:{name}", text.encode(), address
    )


def record(*entries, level=TrustLevel.UNTRUSTED):
    return assemble(Reading(DIGITS, entries, "memory", level, height=7), POLICY)


def texts(found):
    return [to_text(service) for service in published(found, "all")]


def test_the_canonical_example():
    found = record(
        entry(E164, {"voice": "sip:+14155551234@pbx.example", "sms": "telnyx:+14155551234"})
    )
    assert texts(found) == [
        '100 10 "u" "E2U+sip" "!^.*$!sip:+14155551234@pbx.example!" .',
        '100 20 "u" "E2U+sms:tel" "!^.*$!tel:+14155551234!" .',
    ]
    assert found.sms == SmsRoute("telnyx", "+14155551234")
    assert (found.number, found.ttl, found.source, found.height) == (
        "+14155551234",
        3600,
        "memory",
        7,
    )


def test_no_entries_no_record():
    assert record() is None


def test_the_sms_number_is_filled_in():
    found = record(entry(E164, {"sms": {"provider": "telnyx"}}))
    assert found.sms.number == "+14155551234"
    assert texts(found) == ['100 10 "u" "E2U+sms:tel" "!^.*$!tel:+14155551234!" .']


def test_an_explicit_sms_service_is_enough():
    found = record(
        entry(E164, {"services": {"sms:mailto": "mailto:a@b"}, "sms": "telnyx:+14150000000"})
    )
    assert texts(found) == ['100 10 "u" "E2U+sms:mailto" "!^.*$!mailto:a@b!" .']


def test_generated_places_go_around_explicit_ones():
    found = record(
        entry("0", "E2U+h323=100|10|!^.*$!h323:a!\nE2U+sip=50|20|!^.*$!sip:b!\nTTL=60"),
        entry(E164, {"voice": ["sip:c", "sip:d"], "ttl": 600}),
    )
    assert texts(found) == [
        '50 20 "u" "E2U+sip" "!^.*$!sip:b!" .',
        '100 10 "u" "E2U+h323" "!^.*$!h323:a!" .',
        '100 20 "u" "E2U+sip" "!^.*$!sip:c!" .',
        '100 30 "u" "E2U+sip" "!^.*$!sip:d!" .',
    ]
    assert [service.uri for service in found.services] == ["sip:c", "sip:d", "h323:a", "sip:b"]
    assert found.ttl == 60
    assert [item.entry.name for item in found.entries] == [E164, f"enum:{DIGITS}:0"]


def test_duplicates_are_dropped_whatever_their_case():
    found = record(
        entry(E164, {"voice": "sip:a"}),
        entry("0", "e2u+SIP=1|1|!^.*$!sip:a!\nE2U+sip=1|2|!^.*$!sip:A!"),
    )
    assert [service.regexp for service in found.services] == ["!^.*$!sip:a!", "!^.*$!sip:A!"]


def test_entries_that_say_nothing_do_not_set_the_ttl():
    assert record(entry("0", "TTL=5"), entry("1", "E2U+sip=1|1|!^.*$!sip:a!\nTTL=50")).ttl == 50
    assert record(entry("0", "TTL=5"), entry("1", "TTL=50")).ttl == 5


def test_a_squatter_never_joins_the_owner():
    found = record(
        entry("0", {"voice": "sip:squatter", "sms": "evil:+14155551234"}, "EMallory"),
        entry("1", {"voice": "sip:alice"}, "EAlice"),
    )
    assert [service.uri for service in found.services] == ["sip:alice"]
    assert found.sms is None
    assert (found.trust.level, found.trust.tenant) == (TrustLevel.OPERATOR, "alice")
    assert [item.trust.level for item in found.entries] == [
        TrustLevel.UNTRUSTED,
        TrustLevel.OPERATOR,
    ]


def test_an_owner_who_says_nothing_still_keeps_squatters_out():
    found = record(entry("0", "?", "EAlice"), entry("1", {"voice": "sip:squatter"}, "EMallory"))
    assert found.services == ()


def test_tenants_are_never_mixed():
    found = record(
        entry("0", {"voice": "sip:bob"}, "EBob"),
        entry("1", {"voice": "sip:alice", "sms": "telnyx:+14155551234"}, "EAlice"),
    )
    assert [service.uri for service in found.services] == ["sip:bob"]
    assert found.sms is None
    assert found.trust.tenant == "bob"
    assert f"enum:{DIGITS}:1 of tenant alice" in found.trust.reason


def test_a_number_has_at_most_64_services():
    many = "\n".join(f"E2U+sip=1|{i}|!^.*$!sip:{i}!" for i in range(64))
    found = record(
        entry("0", many),
        entry("1", {"voice": "sip:z", "sms": "telnyx:+14155551234"}),
    )
    assert len(found.services) == 64
    assert found.services[-1].service == "E2U+sms:tel"


class OneNumber:
    """A source of one number that can be taken down."""

    def __init__(self):
        self.down = False

    async def read(self, digits):
        if self.down:
            raise NvsUnavailable("node is down")
        entries = (entry("0", {"voice": "sip:a"}),) if digits == DIGITS else ()
        return Reading(digits, entries, "memory", TrustLevel.OPERATOR)


async def test_directory():
    source = OneNumber()
    directory = Directory(source)
    assert directory.source is source
    found = await directory.record("+14155551234")
    assert (found.trust.level.word, found.trust.tenant) == ("operator", "default")
    assert await directory.record("4915112345") is None
    with pytest.raises(InvalidNumber):
        await directory.record("alice")
    source.down = True
    with pytest.raises(NvsUnavailable):
        await directory.record("14155551234")


async def test_directory_with_a_policy():
    assert Directory(OneNumber(), POLICY).policy is POLICY
