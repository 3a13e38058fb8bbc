"""Any HTTP gateway that takes an SMS as one GET: MeshCentral's `url` provider.

A URL that works in MeshCentral's settings sends the same octets from here (its
meshsms.js: both placeholders required, `encodeURIComponent`, one GET, success is
status 200 and nothing else). Different on purpose: TLS certificates are
verified, a request has a time limit, and what MeshCentral silently drops
(`user:password@`) or sends as it stands (`{{ phone }}`) is an error.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, ClassVar
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr, field_validator
from yarl import URL

from enum_backend.gateways.base import (
    Capabilities,
    GatewayError,
    GatewayOptions,
    OutboundSms,
    ProviderStatus,
    Reason,
    SendResult,
)
from enum_backend.gateways.http_client import ApiGateway
from enum_backend.gateways.http_replies import status_error

PLACEHOLDERS = frozenset({"phone", "message", "from", "id"})

_UNRESERVED = "-_.!~*()"
# encodeURIComponent leaves the apostrophe alone, but node's URL parser, which
# MeshCentral hands the result to, writes it as %27.
_URL_SAFE = "%/:?#[]@!$&()*+,;=-._~"
_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_TEMPLATE = re.compile(r"(?P<origin>https?://[^/?#]*)(?P<target>[^#]*)", re.IGNORECASE)


def encode_component(value: str) -> str:
    """`encodeURIComponent` as it reaches the wire through node: UTF-8, space is `%20`.

    Raises:
        ValueError: the text holds half of a surrogate pair (JavaScript: URIError).
    """
    return quote(value, safe=_UNRESERVED)


class UrlTemplate:
    """A parsed URL template; its text is secret, so it has no readable form.

    Args:
        text: `http(s)://host/...{{phone}}...{{message}}...`

    Raises:
        ValueError: it cannot be used; the message never quotes it.
    """

    def __init__(self, text: str) -> None:
        if text.strip().lower() == "console":
            raise ValueError(
                "'console' only prints, and only in MeshCentral: use a gateway with "
                'provider = "simulator" instead'
            )
        if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in text):
            raise ValueError("holds control characters")
        parts = _TEMPLATE.match(text)
        if parts is None:
            raise ValueError("must start with http:// or https://")
        self.origin = _origin(parts["origin"])
        pieces = _PLACEHOLDER.split(parts["target"])
        self.names = frozenset(pieces[1::2])
        unknown = sorted(self.names - PLACEHOLDERS)
        if unknown:
            near = unknown[0].strip().lower()
            hint = f", write {{{{{near}}}}}" if near in PLACEHOLDERS else ""
            raise ValueError(f"a placeholder is misspelt{hint} (known: {_known()})")
        lacking = [f"{{{{{name}}}}}" for name in ("phone", "message") if name not in self.names]
        if lacking:
            raise ValueError(f"lacks {' and '.join(lacking)} behind the host name")
        try:
            fixed = [quote(piece, safe=_URL_SAFE) for piece in pieces[::2]]
        except ValueError:
            raise ValueError("holds half of a surrogate pair") from None
        if not fixed[0].startswith("/"):
            fixed[0] = "/" + fixed[0]
        self._fixed = fixed
        self._order = pieces[1::2]

    def fill(self, origin: str, **values: str) -> URL:
        """The address to request, every octet of it final.

        Args:
            origin: scheme and host to use, empty for the template's own.
            values: text for each placeholder.

        Raises:
            ValueError: a value holds half of a surrogate pair.
        """
        target = self._fixed[0]
        for name, fixed in zip(self._order, self._fixed[1:], strict=True):
            target += encode_component(values[name]) + fixed
        return URL((origin or self.origin) + target, encoded=True)


class UrlOptions(GatewayOptions):
    """Settings of a URL gateway."""

    url: SecretStr = Field(
        default=SecretStr(""),
        description="address with {{phone}} and {{message}}, and {{from}} and {{id}} if wanted",
    )
    expected_statuses: tuple[Annotated[int, Field(ge=200, le=299)], ...] = Field(
        default=(200,), min_length=1, description="HTTP statuses that mean success"
    )

    @field_validator("url")
    @classmethod
    def _usable_template(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            UrlTemplate(value.get_secret_value())
        return value


class UrlGateway(ApiGateway):
    """Sends by one GET of a URL made from a template.

    Nothing is known of a message afterwards, so `sent` is its last state. A
    repeat is never safe: the receiver has no key to recognise it by.
    """

    provider = "url"
    Options = UrlOptions
    options: UrlOptions
    required: ClassVar[tuple[str, ...]] = ("url",)
    capabilities: ClassVar[Capabilities] = Capabilities()

    @cached_property
    def _template(self) -> UrlTemplate:
        return UrlTemplate(self.options.url.get_secret_value())

    def missing(self) -> list[str]:
        """`url`, and `from` if the template asks for a sender."""
        lacks = super().missing()
        if not lacks and not self.options.sender and "from" in self._template.names:
            lacks.append("from")
        return lacks

    async def send(self, sms: OutboundSms) -> SendResult:
        """Request the URL; the reply's body is read and dropped.

        Raises:
            GatewayError: by HTTP status. Ambiguous for a 2xx that is not among
                `expected_statuses`, and for 504, with which a proxy says that
                it does not know either (RFC 9110 section 15.6.5).
        """
        self.check(sms)
        values = {"phone": sms.to, "message": sms.text, "id": sms.message_id}
        try:
            url = self._template.fill(
                self.options.base_url, **values, **{"from": sms.sender or self.options.sender}
            )
        except ValueError:
            url = None
        if url is None:
            raise GatewayError(Reason.INVALID_REQUEST, "a value holds half of a surrogate pair")
        reply = await self.http.request("GET", url, want_body=False)
        if reply.status in self.options.expected_statuses:
            return SendResult(ProviderStatus.SENT)
        if reply.status == 504:
            raise GatewayError(
                Reason.UNKNOWN, "a proxy got no answer", provider_code="504", ambiguous=True
            )
        raise status_error(reply, detail="" if reply.status > 299 else "not in expected_statuses")


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


def _known() -> str:
    return ", ".join(f"{{{{{name}}}}}" for name in ("phone", "message", "from", "id"))
