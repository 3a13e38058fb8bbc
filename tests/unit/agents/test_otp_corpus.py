"""Messages of many languages; see tests/otp_messages.py for what is held out."""

from __future__ import annotations

from collections import Counter

import pytest

from enum_backend.agents.otp import extract_otp_from_sms
from tests.benchmarks.otp.figures import figures
from tests.otp_messages import Message, own_messages

MESSAGES = own_messages()


def wrong(messages: list[Message]) -> list[tuple[str, str, str | None, str | None]]:
    answers = [(one, extract_otp_from_sms(one.text).code) for one in messages]
    return [(one.language, one.text, one.code, code) for one, code in answers if code != one.code]


def test_many_languages_have_enough_messages_with_and_without_a_code() -> None:
    with_code = Counter(one.language for one in MESSAGES if one.code is not None)
    without = Counter(one.language for one in MESSAGES if one.code is None)
    enough = [
        language
        for language in with_code
        if with_code[language] + without[language] >= 12 and without[language] >= 3
    ]
    assert len(enough) >= 55


def test_no_language_has_a_message_twice() -> None:
    counts = Counter((one.language, one.text) for one in MESSAGES)
    assert [text for text, count in counts.items() if count > 1] == []


def test_every_message_that_rules_were_made_with_is_right() -> None:
    assert wrong([one for one in MESSAGES if not one.held_out]) == []


def test_figures_of_the_messages_held_out() -> None:
    # Figures only: who reads these messages while changing rules spoils them.
    held_out = [one for one in MESSAGES if one.held_out]
    assert len(held_out) > 500
    found = figures(held_out, [extract_otp_from_sms(one.text).code for one in held_out])
    assert found.recall >= 0.98
    assert found.precision >= 0.99


@pytest.mark.parametrize("language", sorted({one.language for one in MESSAGES}))
def test_no_language_is_left_behind(language: str) -> None:
    messages = [one for one in MESSAGES if one.language == language]
    assert len(wrong(messages)) <= len(messages) * 0.15
