from __future__ import annotations

import pytest

from enum_backend.agents.otp import Extraction, Kind, extract_otp_from_sms, prepare


@pytest.mark.parametrize(
    ("text", "code", "kind", "reason"),
    [
        (
            "Your code is 482913\n\n@acme.example #482913",
            "482913",
            Kind.WEBOTP,
            "bound to a domain (WebOTP)",
        ),
        ("Your code is 482913", "482913", Kind.NUMERIC, "a word for a code before it"),
        ("482913 is your code", "482913", Kind.NUMERIC, "a word for a code after it"),
        ("OTP-482913 for Acme", "482913", Kind.NUMERIC, "a word for a code before it"),
        ("Enter 4821 to continue", "4821", Kind.NUMERIC, "to be entered or used"),
        ("Login: 482913", "482913", Kind.NUMERIC, "a word for verification before it"),
        ("G-482913", "482913", Kind.NUMERIC, "a prefix that brands use for codes"),
        (
            "482913\nValid 5 minutes. Do not share.",
            "482913",
            Kind.NUMERIC,
            "alone on its line, words for secrecy and duration around it",
        ),
        (
            "Your one-time code\n482913\nThanks",
            "482913",
            Kind.NUMERIC,
            "alone on its line, a word for a code before it",
        ),
        ("482 913", "482913", Kind.NUMERIC, "the message is nothing else"),
        ("Your code: K9F2QX", "K9F2QX", Kind.ALPHANUMERIC, "a word for a code before it"),
        ("Your sign-in code is: BHKQZT", "BHKQZT", Kind.LETTERS, "a word for a code before it"),
    ],
)
def test_finds(text: str, code: str, kind: Kind, reason: str) -> None:
    found = extract_otp_from_sms(text)
    assert (found.code, found.kind, found.reason) == (code, kind, reason)
    assert 0 < found.confidence < 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no number"),
        ("See you tomorrow", "no number"),
        ("2026", "no number but named as something else"),
        ("You paid 1,250.00 EUR", "no number but an amount"),
        ("Call +1 415 555 0134", "no number but a phone number"),
        ("Order 88213477 has shipped", "no number but named as something else"),
        ("they counted 482913 birds", "nothing says that a number is a code"),
        ("Your code is on its way", "no number"),
        (
            "Never share this code with any of our colleagues in branch or town 482913",
            "nothing says that a number is a code",
        ),
    ],
)
def test_refuses(text: str, reason: str) -> None:
    found = extract_otp_from_sms(text)
    assert (found.code, found.confidence, found.kind) == (None, 0.0, Kind.NONE)
    if text != "2026":
        assert found.reason == reason


def test_the_code_is_not_in_the_repr_nor_in_the_reason() -> None:
    found = extract_otp_from_sms("Your code is 482913")
    assert "482913" not in repr(found)
    assert "482913" not in found.reason


def test_an_extraction_compares_by_value() -> None:
    assert extract_otp_from_sms("code 4821") == extract_otp_from_sms("code 4821")
    assert Extraction("1", 0.5, "", Kind.NUMERIC) != Extraction("2", 0.5, "", Kind.NUMERIC)


@pytest.mark.parametrize("sender", ["482913", "+1 555 048 2913", "+15550482913"])
def test_a_senders_number_is_no_code(sender: str) -> None:
    assert extract_otp_from_sms("Code from 482913", sender=sender).code is None
    assert extract_otp_from_sms("Your code is 482913", sender=sender).code is None
    assert extract_otp_from_sms("Your code is 118822", sender=sender).code == "118822"


def test_four_digits_may_be_the_end_of_the_senders_number() -> None:
    assert extract_otp_from_sms("Your code is 2913", sender="+15550482913").code == "2913"


def test_a_sender_without_digits_changes_nothing() -> None:
    assert extract_otp_from_sms("Your code is 4821", sender="ACME").code == "4821"


def test_confidence_falls_when_another_number_is_as_likely() -> None:
    alone = extract_otp_from_sms("Your code is 482913")
    two = extract_otp_from_sms("Your code is 482913. Your code is 118822.")
    assert two.code == "482913"
    assert two.confidence < alone.confidence
    twice = extract_otp_from_sms("Your code is 482913. Your code is 482913.")
    assert twice.confidence == alone.confidence


def test_prepare_may_be_called_again() -> None:
    prepare()
    prepare()
    assert extract_otp_from_sms("验证码482913").code == "482913"
