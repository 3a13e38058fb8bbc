"""The line that binds a code to a domain: `@example.com #123456`.

Source: WICG, Origin-bound one-time codes delivered via SMS (sms-one-time-codes): the host after
`@`, exactly one blank, the code after `#`, then perhaps one blank and `@` with the host of an
embedded frame. A port, a path, two blanks or a tab make it an ordinary text. The sender wrote
it for machines, so it is trusted before anything else in the message.
"""

from __future__ import annotations

import re
from typing import Final

_HOST: Final = r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})"
_LINE: Final = re.compile(rf"(?:^|(?<=\s))@{_HOST} #([^\s#@]{{1,64}})(?: @{_HOST})?(?=\s|$)")


def bound_code(text: str) -> str | None:
    """The code of the last such line of a message, as written, or None."""
    if "@" not in text or "#" not in text:
        return None
    last = None
    for match in _LINE.finditer(text):
        last = match
    return last[1] if last else None
