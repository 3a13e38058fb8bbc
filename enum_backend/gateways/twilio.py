"""Twilio: Programmable Messaging (https://www.twilio.com/docs/messaging/api/message-resource)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, ClassVar

from pydantic import Field, SecretStr

from enum_backend.gateways.auth_token import AuthTokenOptions
from enum_backend.gateways.base import (
    Capabilities,
    Cost,
    Credential,
    GatewayError,
    OutboundSms,
    ProviderStatus,
    Reason,
    SendResult,
    StatusResult,
)
from enum_backend.gateways.http_client import ApiGateway, basic_auth
from enum_backend.gateways.http_replies import Reply, provider_text, proxy_timeout, status_error
from enum_backend.gateways.options import WebAddress
from enum_backend.gateways.report_url import with_own_id
from enum_backend.gateways.twilio_errors import BAD_ENDS, STATUSES, code_of, reason_for, reason_of

API_URL = "https://api.twilio.com"
API_VERSION = "2010-04-01"

_NUMBER = re.compile(r"\+[1-9][0-9]{3,14}")
_SID = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}")


def _sid(prefix: str) -> str:
    # Longer than Twilio's own 34 on purpose: test doubles use readable ones.
    return rf"^({prefix}[0-9A-Za-z_-]{{1,64}})?$"


class TwilioOptions(AuthTokenOptions):
    """Settings of a Twilio account; `from` or `messaging_service_sid` says who sends."""

    account_sid: Annotated[str, Field(pattern=_sid("AC"))] = Field(
        default="", description="`AC...`, of the account or subaccount that owns the numbers"
    )
    api_key_sid: Annotated[str, Field(pattern=_sid("SK"))] = Field(
        default="", description="`SK...`; requests use this key instead of the auth token"
    )
    api_key_secret: Credential = Field(
        default=SecretStr(""), description="the secret that belongs to `api_key_sid`"
    )
    webhook_keys: dict[str, Credential] = Field(
        default_factory=dict,
        description="SharedKeys for webhooks signed with HMAC_SHA256: key id -> secret",
    )
    messaging_service_sid: Annotated[str, Field(pattern=_sid("MG"))] = Field(
        default="", description="`MG...`, a sender pool; with `from` that sender of the pool"
    )
    webhook_url: WebAddress = Field(
        default="", description="where delivery reports go, empty = as in the messaging service"
    )
    validity_period: int | None = Field(
        default=None, ge=1, le=36000, description="seconds after which Twilio gives a message up"
    )
    address_sid: Annotated[str, Field(pattern=_sid("AD"))] = Field(
        default="", description="`AD...`, for numbers that are sold with an address only"
    )
    bundle_sid: Annotated[str, Field(pattern=_sid("BU"))] = Field(
        default="", description="`BU...`, for numbers that are sold with papers only"
    )


class TwilioGateway(ApiGateway):
    """Sends through Twilio, which knows no idempotency key.

    A request without an answer stays ambiguous until the first report: see `report_url`.
    """

    provider = "twilio"
    Options = TwilioOptions
    options: TwilioOptions
    required: ClassVar[tuple[str, ...]] = ("account_sid", "auth_token", "from")
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
        "account_sid": (r"AC[0-9a-fA-F]{32}", "AC and 32 hexadecimal digits"),
        "auth_token": (r"[0-9a-fA-F]{32}", "32 hexadecimal digits"),
        "api_key_sid": (r"SK[0-9a-fA-F]{32}", "SK and 32 hexadecimal digits"),
        "messaging_service_sid": (r"MG[0-9a-fA-F]{32}", "MG and 32 hexadecimal digits"),
    }

    def missing(self) -> list[str]:
        """As everywhere, but an API key may stand in for `auth_token`, a service for `from`."""
        options = self.options
        lacks = super().missing()
        if options.messaging_service_sid:
            lacks = [key for key in lacks if key != "from"]
        if options.api_key_sid:
            lacks = [key for key in lacks if key != "auth_token"]
            if not options.api_key_secret.get_secret_value():
                lacks.append("api_key_secret")
        return lacks

    def has_account(self, account: str) -> bool:
        """Whether `account` is the account, or its messaging service."""
        return bool(account) and account in (
            self.options.account_sid,
            self.options.messaging_service_sid,
        )

    async def send(self, sms: OutboundSms) -> SendResult:
        """`POST /2010-04-01/Accounts/{sid}/Messages.json`.

        Raises:
            GatewayError: refused, failed or ambiguous. A 2xx without a readable
                id is ambiguous: the message was most likely taken.
        """
        self.check(sms)
        if not _NUMBER.fullmatch(sms.to):  # "whatsapp:..." would be another channel
            raise GatewayError(Reason.INVALID_NUMBER, "the recipient is not + and 4 to 15 digits")
        data = await self.call(
            "POST", "Messages.json", form=self._form(sms), hide=(sms.text, sms.to, sms.sender or "")
        )
        sid = data.get("sid")
        if not isinstance(sid, str) or not _SID.fullmatch(sid):
            raise GatewayError(
                Reason.UNKNOWN, "accepted, but the reply has no message id", ambiguous=True
            )
        # A word not known here still belongs to an accepted message.
        status = STATUSES.get(str(data.get("status")), ProviderStatus.QUEUED)
        code = code_of(data.get("error_code"))
        if status in BAD_ENDS:
            raise GatewayError(
                reason_of(code) or Reason.UNKNOWN,
                f"the message is {status} already",
                provider_code=code or None,
            )
        return SendResult(
            status=status,
            provider_message_id=sid,
            segments=count_of(data.get("num_segments")),
            cost=price_of(data),
        )

    async def status(self, provider_message_id: str) -> StatusResult:
        """`GET .../Messages/{sid}.json`.

        Raises:
            GatewayError: no such message, no answer, or a word we do not know.
        """
        if not _SID.fullmatch(provider_message_id):
            raise GatewayError(
                Reason.INVALID_REQUEST, "a Twilio id is two letters and 32 hexadecimal digits"
            )
        data = await self.call("GET", f"Messages/{provider_message_id}.json")
        status = STATUSES.get(str(data.get("status")))
        if status is None:
            raise GatewayError(Reason.UNKNOWN, "the reply holds no status of an outbound message")
        code = code_of(data.get("error_code"))
        return StatusResult(status, reason_for(status, code), code or None, price_of(data))

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        hide: Iterable[str] = (),
    ) -> dict[str, Any]:
        """One request below the account's address; the reply's JSON object.

        Args:
            method: everything but GET may change something, its failures are ambiguous.
            path: behind `/2010-04-01/Accounts/{sid}/`, or from `https://` or `/` on.
            query: added to `path`.
            form: body.
            hide: texts that errors may not hold.

        Raises:
            GatewayError: refused, failed or ambiguous.
        """
        account = f"{API_URL}/{API_VERSION}/Accounts/{self.options.account_sid}/"
        if path.startswith("/"):
            url = f"{API_URL}{path}"
        else:
            url = path if path.startswith("https://") else account + path
        reply = await self.ask(
            method, url, authorization=self._authorization(), query=query, data=form
        )
        if reply.status >= 300:
            raise self._error(reply, hide=hide)
        return reply.json_object()

    def _authorization(self) -> str:
        options = self.options
        if options.api_key_sid:
            return basic_auth(options.api_key_sid, options.api_key_secret.get_secret_value())
        return basic_auth(options.account_sid, options.auth_token.get_secret_value())

    def _form(self, sms: OutboundSms) -> dict[str, str]:
        fields = {
            "To": sms.to,
            "From": sms.sender or self.options.sender,
            "MessagingServiceSid": self.options.messaging_service_sid,
            "Body": sms.text,
            "StatusCallback": with_own_id(self.options.webhook_url, sms.message_id),
            "ValidityPeriod": str(self.options.validity_period or ""),
        }
        return {key: value for key, value in fields.items() if value}

    def _error(self, reply: Reply, hide: Iterable[str]) -> GatewayError:
        body = reply.json_object()
        code = code_of(body.get("code"))
        secrets = (self.options.auth_token, self.options.api_key_secret)
        # Older services say `message`, newer ones follow RFC 9457.
        text = body.get("message") or body.get("detail") or body.get("title")
        reason = reason_of(code)
        return proxy_timeout(reply, reason) or status_error(
            reply,
            reason=reason,
            provider_code=code or None,
            detail=provider_text(text, hide=(*hide, *(s.get_secret_value() for s in secrets))),
        )


def count_of(value: object) -> int | None:
    """A count that Twilio writes as text; "0" stands for not known yet."""
    text = str(value)
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,3}", text, re.ASCII) else None


def price_of(data: Mapping[str, Any]) -> Cost | None:
    """`price`, negative for what we pay, with `price_unit`; None until Twilio knows it."""
    try:
        amount = Decimal(str(data.get("price")))
    except InvalidOperation:
        return None
    unit = data.get("price_unit")
    if not amount.is_finite() or not isinstance(unit, str) or not unit:
        return None
    return Cost(abs(amount), unit.upper())
