"""The line of WICG sms-one-time-codes."""

from __future__ import annotations

import pytest

from enum_backend.agents.otp.webotp import bound_code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("@example.com #482913", "482913"),
        ("Your code.\n@example.com #482913", "482913"),
        ("Your code is 1\n\n@example.com #482913\n", "482913"),
        ("@example.com #a1-B2", "a1-B2"),
        ("@top.example #482913 @frame.example", "482913"),
        ("@apple.example #482913 %apple.example", "482913"),
        ("@first.example #118822\n@second.example #482913", "482913"),
        ("@localhost #482913", "482913"),
        ("text @example.com #482913", "482913"),
        ("@example.com #4", "4"),
    ],
)
def test_bound(text: str, code: str) -> None:
    assert bound_code(text) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@example.com",
        "#482913",
        "@example.com #",
        "@example.com  #482913",
        "@example.com\t#482913",
        "@example.com:8080 #482913",
        "@example.com/path #482913",
        "https://example.com #482913",
        "@ #482913",
        "@-example.com #482913",
        "user@example.com #482913",
        "@example.com #48#2913",
        "@example.com 482913",
    ],
)
def test_not_bound(text: str) -> None:
    assert bound_code(text) is None
