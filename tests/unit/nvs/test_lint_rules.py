"""The rules' own contract, and those that need more than one value to be shown."""

from __future__ import annotations

import pytest

from nvs.lint import RULES, Finding, Severity, lint_entries, lint_value
from nvs.lint.bind_syntax import bind_refuses
from nvs.lint.model import CLIENTS
from nvs.number_record import Entry

NAME = "enum:14155551234:0"
E164 = "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa"


def found(rule: str, findings: tuple[Finding, ...]) -> list[Finding]:
    return [finding for finding in findings if finding.rule == rule]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.id))
def test_every_rule_says_what_it_is(rule) -> None:
    assert rule.id == rule.id.lower()
    assert isinstance(rule.severity, Severity)
    assert rule.field
    assert rule.reason
    assert rule.__doc__
    assert set(rule.clients) <= set(CLIENTS)


def test_rule_ids_are_unique() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_all_clients_have_a_rule() -> None:
    assert {client for rule in RULES for client in rule.clients} == set(CLIENTS)


@pytest.mark.parametrize(
    "regexp",
    [
        "",
        "!^.*$!sip:a@b!",
        "!^.*$!sip:a@b!ii",
        "#^(.*)$#sip:\\1@b#",
        "!^\\!.*$!sip:a@b!",
        "!^.*$!sip:\\\\1@b!",
        "!a!!",
    ],
)
def test_dig_takes(regexp: str) -> None:
    assert bind_refuses(regexp) is None


@pytest.mark.parametrize(
    ("regexp", "why"),
    [
        ("1^.*$1sip:a@b1", "no delimiter"),
        ("xyz", "1 delimiters"),
        ("!^.*$!sip:has", "2 delimiters"),
        ("!a!b!c!", "more than three"),
        ("!^.*$!sip:a\\", "ends with a backslash"),
        ("!^.*$!sip:a@b!g", "flag"),
        ("!^(.*$!sip:a@b!", "does not compile"),
        ("!!sip:a@b!", "does not compile"),
        ("!^(.*)$!sip:\\0!", "group 0"),
        ("!^(.*)$!sip:\\2@b!", "group 2 of 1"),
    ],
)
def test_dig_rejects(regexp: str, why: str) -> None:
    assert why in str(bind_refuses(regexp))


def test_only_emerdns_sends_regexps_as_they_stand() -> None:
    value = '{"records":[{"order":1,"pref":1,"flags":"u","service":"E2U+sip","regexp":"!x!y"}]}'
    assert not found("dig-rejects", lint_value(E164, value))
    (one,) = found("dig-rejects", lint_value(NAME, "E2U+sip=1|1|!^.*$!sip:has space@b!"))
    assert (one.severity, one.field, one.clients) == ("error", "line 1", ("EmerDNS", "dig"))


def test_the_answer_of_several_names_is_one_packet() -> None:
    def value(start: int) -> bytes:
        return "\n".join(
            f"E2U+sip=100|{n}|!^.*$!sip:user{n}@averylonghostname.example.com!"
            for n in range(start, start + 4)
        ).encode()

    entries = [Entry(f"enum:14155551234:{index}", value(10 * index)) for index in (0, 1)]
    assert not found("packet-size", lint_entries(entries[:1]))
    (one,) = found("packet-size", lint_entries(entries))
    assert one.name == "enum:14155551234:1"
    assert "cuts its answer off at 512" in one.message
    json_entry = Entry(E164, b'{"voice":["sip:a@b"]}')
    assert not found("packet-size", lint_entries([json_entry]))


def test_names() -> None:
    (long,) = found("name-size", lint_value("enum:" + "1" * 80, "x"))
    assert long.severity is Severity.ERROR
    for name in ("enum:1", "enum:14155551234:01", "enum:14155551234"):
        assert found("non-canonical-name", lint_value(name, "x"))
    assert not found("non-canonical-name", lint_value("dns:x", "x"))


def test_an_index_alone_is_no_gap() -> None:
    assert not found("gap", lint_value("enum:14155551234:3", "E2U+sip=1|1|!^.*$!sip:a@b!"))


def test_privacy_names_the_field() -> None:
    value = (
        '{"sms":{"provider":"x","webhook":"https://a.example/x",'
        '"forward_to":["mailto:a@b.example","https://c.example","+14155550100"]}}'
    )
    shown = {(f.rule, f.field) for f in lint_value(E164, value) if f.rule.startswith("privacy")}
    assert shown == {
        ("privacy-email", "$.sms.forward_to"),
        ("privacy-webhook", "$.sms.forward_to"),
        ("privacy-webhook", "$.sms.webhook"),
        ("privacy-forward-to", "$.sms.forward_to"),
    }
    flat = '{"sms_provider":"x","sms_webhook":"https://a.example/x"}'
    (hook,) = found("privacy-webhook", lint_value(E164, flat))
    assert hook.field == "$.sms_webhook"
    (mail,) = found("privacy-email", lint_value(NAME, "E2U+email:mailto=1|1|!^.*$!mailto:a@b!"))
    assert "never" not in mail.message
    assert "no update or delete takes it back" in mail.message
