"""What handsets write, by country, and what they are answered."""

from __future__ import annotations

from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enum_backend.errors import SettingsError
from enum_backend.messaging.policy.word_list import (
    KEYWORDS,
    Vocabulary,
    WordList,
    bare,
    load_words,
)
from enum_backend.messaging.segments import segment
from enum_backend.settings.policy import KeywordSettings

WORDS = load_words()


def vocabulary(**settings: object) -> Vocabulary:
    return Vocabulary(WORDS, KeywordSettings.model_validate(settings))


def keyword(text: str, country: str | None = "US", **settings: object) -> str | None:
    meaning = vocabulary(**settings).meaning(text, country)
    return None if meaning is None else meaning.keyword


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "stop",
        " Stop. ",
        "«stop!»",
        "STOP\n",
        "stop\u200b\ufe0f",
        "STOP 🛑",
        "ＳＴＯＰ",
        "StopAll",
        "stop all",
        "Opt-Out",
        "opt out",
        "UNSUBSCRIBE",
        "cancel",
        "END",
        "quit",
        "revoke",
    ],
)
def test_words_that_stop_everywhere(text: str) -> None:
    assert keyword(text) == "stop"
    assert keyword(text, None) == "stop"
    assert keyword(text, "JP") == "stop"


@pytest.mark.parametrize(
    "text",
    [
        "STOP 12345",
        "stop please",
        "please stop",
        "don't stop",
        "stop2",
        "non-stop",
        "bus stop?",
        "",
        "!!!",
        "👍",
        "s" * 4000,
        "STOP" + " " * 40,
        "STOP STOP",
        "the end",
    ],
)
def test_words_that_are_not_the_whole_message(text: str) -> None:
    assert keyword(text) is None


@pytest.mark.parametrize(
    ("text", "country", "means"),
    [
        ("stopp", "DE", "stop"),
        ("Abmelden", "AT", "stop"),
        ("abmelden", "US", None),
        ("ARRÊT", "FR", "stop"),
        ("arret", "CA", "stop"),
        ("BAJA", "MX", "stop"),
        ("alto", "US", "stop"),
        ("СТОП", "RU", "stop"),
        ("відписатися", "UA", "stop"),
        ("הסר", "IL", "stop"),
        ("إيقاف", "EG", "stop"),
        ("退订", "CN", "stop"),
        ("TD", "CN", "stop"),
        ("td", "US", None),
        ("停止", "JP", "stop"),
        ("수신거부", "KR", "stop"),
        ("İPTAL", "TR", "stop"),
        ("ıptal", "TR", "stop"),
        ("START", "PL", "start"),
        ("unstop", "US", "start"),
        ("Yes", "US", None),
        ("HILFE", "CH", "help"),
        ("aide", "CH", "help"),
        ("info", "US", "help"),
        ("hjælp", "DK", "help"),
        ("hjaelp", "DK", "help"),
    ],
)
def test_words_by_country(text: str, country: str, means: str | None) -> None:
    assert keyword(text, country) == means


def test_answers_are_in_the_language_of_the_word_or_of_the_country() -> None:
    found = vocabulary()

    def answer(text: str, country: str | None) -> str:
        meaning = found.meaning(text, country)
        assert meaning is not None
        return meaning.answer

    german, english = WORDS.languages["de"], WORDS.languages["en"]
    assert answer("STOP", "DE") == german.stop_text
    assert answer("unsubscribe", "DE") == german.stop_text
    assert answer("STOP", "US") == answer("STOP", None) == english.stop_text
    assert answer("alto", "US") == WORDS.languages["es"].stop_text
    assert answer("arret", "CA") == WORDS.languages["fr"].stop_text
    assert found.answer("start", "FR").answer == WORDS.languages["fr"].start_text


def test_the_settings_words_and_answers_come_first() -> None:
    settings = {
        "help_text": "Acme Ltd, help@example.com",
        "stop_text": "Bye.",
        "countries": [
            {"country": "gb", "stop": ["Enough"], "start": ["END"], "stop_text": "Cheerio."},
        ],
    }
    found = vocabulary(**settings)

    def meaning(text: str, country: str) -> tuple[str, str]:
        item = found.meaning(text, country)
        assert item is not None
        return item.keyword, item.answer

    assert meaning("ENOUGH!", "GB") == meaning("stop", "GB") == ("stop", "Cheerio.")
    assert meaning("end", "GB")[0] == "start"
    assert meaning("end", "US") == ("stop", "Bye.")
    assert meaning("help", "GB") == ("help", "Acme Ltd, help@example.com")
    assert found.meaning("enough", "US") is None


def test_the_shipped_list() -> None:
    assert set(WORDS.countries) <= phonenumbers.SUPPORTED_REGIONS
    assert list(WORDS.countries) == sorted(WORDS.countries)
    for name, language in WORDS.languages.items():
        for item in KEYWORDS:
            words = getattr(language, item)
            assert words, (name, item)
            assert all(bare(word) for word in words)
            measured = segment(getattr(language, f"{item}_text"))
            assert measured.segments == 1, (name, item, measured)
        every = [bare(word) for item in KEYWORDS for word in getattr(language, item)]
        assert len(every) == len(set(every)) or name == "ar", name


@given(st.text(max_size=60), st.sampled_from(["US", "DE", "CN", None]))
def test_any_text_is_judged_without_trouble(text: str, country: str | None) -> None:
    meaning = vocabulary().meaning(text, country)
    assert meaning is None or meaning.keyword in KEYWORDS


@given(
    st.sampled_from(WORDS.languages["en"].stop),
    st.text(st.sampled_from(" .,!?\"'«»-–…\n\t*"), max_size=8),
    st.text(st.sampled_from(" .,!?\"'«»-–…\n\t*"), max_size=8),
    st.text(st.sampled_from("abc1234"), min_size=1, max_size=6),
)
def test_punctuation_changes_nothing_and_more_words_everything(
    word: str, before: str, after: str, more: str
) -> None:
    assert keyword(f"{before}{word.swapcase()}{after}") == "stop"
    said = keyword(f"{word} {more}")
    assert said is None or bare(word + more) in map(bare, WORDS.languages["en"].stop)


LISTED = """
[languages.en]
stop = ["STOP"]
start = ["START"]
help = ["HELP"]
stop_text = "a"
start_text = "b"
help_text = "c"

[countries]
DE = ["en"]
"""


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("languages.en", "languages.fr", "expected en among them"),
        ('DE = ["en"]', 'DE = ["de"]', "countries.DE: there is no language 'de'"),
        ('stop_text = "a"', "", "languages.en.stop_text: Field required"),
        ('stop_text = "a"', 'stop_text = ""', "languages.en.stop_text: "),
        ('help = ["HELP"]', "help = 7", "languages.en.help: "),
        ("[countries]", "[", "Invalid"),
    ],
)
def test_lists_that_cannot_be_used(tmp_path: Path, old: str, new: str, why: str) -> None:
    path = tmp_path / "words.toml"
    path.write_text(LISTED)
    assert isinstance(load_words(path), WordList)
    path.write_text(LISTED.replace(old, new))
    with pytest.raises(SettingsError) as refused:
        load_words(path)
    assert str(refused.value).startswith(f"keywords.file: {path}: ")
    assert why in str(refused.value)


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"keywords\.file: .*none\.toml"):
        load_words(tmp_path / "none.toml")
