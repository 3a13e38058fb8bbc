"""Settings of inbound messages: what becomes of parts, and how owners get their messages."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from enum_backend.egress import parse_allowed
from enum_backend.settings.base import Seconds, Section, TextList
from enum_backend.settings.smtp import mail_address
from enum_backend.standard_webhooks import check_secret


def webhook_address(url: SecretStr) -> SecretStr:
    """An absolute HTTP address, or nothing.

    Raises:
        ValueError: neither.
    """
    text = url.get_secret_value()
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if text and (not usable or not text.isprintable() or " " in text):
        raise ValueError("expected an https:// address")
    return url


def webhook_secret(secret: SecretStr) -> SecretStr:
    """A secret to sign webhooks with, or nothing.

    Raises:
        ValueError: too short, or malformed.
    """
    if text := secret.get_secret_value():
        check_secret(text)
    return secret


class DeliverySettings(Section):
    """How inbound messages reach their owners; addresses here are the default tenant's."""

    webhook_url: SecretStr = Field(
        SecretStr(""), description="address that gets the default tenant's messages"
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="its Standard Webhooks secret: whsec_..., or 32 characters"
    )
    previous_webhook_secret: SecretStr = Field(
        SecretStr(""), description="the secret before it, signed with as well while it is set"
    )
    failover_url: SecretStr = Field(
        SecretStr(""), description="address that is tried when webhook_url fails"
    )
    email: str = Field("", description="mail address that gets the default tenant's messages")
    allow: TextList = Field(
        (),
        description="hosts, addresses and networks that tenants' and records' URLs may lead to"
        " although they are not public",
    )
    timeout: Seconds = Field(10.0, gt=0, le=60, description="longest wait for a webhook's answer")
    backoff: Seconds = Field(
        5.0, gt=0, le=3600, description="first pause before a repeat, growing threefold"
    )
    validity: Seconds = Field(
        86400.0, gt=0, description="how long a delivery is repeated before it is a dead letter"
    )
    concurrency: int = Field(32, ge=1, le=256, description="deliveries at once to one target")
    forward_per_hour: int = Field(
        30, ge=0, le=10_000, description="messages forwarded as SMS to one number, 0 = none"
    )
    parts_timeout: Seconds = Field(
        1800.0, gt=0, description="how long the missing parts of a long message are waited for"
    )
    stream_clients: int = Field(
        1000, ge=0, le=100_000, description="clients of /sms/stream at once"
    )

    @field_validator("webhook_url", "failover_url")
    @classmethod
    def _address(cls, url: SecretStr) -> SecretStr:
        return webhook_address(url)

    @field_validator("webhook_secret", "previous_webhook_secret")
    @classmethod
    def _secret(cls, secret: SecretStr) -> SecretStr:
        return webhook_secret(secret)

    @field_validator("email")
    @classmethod
    def _mail(cls, email: str) -> str:
        return mail_address(email) if email else email

    @field_validator("allow")
    @classmethod
    def _allowed(cls, allow: tuple[str, ...]) -> tuple[str, ...]:
        parse_allowed(allow)
        return allow
