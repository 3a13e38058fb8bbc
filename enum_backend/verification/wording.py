"""What callers may put into a message: a name, a domain, a hash, a language.

All of it stands in a text that people trust, so it is checked as hostile input.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import idna

from enum_backend.errors import wrong_field
from enum_backend.messaging.plain_characters import plain_form

MAX_APP_NAME: Final = 30
"""Characters; with a longer name many texts need a second segment."""

_LINK: Final = re.compile(r"://|www\.|[^\s.]\.[^\s.]{2}|[@#/\\<>]", re.IGNORECASE)
_DIGITS: Final = re.compile(r"\d(?:[\s-]?\d){3}")
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_ANDROID_HASH: Final = re.compile(r"[A-Za-z0-9+/]{11}", re.ASCII)
_LOCALE: Final = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}", re.ASCII)
_SUBJECT: Final = re.compile(r"[!-~]{1,128}", re.ASCII)


def app_name(text: str, field: str = "app_name") -> str:
    """A name on one line, typographic characters made plain.

    Raises:
        ValidationFailed: longer than `MAX_APP_NAME`, invisible or control characters,
            something phones turn into a link, or digits that look like a code.
    """
    name = re.sub(" +", " ", unicodedata.normalize("NFC", text)).strip()
    name = "".join(plain_form(character, letters=False) or character for character in name)
    if any(unicodedata.category(character)[0] in "CZ" for character in name.replace(" ", "")):
        raise wrong_field(field, "holds a line break or an invisible character")
    if len(name) > MAX_APP_NAME:
        raise wrong_field(field, f"has {len(name)} characters, at most {MAX_APP_NAME} fit")
    if _LINK.search(name):
        raise wrong_field(field, "looks like an address, which phones turn into a link")
    if _DIGITS.search(name):
        raise wrong_field(field, "holds digits that look like a code")
    return name


def domain(text: str, field: str = "domain") -> str:
    """A host name as the last line needs it: lower case, ASCII (IDNA), no port, no path.

    Source: WICG, Origin-bound one-time codes delivered via SMS, section 3 (the host of an
    https origin); an address is none.

    Raises:
        ValidationFailed: anything else.
    """
    expected = "expected a domain such as example.org, without scheme, port or path"
    name = text.strip().rstrip(".").lower()
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise wrong_field(field, expected) from None
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise wrong_field(field, expected)
    if labels[-1].isdigit() or (len(labels) == 1 and name != "localhost"):
        raise wrong_field(field, expected)
    return name


def android_hash(text: str, field: str = "android_hash") -> str:
    """The hash of an app for Android's SMS Retriever: 11 characters of base64.

    Raises:
        ValidationFailed: anything else.
    """
    if not _ANDROID_HASH.fullmatch(text):
        raise wrong_field(field, "expected the 11 characters that identify your app")
    return text


def locale(text: str, field: str = "locale") -> str:
    """A language tag such as `pt-BR` (BCP 47; `pt_BR` as well).

    Raises:
        ValidationFailed: anything else.
    """
    if not _LOCALE.fullmatch(text):
        raise wrong_field(field, "expected a language such as de or pt-BR")
    return text.replace("_", "-")


def subject(text: str, field: str = "subject") -> str:
    """An id of a person: 1 to 128 printable ASCII characters without blanks.

    Raises:
        ValidationFailed: anything else.
    """
    if not _SUBJECT.fullmatch(text):
        raise wrong_field(field, "expected 1 to 128 printable ASCII characters without blanks")
    return text
