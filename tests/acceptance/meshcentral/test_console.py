"""My Server > Console: `sms` with quoted and unquoted arguments reaches the provider."""

from __future__ import annotations

import pytest

from tests.acceptance.meshcentral.control import Control
from tests.acceptance.meshcentral.provider import Provider


@pytest.mark.parametrize(
    ("line", "number", "text"),
    [
        ('sms "+14155550101" "Gate 4 is open"', "+14155550101", "Gate 4 is open"),
        ("sms +14155550102 hello", "+14155550102", "hello"),
        ('sms 4155550103 "two\twords & = % ünï"', "+14155550103", "two\twords & = % ünï"),
        ('sms "+1 (415) 555-0104" "formatted"', "+14155550104", "formatted"),
    ],
    ids=["quoted", "unquoted", "national", "formatted"],
)
async def test_arrives(
    admin: Control, provider: Provider, line: str, number: str, text: str
) -> None:
    assert await admin.console(line) == "Success"
    assert (await provider.next_to(number)).text == text


async def test_what_is_no_number_fails(admin: Control, provider: Provider) -> None:
    assert await admin.console('sms "12" "hello"') == "Failed"
    assert await admin.console("sms +14155550101 two words") == (
        'Usage: SMS "PhoneNumber" "Message".'
    )
    assert provider.to("12") == []
