"""Texts with `{{placeholders}}`, each value escaped for the place where it lands.

Used by the gateways that an operator declares in settings. Templates may hold
secrets, so that no message here quotes one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from urllib.parse import quote, quote_plus, urlsplit
from xml.sax.saxutils import escape as xml_escape

from yarl import URL

Escape = Callable[[str], str]

# encodeURIComponent leaves the apostrophe alone, but node's URL parser, which
# MeshCentral hands the result to, writes it as %27.
_URL_SAFE = "%/:?#[]@!$&()*+,;=-._~"
_ESCAPED = re.compile(rb"[^A-Za-z0-9_.!~*()-]")
_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_ADDRESS = re.compile(r"(?P<origin>https?://[^/?#]*)(?P<target>[^#]*)", re.IGNORECASE)
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def encode_component(value: str) -> str:
    """`encodeURIComponent` as it reaches the wire through node: UTF-8, space is `%20`.

    Raises:
        ValueError: the text holds half of a surrogate pair (JavaScript: URIError).
    """
    return _ESCAPED.sub(_percent, value.encode()).decode("ascii")


def _percent(octet: re.Match[bytes]) -> bytes:
    return b"%%%02X" % octet[0][0]


def in_json(value: str) -> str:
    """Between the quotes of a JSON string."""
    return json.dumps(value)[1:-1]


def in_form(value: str) -> str:
    """A value of `application/x-www-form-urlencoded`."""
    return quote_plus(value)


def in_xml(value: str) -> str:
    """Content or attribute of XML 1.0.

    Raises:
        ValueError: a character that XML 1.0 cannot hold.
    """
    if _NO_XML.search(value):
        raise ValueError("holds a character that XML cannot")
    return xml_escape(value, {'"': "&quot;", "'": "&apos;", "\r": "&#13;", "\n": "&#10;"})


def in_header(value: str) -> str:
    """The value of an HTTP header field.

    Raises:
        ValueError: anything but visible ASCII and blanks: CR and LF would start another field.
    """
    if not re.fullmatch(r"[ -~]*", value):
        raise ValueError("holds a character that a header cannot")
    return value


def unchanged(value: str) -> str:
    """As it is."""
    return value


class Template:
    """A parsed text; it is secret, so it has no readable form.

    Args:
        text: with `{{name}}` for each value.
        known: names there may be, in the order in which messages list them.
        escape: makes a value fit for its place.
        fixed: the same for what stands between the placeholders.

    Raises:
        ValueError: a name is unknown; or `fixed` says so.
    """

    def __init__(
        self, text: str, known: Sequence[str], escape: Escape, fixed: Escape = unchanged
    ) -> None:
        pieces = _PLACEHOLDER.split(text)
        self.names = frozenset(pieces[1::2])
        unknown = sorted(self.names.difference(known))
        if unknown:
            near = unknown[0].strip().lower()
            hint = f", write {{{{{near}}}}}" if near in known else ""
            listed = ", ".join(f"{{{{{name}}}}}" for name in known)
            raise ValueError(f"a placeholder is misspelt{hint} (known: {listed})")
        self.fixed = [fixed(piece) for piece in pieces[::2]]
        self._order = pieces[1::2]
        self._escape = escape

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with a value for each name.

        Raises:
            ValueError: a value cannot stand in this place.
        """
        filled = self.fixed[0]
        for name, fixed in zip(self._order, self.fixed[1:], strict=True):
            filled += self._escape(values[name]) + fixed
        return filled


class UrlTemplate:
    """A parsed URL template; its text is secret, so it has no readable form.

    Args:
        text: `http(s)://host/...`, placeholders behind the host name only.
        known: names there may be.
        needed: names there must be.

    Raises:
        ValueError: it cannot be used; the message never quotes it.
    """

    def __init__(self, text: str, known: Sequence[str], needed: Collection[str] = ()) -> None:
        if text.strip().lower() == "console":
            raise ValueError(
                "'console' only prints, and only in MeshCentral: use a gateway with "
                'provider = "simulator" instead'
            )
        if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in text):
            raise ValueError("holds control characters")
        parts = _ADDRESS.match(text)
        if parts is None:
            raise ValueError("must start with http:// or https://")
        self.origin = _origin(parts["origin"])
        target = parts["target"]
        try:
            self._target = Template(
                target if target.startswith("/") else f"/{target}",
                known,
                encode_component,
                lambda piece: quote(piece, safe=_URL_SAFE),
            )
        except UnicodeEncodeError:
            raise ValueError("holds half of a surrogate pair") from None
        self.names = self._target.names
        lacking = [f"{{{{{name}}}}}" for name in needed if name not in self.names]
        if lacking:
            raise ValueError(f"lacks {' and '.join(lacking)} behind the host name")

    def fill(self, origin: str, values: Mapping[str, str]) -> URL:
        """The address to request, every octet of it final.

        Args:
            origin: scheme and host to use, empty for the template's own.
            values: text for each placeholder.

        Raises:
            ValueError: a value holds half of a surrogate pair.
        """
        return URL((origin or self.origin) + self._target.fill(values), encoded=True)


def _origin(text: str) -> str:
    if "@" in text:
        raise ValueError("user:password@ would not be sent: put the secret into path or query")
    if "{{" in text:
        raise ValueError("has a placeholder in the host name")
    try:
        parts = urlsplit(text)
        url = URL.build(scheme=parts.scheme, host=parts.hostname or "", port=parts.port)
    except ValueError:
        raise ValueError("has no valid host name and port") from None
    if not url.raw_host or parts.port == 0:
        raise ValueError("has no valid host name and port")
    return str(url.origin())
