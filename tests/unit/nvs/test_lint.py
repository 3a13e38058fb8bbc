"""Each rule has a value that trips it, and the canonical value trips none."""

from __future__ import annotations

import pytest

from nvs.directory import assemble
from nvs.lint import RULES, Severity, lint_entries, lint_record, lint_value
from nvs.number_record import Entry, Reading
from nvs.trust import TrustPolicy

NAME = "enum:14155551234:0"
GOOD = "SIG=ver:x|QUJD\nTTL=600\nE2U+sip=100|10|!^.*$!sip:a@b!\nE2U+sms:tel=100|20|!^.*$!tel:+1!"

TRIPPING = {
    "unpublished": "E2U+sip=1|1|nothing",
    "one-line-sig": "SIG=ver:x|QUJD E2U+sip=100|10|!^.*$!sip:a@b!",
    "too-long": f"E2U+sip=1|1|!^.*$!sip:{'a' * 250}!",
    "compound-service": "E2U+sip+sms:tel=1|1|!^.*$!tel:+1!",
    "delimiter": "E2U+sip=1|1|#^.*$#sip:a@b#",
    "trailing-flag": "E2U+sip=1|1|!^.*$!sip:a@b!i",
    "back-reference": "E2U+sip=1|1|!^(.*)$!sip:\\1@b!",
    "pattern-backslash": "E2U+sip=1|1|!^\\+1.*$!sip:a@b!",
    "blank": "E2U+sip=1|1|!^.*$!sip:a@b! more",
    "short-regexp": "E2U+sip=1|1|!a!b!",
    "service-case": "E2u+sip=1|1|!^.*$!sip:a@b!",
    "unregistered-service": "E2U+mailto=1|1|!^.*$!mailto:a@b!",
    "no-match": "E2U+sip=1|1|!^44!sip:a@b!",
    "same-place": "E2U+sip=1|1|!^.*$!sip:a@b!\nE2U+sip=1|1|!^.*$!sip:c@d!",
    "mixed-orders": "E2U+sip=1|1|!^.*$!sip:a@b!\nE2U+sip=2|1|!^.*$!sip:c@d!",
    "invisible-value": '{"voice": "sip:a@b"}',
    "no-ttl": '{"voice": "sip:a@b"}',
    "unsigned": "E2U+sip=1|1|!^.*$!sip:a@b!",
    "value-size": "#" * 19_000 + "\nE2U+sip=1|1|!^.*$!sip:a@b!",
    "packet-size": "\n".join(
        f"E2U+sip=1|{i}|!^.*$!sip:user{i}@averylonghostname.example.com!" for i in range(10)
    ),
    "dig-rejects": "E2U+sip=1|1|!^.*$!sip:has space@b!",
    "privacy-email": '{"services": {"email:mailto": "mailto:a@b.example"}}',
    "privacy-webhook": '{"sms_provider": "x", "sms_webhook": "https://a.example/x"}',
    "privacy-forward-to": '{"sms": {"provider": "x", "forward_to": "+14155550100"}}',
}
OF_NAMES = {"invisible-name", "non-canonical-name", "name-size"}


def rules(findings):
    return {finding.rule for finding in findings}


def test_the_canonical_value_is_clean():
    assert lint_value(NAME, GOOD) == ()


@pytest.mark.parametrize(("rule", "value"), TRIPPING.items())
def test_each_rule(rule, value):
    assert rule in rules(lint_value(NAME, value))
    assert rule not in rules(lint_value(NAME, GOOD))


def test_every_rule_is_tested():
    assert {rule.id for rule in RULES} == set(TRIPPING) | OF_NAMES


def test_a_finding_says_everything():
    (finding,) = [f for f in lint_value(NAME, TRIPPING["trailing-flag"]) if f.severity == "warning"]
    assert (finding.name, finding.field, finding.clients) == (NAME, "line 1", ("Asterisk",))
    assert "Asterisk refuses" in finding.message


def test_the_e164_name_is_invisible_to_emerdns():
    assert "invisible-name" in rules(lint_value("enum:4.3.2.1.e164.arpa", GOOD))
    assert "invisible-name" not in rules(lint_value("tmp:x", GOOD))


def test_blanks_in_json_regexps():
    value = '{"records": [{"order":1,"pref":1,"flags":"u","service":"E2U+sip","regexp":"!a!b: !"}]}'
    assert {"blank", "unpublished"} <= rules(lint_value(NAME, value))


def test_notes_that_no_rule_explains_are_told():
    findings = lint_value(NAME, f"{GOOD}\nTTL=60s")
    assert [(f.rule, f.severity) for f in findings] == [("adjusted", Severity.INFO)]


@pytest.mark.parametrize(
    "value",
    [
        "E2U+sip=1|1|!^(.*)$!sip:\\0!",
        "E2U_x=1|1|!^.*$!sip:a@b!",
        '{"voice": [{"uri": "sip:a", "order": 1}, {"uri": "sip:b", "preference": 1}]}',
        '{"services": {"x-test": "x:y"}}',
        "hello",
    ],
)
def test_other_values_go_through(value):
    assert "no-match" not in rules(lint_value(NAME, value))


def test_gaps_within_a_file_and_known_from_elsewhere():
    names = ["enum:14155551234:0", "enum:14155551234:2", "enum:4155:0", "dns:x"]
    findings = lint_entries([Entry(name, GOOD.encode()) for name in names])
    gaps = [finding for finding in findings if finding.rule == "gap"]
    assert [finding.name for finding in gaps] == ["enum:14155551234:2"]
    assert "enum:14155551234:1 before it is missing" in gaps[0].message
    record = assemble(
        Reading("14155551234", (Entry(NAME, GOOD.encode()),), "memory"), TrustPolicy()
    )
    assert lint_record(record) == ()
    assert rules(lint_record(record, ["enum:14155551234:5"])) == {"gap"}


def test_places_are_compared_across_the_entries_of_one_number():
    other = "enum:14155551234:1"
    findings = lint_entries([Entry(NAME, GOOD.encode()), Entry(other, GOOD.encode())])
    assert {(f.rule, f.name) for f in findings} == {("same-place", other)}
    assert lint_entries([Entry(NAME, GOOD.encode()), Entry("enum:4155:0", GOOD.encode())]) == ()
