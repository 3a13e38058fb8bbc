"""A plain-text mail as the octets that are handed to a server (RFC 5322, RFC 2045).

What strangers wrote may stand in a header. Python's `EmailMessage` reads encoded words
(RFC 2047) in what it is given, and so turns `=?utf-8?q?=0aBcc:...?=` into a line end and
one more header. Here a text is only ever written, never read: what is not plain words
becomes an encoded word as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

LINE: Final = 78
"""Characters of a line (RFC 5322 section 2.1.1)."""

_NOT_SHOWN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_NOT_IN_BODIES: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_PLAIN: Final = re.compile(r"(?:[\x20-\x3c\x3e-\x7e]|=(?!\?))*")

_ASCII_ONLY: Final = SMTP.clone(cte_type="7bit")


def plain_mail(fields: Mapping[str, str], texts: Mapping[str, str], body: str) -> bytes:
    """A mail, all of it ASCII with CRLF at the ends of lines.

    Args:
        fields: headers of ours, written as they are: addresses, dates, ids.
        texts: headers that may hold any text; see `one_line`.
        body: any text; control characters other than tabs and line ends become blanks.
    """
    mime = EmailMessage(policy=_ASCII_ONLY)
    shown = _NOT_IN_BODIES.sub(" ", body.replace("\r\n", "\n").replace("\r", "\n"))
    mime.set_content(shown.encode("utf-8", "replace").decode(), charset="utf-8")
    head = [f"{name}: {value}\r\n" for name, value in fields.items()]
    head += [f"{name}: {_written(name, one_line(value))}\r\n" for name, value in texts.items()]
    return "".join(head).encode("ascii") + mime.as_bytes()


def one_line(text: str) -> str:
    """Text that fits into a header: control characters and line ends become blanks."""
    return " ".join(_NOT_SHOWN.sub(" ", text).split())


def _written(name: str, line: str) -> str:
    """A line as it stands behind the name of its header."""
    if len(name) + 2 + len(line) <= LINE and _PLAIN.fullmatch(line):
        return line
    return Header(line, "utf-8", header_name=name, maxlinelen=LINE).encode(linesep="\r\n")
