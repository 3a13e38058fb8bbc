from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enum_backend.gsm import GSM7_BASIC, GSM7_EXTENSION
from enum_backend.messaging.segments import (
    Segmentation,
    forcing_ucs2,
    segment,
    transliterate,
)

EMOJI = "\U0001f600"


@pytest.mark.parametrize(
    ("text", "encoding", "segments"),
    [
        ("", "GSM-7", 1),
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("€" * 80, "GSM-7", 1),
        ("€" * 81, "GSM-7", 2),
        ("a" * 159 + "€", "GSM-7", 2),
        ("a" * 152 + "€" + "a" * 151, "GSM-7", 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 3),
        ("ж" * 70, "UCS-2", 1),
        ("ж" * 71, "UCS-2", 2),
        ("ж" * 134, "UCS-2", 2),
        ("ж" * 135, "UCS-2", 3),
        (EMOJI * 35, "UCS-2", 1),
        (EMOJI * 36, "UCS-2", 2),
        ("ж" * 66 + EMOJI + "ж" * 10, "UCS-2", 2),
        ("ç", "UCS-2", 1),
        ("Ç", "GSM-7", 1),
        ("`", "UCS-2", 1),
        ("\t", "UCS-2", 1),
        ("e\u0301", "UCS-2", 1),
    ],
)
def test_check_values(text: str, encoding: str, segments: int) -> None:
    found = segment(text)
    assert (found.encoding, found.segments) == (encoding, segments)


def test_alphabet_sizes() -> None:
    assert len(GSM7_BASIC) == 127
    assert len(GSM7_EXTENSION) == 10
    assert not GSM7_BASIC & GSM7_EXTENSION


def _reference(text: str) -> Segmentation:
    """Cut into real parts, one character after the other."""
    gsm = all(c in GSM7_BASIC | GSM7_EXTENSION for c in text)

    def size(part: str) -> int:
        if gsm:
            return sum(2 if c in GSM7_EXTENSION else 1 for c in part)
        return len(part.encode("utf-16-be", "surrogatepass")) // 2

    single, several = (160, 153) if gsm else (70, 67)
    parts = [""]
    if size(text) <= single:
        parts = [text]
    else:
        for character in text:
            if size(parts[-1] + character) > several:
                parts.append("")
            parts[-1] += character
        assert "".join(parts) == text
    return Segmentation("GSM-7" if gsm else "UCS-2", size(text), len(parts))


GSM = "".join(sorted(GSM7_BASIC | GSM7_EXTENSION))


@given(
    st.text(st.sampled_from("a€"), max_size=500)
    | st.text(st.sampled_from(GSM), max_size=400)
    | st.text(st.sampled_from("aж" + EMOJI), max_size=300)
    | st.text(max_size=200)
)
def test_equals_a_packer_that_never_splits_a_pair(text: str) -> None:
    assert segment(text) == _reference(text)


TYPOGRAPHY = "“”‘’–—…\u00a0•™№"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("“Hi” – it’s me", '"Hi" - it\'s me'),
        ("10\u202f000\u00a0€", "10 000 €"),
        ("soft\u00adhyphen\u200b", "softhyphen"),
        ("e\u0301", "é"),
        ("a\tb\u2028c", "a b\nc"),
        ("№ 1 – 2 × 3", "No 1 - 2 x 3"),
    ],
)
def test_typography_becomes_plain(text: str, plain: str) -> None:
    found, replaced = transliterate(text)
    assert found == plain
    assert segment(found).encoding == "GSM-7"
    assert [old for old, _ in replaced] == list(dict.fromkeys(o for o, _ in replaced))
    assert all(old in text and old not in found for old, _ in replaced)


@pytest.mark.parametrize(
    "text", ["", "plain", "é ist da €", "ж“", "日本語 – ja", "ęą", f"“{EMOJI}”"]
)
def test_what_is_plain_or_cannot_be_stays(text: str) -> None:
    assert transliterate(text) == (text, ())


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Łódź, Gdańsk", "Lodz, Gdansk"),
        ("Příliš žluťoučký kůň", "Prilis zlutoucky kun"),
        ("árvíztűrő", "arvizturo"),
        ("ça va, façade", "ca va, facade"),
        ("İstanbul ığdır", "Istanbul igdir"),
        ("Þór œuvre", "Thor oeuvre"),
        ("Ñandú “è”", 'Ñandu "è"'),
    ],
)
def test_letters_lose_their_marks_only_if_asked(text: str, plain: str) -> None:
    assert transliterate(text) == (text, ())
    assert transliterate(text, letters=True)[0] == plain


@pytest.mark.parametrize("text", ["Привет", "Ελλάδα λ", "日本", "ش", "한"])
def test_other_scripts_have_no_plain_letters(text: str) -> None:
    assert transliterate(text, letters=True) == (text, ())


def test_never_more_segments_than_before() -> None:
    assert segment("…" * 70).segments == 1
    assert transliterate("…" * 70) == ("…" * 70, ())
    assert transliterate("…" * 40)[0] == "..." * 40


def test_what_forces_ucs2() -> None:
    assert forcing_ucs2("a“b”“ж") == ("“", "”", "ж")
    assert forcing_ucs2("plain €") == ()


@given(st.text(st.sampled_from(GSM + TYPOGRAPHY + "ąčşж" + EMOJI), max_size=200), st.booleans())
def test_transliteration_is_all_or_nothing(text: str, letters: bool) -> None:
    found, replaced = transliterate(text, letters=letters)
    if not replaced and found == text:
        return
    measured = segment(found)
    assert measured.encoding == "GSM-7"
    assert measured.segments <= segment(text).segments
    assert transliterate(found, letters=letters) == (found, ())
