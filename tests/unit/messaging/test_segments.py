from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enum_backend.gsm import GSM7_BASIC, GSM7_EXTENSION
from enum_backend.messaging.segments import Segmentation, segment

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
