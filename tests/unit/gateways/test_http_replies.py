"""Waiting times, providers' words, and statuses without a provider's code."""

from __future__ import annotations

import base64
import time

import pytest
from multidict import CIMultiDict

from enum_backend.gateways.base import Reason
from enum_backend.gateways.http_client import basic_auth
from enum_backend.gateways.http_replies import Reply, provider_text, retry_after, status_error


def reply(status: int = 429, **headers: str) -> Reply:
    return Reply(status, CIMultiDict({k.replace("_", "-"): v for k, v in headers.items()}))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        (" 5 ", 5),
        ("1.5", 1.5),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0),
        ("Mon, 01 Jan 2001 00:00:00 -0000", 0),
        ("978307200", 978307200),
        ("1000000000", 0),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("٣", None),
        ("soon", None),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", None),
        ("", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after(reply(retry_after=value).headers) == seconds


def test_retry_after_as_unix_time_and_other_header() -> None:
    headers = reply(Retry_After="soon", X_Reset=str(int(time.time()) + 60)).headers
    assert retry_after(headers, "x-reset") == pytest.approx(60, abs=5)


def test_status_error() -> None:
    error = status_error(reply(retry_after="9"), detail="too fast")
    assert (error.reason, error.provider_code, error.retry_after) == (Reason.RATE_LIMITED, "429", 9)
    assert error.detail == "HTTP 429: too fast"
    assert status_error(reply(200)).ambiguous
    known = status_error(reply(200), reason=Reason.INVALID_NUMBER, provider_code="3")
    assert (known.ambiguous, known.provider_code) == (False, "3")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (None, ""),
        ({"a": 1}, ""),
        ("Invalid 'To' number +1 (555) 010-0002.", "Invalid 'To' number ***."),
        ("code 123, part 2", "code 123, part 2"),
        ("a\x1b[31m\nb\u202ec", "a [31m b c"),
        ("the secret is hidden", "the *** is hidden"),
        ("x" * 999, "x" * 160),
    ],
)
def test_provider_text(words: object, shown: str) -> None:
    assert provider_text(words, hide=("secret", "")) == shown


def test_basic_auth() -> None:
    value = basic_auth("user", "pä:ss").removeprefix("Basic ")
    assert base64.b64decode(value).decode() == "user:pä:ss"
