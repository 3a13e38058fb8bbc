"""From wishes to values, in both formats, read back by our own parser."""

from __future__ import annotations

import json

import pytest

from nvs.formats import parse_entry
from nvs.names import e164_nvs_name, enumer_nvs_name
from nvs.number_record import SmsRoute
from nvs.registration import InvalidRegistration, WantedRecord, enumer_value, json_value

NUMBER = "+14155551234"
CLAIM = "ver:x|QUJD"


def test_the_shortest_shape() -> None:
    wanted = WantedRecord(voice=("sip:alice@domain.com",), sms="telnyx:+14155551234")
    value = json_value(wanted)
    assert value == b'{"voice":"sip:alice@domain.com","sms":"telnyx:+14155551234"}'
    assert parse_entry(e164_nvs_name(NUMBER), value).format == "voice-sms"


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        (WantedRecord(sms="Office:14155551234"), '{"sms":"Office:+14155551234"}'),
        (
            WantedRecord(("sip:a@b",), "x:+14155551234", ("c@d.example",)),
            '{"voice":"sip:a@b","sms":{"provider":"x","number":"+14155551234",'
            '"forward_to":"c@d.example"}}',
        ),
        (
            WantedRecord(
                ("sip:a@b", "sip:c@d"),
                "x:+14155551234",
                ("c@d.example", "+14155550100"),
                (("email:mailto", "mailto:x@y"), ("h323", "h323:a"), ("h323", "h323:b")),
                600,
            ),
            '{"voice":["sip:a@b","sip:c@d"],"services":{"email:mailto":"mailto:x@y",'
            '"h323":["h323:a","h323:b"]},"sms":{"provider":"x","number":"+14155551234",'
            '"forward_to":["c@d.example","+14155550100"]},"ttl":600,"sig":"ver:x|QUJD"}',
        ),
    ],
)
def test_json_shapes(wanted: WantedRecord, value: str) -> None:
    claim = CLAIM if wanted.ttl else ""
    assert json_value(wanted, claim).decode() == value
    parsed = parse_entry(e164_nvs_name(NUMBER), value)
    assert parsed.problems == ()
    assert parsed.sms == SmsRoute(parsed.sms.gateway, "+14155551234", wanted.forward_to)  # type: ignore[union-attr]


def test_enumer_lines() -> None:
    wanted = WantedRecord(
        ("sip:alice@domain.com", "!^(.*)$!sip:\\1@b!"),
        "telnyx:+14155551234",
        services=(("email:mailto", "mailto:x@y"),),
        ttl=600,
    )
    value, findings = enumer_value(wanted, NUMBER, 2, CLAIM)
    assert value.decode().split("\n") == [
        "SIG=ver:x|QUJD",
        "E2U+sip=100|10|!^.*$!sip:alice@domain.com!",
        "E2U+sip=100|20|!^.*$!sip:+14155551234@b!",
        "E2U+email:mailto=100|30|!^.*$!mailto:x@y!",
        "E2U+sms:tel=100|40|!^.*$!tel:+14155551234!",
        "TTL=600",
    ]
    (lost,) = findings
    assert (lost.rule, lost.field, lost.name) == (
        "sms-route-lost",
        "sms",
        "enum:14155551234:2",
    )
    assert "telnyx" in lost.message
    parsed = parse_entry(enumer_nvs_name(NUMBER, 2), value)
    assert (parsed.problems, parsed.ttl, len(parsed.services)) == ((), 600, 4)


def test_enumer_without_sms_loses_nothing() -> None:
    value, findings = enumer_value(WantedRecord(("sip:a@b",)), NUMBER, 0)
    assert (value, findings) == (b"E2U+sip=100|10|!^.*$!sip:a@b!", ())


def test_enumer_has_no_line_for_forwarding() -> None:
    wanted = WantedRecord(sms="x:+14155551234", forward_to=("a@b.example",))
    with pytest.raises(InvalidRegistration, match="cannot be said in ENUMER lines") as caught:
        enumer_value(wanted, NUMBER, 0)
    assert caught.value.field == "forward_to"


def test_enumer_refuses_what_json_leaves_to_the_linter() -> None:
    with pytest.raises(InvalidRegistration, match="has no scheme") as caught:
        enumer_value(WantedRecord(("alice",)), NUMBER, 0)
    assert caught.value.field == "$.voice"
    assert json.loads(json_value(WantedRecord(("alice",)))) == {"voice": "alice"}


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({}, "voice"),
        ({"ttl": 60}, "voice"),
        ({"sms": "telnyx"}, "sms"),
        ({"sms": "tel nyx:+14155551234"}, "sms"),
        ({"voice": ("sip:a@b",), "forward_to": ("a@b",)}, "forward_to"),
        ({"services": (("", "mailto:x@y"),)}, "service"),
        ({"voice": ("sip:a@b",), "ttl": -1}, "ttl"),
        ({"voice": ("sip:a@b",), "ttl": 2**31}, "ttl"),
    ],
)
def test_wrong_wishes(parts: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRegistration) as caught:
        WantedRecord(**parts)  # type: ignore[arg-type]
    assert caught.value.field == field
    assert caught.value.error_code == "VALIDATION_FAILED"


def test_text_that_was_no_utf8() -> None:
    with pytest.raises(InvalidRegistration, match="not UTF-8"):
        json_value(WantedRecord(("sip:\udcff@b",)))
