"""Accounts with an auth token, which signs their webhooks as well (Twilio, Plivo)."""

from __future__ import annotations

from pydantic import Field, SecretStr

from enum_backend.gateways.options import Credential, GatewayOptions


class AuthTokenOptions(GatewayOptions):
    """Settings of such an account."""

    auth_token: Credential = Field(
        default=SecretStr(""),
        description="primary auth token of that account; webhooks are signed with it",
    )
    secondary_auth_token: Credential = Field(
        default=SecretStr(""),
        description="a second token that webhooks may be signed with, during a rotation",
    )

    def signing_keys(self) -> list[bytes]:
        """The tokens that prove a webhook; none = none is set."""
        tokens = (self.auth_token, self.secondary_auth_token)
        return [key for token in tokens if (key := token.get_secret_value().encode())]
