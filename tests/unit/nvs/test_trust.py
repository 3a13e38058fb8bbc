"""Who is believed, and the sentence that says why."""

from __future__ import annotations

import pytest

from nvs.number_record import Entry, ParsedEntry, Signature, TrustLevel
from nvs.trust import Owner, TrustPolicy

DIGITS = "14155551234"
NAME = "enum:14155551234:0"
POLICY = TrustPolicy(
    (
        Owner("EAlice", "alice", ("+1415", "+44")),
        Owner("EAlice", "office", ("+1415555",)),
        Owner("ENobody", "none"),
    )
)


def assess(address, source=TrustLevel.UNTRUSTED, digits=DIGITS, signatures=()):
    parsed = ParsedEntry(NAME, "enumer", signatures=signatures)
    return POLICY.assess(Entry(NAME, b"", address), digits, parsed, source)


def test_a_listed_address_speaks_for_its_numbers_longest_prefix_first():
    trust = assess("EAlice")
    assert (trust.level, trust.tenant) == (TrustLevel.OPERATOR, "office")
    assert "EAlice" in trust.reason
    assert "+1415555" in trust.reason
    assert assess("EAlice", digits="14150000000").tenant == "alice"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (None, "knows no owner address"),
        ("EMallory", "address EMallory is not listed"),
        ("ealice", "address ealice is not listed"),
        ("EAlice ", "not listed"),
        ("ENobody", "not allowed: it has no numbers"),
    ],
)
def test_everyone_else_is_untrusted(address, words):
    trust = assess(address)
    assert (trust.level, trust.tenant) == (TrustLevel.UNTRUSTED, None)
    assert words in trust.reason


def test_a_number_outside_the_prefixes():
    trust = assess("EAlice", digits="33155551234")
    assert trust.level is TrustLevel.UNTRUSTED
    assert "+33155551234 is outside its numbers (+1415, +44, +1415555)" in trust.reason


def test_sources_that_the_settings_trust():
    trust = assess(None, TrustLevel.OPERATOR)
    assert (trust.level, trust.tenant) == (TrustLevel.OPERATOR, "default")
    assert assess("EAlice", TrustLevel.OPERATOR).tenant == "office"
    assert assess(None, TrustLevel.ATTESTED).level is TrustLevel.ATTESTED


def test_a_signature_claim_raises_nothing():
    trust = assess("EMallory", signatures=(Signature("ver:x", "QUJD"), Signature("ver:x", "QUJE")))
    assert trust.level is TrustLevel.UNTRUSTED
    assert "claim (ver:x) counts for nothing" in trust.reason
    assert "not verified by this version" in trust.reason


@pytest.mark.parametrize("prefix", ["", "+", "1415", "+1 415", "+1415\n"])
def test_a_prefix_that_would_mean_too_much_is_refused(prefix):
    with pytest.raises(ValueError, match="prefix"):
        Owner("EAlice", "alice", (prefix,))
