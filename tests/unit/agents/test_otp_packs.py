"""The language packs and what is made of them."""

from __future__ import annotations

from collections import defaultdict

import pytest

from enum_backend.agents.otp import packs
from enum_backend.agents.otp.lexicon import Lexicon
from enum_backend.agents.otp.packs import LISTS, REQUIRED, Entry, PackError, read_pack
from enum_backend.agents.otp.scripts import script_of_word, scripts_of
from enum_backend.agents.otp.text import clean, fold

SHIPPED = packs.shipped_packs()
NAMES = {bit: name for name, bit in LISTS.items()}
PACK = "\n".join(f'{name} = "w{name}"' for name in sorted(REQUIRED))
GOOD = f'language = "Test"\n{PACK}\n'


def entry(text: str, role: int, language: str = "xx", **more: bool) -> Entry:
    return Entry(fold(clean(text)), role, language, **more)


def roles(lexicon: Lexicon, text: str) -> list[tuple[str, int]]:
    folded = fold(clean(text))
    return [(folded[hit.start : hit.end], hit.role) for hit in lexicon.find(folded)]


def test_there_are_at_least_fifty_languages() -> None:
    assert len({one.language for one in SHIPPED}) >= 50


def test_every_pack_knows_words_for_a_code_and_against_one() -> None:
    counts: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for one in SHIPPED:
        counts[one.language][one.role] += 1
    for language, of in counts.items():
        assert of[packs.CODE] >= 5, language
        assert of[packs.LABEL] >= 8, language
        assert of[packs.SECRET] >= 5, language


def test_no_phrase_hides_a_word_for_a_code() -> None:
    words = defaultdict(set)
    for one in SHIPPED:
        if one.role == packs.CODE:
            words[one.language].add(one.text)
    hiding = packs.INTRO | packs.ENTER | packs.PURPOSE | packs.THING | packs.SECRET | packs.STALE
    hidden = [
        (one.language, NAMES[one.role], one.text)
        for one in SHIPPED
        if one.role & hiding and " " in one.text and words[one.language] & set(one.text.split())
    ]
    assert hidden == []


def test_a_word_for_a_code_has_no_other_meaning_in_its_language() -> None:
    of = defaultdict(set)
    for one in SHIPPED:
        of[one.language, one.text].add(NAMES[one.role])
    twice = {key: names for key, names in of.items() if "code" in names and len(names) > 1}
    assert twice == {}


def test_a_pack_is_read() -> None:
    found = list(read_pack("xx", GOOD.replace('"wcode"', '"Kód, kod*, *kodi"')))
    assert [one for one in found if one.role == packs.CODE] == [
        Entry("kod", packs.CODE, "xx"),
        Entry("kod", packs.CODE, "xx", open=True),
        Entry("kodi", packs.CODE, "xx", inside=True),
    ]


def test_spellings_that_fold_together_count_once() -> None:
    found = list(read_pack("xx", GOOD.replace('"wcode"', '"kód, kod, KOD"')))
    assert [one.text for one in found if one.role == packs.CODE] == ["kod"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("language = ", "xx: Invalid value"),
        (PACK, r"xx\.language: is missing"),
        (GOOD + 'colour = "red"', r"xx\.colour: no such list"),
        (GOOD.replace('code = "wcode"', ""), r"xx\.code: is missing"),
        (GOOD.replace('"wcode"', '["a"]'), r"xx\.code: must be one string"),
        (GOOD.replace('"wcode"', '"a, , b"'), r"xx\.code: '' is no word"),
        (GOOD.replace('"wcode"', '"123"'), r"xx\.code: '123' is no word"),
        (GOOD.replace('"wcode"', '"a*b"'), r"xx\.code: 'a\*b' is no word"),
    ],
)
def test_a_wrong_pack_is_named(text: str, error: str) -> None:
    with pytest.raises(PackError, match=error):
        list(read_pack("xx", text))


