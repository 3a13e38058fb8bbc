"""What is done to a text before it is measured and stored."""

from __future__ import annotations

from dataclasses import replace

from enum_backend.errors import FieldError, ValidationFailed
from enum_backend.messaging.model import SendRequest
from enum_backend.messaging.segments import Replaced, transliterate
from enum_backend.settings.policy import TextSettings
from enum_backend.unicode_text import is_unicode

LONGEST = 1600
"""Characters of a text, its plain form included: ten parts of GSM-7, what most providers take."""


def check_text(text: str) -> None:
    """Refuse what cannot be sent.

    Raises:
        ValidationFailed: the text is empty, too long or not Unicode.
    """
    why = ""
    if not text:
        why = "is empty"
    elif len(text) > LONGEST:
        why = f"has {len(text)} characters, at most {LONGEST} are sent"
    elif "\x00" in text or not is_unicode(text):
        why = "holds a NUL or a lone surrogate"
    if why:
        raise ValidationFailed(f"message: {why}", errors=[FieldError("message", why)])


def prepared(request: SendRequest, settings: TextSettings) -> tuple[SendRequest, Replaced]:
    """The request with the text that is sent, and what was replaced in it.

    The caller's word comes first, then the setting. The setting leaves messages
    that hold a code alone: some receivers compare them letter by letter.
    """
    wanted = request.transliterate
    if wanted is None:
        wanted = settings.transliterate and not request.is_code
    if not wanted:
        return request, ()
    text, replaced = transliterate(request.text, letters=settings.transliterate_letters)
    if text == request.text or len(text) > LONGEST:
        return request, ()
    return replace(request, text=text), replaced
