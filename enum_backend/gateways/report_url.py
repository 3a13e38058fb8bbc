"""The address a provider reports to, with our own message id in it.

A report then says whose it is even when the answer to the send, and with it the
provider's id, was lost. Only for providers whose signature or nonce check covers
the query: else anybody could hang a report on a message of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

PARAMETER = "message_id"

# Nothing that a provider might write in another way before it signs the address.
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def with_own_id(url: str, message_id: str) -> str:
    """`url` with `message_id` in its query; unchanged where there is no plain id, or no URL."""
    if not url or not _PLAIN_ID.fullmatch(message_id):
        return url
    parts = urlsplit(url)
    query = f"{parts.query}&" if parts.query else ""
    return urlunsplit(parts._replace(query=f"{query}{PARAMETER}={message_id}"))


def own_id_in(query: Iterable[tuple[str, str]]) -> str | None:
    """The id that `with_own_id` put into an address."""
    values = [value for name, value in query if name == PARAMETER]
    return values[-1] if values and _PLAIN_ID.fullmatch(values[-1]) else None
