"""Why a registration did not happen, or is not known to have happened.

What the node itself says arrives as `nvs.errors.RpcError`, in its own words.
"""

from __future__ import annotations

from nvs.errors import NvsError, NvsUnavailable


class InvalidRegistration(NvsError, ValueError):
    """What was asked for cannot be written; `field` says which part.

    Attributes:
        field: `name`, `value`, `days`, `address`, `voice`, `sms`, `forward_to` ...
    """

    error_code = "VALIDATION_FAILED"

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


class RegistrationRefused(NvsError):
    """The chain's present state, or the linter, speaks against it; nothing was sent."""

    error_code = "REGISTRATION_REFUSED"


class SigningFailed(NvsError):
    """No signature of that verifier can be had from the node's wallet."""

    error_code = "SIGNING_FAILED"


class OutcomeUnknown(NvsUnavailable):
    """The node was lost while it had the operation: it may or may not be under way."""


class NotConfirmed(NvsError):
    """The operation was sent, and is in no block yet, or another one came before it.

    Attributes:
        txid: of the operation that was sent.
    """

    error_code = "WAIT_TIMEOUT"

    def __init__(self, txid: str, why: str) -> None:
        super().__init__(f"transaction {txid}: {why}")
        self.txid = txid
