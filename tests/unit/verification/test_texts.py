"""What the messages say."""

from __future__ import annotations

from pathlib import Path

import pytest

from enum_backend.agents.otp import extract_otp_from_sms
from enum_backend.agents.otp.webotp import bound_code
from enum_backend.errors import SettingsError
from enum_backend.gsm import fits_gsm7
from enum_backend.messaging.segments import segment
from enum_backend.settings.verification import PURPOSES
from enum_backend.verification import Purpose
from enum_backend.verification.texts import Lines, Texts, load_texts

TEXTS = load_texts("", "en")
GSM = {
    "en", "es", "pt", "pt-PT", "fr", "de", "it", "nl", "sv", "da", "no", "fi", "pl", "hr",
    "ro", "tr", "id", "ms", "fil", "sw",
}  # fmt: skip
EVERY = [(language, purpose) for language in TEXTS.languages for purpose in Purpose]


def test_languages_of_most_people() -> None:
    spoken = {
        "en", "zh", "hi", "es", "ar", "fr", "bn", "pt", "id", "ur", "ru", "de", "ja", "mr", "vi",
        "te", "tr", "sw", "fil", "ta", "fa", "ko", "th", "it", "pl", "uk", "nl", "ro", "el", "he",
    }  # fmt: skip
    assert spoken <= set(TEXTS.languages)


@pytest.mark.parametrize(("language", "purpose"), EVERY)
def test_every_text(language: str, purpose: Purpose) -> None:
    code = "493817"
    text = TEXTS.text(purpose, language, code, Lines("Example"))
    assert text.startswith("Example: ")
    assert text.count(code) == 1
    assert "{" not in text
    assert segment(text).segments == 1
    assert fits_gsm7(text) == (language in GSM)
    # Our own extraction, made for other people's messages, finds it.
    assert extract_otp_from_sms(text).code == code


@pytest.mark.parametrize(("language", "purpose"), EVERY)
def test_lines_for_programs(language: str, purpose: Purpose) -> None:
    lines = Lines("My longest App name", "login.example.org", "FA+9qCX9VSu")
    text = TEXTS.text(purpose, language, "493817", lines)
    assert text.split("\n")[1:] == ["FA+9qCX9VSu", "@login.example.org #493817"]
    assert bound_code(text) == "493817"
    assert len(text.split("\n")) == 3
    if language in GSM:
        assert segment(text).segments == 1
    # SMS Retriever takes 140 octets.
    for_android = TEXTS.text(purpose, language, "493817", Lines("Example", None, "FA+9qCX9VSu"))
    octets = len(for_android.encode("utf-16-be" if language not in GSM else "utf-8"))
    assert octets <= 140 + 22 * (language not in GSM)


def test_purposes_are_told_apart() -> None:
    for language in TEXTS.languages:
        texts = {TEXTS.text(purpose, language, "493817", Lines()) for purpose in Purpose}
        assert len(texts) == len(Purpose)


def test_settings_know_the_purposes() -> None:
    assert set(PURPOSES) == set(Purpose)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (None, "en"),
        ("", "en"),
        ("xx", "en"),
        ("de", "de"),
        ("DE-at", "de"),
        ("pt", "pt"),
        ("pt-BR", "pt"),
        ("pt-pt", "pt-PT"),
        ("nb-NO", "no"),
        ("zh-CN", "zh"),
        ("zh-TW", "zh-Hant"),
        ("zh-Hant-HK", "zh-Hant"),
        ("zh_Hans", "zh"),
        ("iw", "he"),
        ("tl-PH", "fil"),
    ],
)
def test_language_of_a_wish(wanted: str | None, found: str) -> None:
    assert TEXTS.language(wanted) == found


def test_own_texts(tmp_path: Path) -> None:
    file = tmp_path / "texts.toml"
    file.write_text(
        '[DE]\nCUSTOM = "Code {code}"\n[gsw]\nCUSTOM = "{code} isch de Code"\n', "utf-8"
    )
    texts = load_texts(str(file), "de")
    assert texts.text(Purpose.CUSTOM, "de", "1", Lines()) == "Code 1"
    assert "Anmeldecode" in texts.text(Purpose.TWO_FACTOR_AUTH, "de", "1", Lines())
    assert texts.text(Purpose.CUSTOM, "gsw", "1", Lines("App")) == "App: 1 isch de Code"
    # What a language lacks is said in the default one.
    assert "Anmeldecode" in texts.text(Purpose.TWO_FACTOR_AUTH, "gsw", "1", Lines())


@pytest.mark.parametrize(
    ("toml", "why"),
    [
        ("[de", "texts.toml: Expected"),
        ('de = "x"', "de: expected a table"),
        ('[de]\nOTHER = "{code}"', "de.OTHER: expected one of PASSWORD_RESET"),
        ('[de]\nCUSTOM = "no code"', "de.CUSTOM: expected a text that holds {code} once"),
        ('[de]\nCUSTOM = "{code} {code}"', "holds {code} once"),
        ("[de]\nCUSTOM = 7", "holds {code} once"),
        ('[de]\nCUSTOM = "{code}\\n@evil.example #1"', "expected one line of at most 120"),
        (f'[de]\nCUSTOM = "{{code}}{"x" * 120}"', "expected one line of at most 120"),
    ],
)
def test_own_texts_that_cannot_be_used(tmp_path: Path, toml: str, why: str) -> None:
    file = tmp_path / "texts.toml"
    file.write_text(toml, "utf-8")
    with pytest.raises(SettingsError) as refused:
        load_texts(str(file), "en")
    assert str(refused.value).startswith("verification.texts_file: ")
    assert why in str(refused.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"verification\.texts_file"):
        load_texts(str(tmp_path / "absent.toml"), "en")


def test_default_must_be_whole(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"verification\.locale"):
        load_texts("", "xx")
    with pytest.raises(SettingsError, match=r"verification\.locale"):
        Texts({"en": {"CUSTOM": "{code}"}}, "en")
