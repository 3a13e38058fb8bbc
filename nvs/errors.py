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
