from __future__ import annotations

from typing import Any

import pytest

from enum_backend.doctor import phones
from enum_backend.doctor.model import Level
from enum_backend.gateways import AndroidGateway, GatewayError, Reason
from enum_backend.gateways.android_hooks import EVENTS, Hooks
from enum_backend.settings import Settings
from tests.unit.doctor.test_accounts import messages, pool

SETTINGS = Settings(public_base_url="https://sms.example.org")
HOOK = "https://sms.example.org/sms/webhook/android/office"
OFFICE = {"provider": "android", "username": "sms", "password": "x"}


def answering(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[str]:
    """Let phones say where they report; returns the addresses they were asked about."""
    asked: list[str] = []

    async def webhooks(_: AndroidGateway, url: str) -> Any:
        asked.append(url)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr(AndroidGateway, "webhooks", webhooks)
    return asked


async def found(settings: Settings = SETTINGS, **gateways: Any) -> Any:
    return await phones.registrations(pool(**(gateways or {"office": OFFICE})), settings)


async def test_phones_that_report_here(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = ("https://a.example/secret", "https://a.example/other", "http://u:p@b.example:8/")
    asked = answering(monkeypatch, [Hooks("abc", EVENTS, (), ()), Hooks("", EVENTS, (), elsewhere)])
    named, unnamed = await found()
    assert asked == [HOOK]
    assert (named.check, named.level) == ("gateway office: phone abc", Level.OK)
    assert (unnamed.check, unnamed.level) == ("gateway office: phone 2", Level.OK)
    assert unnamed.message == f"reports to {HOOK}; also to https://a.example, http://b.example:8"


async def test_phones_that_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = ("sms:received", "sms:failed")
    answering(
        monkeypatch,
        [Hooks("a", EVENTS[1:3], missing, ()), Hooks("b", (), EVENTS, ("https://old.example/",))],
    )
    some, none = await found()
    assert [some.level, none.level] == [Level.WARNING] * 2
    assert some.message == "does not report sms:received, sms:failed here"
    assert none.message.endswith("sms:failed here, but to https://old.example")
    assert "webhooks --register" in some.fix


@pytest.mark.parametrize(
    ("error", "why"),
    [(GatewayError(Reason.AUTH_FAILED, "no"), "auth_failed"), (TimeoutError(), "in time")],
)
async def test_phones_that_cannot_be_asked(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, why: str
) -> None:
    answering(monkeypatch, error)
    (finding,) = await found()
    assert (finding.level, why in finding.message) == (Level.NOTE, True)


async def test_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, [])
    assert await found(Settings()) == []  # said of the webhooks already
    assert await found(half={"provider": "android"}, telnyx={}) == []
    assert asked == []
    assert messages([]) == ""
