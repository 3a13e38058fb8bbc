"""Errors of the name-value storage library.

`NvsError` is never raised itself; catch it to catch everything below.
"""

from __future__ import annotations


class NvsError(Exception):
    """Something about the name-value storage failed."""

    error_code = "NVS_ERROR"


class InvalidNumber(NvsError, ValueError):
    """The text is not an E.164 number of 4 to 15 digits."""

    error_code = "INVALID_PHONE_FORMAT"


class NvsUnavailable(NvsError):
    """The record could not be read now, so nothing is known about the number.

    Never to be turned into "no such number": DNS answers SERVFAIL, HTTP 503.
    """

    error_code = "NVS_UNAVAILABLE"


class RecordsFileError(NvsError):
    """A records file cannot be read as one; the message names the file and the field."""

    error_code = "RECORDS_FILE_INVALID"


class RpcAuthError(NvsUnavailable):
    """The node refused our user and password, our cookie, or our address."""

    error_code = "NVS_RPC_AUTH"


class UnusableAnswer(NvsUnavailable):
    """The node answered, but this one name cannot be understood; other names may be fine."""

    error_code = "NVS_UNUSABLE_ANSWER"


class RpcError(NvsError):
    """The node answered a call with an error of its own.

    Attributes:
        code: JSON-RPC error code, e.g. -32601.
        message: the node's words, shortened to one printable line.
    """

    error_code = "NVS_RPC_ERROR"

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{message} (code {code})")
        self.code = code
        self.message = message
