"""The error tree.

`EnumBackendError` is never raised itself. Every class carries the `error_code`
of the published error table and the HTTP status it becomes; a class's docstring
is its default message. Settings errors stand outside the tree: they end the
start of the program and are never an answer to a caller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import cleandoc


class SettingsError(Exception):
    """The settings cannot be used; the message names the key and where it was set."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong input: which field, and what was expected."""

    field: str
    message: str


class EnumBackendError(Exception):
    """Something failed.

    Attributes:
        operator_only: the message names inner addresses; only logs and admin keys get it,
            other callers the class's own sentence.
    """

    error_code = "INTERNAL_ERROR"
    status = 500
    operator_only = False

    def __init__(
        self,
        message: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        retry_after: float | None = None,
    ) -> None:
        self.message = message or self._sentence()
        self.errors = tuple(errors)
        self.retry_after = retry_after
        super().__init__(self.message)

    @property
    def members(self) -> Mapping[str, str | None]:
        """Further members of the problem document."""
        return {}

    @property
    def public_message(self) -> str:
        """What any caller may read."""
        return self._sentence() if self.operator_only else self.message

    @classmethod
    def _sentence(cls) -> str:
        return cleandoc(cls.__doc__ or "").partition("\n")[0]


class ValidationFailed(EnumBackendError):
    """The request does not have the expected shape."""

    error_code = "VALIDATION_FAILED"
    status = 422


def wrong_field(field: str, message: str) -> ValidationFailed:
    """The error of one wrong field."""
    return ValidationFailed(f"{field}: {message}", errors=[FieldError(field, message)])


class InvalidPhoneFormat(ValidationFailed):
    """The phone number cannot be used."""

    error_code = "INVALID_PHONE_FORMAT"


class BodyTooLarge(ValidationFailed):
    """The request body is too large."""

    status = 413


class Unauthorized(EnumBackendError):
    """An API key is needed: Authorization: Bearer KEY."""

    error_code = "UNAUTHORIZED"
    status = 401


class Forbidden(EnumBackendError):
    """This API key may not do that."""

    error_code = "FORBIDDEN"
    status = 403


class OptedOut(EnumBackendError):
    """The recipient wants no messages from this sender."""

    error_code = "OPTED_OUT"
    status = 403


class NotFound(EnumBackendError):
    """There is no such thing."""

    error_code = "NOT_FOUND"
    status = 404


class MethodNotAllowed(EnumBackendError):
    """The path does not take this method."""

    error_code = "VALIDATION_FAILED"
    status = 405


class IdempotencyConflict(EnumBackendError):
    """The idempotency key was used before with another message."""

    error_code = "IDEMPOTENCY_CONFLICT"
    status = 409


class CodeInvalid(EnumBackendError):
    """The code is wrong."""

    error_code = "CODE_INVALID"
    status = 400


class CodeExpired(EnumBackendError):
    """The code has expired, or none was asked for."""

    error_code = "CODE_EXPIRED"
    status = 400


class TooManyAttempts(EnumBackendError):
    """Too many wrong codes; ask for a new one later."""

    error_code = "TOO_MANY_ATTEMPTS"
    status = 400


class RateLimitExceeded(EnumBackendError):
    """Too many messages; try again later."""

    error_code = "RATE_LIMIT_EXCEEDED"
    status = 429


class BlockedByFraudGuard(EnumBackendError):
    """Too many codes were asked for and never used; try again later."""

    error_code = "BLOCKED_BY_FRAUD_GUARD"
    status = 429


class CostLimitExceeded(EnumBackendError):
    """The daily spend limit is reached."""

    error_code = "COST_LIMIT_EXCEEDED"
    status = 402


class SmsDisabled(EnumBackendError):
    """Sending is disabled: no usable gateway is configured."""

    error_code = "SMS_DISABLED"
    status = 503


class CredentialsMissing(EnumBackendError):
    """The gateway's credentials are incomplete."""

    error_code = "CREDENTIALS_MISSING"
    status = 503


class GatewayNotConfigured(EnumBackendError):
    """No configured gateway can carry this message."""

    error_code = "GATEWAY_NOT_CONFIGURED"
    status = 503


class NvsUnavailableError(EnumBackendError):
    """The name storage cannot be read now; nothing is known about the number."""

    error_code = "NVS_UNAVAILABLE"
    status = 503
    operator_only = True


class DatabaseUnavailable(EnumBackendError):
    """The database cannot be reached now."""

    error_code = "DATABASE_UNAVAILABLE"
    status = 503
    operator_only = True


class RedisUnavailable(EnumBackendError):
    """A limit cannot be counted now: Redis cannot be reached."""

    error_code = "REDIS_UNAVAILABLE"
    status = 503


class ProviderError(EnumBackendError):
    """The provider could not answer.

    Attributes:
        provider, provider_code, reason: whose word it is, its own code, and ours.
    """

    error_code = "PROVIDER_ERROR"
    status = 502

    def __init__(
        self, *, provider: str | None = None, provider_code: str | None = None, reason: str
    ) -> None:
        super().__init__(f"The provider could not answer: {reason}.")
        self.provider = provider
        self.provider_code = provider_code
        self.reason = reason

    @property
    def members(self) -> Mapping[str, str | None]:
        """Its attributes."""
        return {
            "provider": self.provider,
            "provider_code": self.provider_code,
            "reason": self.reason,
        }


class PoolExhausted(EnumBackendError):
    """No number of the pool is free.

    Attributes:
        next_free_at: RFC 3339 time at which one is, None = nobody knows.
    """

    error_code = "POOL_EXHAUSTED"
    status = 409

    def __init__(
        self,
        message: str | None = None,
        *,
        next_free_at: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.next_free_at = next_free_at

    @property
    def members(self) -> Mapping[str, str | None]:
        """Its attributes."""
        return {"next_free_at": self.next_free_at}


class WaitTimeout(EnumBackendError):
    """No message came in time.

    Attributes:
        after: cursor to wait on from, None = from the lease's beginning.
        lease_expires_at: RFC 3339 time.
    """

    error_code = "WAIT_TIMEOUT"
    status = 408

    def __init__(
        self, message: str | None = None, *, after: str | None = None, lease_expires_at: str
    ) -> None:
        super().__init__(message)
        self.after = after
        self.lease_expires_at = lease_expires_at

    @property
    def members(self) -> Mapping[str, str | None]:
        """Its attributes."""
        return {"after": self.after, "lease_expires_at": self.lease_expires_at}


class LeaseEnded(NotFound):
    """The lease has ended; nothing of it can be read any more.

    Attributes:
        ended_at: RFC 3339 time.
    """

    def __init__(self, message: str | None = None, *, ended_at: str) -> None:
        super().__init__(message)
        self.ended_at = ended_at

    @property
    def members(self) -> Mapping[str, str | None]:
        """Its attributes."""
        return {"lease_ended_at": self.ended_at}
