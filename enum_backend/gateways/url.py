"""Any HTTP gateway that takes an SMS as one GET: MeshCentral's `url` provider.

A URL that works in MeshCentral's settings sends the same octets from here (its
meshsms.js: both placeholders required, `encodeURIComponent`, one GET, success is
status 200 and nothing else). Different on purpose: TLS certificates are
verified, a request has a time limit, and what MeshCentral silently drops
(`user:password@`) or sends as it stands (`{{ phone }}`) is an error.

What needs a body, headers, ids or webhooks is declared with the provider `http`.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, ClassVar

from pydantic import Field, SecretStr, field_validator

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
from enum_backend.gateways.http_replies import proxy_timeout, status_error
from enum_backend.gateways.http_wire import Wire
from enum_backend.gateways.templates import UrlTemplate, encode_component

__all__ = ["PLACEHOLDERS", "UrlGateway", "UrlOptions", "encode_component"]

PLACEHOLDERS = ("phone", "message", "from", "id")
_NEEDED = ("phone", "message")


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
            UrlTemplate(value.get_secret_value(), PLACEHOLDERS, _NEEDED)
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
    lower = Wire
    capabilities: ClassVar[Capabilities] = Capabilities()

    @cached_property
    def _template(self) -> UrlTemplate:
        return UrlTemplate(self.options.url.get_secret_value(), PLACEHOLDERS, _NEEDED)

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
        values = {
            "phone": sms.to,
            "message": sms.text,
            "id": sms.message_id,
            "from": sms.sender or self.options.sender,
        }
        try:
            url = self._template.fill(self.options.base_url, values)
        except ValueError:
            url = None
        if url is None:
            raise GatewayError(Reason.INVALID_REQUEST, "a value holds half of a surrogate pair")
        reply = await self.http.request("GET", url, want_body=False)
        if reply.status in self.options.expected_statuses:
            return SendResult(ProviderStatus.SENT)
        detail = "" if reply.status > 299 else "not in expected_statuses"
        raise proxy_timeout(reply) or status_error(reply, detail=detail)
