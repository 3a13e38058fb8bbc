"""What a text of MeshCentral is, and the texts we give it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enum_backend.errors import ValidationFailed
from enum_backend.messaging.model import MessageKind
from enum_backend.messaging.segments import segment
from meshcentral_plugin.shim_kinds import recognise
from meshcentral_plugin.shim_masks import mask_codes, mask_number, mask_numbers
from meshcentral_plugin.sms_texts import TEXTS, text_files, write_texts

LANGUAGES = pytest.mark.parametrize("language", list(TEXTS))
CODES = st.from_regex(r"[0-9]{6}", fullmatch=True)


def filled(template: str, title: str, code: str) -> str:
    """As MeshCentral fills it: split and join."""
    return template.replace("[[0]]", title).replace("[[1]]", code)


@LANGUAGES
@given(
    title=st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=60),
    code=CODES,
)
def test_our_texts_tell_their_kind(language: str, title: str, code: str) -> None:
    for purpose, template in zip(("validation", "login"), TEXTS[language], strict=True):
        if "[[1]]" in title:
            continue
        found = recognise(filled(template, title, code))
        assert (found.purpose, found.code, found.kind) == (purpose, code, MessageKind.CODE)


@LANGUAGES
def test_our_texts_are_one_segment(language: str) -> None:
    for template in TEXTS[language]:
        assert template.count("[[0]]") == template.count("[[1]]") == 1
        assert segment(filled(template, "MeshCentral", "048291")).segments == 1


def test_our_texts_are_all_different() -> None:
    lines = [line for texts in TEXTS.values() for line in texts]
    assert len(set(lines)) == len(lines)


@pytest.mark.parametrize(
    ("text", "purpose"),
    [
        ("MeshTest verification code is: 864256", "validation"),
        ("MeshTest access token is: 048291", "login"),
        ("MeshTest Bestätigungscode lautet: 101029", "validation"),
        ("MeshTest Zugriffstoken ist: 101029", "login"),
        ("MeshTest確認コード：594728", "validation"),
        ("MeshTestアクセストークンは：594728", "login"),
        ("El código de verificación MeshTest es: 594728", "validation"),
        ("MeshTest 인증 코드는 다음과 같습니다. 594728", "validation"),
        ("MeshTest 访问令牌是：594728", "login"),
        ("MeshTest अभिगमन टोकन है: [[१]]", "codeless"),
        # Known words, but not as MeshCentral ends its texts.
        ("verification code is 864256, says Bob", "code"),
        ("something unheard of: 864256", "code"),
        ("864256", "code"),
        ("111111 or 222222", "code"),
        ("x" * 500 + " 864256", "code"),
        ("The server is down until 12:30.", "admin"),
        ("Call +15557654321", "admin"),
        ("order 12345 or 1234567", "admin"),
        ("", "admin"),
    ],
)
def test_recognised(text: str, purpose: str) -> None:
    found = recognise(text)
    assert found.purpose == purpose
    assert (found.kind is MessageKind.ADMIN) == (purpose == "admin")
    assert found.about
    if found.code:
        assert found.code not in found.about + repr(found)


@given(st.text())
def test_every_text_with_six_digits_is_a_code(text: str) -> None:
    assert recognise(f"{text} 048291").kind is MessageKind.CODE


def test_files_for_all_languages(tmp_path: Path) -> None:
    assert len(write_texts(tmp_path)) == len(TEXTS)
    main = (tmp_path / "sms-messages.txt").read_text("utf-8").splitlines()
    german = tmp_path / "translations" / "sms-messages_de.txt"
    assert main == list(TEXTS["en"])
    assert german.read_text("utf-8").splitlines() == list(TEXTS["de"])
    assert write_texts(tmp_path) == []
    german.write_text("other", "utf-8")
    assert write_texts(tmp_path) == [german]


def test_one_language_for_everybody(tmp_path: Path) -> None:
    assert write_texts(tmp_path, "ja") == [tmp_path / "sms-messages.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["sms-messages.txt"]
    with pytest.raises(ValidationFailed, match="language"):
        text_files("xx")


@pytest.mark.parametrize(
    ("number", "masked"),
    [("+15557654321", "+15*******21"), ("+12345", "+1**45"), ("+1234", "+**34")],
)
def test_masked_numbers(number: str, masked: str) -> None:
    assert mask_number(number) == masked
    assert mask_numbers(f"to {number}, and 5") == f"to {masked}, and 5"


@given(st.from_regex(r"\+[1-9][0-9]{3,14}", fullmatch=True))
def test_at_least_two_digits_are_hidden(number: str) -> None:
    masked = mask_number(number)
    assert len(masked) == len(number)
    assert masked.count("*") >= 2
    assert masked[-2:] == number[-2:]


def test_masked_codes() -> None:
    assert mask_codes("048291, 12345 and +15557654321") == "******, 12345 and +15557654321"
