"""Bandwidth: messaging API v2 (https://dev.bandwidth.com/apis/messaging/)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlencode

from pydantic import Field, SecretStr, StringConstraints
from yarl import URL

from enum_backend.gateways.bandwidth_errors import STATUSES, end_of, refusal_of
from enum_backend.gateways.base import (
    Capabilities,
    Credential,
    GatewayError,
    GatewayOptions,
    OutboundSms,
    ProviderStatus,
    Reason,
    SendResult,
    StatusResult,
)
from enum_backend.gateways.client_credentials import ClientCredentials
from enum_backend.gateways.http_client import ApiGateway, basic_auth
from enum_backend.gateways.http_replies import Reply, provider_text, status_error

OAUTH_URL = "https://api.bandwidth.com/api/v1/oauth2/token"
MESSAGES_URL = "https://messaging.bandwidth.com/api/v2/users/{account}/messages"
MAX_TAG = 1024
"""Characters of `tag`, which callbacks hand back."""

_Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]*$", strip_whitespace=True)]
_User = Annotated[str, StringConstraints(pattern=r"^[^:\x00-\x1f\x7f]*$", strip_whitespace=True)]
_CODE = re.compile(r"[0-9A-Za-z_.-]{1,64}")


class BandwidthOptions(GatewayOptions):
    """Settings of a Bandwidth account; the application says where callbacks go."""

    account_id: _Id = Field(default="", description="account number")
    client_id: _User = Field(default="", description="OAuth2 client of the account")
    client_secret: Credential = Field(default=SecretStr(""), description="its secret")
    application_id: _Id = Field(default="", description="messaging application that `from` is in")
    auth: Literal["oauth2", "basic"] = Field(
        default="oauth2",
        description="`basic` = legacy API user, which Bandwidth stops taking on 2 December 2026",
    )
    username: _User = Field(default="", description="legacy API user, only with `auth = basic`")
    password: Credential = Field(default=SecretStr(""), description="its password")
    priority: Literal["default", "high"] = Field(
        default="default", description="`high` overtakes our own queue at Bandwidth"
    )
    callback_user: _User = Field(
        default="", description="user of the application's callbacks (HTTP Basic)"
    )
    callback_password: Credential = Field(
        default=SecretStr(""), description="its password; without it callbacks are not taken"
    )
    previous_callback_user: _User = Field(
        default="", description="user before a rotation, empty = the same as now"
    )
    previous_callback_password: Credential = Field(
        default=SecretStr(""), description="password before a rotation; still taken"
    )
    site_id: _Id = Field(default="", description="sub-account (site) that bought numbers go to")
    peer_id: _Id = Field(default="", description="location (SIP peer) there, empty = its default")


class BandwidthGateway(ApiGateway):
    """Sends through Bandwidth.

    There is no idempotency: an unanswered message stays unknown. Our message id
    travels as `tag`, so callbacks name it even when `send` never got an answer.
    """

    provider = "bandwidth"
    Options = BandwidthOptions
    options: BandwidthOptions
    required: ClassVar[tuple[str, ...]] = (
        "account_id",
        "client_id",
        "client_secret",
        "application_id",
        "from",
    )
    capabilities: ClassVar[Capabilities] = Capabilities(
        status_query=True,
        delivery_reports=True,
        inbound=True,
        numbers=True,
        line_type=True,
        max_characters=2048,
    )
    credential_formats: ClassVar[Mapping[str, tuple[str, str]]] = {
        "account_id": (r"[0-9]{4,10}", "an account number"),
    }

    def __init__(self, name: str | None = None, **options: Any) -> None:
        super().__init__(name, **options)
        self._credentials = ClientCredentials(
            self.http,
            self.address(OAUTH_URL),
            self.options.client_id,
            self.options.client_secret.get_secret_value(),
        )

    def missing(self) -> list[str]:
        """As everywhere; the legacy switch asks for `username` and `password` instead."""
        return [*self.missing_access(), *(k for k in super().missing() if k in _TO_SEND)]

    def missing_access(self) -> list[str]:
        """Names of the settings without which no request can be made at all."""
        options = self.options
        secrets = {
            "account_id": options.account_id,
            "client_id": options.client_id,
            "client_secret": options.client_secret.get_secret_value(),
        }
        if options.auth == "basic":
            secrets = {
                "account_id": options.account_id,
                "username": options.username,
                "password": options.password.get_secret_value(),
            }
        return [key for key, value in secrets.items() if not value]

    def has_account(self, account: str) -> bool:
        """Whether `account` is the account number or the application."""
        return bool(account) and account in (self.options.account_id, self.options.application_id)

    async def send(self, sms: OutboundSms) -> SendResult:
        """`POST /api/v2/users/{accountId}/messages`.

        Raises:
            GatewayError: refused, failed or ambiguous. A 2xx without a readable
                id is ambiguous: the message was most likely taken.
        """
        self.check(sms)
        reply = await self.call("POST", self._messages_url(), json=self._payload(sms))
        if reply.status >= 300:
            raise self.refusal(reply, hide=(sms.text, sms.to, sms.sender or ""))
        body = reply.json_object()
        provider_id = body.get("id")
        if not isinstance(provider_id, str) or not provider_id:
            raise GatewayError(
                Reason.UNKNOWN, "accepted, but the reply has no message id", ambiguous=True
            )
        parts = body.get("segmentCount")
        return SendResult(
            status=ProviderStatus.QUEUED,
            provider_message_id=provider_id,
            segments=parts if type(parts) is int and parts > 0 else None,
        )

    async def status(self, provider_message_id: str) -> StatusResult:
        """`GET .../messages?messageId=`; the account needs the message list feature.

        Raises:
            GatewayError: not listed (yet), no answer, or a word we do not know.
        """
        query = urlencode({"messageId": provider_message_id})
        reply = await self.call("GET", f"{self._messages_url()}?{query}", repeatable=True)
        if reply.status >= 300:
            raise self.refusal(reply)
        listed = reply.json_object().get("messages")
        for item in listed if isinstance(listed, list) else ():
            if isinstance(item, dict) and item.get("messageId") == provider_message_id:
                return _listed_status(item)
        raise GatewayError(Reason.INVALID_REQUEST, "the message is not listed")

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        data: bytes | None = None,
        repeatable: bool = False,
    ) -> Reply:
        """Any request, authenticated; a token refused with 401 is renewed once.

        Args:
            url: the documented address, ready for the wire.
            repeatable: a query that changes nothing.

        Raises:
            GatewayError: settings lack credentials or they are wrong
                (`auth_failed`), or no answer (see `HttpClient.request`).
        """
        if lacks := self.missing_access():
            raise GatewayError(Reason.AUTH_FAILED, f"settings lack {', '.join(lacks)}")
        refused = ""
        while True:
            token, authorization = await self._authorization(refused)
            reply = await self.http.request(
                method,
                URL(self.address(url), encoded=True),
                headers={
                    "Accept": "application/json",
                    **(headers or {}),
                    "Authorization": authorization,
                },
                json=json,
                data=data,
                repeatable=repeatable,
            )
            # 401 is an answer: nothing was taken, so once more is safe.
            if reply.status != 401 or not token or refused:
                return reply
            refused = token

    def refusal(self, reply: Reply, hide: Iterable[str] = ()) -> GatewayError:
        """The error that a reply with a JSON explanation becomes."""
        body = reply.json_object()
        code = str(body.get("type", ""))
        secrets = (self.options.client_secret, self.options.password)
        return status_error(
            reply,
            reason=refusal_of(reply.status, body),
            provider_code=code if _CODE.fullmatch(code) else None,
            detail=provider_text(
                body.get("description"),
                hide=(*hide, *(secret.get_secret_value() for secret in secrets)),
            ),
        )

    async def _authorization(self, refused: str) -> tuple[str, str]:
        """The token, empty with the legacy switch, and the header."""
        if self.options.auth == "basic":
            password = self.options.password.get_secret_value()
            return "", basic_auth(self.options.username, password)
        token = await self._credentials.token(refused)
        return token, f"Bearer {token}"

    def _messages_url(self) -> str:
        return MESSAGES_URL.format(account=self.options.account_id)

    def _payload(self, sms: OutboundSms) -> dict[str, Any]:
        payload: dict[str, Any] = {
            "applicationId": self.options.application_id,
            "to": [sms.to],
            "from": sms.sender or self.options.sender,
            "text": sms.text,
            "tag": sms.message_id[:MAX_TAG],
        }
        if self.options.priority != "default":
            payload["priority"] = self.options.priority
        return payload


_TO_SEND = frozenset({"application_id", "from"})


def error_code(value: object) -> str:
    """`errorCode`, which comes as a number; empty if there is none."""
    code = str(value) if type(value) in (int, str) else ""
    return code if code != "0" and _CODE.fullmatch(code) else ""


def _listed_status(item: Mapping[str, Any]) -> StatusResult:
    status = STATUSES.get(str(item.get("messageStatus")))
    if status is None or item.get("messageDirection", "OUTBOUND") != "OUTBOUND":
        raise GatewayError(Reason.UNKNOWN, "the list holds no status of an outbound message")
    code = error_code(item.get("errorCode"))
    status, reason = end_of(status, code)
    return StatusResult(status, reason, code or None)