def test_words_end_where_they_end() -> None:
    lexicon = Lexicon([entry("code", packs.CODE), entry("login", packs.PURPOSE, open=True)])
    assert roles(lexicon, "decode code codes code1 loginname") == [
        ("code", packs.CODE),
        ("code", packs.CODE),
        ("loginname", packs.PURPOSE),
    ]


def test_the_longest_phrase_wins() -> None:
    lexicon = Lexicon([entry("code", packs.CODE), entry("code word", packs.OTHER)])
    assert roles(lexicon, "code word\ncode words") == [
        ("code word", packs.OTHER),
        ("code", packs.CODE),
    ]


def test_the_end_of_a_compound_may_be_a_word() -> None:
    lexicon = Lexicon([
        entry("verifi", packs.PURPOSE, open=True),
        entry("code", packs.CODE, inside=True),
        entry("rabattcode", packs.OTHER, open=True),
    ])  # fmt: skip
    assert roles(lexicon, "Verifizierungscode Rabattcodes Sicherheitscode xcode") == [
        ("verifizierungs", packs.PURPOSE),
        ("code", packs.CODE),
        ("rabattcodes", packs.OTHER),
        ("code", packs.CODE),
    ]


def test_the_other_words_tell_the_language() -> None:
    lexicon = Lexicon([
        entry("to", packs.INTRO, "pl"),
        entry("to", packs.LITTLE, "en"),
        entry("twoj", packs.COMMON, "pl"),
        entry("your", packs.COMMON, "en"),
    ])  # fmt: skip
    assert roles(lexicon, "twój to") == [("twoj", packs.COMMON), ("to", packs.INTRO)]
    assert roles(lexicon, "your to") == [("your", packs.COMMON), ("to", packs.LITTLE)]
    assert roles(lexicon, "to") == [("to", packs.INTRO | packs.LITTLE)]


def test_articles_and_prepositions_on_a_word() -> None:
    lexicon = Lexicon(
        [entry("رمز", packs.CODE), entry("كود", packs.CODE), entry("קוד", packs.CODE)]
    )
    assert [text for text, _ in roles(lexicon, "والرمز بالرمز كود للرمز")] == [
        "رمز", "رمز", "كود", "رمز",
    ]  # fmt: skip
    assert [text for text, _ in roles(lexicon, "הקוד והקוד קוד")] == ["קוד"] * 3


def test_words_without_blanks_between_them() -> None:
    lexicon = Lexicon([entry("验证码", packs.CODE), entry("是", packs.INTRO)])
    assert roles(lexicon, "您的验证码是4821") == [("验证码", packs.CODE), ("是", packs.INTRO)]


def test_short_words_of_growing_scripts_stand_alone() -> None:
    lexicon = Lexicon([entry("कोड", packs.CODE), entry("पासवर्ड", packs.CODE)])
    assert [text for text, _ in roles(lexicon, "कोडिंग कोड नयापासवर्डहै")] == ["कोड", "पासवर्ड"]


def test_a_latin_word_beside_another_script() -> None:
    lexicon = Lexicon([entry("otp", packs.CODE), entry("입니다", packs.INTRO)])
    assert roles(lexicon, "OTP입니다") == [("otp", packs.CODE), ("입니다", packs.INTRO)]


def test_words_of_two_scripts_do_not_overlap() -> None:
    lexicon = Lexicon([entry("otp", packs.CODE), entry("otp код", packs.OTHER)])
    assert roles(lexicon, "otp код") == [("otp код", packs.OTHER)]


def test_scripts() -> None:
    assert scripts_of("code") == {"latin"}
    assert {"latin", "cyrillic"} <= scripts_of("код")
    assert script_of_word("otp код") == "cyrillic"
    assert script_of_word("code") == "latin"
    assert script_of_word("コード") == "han"


def test_a_lexicon_without_words_finds_none() -> None:
    assert Lexicon([]).find("code") == []
