"""Telnyx: messages API v2 (https://developers.telnyx.com/api-reference/messages/send-a-message)."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from pydantic import Field, SecretStr, field_validator
from yarl import URL

from enum_backend.gateways.base import (
    Capabilities,
    Cost,
    Credential,
    GatewayError,
    GatewayOptions,
    OutboundSms,
    ProviderStatus,
    Reason,
    SendResult,
    StatusResult,
)
from enum_backend.gateways.http_client import ApiGateway
from enum_backend.gateways.http_replies import Reply, provider_text, status_error
from enum_backend.gateways.options import WebAddress
from enum_backend.gateways.reading import mapping
from enum_backend.gateways.telnyx_errors import STATUSES, reason_of

API_URL = "https://api.telnyx.com/v2"
MESSAGES_URL = f"{API_URL}/messages"

_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_:-]{1,255}")


class TelnyxOptions(GatewayOptions):
    """Settings of a Telnyx account; `from` or `messaging_profile_id` says who sends."""

    api_key: Credential = Field(default=SecretStr(""), description="API v2 key, `KEY...`")
    messaging_profile_id: str = Field(
        default="", description="profile whose number pool sends; needed for a name as sender"
    )
    public_key: str = Field(
        default="", description="Ed25519 key of the account's webhooks, base64 of 32 octets"
    )
    previous_public_key: str = Field(
        default="", description="key before a rotation; calls signed with it are still taken"
    )
    connection_id: str = Field(
        default="", description="voice connection that bought numbers are attached to"
    )
    webhook_url: WebAddress = Field(
        default="", description="where reports go, empty = as in the profile"
    )
    webhook_failover_url: WebAddress = Field(default="", description="second address for reports")

    @field_validator("public_key", "previous_public_key")
    @classmethod
    def _ed25519_key(cls, value: str) -> str:
        value = value.strip()
        try:
            octets = len(b64decode(value, validate=True))
        except ValueError:
            octets = -1
        if value and octets != 32:
            raise ValueError("must be base64 of the 32 octets of an Ed25519 public key")
        return value


class TelnyxGateway(ApiGateway):
    """Sends through Telnyx.

    Every request carries our message id as `Idempotency-Key`: for 24 hours a
    repeat of an accepted message is answered with the first answer. Stacks that
    do not know the header yet ignore it, so an unanswered request stays
    ambiguous; `capabilities.idempotency` tells the dispatcher what it may do.
    """

    provider = "telnyx"
    Options = TelnyxOptions
    options: TelnyxOptions
    required: ClassVar[tuple[str, ...]] = ("api_key", "from")
    capabilities: ClassVar[Capabilities] = Capabilities(
        idempotency="key",
        status_query=True,
        delivery_reports=True,
        inbound=True,
        numbers=True,
        line_type=True,
        balance=True,
    )
    credential_formats: ClassVar[Mapping[str, tuple[str, str]]] = {
        "api_key": (r"KEY[0-9A-Za-z_]{20,}", "KEY and at least 20 letters and digits"),
    }

    def missing(self) -> list[str]:
        """As everywhere, but a messaging profile may stand in for `from`."""
        lacks = super().missing()
        return [key for key in lacks if key != "from" or not self.options.messaging_profile_id]

    def has_account(self, account: str) -> bool:
        """Whether `account` is the messaging profile."""
        return bool(account) and account == self.options.messaging_profile_id

    async def send(self, sms: OutboundSms) -> SendResult:
        """`POST /v2/messages`.

        Raises:
            GatewayError: refused, failed or ambiguous. A 2xx without a readable
                id is ambiguous: the message was most likely taken.
        """
        self.check(sms)
        reply = await self.http.request(
            "POST",
            self.address(MESSAGES_URL),
            headers={**self._headers(), "Idempotency-Key": _idempotency_key(sms.message_id)},
            json=self._payload(sms),
        )
        if reply.status >= 300:
            raise self._error(reply, hide=(sms.text, sms.to, sms.sender or ""))
        data = mapping(reply.json_object().get("data"))
        provider_id = data.get("id")
        if not isinstance(provider_id, str) or not provider_id:
            raise GatewayError(
                Reason.UNKNOWN, "accepted, but the reply has no message id", ambiguous=True
            )
        # A word not known here still belongs to an accepted message.
        status = STATUSES.get(_state(data), ProviderStatus.QUEUED)
        if status in _BAD_ENDS:
            code, explanation = _first_error(data)
            raise GatewayError(
                reason_of(code, explanation) or Reason.UNKNOWN,
                f"the message is {status} already",
                provider_code=code or None,
            )
        parts = data.get("parts")
        return SendResult(
            status=status,
            provider_message_id=provider_id,
            segments=parts if type(parts) is int and parts > 0 else None,
            cost=_cost(data.get("cost")),
        )

    async def status(self, provider_message_id: str) -> StatusResult:
        """`GET /v2/messages/{id}`; Telnyx knows the messages of the last 10 days.

        Raises:
            GatewayError: no such message, no answer, or a word we do not know.
        """
        try:
            UUID(provider_message_id)
        except ValueError:
            raise GatewayError(Reason.INVALID_REQUEST, "a Telnyx id is a UUID") from None
        body = await self.call("GET", f"/messages/{provider_message_id}", repeatable=True)
        result = outcome(mapping(body.get("data")))
        if result is None:
            raise GatewayError(Reason.UNKNOWN, "the reply holds no status of an outbound message")
        return result

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        json: object = None,
        repeatable: bool = False,
    ) -> Mapping[str, Any]:
        """Any other request of the API v2.

        Args:
            path: after `/v2`, ready for a URL.
            query: parameters, not yet encoded.
            repeatable: a query that changes nothing.

        Returns:
            The JSON object of a 2xx, empty if there is none.

        Raises:
            GatewayError: refused, no key is set, or no answer (see `HttpClient.request`).
        """
        if not self.options.api_key.get_secret_value():
            raise GatewayError(Reason.AUTH_FAILED, "settings lack api_key")
        url = self.address(f"{API_URL}{path}") + (f"?{urlencode(query)}" if query else "")
        reply = await self.http.request(
            method,
            URL(url, encoded=True),
            headers=self._headers(),
            json=json,
            repeatable=repeatable,
        )
        if reply.status >= 300:
            raise self._error(reply)
        return reply.json_object()

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.options.api_key.get_secret_value()}",
            "Accept": "application/json",
        }

    def _payload(self, sms: OutboundSms) -> dict[str, str]:
        sender = sms.sender or self.options.sender
        # Numbers have their own profile; pools and names as sender need one.
        numeric = re.fullmatch(r"\+?[0-9]+", sender) is not None
        fields = {
            "from": sender,
            "messaging_profile_id": "" if numeric else self.options.messaging_profile_id,
            "to": sms.to,
            "text": sms.text,
            "type": "SMS",
            "webhook_url": self.options.webhook_url,
            "webhook_failover_url": self.options.webhook_failover_url,
        }
        return {key: value for key, value in fields.items() if value}

    def _error(self, reply: Reply, hide: Iterable[str] = ()) -> GatewayError:
        body = reply.json_object()
        code, explanation = _first_error(body)
        return status_error(
            reply,
            reason=reason_of(code, explanation, reply.status),
            provider_code=code or None,
            detail=provider_text(
                _title(body), hide=(*hide, self.options.api_key.get_secret_value())
            ),
            reset_header="x-ratelimit-reset",
        )


_BAD_ENDS = frozenset({ProviderStatus.FAILED, ProviderStatus.UNDELIVERED})


def outcome(data: Mapping[str, Any]) -> StatusResult | None:
    """What an outbound message, in a reply or a webhook, says of itself; None = nothing we know."""
    word = _state(data)
    status = STATUSES.get(word)
    if status is None:
        return None
    code, explanation = _first_error(data)
    reason = reason_of(code, explanation)
    if word == "expired":
        reason = Reason.EXPIRED
    elif reason is None and status in _BAD_ENDS:
        reason = Reason.UNKNOWN
    return StatusResult(status, reason, code or None, _cost(data.get("cost")))


def _idempotency_key(message_id: str) -> str:
    if _IDEMPOTENCY_KEY.fullmatch(message_id):
        return message_id
    return sha256(message_id.encode("utf-8", "surrogatepass")).hexdigest()


def _first(value: object) -> Mapping[str, Any]:
    return mapping(value[0]) if isinstance(value, list) and value else {}


def _state(data: Mapping[str, Any]) -> str:
    return str(_first(data.get("to")).get("status", ""))


def _title(body: Mapping[str, Any]) -> object:
    return _first(body.get("errors")).get("title")


def _first_error(body: Mapping[str, Any]) -> tuple[str, str]:
    """Code, and title with detail, of `errors[0]`."""
    error = _first(body.get("errors"))
    code = str(error.get("code", ""))
    explanation = f"{error.get('title', '')} {error.get('detail', '')}"
    return (code if re.fullmatch(r"[0-9A-Za-z_.-]{1,40}", code) else ""), explanation


def _cost(value: object) -> Cost | None:
    cost = mapping(value)
    try:
        amount = Decimal(str(cost.get("amount")))
    except InvalidOperation:
        return None
    currency = cost.get("currency")
    if not amount.is_finite() or amount < 0 or not isinstance(currency, str):
        return None
    return Cost(amount, currency)
