"""Who is believed, and the sentence that says why."""

from __future__ import annotations

import pickle

import pytest

import nvs.trust
from nvs.consent import Consent
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


# Signers -----------------------------------------------------------------------------------

ALICE = Owner("EAlice", "alice", ("+1415",))


def signed(consent, rule="when_known", source=TrustLevel.UNTRUSTED, address="EAlice", claims=()):
    policy = TrustPolicy((ALICE,), require_signer=rule)
    entry = Entry(NAME, b"", address, consent=consent)
    return policy.assess(entry, DIGITS, ParsedEntry(NAME, "enumer", signatures=claims), source)


@pytest.mark.parametrize(
    ("consent", "rules"),
    [
        (Consent.SIGNED, {"always", "when_known", "never"}),
        (Consent.NOT_ASKED, {"when_known", "never"}),
        (Consent.UNKNOWN, {"when_known", "never"}),
        (Consent.UNREAD, {"never"}),
        (Consent.UNSIGNED, {"never"}),
    ],
)
def test_what_a_listed_owner_must_have_signed(consent, rules):
    for rule in ("always", "when_known", "never"):
        trust = signed(consent, rule)
        is_operator = trust.level is TrustLevel.OPERATOR
        assert is_operator is (rule in rules), rule
        assert trust.tenant == ("alice" if is_operator else None)
        assert trust.unsigned is (consent is Consent.UNSIGNED and rule != "never")


@pytest.mark.parametrize(
    ("consent", "rule", "words"),
    [
        (Consent.SIGNED, "when_known", "its prefix +1415; it signed this value"),
        (Consent.NOT_ASKED, "when_known", "its prefix +1415; signer not checked"),
        (Consent.UNKNOWN, "when_known", "; signer not checked, as the node cannot tell"),
        (Consent.UNSIGNED, "never", "; signer not checked"),
        (Consent.UNSIGNED, "when_known", "registered to a listed address but not signed by it"),
        (Consent.UNREAD, "when_known", "but whether it signed this value could not be read now"),
        (Consent.UNKNOWN, "always", "but nobody can tell whether it signed this value (trust.req"),
    ],
)
def test_the_reason_says_who_signed(consent, rule, words):
    assert words in signed(consent, rule).reason


def test_the_signer_matters_for_listed_owners_of_the_chain_only():
    assert signed(Consent.UNSIGNED, source=TrustLevel.OPERATOR).tenant == "alice"
    other = signed(Consent.UNSIGNED, address="EMallory")
    assert "not listed" in other.reason
    assert not other.unsigned


def test_what_the_owner_did_not_sign_may_be_attested():
    trust = signed(Consent.UNSIGNED, source=TrustLevel.ATTESTED)
    assert (trust.level, trust.unsigned) == (TrustLevel.ATTESTED, True)
    trust = signed(Consent.UNSIGNED, claims=(Signature("ver:x", "QUJD"),))
    assert (trust.level, trust.unsigned) == (TrustLevel.UNTRUSTED, True)
    assert "but not signed by it" in trust.reason
    assert "ver:x" in trust.reason


def test_of_whom_the_signer_is_asked():
    def asks(address, rule="when_known", consent=Consent.NOT_ASKED, digits=DIGITS, owners=(ALICE,)):
        policy = TrustPolicy(owners, require_signer=rule)
        return policy.asks_signer(Entry(NAME, b"", address, consent=consent), digits)

    assert asks("EAlice")
    assert asks("EAlice", "always")
    assert not asks("EAlice", "never")
    assert not asks("EAlice", consent=Consent.UNKNOWN)
    assert not asks("EAlice", digits="33155551234")
    assert not asks("EMallory")
    assert not asks("EAlice", owners=())


def test_another_word_is_refused():
    with pytest.raises(ValueError, match="require_signer: 'sometimes' is no such rule"):
        TrustPolicy(require_signer="sometimes")


# Verifiers ---------------------------------------------------------------------------------


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
    with pytest.raises(ValueError, match=r"owners: .*RIPEMD-160"):
        TrustPolicy((ALICE,))
    TrustPolicy((ALICE,), require_signer="never")


@pytest.mark.parametrize("prefix", ["", "+", "1415", "+1 415", "+1415\n"])
def test_a_prefix_that_would_mean_too_much_is_refused(prefix):
    with pytest.raises(ValueError, match="prefix"):
        Owner("EAlice", "alice", (prefix,))
