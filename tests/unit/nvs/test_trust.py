"""Who is believed, and the sentence that says why."""

from __future__ import annotations

import pickle

import pytest

import nvs.trust
from nvs.number_record import Entry, ParsedEntry, Signature, TrustLevel
from nvs.trust import Owner, TrustPolicy
from tests.unit.nvs.emercoin_vectors import SEGWIT

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


def test_a_claim_of_an_unknown_verifier_raises_nothing():
    trust = assess("EMallory", signatures=(Signature("ver:x", "QUJD"), Signature("ver:x", "QUJE")))
    assert trust.level is TrustLevel.UNTRUSTED
    assert "claim (ver:x) counts for nothing, as trust.verifiers does not list it" in trust.reason


def test_an_old_copy_of_the_chain_makes_nobody_an_operator():
    policy = TrustPolicy((Owner("EAlice", "alice", ("+1415",)),), max_age=60.0)
    entry, parsed = Entry(NAME, b"", "EAlice"), ParsedEntry(NAME, "enumer")

    def level(age, source=TrustLevel.UNTRUSTED):
        return policy.assess(entry, DIGITS, parsed, source, stale_seconds=age)

    assert level(60.0).level is TrustLevel.OPERATOR
    late = level(60.1)
    assert late.level is TrustLevel.UNTRUSTED
    assert late.tenant is None
    assert "60 s old, more than trust.max_age (60 s)" in late.reason
    assert level(1e9, TrustLevel.OPERATOR).tenant == "alice"
    assert level(60.1, TrustLevel.ATTESTED).level is TrustLevel.ATTESTED


def test_verifiers_with_and_without_pins():
    policy = TrustPolicy(verifiers=("ver:enum", f"ver:second={SEGWIT}"))
    assert policy.pins == {"ver:enum": None, "ver:second": SEGWIT}
    assert TrustPolicy().pins == {}
    assert pickle.loads(pickle.dumps(policy)) == policy


@pytest.mark.parametrize(
    ("verifiers", "words"),
    [
        (("",), "no NAME"),
        (("ver: enum",), "no NAME"),
        (("ver:a,ver:b",), "no NAME"),
        (("ver:a|b",), "no NAME"),
        (("ver:é",), "no NAME"),
        (("v" * 513,), "no NAME"),
        (("ver:a", f"ver:a={SEGWIT}"), "ver:a stands twice"),
        (("ver:a=",), "pins no P2PKH"),
        ((f"ver:a={SEGWIT[:-1]}q",), "pins no P2PKH"),
    ],
)
def test_verifiers_that_are_refused(verifiers, words):
    with pytest.raises(ValueError, match=words):
        TrustPolicy(verifiers=verifiers)


@pytest.mark.parametrize("age", [-1.0, float("nan")])
def test_an_age_that_is_none(age):
    with pytest.raises(ValueError, match="max_age"):
        TrustPolicy(max_age=age)


def test_verifiers_need_ripemd160(monkeypatch):
    monkeypatch.setattr(nvs.trust, "can_verify", lambda: False)
    TrustPolicy()
    with pytest.raises(ValueError, match="RIPEMD-160"):
        TrustPolicy(verifiers=("ver:enum",))


@pytest.mark.parametrize("prefix", ["", "+", "1415", "+1 415", "+1415\n"])
def test_a_prefix_that_would_mean_too_much_is_refused(prefix):
    with pytest.raises(ValueError, match="prefix"):
        Owner("EAlice", "alice", (prefix,))
