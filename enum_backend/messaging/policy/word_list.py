"""Words that mean STOP, START and HELP, by language and country, and what they are answered."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from enum_backend.errors import SettingsError
from enum_backend.settings.policy import CountryKeywords, KeywordSettings
from enum_backend.shipped import shipped

FILE_NAME = "keywords.toml"

Keyword = Literal["stop", "start", "help"]
KEYWORDS: Final[tuple[Keyword, ...]] = get_args(Keyword)

ENGLISH: Final = "en"
"""Its words count everywhere, its answers where no other language is known."""

LONGEST_MESSAGE: Final = 40
"""Characters; nothing longer can be one word with some punctuation."""

_SAME = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe"})
"""Letters whose mark is part of them, as people write them without."""


class Language(BaseModel):
    """Words and answers of one language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stop: tuple[str, ...]
    start: tuple[str, ...]
    help: tuple[str, ...]
    stop_text: str = Field(min_length=1, max_length=320)
    start_text: str = Field(min_length=1, max_length=320)
    help_text: str = Field(min_length=1, max_length=320)


class WordList(BaseModel):
    """`config/keywords.toml`: languages, and the languages of countries, the first one first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    languages: dict[str, Language]
    countries: dict[str, tuple[str, ...]]

    @model_validator(mode="after")
    def _complete(self) -> WordList:
        if ENGLISH not in self.languages:
            raise ValueError(f"languages: expected {ENGLISH} among them")
        for country, names in self.countries.items():
            for name in names:
                if name not in self.languages:
                    raise ValueError(f"countries.{country}: there is no language {name[:20]!r}")
        return self


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a message means, and the answer to it."""

    keyword: Keyword
    answer: str


def load_words(path: Path | None = None) -> WordList:
    """Read a word list; None = the one that came with the program.

    Raises:
        SettingsError: names the file and the key.
    """
    path = path or shipped(FILE_NAME, "keywords.file")
    try:
        return WordList.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"keywords.file: {path}: {error}") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"keywords.file: {path}: {key or 'file'}: {what}") from None


def bare(text: str) -> str:
    """A word without capitals, accents, blanks and punctuation: `"Opt-Out!"` -> `optout`."""
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(character for character in parts if character.isalnum()).translate(_SAME)


class Vocabulary:
    """Finds out what messages mean, with the settings' own words and answers."""

    def __init__(self, words: WordList, settings: KeywordSettings) -> None:
        self._words = words
        self._settings = settings
        self._own = {item.country: item for item in settings.countries}
        self._of_country = lru_cache(maxsize=None)(self._meanings)
        self._every = frozenset(
            bare(word)
            for source in (*words.languages.values(), *settings.countries)
            for keyword in KEYWORDS
            for word in getattr(source, keyword, ())
        )

    def may_mean(self, text: str) -> bool:
        """Whether it is a keyword anywhere; most messages are not, and that is quick to see."""
        return len(text) <= LONGEST_MESSAGE and bare(text) in self._every

    def meaning(self, text: str, country: str | None) -> Meaning | None:
        """What the whole message means to a handset of that country; None = nothing special."""
        if len(text) > LONGEST_MESSAGE:
            return None
        return self._of_country(country).get(bare(text))

    def answer(self, keyword: Keyword, country: str | None) -> Meaning:
        """The same for a message that a provider has understood by itself."""
        return Meaning(keyword, self._answer(keyword, self._languages(country)[0], country))

    def _meanings(self, country: str | None) -> Mapping[str, Meaning]:
        """Bare word -> meaning, in the first language of the country that has the word."""
        languages = self._languages(country)
        words = self._words.languages
        # Earlier sources win: the operator's own words, then the country's languages.
        sources: list[tuple[Language | CountryKeywords | None, str]] = [
            (self._own.get(country or ""), languages[0]),
            *((words[name], name) for name in languages),
            (words[ENGLISH], languages[0]),
        ]
        found: dict[str, Meaning] = {}
        for source, language in sources:
            for keyword in KEYWORDS:
                meaning = Meaning(keyword, self._answer(keyword, language, country))
                for word in getattr(source, keyword, ()):
                    found.setdefault(bare(word), meaning)
        found.pop("", None)
        return found

    def _languages(self, country: str | None) -> tuple[str, ...]:
        return self._words.countries.get(country or "") or (ENGLISH,)

    def _answer(self, keyword: Keyword, language: str, country: str | None) -> str:
        name = f"{keyword}_text"
        own = self._own.get(country or "")
        texts = (
            getattr(own, name, ""),
            getattr(self._settings, name),
            getattr(self._words.languages[language], name),
        )
        return next(text for text in texts if text)
