"""Whose text is transliterated."""

from __future__ import annotations

import pytest

from enum_backend.messaging.model import SendRequest
from enum_backend.messaging.policy.texts import LONGEST, prepared
from enum_backend.settings.policy import TextSettings
from tests.unit.policy.policy_kit import ANN

FANCY, PLAIN = "“Łódź”", '"Lodz"'
ON = TextSettings(transliterate=True, transliterate_letters=True)
OFF = TextSettings()


@pytest.mark.parametrize(
    ("settings", "asked", "is_code", "changed"),
    [
        (OFF, None, False, False),
        (ON, None, False, True),
        (ON, None, True, False),
        (ON, False, False, False),
        (ON, True, True, True),
    ],
)
def test_the_caller_then_the_setting(
    settings: TextSettings, asked: bool | None, is_code: bool, changed: bool
) -> None:
    request = SendRequest(to=ANN, text=FANCY, is_code=is_code, transliterate=asked)
    found, replaced = prepared(request, settings)
    assert found.text == (PLAIN if changed else FANCY)
    assert bool(replaced) is changed
    assert (found is request) is not changed


def test_letters_are_a_setting_of_their_own() -> None:
    request = SendRequest(to=ANN, text=FANCY, transliterate=True)
    assert prepared(request, OFF) == (request, ())
    quotes = SendRequest(to=ANN, text="“hi”", transliterate=True)
    found, replaced = prepared(quotes, OFF)
    assert found.text == '"hi"'
    assert replaced == (("“", '"'), ("”", '"'))


def test_nothing_grows_beyond_what_is_accepted() -> None:
    text = "“" + "a" * 1590 + "…" * 5
    request = SendRequest(to=ANN, text=text, transliterate=True)
    assert prepared(request, ON) == (request, ())
    shorter = SendRequest(to=ANN, text=text[:-2], transliterate=True)
    assert len(prepared(shorter, ON)[0].text) == LONGEST


def test_nothing_to_replace() -> None:
    request = SendRequest(to=ANN, text="plain", transliterate=True)
    assert prepared(request, ON) == (request, ())
