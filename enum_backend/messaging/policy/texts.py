"""What is done to a text before it is measured and stored."""

from __future__ import annotations

from dataclasses import replace

from enum_backend.messaging.model import SendRequest
from enum_backend.messaging.segments import Replaced, transliterate
from enum_backend.settings.policy import TextSettings

LONGEST = 1600
"""Characters that plain forms may make of a text: what is accepted from a caller."""


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
