from __future__ import annotations

import struct

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enum_backend.dns.zone import MAX_TTL, Zone, Zones, naptr_rrset
from nvs.number_record import Service


def labels(text: str) -> tuple[bytes, ...]:
    return dns.name.from_text(text).canonicalize().labels[:-1]


OWNER = dns.name.from_text("4.3.2.1.5.5.5.5.1.4.1.e164.arpa.")


@pytest.mark.parametrize(
    ("apex", "name", "digits"),
    [
        ("e164.arpa", "4.3.2.1.5.5.5.5.1.4.1.e164.arpa", "14155551234"),
        ("e164.arpa.", "3.2.1.E164.ArpA", "123"),
        ("e164.arpa", "e164.arpa", ""),
        ("e164.example.org", "1.4.e164.example.org", "41"),
        ("enum", "1.4.enum", "41"),
        ("e164.arpa", "x.1.e164.arpa", None),
        ("e164.arpa", "12.1.e164.arpa", None),
        ("e164.arpa", "\\217\\161.e164.arpa", None),
        ("4.4.e164.arpa", "2.1.4.4.e164.arpa", "4412"),
        ("4.4.e164.arpa", "4.4.e164.arpa", "44"),
        ("2.1", "3.2.1", "123"),
    ],
)
def test_digits_of_dotted_names(apex: str, name: str, digits: str | None) -> None:
    assert Zone(apex).digits(labels(name)) == digits


@pytest.mark.parametrize(
    ("name", "digits"),
    [
        ("43215555141.enum", "14155551234"),
        ("7654321.7771.enum", "17771234567"),
        ("4.3.2.1.5.5.5.5.1.4.1.enum", "14155551234"),
        ("08068886681.enum", "18668886080"),
        ("123a.enum", None),
        ("1.x.enum", None),
    ],
)
def test_undotted_zones_read_all_digits_right_to_left(name: str, digits: str | None) -> None:
    assert Zone("enum", undotted=True).digits(labels(name)) == digits


@given(digits=st.text("0123456789", min_size=1, max_size=15))
def test_owner_is_the_inverse_of_digits(digits: str) -> None:
    zone = Zone("e164.arpa")
    owner = zone.owner(digits)
    assert zone.digits(owner.labels[:-1]) == digits
    assert len(owner.labels) == len(digits) + 3


def test_owner_in_a_country_zone() -> None:
    zone = Zone("4.4.e164.arpa")
    assert zone.owner("4412").to_text() == "2.1.4.4.e164.arpa."
    with pytest.raises(ValueError, match="start with 44"):
        zone.owner("4512")


@pytest.mark.parametrize(
    "settings",
    [
        {"apex": "."},
        {"apex": ""},
        {"apex": "a..b"},
        {"apex": "a" * 64},
        {"apex": "e164.arpa", "nameservers": ["ns..example"]},
        {"apex": "e164.arpa", "hostmaster": "a@b..c"},
        {"apex": "e164.arpa", "negative_ttl": -1},
        {"apex": "e164.arpa", "soa_ttl": MAX_TTL + 1},
    ],
)
def test_wrong_settings_are_refused_at_once(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="zone"):
        Zone(**settings)


def test_soa_and_ns() -> None:
    zone = Zone(
        "e164.arpa",
        nameservers=["ns1.example", "ns2.example."],
        hostmaster="dns.admin@example.org",
        negative_ttl=60,
    )
    assert zone.soa(2**32 + 5).to_text() == (
        "e164.arpa. 3600 IN SOA ns1.example. dns\\.admin.example.org. 5 3600 600 604800 60"
    )
    assert zone.ns().to_text() == (
        "e164.arpa. 3600 IN NS ns1.example.\ne164.arpa. 3600 IN NS ns2.example."
    )


@pytest.mark.parametrize(("soa_ttl", "minimum", "negative"), [(3600, 300, 300), (60, 300, 60)])
def test_negative_soa_ttl_is_the_lesser(soa_ttl: int, minimum: int, negative: int) -> None:
    zone = Zone("e164.arpa", soa_ttl=soa_ttl, negative_ttl=minimum)
    assert zone.soa(1).ttl == soa_ttl
    assert zone.soa(1, negative=True).ttl == negative
    assert zone.soa(1, negative=True)[0].minimum == minimum


def test_without_name_servers_the_apex_stands_in() -> None:
    zone = Zone("enum")
    assert zone.ns().to_text() == "enum. 3600 IN NS enum."
    assert zone.soa(1)[0].rname.to_text() == "nobody.invalid."


def test_most_specific_zone_wins() -> None:
    world, uk, example = Zone("e164.arpa"), Zone("4.4.e164.arpa"), Zone("e164.example.org")
    zones = Zones([world, uk, example])
    assert list(zones) == [world, uk, example]
    assert zones.find(labels("1.e164.arpa")) is world
    assert zones.find(labels("4.e164.arpa")) is world
    assert zones.find(labels("4.4.e164.arpa")) is uk
    assert zones.find(labels("9.4.4.e164.arpa")) is uk
    assert zones.find(labels("1.e164.example.org")) is example
    for outside in ("arpa", ".", "example.org", "xe164.arpa", "e164.arpa.com"):
        assert zones.find(labels(outside)) is None


def test_names_above_another_zone() -> None:
    zones = Zones([Zone("e164.arpa"), Zone("4.4.e164.arpa")])
    assert zones.above_another(labels("4.e164.arpa"))
    assert not zones.above_another(labels("4.4.e164.arpa"))
    assert not zones.above_another(labels("5.e164.arpa"))


def test_two_zones_with_one_apex_are_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        Zones([Zone("enum"), Zone("ENUM.")])


def test_naptr_records_in_order_of_order_then_preference() -> None:
    rrset = naptr_rrset(
        OWNER,
        [
            Service("E2U+sms:tel", "!^.*$!tel:+1!", "tel:+1", 100, 20),
            Service("E2U+h323", "!^.*$!h323:a@b!", "h323:a@b", 200, 1),
            Service("E2U+sip", "!^.*$!sip:a@b!", "sip:a@b", 100, 10),
        ],
        600,
    )
    assert rrset.to_text().splitlines() == [
        f'{OWNER} 600 IN NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:a@b!" .',
        f'{OWNER} 600 IN NAPTR 100 20 "u" "E2U+sms:tel" "!^.*$!tel:+1!" .',
        f'{OWNER} 600 IN NAPTR 200 1 "u" "E2U+h323" "!^.*$!h323:a@b!" .',
    ]


def test_missing_order_and_preference_get_the_common_ones(sip: Service) -> None:
    rrset = naptr_rrset(OWNER, [Service("E2U+sip", sip.regexp, None)], 1)
    assert (rrset[0].order, rrset[0].preference) == (100, 10)


@pytest.mark.parametrize(("ttl", "sent"), [(-5, 0), (0, 0), (2**31 - 1, MAX_TTL), (2**40, MAX_TTL)])
def test_ttl_is_brought_into_range(sip: Service, ttl: int, sent: int) -> None:
    assert naptr_rrset(OWNER, [sip], ttl).ttl == sent


def test_no_broken_record_can_be_written() -> None:
    with pytest.raises(ValueError, match="range"):
        naptr_rrset(OWNER, [Service("E2U+sip", "x" * 256, None)], 1)
    with pytest.raises(struct.error):
        naptr_rrset(OWNER, [Service("E2U+sip", "x", None, 65536, 1)], 1)
    longest = naptr_rrset(OWNER, [Service("E2U+sip", "x" * 255, None, 65535, 65535)], 1)
    assert len(longest[0].regexp) == 255
