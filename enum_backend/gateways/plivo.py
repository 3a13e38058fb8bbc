"""Plivo: Message API (https://www.plivo.com/docs/messaging/api/message)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import Field

from enum_backend.gateways.auth_token import AuthTokenOptions
from enum_backend.gateways.base import (
    Capabilities,
    Cost,
    GatewayError,
    OutboundSms,
    ProviderStatus,
    Reason,
    SendResult,
    StatusResult,
)
from enum_backend.gateways.digits import digits_of
from enum_backend.gateways.http_client import ApiGateway, basic_auth
from enum_backend.gateways.http_replies import Reply, provider_text, proxy_timeout, status_error
from enum_backend.gateways.options import WebAddress
from enum_backend.gateways.plivo_errors import STATUSES, code_of, reason_for, reason_of
from enum_backend.gateways.report_url import with_own_id
from enum_backend.gsm import fits_gsm7

API_URL = "https://api.plivo.com/v1/Account"
UCS2_LIMIT = 737
"""UTF-16 units of a text that GSM-7 cannot express."""


class PlivoOptions(AuthTokenOptions):
    """Settings of a Plivo account; `from` or `powerpack_uuid` says who sends."""

    auth_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{0,64}$")] = Field(
        default="", description="`MA...` or `SA...`, the account or subaccount"
    )
    powerpack_uuid: str = Field(
        default="", description="number pool that sends, unless a message names its sender"
    )
    webhook_url: WebAddress = Field(
        default="", description="where delivery reports go, empty = as in the powerpack"
    )


class PlivoGateway(ApiGateway):
    """Sends through Plivo, which knows no idempotency key.

    A request without an answer stays ambiguous until the first report: see `report_url`.
    """

    provider = "plivo"
    Options = PlivoOptions
    options: PlivoOptions
    required: ClassVar[tuple[str, ...]] = ("auth_id", "auth_token", "from")
    capabilities: ClassVar[Capabilities] = Capabilities(
        status_query=True,
        delivery_reports=True,
        inbound=True,
        numbers=True,
        line_type=True,
        balance=True,
        max_characters=1600,
    )
    credential_formats: ClassVar[Mapping[str, tuple[str, str]]] = {
        "auth_id": (r"(MA|SA)[0-9A-Z]{18}", "MA or SA and 18 capital letters and digits"),
        "auth_token": (r"[0-9A-Za-z]{40}", "40 letters and digits"),
    }

    def missing(self) -> list[str]:
        """As everywhere, but a powerpack may stand in for `from`."""
        lacks = super().missing()
        return [key for key in lacks if key != "from" or not self.options.powerpack_uuid]

    def has_account(self, account: str) -> bool:
        """Whether `account` is the account, or its powerpack."""
        return bool(account) and account in (self.options.auth_id, self.options.powerpack_uuid)

    def check(self, sms: OutboundSms) -> None:
        """As everywhere, and texts beyond GSM-7 end earlier.

        Raises:
            GatewayError: see `Gateway.check`.
        """
        super().check(sms)
        if not fits_gsm7(sms.text) and len(sms.text.encode("utf-16-le")) > 2 * UCS2_LIMIT:
            raise GatewayError(
                Reason.INVALID_REQUEST, f"a text beyond GSM-7 is longer than {UCS2_LIMIT}"
            )

    async def send(self, sms: OutboundSms) -> SendResult:
        """`POST /v1/Account/{auth_id}/Message/`.

        Raises:
            GatewayError: refused or ambiguous. A 2xx without a readable id is
                ambiguous: the message was most likely taken.
        """
        self.check(sms)
        data = await self.call(
            "POST", "Message/", body=self._payload(sms), hide=(sms.text, sms.to, sms.sender or "")
        )
        uuids = data.get("message_uuid")
        first = uuids[0] if isinstance(uuids, list) and uuids else uuids
        if not isinstance(first, str) or not _is_uuid(first):
            if not uuids and data.get("invalid_number"):
                raise GatewayError(Reason.INVALID_NUMBER, "the recipient is listed as invalid")
            raise GatewayError(
                Reason.UNKNOWN, "accepted, but the reply has no message id", ambiguous=True
            )
        return SendResult(ProviderStatus.QUEUED, first)

    async def status(self, provider_message_id: str) -> StatusResult:
        """`GET /v1/Account/{auth_id}/Message/{uuid}/`.

        Raises:
            GatewayError: no such message, no answer, or a word we do not know.
        """
        if not _is_uuid(provider_message_id):
            raise GatewayError(Reason.INVALID_REQUEST, "a Plivo id is a UUID")
        data = await self.call("GET", f"Message/{provider_message_id}/")
        status = STATUSES.get(str(data.get("message_state")))
        if status is None or data.get("message_direction") == "inbound":
            raise GatewayError(Reason.UNKNOWN, "the reply holds no status of an outbound message")
        code = code_of(data.get("error_code"))
        return StatusResult(
            status, reason_for(status, code), code or None, charge(data.get("total_amount"))
        )

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        hide: Iterable[str] = (),
    ) -> dict[str, Any]:
        """One request below the account's address; the reply's JSON object.

        Args:
            method: everything but GET may change something, its failures are ambiguous.
            path: behind `/v1/Account/{auth_id}/`, or from `https://` on; ends with `/`.
            query: added to `path`.
            body: sent as JSON.
            hide: texts that errors may not hold.

        Raises:
            GatewayError: refused, failed or ambiguous.
        """
        account = f"{API_URL}/{self.options.auth_id}/"
        token = self.options.auth_token.get_secret_value()
        reply = await self.ask(
            method,
            path if path.startswith("https://") else account + path,
            authorization=basic_auth(self.options.auth_id, token),
            query=query,
            json=body,
        )
        if reply.status >= 300:
            raise _error(reply, hide=(*hide, token))
        return reply.json_object()

    def _payload(self, sms: OutboundSms) -> dict[str, str]:
        fields = {
            "dst": digits_of(sms.to),
            "text": sms.text,
            "type": "sms",
            "url": with_own_id(self.options.webhook_url, sms.message_id),
        }
        # One of the two, never both.
        if self.options.powerpack_uuid and not sms.sender:
            fields["powerpack_uuid"] = self.options.powerpack_uuid
        else:
            fields["src"] = (sms.sender or self.options.sender).removeprefix("+")
        if fields["url"]:
            fields["method"] = "POST"
        return {key: value for key, value in fields.items() if value}


def charge(value: object) -> Cost | None:
    """What Plivo charged, in USD; None for nothing, which also stands for not known yet."""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return Cost(amount) if amount.is_finite() and amount > 0 else None


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _error(reply: Reply, hide: Iterable[str]) -> GatewayError:
    error = reply.json_object().get("error", "")
    text = error if isinstance(error, str) else json.dumps(error)
    reason = reason_of(reply.status, text)
    return proxy_timeout(reply, reason) or status_error(
        reply, reason=reason, detail=provider_text(text, hide=hide)
    )
