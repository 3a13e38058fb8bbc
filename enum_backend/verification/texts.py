"""The texts of verification messages: chosen by purpose and language, put together in lines."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from enum_backend.errors import SettingsError
from enum_backend.verification.model import Purpose

MAX_TEXT: Final = 120
"""Characters of one text, `{code}` included."""

PLACEHOLDER: Final = "000000"
"""Stands for the code where a text is only measured or shown."""

_SAME: Final = {
    "nb": "no",
    "nn": "no",
    "iw": "he",
    "in": "id",
    "tl": "fil",
    "zh-tw": "zh-hant",
    "zh-hk": "zh-hant",
    "zh-mo": "zh-hant",
}
"""Tags that mean a language which stands here under another one."""


@dataclass(frozen=True, slots=True)
class Lines:
    """What stands around the text.

    Attributes:
        app_name: before it, empty = nothing.
        domain: host of the last line, for browsers; None = no such line.
        android_hash: a line of its own, for Android apps; None = none.
    """

    app_name: str = ""
    domain: str | None = None
    android_hash: str | None = None


class Texts:
    """Every text there is.

    Args:
        tables: language -> purpose -> text.
        default: the language where none is asked for, or one that is not here.

    Raises:
        SettingsError: `default` is not here, or has not all purposes.
    """

    def __init__(self, tables: Mapping[str, Mapping[str, str]], default: str) -> None:
        self._names = {tag.lower(): tag for tag in tables}
        self._tables = {tag.lower(): dict(texts) for tag, texts in tables.items()}
        found = self._find(default)
        if found is None or set(self._tables[found]) != set(Purpose):
            raise SettingsError(f"verification.locale: there are no texts in {default!r}")
        self._default = found

    @property
    def languages(self) -> tuple[str, ...]:
        """The tags of all languages."""
        return tuple(self._names.values())

    def language(self, wanted: str | None) -> str:
        """The tag that a wish comes to: itself, its language, or the default."""
        return self._names[(self._find(wanted) if wanted else None) or self._default]

    def text(self, purpose: Purpose, language: str, code: str, lines: Lines) -> str:
        """The whole message.

        Args:
            language: a tag that `language` returned.

        Source: WICG sms-one-time-codes (the last line is `@host #code`); Google, SMS
        Retriever API (the message holds the app's hash, and at most 140 octets).
        """
        table = self._tables.get(language.lower(), {})
        template = table.get(purpose) or self._tables[self._default][purpose]
        text = template.replace("{code}", code)
        parts = [f"{lines.app_name}: {text}" if lines.app_name else text]
        if lines.android_hash:
            parts.append(lines.android_hash)
        if lines.domain:
            parts.append(f"@{lines.domain} #{code}")
        return "\n".join(parts)

    def _find(self, wanted: str) -> str | None:
        """The longest part of a tag that is here."""
        tag = wanted.lower().replace("_", "-")
        while tag:
            tag = _SAME.get(tag, tag)
            if tag in self._tables:
                return tag
            tag = tag.rpartition("-")[0]
        return None


def load_texts(file: str, default: str) -> Texts:
    """The shipped texts, with those of a file over them.

    Args:
        file: path of a TOML file, empty = none.

    Raises:
        SettingsError: the file cannot be used; names table and key.
    """
    tables = _tables((files(__package__) / "texts.toml").read_text("utf-8"), "texts.toml")
    if file:
        try:
            own = Path(file).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"verification.texts_file: {file}: {error}") from None
        for tag, texts in _tables(own, file).items():
            same = next((known for known in tables if known.lower() == tag.lower()), tag)
            tables[same] = tables.get(same, {}) | texts
    return Texts(tables, default)


def _tables(toml: str, name: str) -> dict[str, dict[str, str]]:
    try:
        document = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"verification.texts_file: {name}: {error}") from None
    for tag, texts in document.items():
        if not isinstance(texts, dict):
            raise SettingsError(f"verification.texts_file: {name}: {tag}: expected a table")
        for purpose, text in texts.items():
            if why := _wrong(purpose, text):
                raise SettingsError(f"verification.texts_file: {name}: {tag}.{purpose}: {why}")
    return document


def _wrong(purpose: str, text: Any) -> str:
    if purpose not in set(Purpose):
        return f"expected one of {', '.join(Purpose)}"
    if not isinstance(text, str) or text.count("{code}") != 1:
        return "expected a text that holds {code} once"
    if len(text) > MAX_TEXT or not text.isprintable():
        # A line break could make a last line of its own, for another site.
        plain = text.replace("\u200c", "").replace("\u200d", "")
        if len(text) > MAX_TEXT or not plain.isprintable():
            return f"expected one line of at most {MAX_TEXT} characters"
    return ""
