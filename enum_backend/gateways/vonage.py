"""Vonage: the SMS API, and SMS over the Messages API v1.

https://developer.vonage.com/en/api/sms, https://developer.vonage.com/en/api/messages
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import Field, SecretStr, field_validator

from enum_backend.gateways import vonage_messages, vonage_sms
from enum_backend.gateways.base import (
    Capabilities,
    Credential,
    GatewayError,
    GatewayOptions,
    OutboundSms,
    SendResult,
)
from enum_backend.gateways.http_client import ApiGateway, basic_auth
from enum_backend.gateways.http_replies import Reply, provider_text, proxy_timeout, status_error
from enum_backend.gateways.options import WebAddress
from enum_backend.gateways.vonage_errors import MESSAGES_REASONS, messages_code

SMS_URL = "https://rest.nexmo.com/sms/json"
MESSAGES_URL = "https://api.nexmo.com/v1/messages"


class VonageOptions(GatewayOptions):
    """Settings of a Vonage account, for one of its two APIs."""

    api: Literal["sms", "messages"] = Field(
        default="sms", description="which API sends, and whose webhooks come in"
    )
    api_key: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{0,32}$")] = Field(
        default="", description="the account's key"
    )
    api_secret: Credential = Field(default=SecretStr(""), description="its secret")
    application_id: Annotated[str, Field(pattern=r"^[0-9A-Fa-f-]{0,36}$")] = Field(
        default="", description="application that sends by the Messages API"
    )
    private_key: SecretStr = Field(
        default=SecretStr(""), description="that application's RSA key, PEM"
    )
    signature_secret: Credential = Field(
        default=SecretStr(""), description="what the account signs webhooks with"
    )
    previous_signature_secret: Credential = Field(
        default=SecretStr(""), description="also valid, during a rotation"
    )
    signature_method: Literal["md5hash", "md5", "sha1", "sha256", "sha512"] = Field(
        default="md5hash",
        description="how the account signs SMS API webhooks: MD5 hash, or HMAC with that hash",
    )
    signature_age: float = Field(
        default=300.0, gt=0, le=86400, description="seconds a webhook's signed time may be off"
    )
    webhook_url: Annotated[WebAddress, Field(max_length=100)] = Field(
        default="", description="where delivery reports go, empty = as set for account or number"
    )
    validity: int | None = Field(
        default=None, ge=20, le=604800, description="seconds after which a message expires"
    )
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(
        default="EUR", description="currency of the account's prices and balance"
    )

    @field_validator("private_key")
    @classmethod
    def _rsa_key(cls, value: SecretStr) -> SecretStr:
        pem = value.get_secret_value().strip()
        if not pem:
            return SecretStr("")
        try:
            usable = isinstance(load_pem_private_key(pem.encode(), None), RSAPrivateKey)
        except (ValueError, TypeError):
            usable = False
        if not usable:
            raise ValueError("must be an RSA private key in PEM, without a passphrase")
        return SecretStr(pem + "\n")


class VonageGateway(ApiGateway):
    """Sends through Vonage.

    Neither API knows an idempotency key or a status query: a request without an
    answer stays ambiguous. Our message id travels as the client's reference, so
    that the first report settles it, whichever part it speaks of.
    """

    provider = "vonage"
    Options = VonageOptions
    options: VonageOptions
    required: ClassVar[tuple[str, ...]] = ("api_key", "api_secret", "from")
    capabilities: ClassVar[Capabilities] = Capabilities(
        delivery_reports=True,
        inbound=True,
        numbers=True,
        line_type=True,
        balance=True,
        max_characters=3200,
    )
    credential_formats: ClassVar[Mapping[str, tuple[str, str]]] = {
        "api_key": (r"[0-9a-f]{8}", "eight hexadecimal digits"),
        "application_id": (r"[0-9a-fA-F-]{36}", "a UUID"),
    }

    def missing(self) -> list[str]:
        """As everywhere; an application sends with its own id and key instead of the account's."""
        lacks = super().missing()
        if self.options.api == "sms":
            return lacks
        application = self.options.application_id
        key = self.options.private_key.get_secret_value()
        if application or key:
            lacks = [name for name in lacks if name == "from"]
            lacks += [] if application else ["application_id"]
            lacks += [] if key else ["private_key"]
        return lacks

    def has_account(self, account: str) -> bool:
        """Whether `account` is the account's key or the application."""
        return bool(account) and account in (self.options.api_key, self.options.application_id)

    async def send(self, sms: OutboundSms) -> SendResult:
        """`POST /sms/json` or `POST /v1/messages`.

        Raises:
            GatewayError: refused or ambiguous. Ambiguous too: a 2xx that is not
                understood, and a long message of which some parts were taken.
        """
        self.check(sms)
        hide = (sms.text, sms.to, sms.sender or "")
        if self.options.api == "messages":
            data = await self.call(
                "POST", MESSAGES_URL, json=vonage_messages.body(self.options, sms), hide=hide
            )
            return vonage_messages.result(data)
        fields = vonage_sms.fields(self.options, sms)
        data = await self.call("POST", SMS_URL, form=fields, hide=hide)
        return vonage_sms.result(data, self.options.currency, hide=(*hide, *self._secrets()))

    async def call(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        hide: Iterable[str] = (),
    ) -> dict[str, Any]:
        """One authenticated request; the reply's JSON object.

        Args:
            method: everything but GET may change something, its failures are ambiguous.
            url: the documented address.
            query: added to it.
            form: body of the older APIs.
            json: body of the Messages API, signed for by the application if there is one.
            hide: texts that errors may not hold.

        Raises:
            GatewayError: refused by HTTP status, failed or ambiguous. The older
                APIs also refuse with 200: see their codes.
        """
        reply = await self.ask(
            method,
            url,
            authorization=self._authorization(json is not None),
            query=query,
            json=json,
            data=form,
        )
        if reply.status >= 300:
            raise _error(reply, (*hide, *self._secrets()))
        return reply.json_object()

    def _authorization(self, by_application: bool) -> str:
        options = self.options
        key = options.private_key.get_secret_value()
        if by_application and key:
            return f"Bearer {vonage_messages.token(options.application_id, key)}"
        return basic_auth(options.api_key, options.api_secret.get_secret_value())

    def _secrets(self) -> tuple[str, ...]:
        return (self.options.api_secret.get_secret_value(), self.options.api_key)


def _error(reply: Reply, hide: Iterable[str]) -> GatewayError:
    problem = reply.json_object()
    code = messages_code(problem)
    reason = MESSAGES_REASONS.get(code)
    text = problem.get("detail") or problem.get("error-code-label")
    return proxy_timeout(reply, reason) or status_error(
        reply, reason=reason, provider_code=code or None, detail=provider_text(text, hide)
    )
