"""Bodies and answers of `/api/auth`, in the spelling of its callers: camelCase."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from enum_backend.web.endpoints import Body

_EMAIL = Field(max_length=254)
_PASSWORD = Field(max_length=1000)
_CODE = Field(max_length=64)
_LOGIN_TOKEN = Field("", max_length=200, description="of the login that waits")


class CamelBody(Body):
    """Base of request bodies."""

    model_config = ConfigDict(alias_generator=to_camel)


class CamelAnswer(BaseModel):
    """Base of answers."""

    model_config = ConfigDict(alias_generator=to_camel)


class CredentialsBody(CamelBody):
    """Who, and the password."""

    email: str = _EMAIL
    password: str = _PASSWORD


class NumberBody(CamelBody):
    """A phone number, as people write it."""

    phone_number: str = Field(max_length=64)


class CodeBody(CamelBody):
    """A code."""

    code: str = _CODE


class PasswordBody(CamelBody):
    """One's own password once more."""

    password: str = _PASSWORD


class NewPasswordBody(CamelBody):
    """One's own password, and the next."""

    current_password: str = _PASSWORD
    new_password: str = _PASSWORD


class ResetBody(CamelBody):
    """A new password, proven by a code to the phone.

    With `resetToken`, `code` is of the authenticator app or a backup code.
    """

    phone_number: str = Field(max_length=64)
    code: str = _CODE
    new_password: str = _PASSWORD
    reset_token: str = Field("", max_length=200, description="of the answer that asked for more")
    use_backup_code: bool = False


class SendCodeBody(CamelBody):
    """Which login waits for its code."""

    email: str = _EMAIL
    login_token: str = _LOGIN_TOKEN


class VerifyBody(CamelBody):
    """The second step of a login."""

    email: str = _EMAIL
    code: str = _CODE
    use_backup_code: bool = False
    login_token: str = _LOGIN_TOKEN


class SuccessAnswer(CamelAnswer):
    """Done."""

    success: bool


class MessageAnswer(CamelAnswer):
    """Done, in words for people."""

    success: bool
    message: str


class TokenAnswer(CamelAnswer):
    """A session."""

    success: bool
    token: str


class LoginAnswer(CamelAnswer):
    """A session; or what the second step needs."""

    success: bool
    token: str | None = Field(None, description="absent when a second factor is needed")
    requires_2fa: bool | None = Field(
        None, alias="requires2FA", description="true when a second factor is needed"
    )
    login_token: str | None = None


class SentAnswer(CamelAnswer):
    """A code is on its way."""

    success: bool
    requires_2fa: bool = Field(alias="requires2FA")


class VerifiedAnswer(CamelAnswer):
    """The login is complete."""

    success: bool
    user_id: str
    token: str


class EnableAnswer(CamelAnswer):
    """A code is on its way; `backupCodes` come with its confirmation."""

    success: bool
    backup_codes: list[str]
    requires_verification: bool


class BackupCodesAnswer(CamelAnswer):
    """Ten codes, shown only now; empty when former ones stay good."""

    success: bool
    backup_codes: list[str]


class EnrolAnswer(CamelAnswer):
    """What to give to an authenticator app."""

    success: bool
    secret: str
    uri: str
    qr: str = Field(description="the URI as an SVG image")


class MeAnswer(CamelAnswer):
    """One's own account."""

    success: bool
    id: str
    email: str
    is_admin: bool
    phone_number: str | None
    phone_verified: bool
    two_factor_enabled: bool
    methods: list[str]
    backup_codes_left: int
    csrf_token: str | None = Field(description="for changes by a cookie session")
    session_expires_at: str


class SessionAnswer(CamelAnswer):
    """One login."""

    id: str
    current: bool
    via: str
    address: str
    agent: str
    created_at: str
    seen_at: str
    expires_at: str


class SessionsAnswer(CamelAnswer):
    """One's own logins, newest first."""

    success: bool
    sessions: list[SessionAnswer]


class EndedAnswer(CamelAnswer):
    """How many ended."""

    success: bool
    ended: int
