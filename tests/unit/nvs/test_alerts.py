"""Trust that changed hands is told once."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from nvs.alerts import Alert, AlertKind, Alerts
from nvs.directory import Directory
from nvs.number_record import Reading, TrustLevel
from nvs.sources import MemorySource
from nvs.trust import Owner, TrustPolicy

NUMBER = "14155551234"
NAME = f"enum:{NUMBER}:0"
VALUE = "E2U+sip=1|1|!^.*$!sip:secret@b.example!"
ALICE = Owner("EAlice", "alice", ("+1415",))
POLICY = TrustPolicy((ALICE, Owner("EBob", "bob", ("+1",))), max_age=60.0)


@pytest.fixture
def chain() -> MemorySource:
    source = MemorySource(trust=TrustLevel.UNTRUSTED)
    source.put(NAME, VALUE, "EAlice")
    return source


@pytest.fixture
def alerts() -> list[Alert]:
    return []


@pytest.fixture
def over(chain: MemorySource, alerts: list[Alert]) -> Directory:
    return Directory(chain, POLICY, on_alert=alerts.append)


async def test_a_plain_update_moved_the_name(
    chain: MemorySource, over: Directory, alerts: list[Alert], caplog: Any
) -> None:
    caplog.set_level(logging.WARNING, logger="nvs")
    await over.record(NUMBER)
    chain.put(NAME, VALUE, "EFresh")
    await over.record(NUMBER)
    await over.record(NUMBER)
    assert [(alert.kind, alert.name) for alert in alerts] == [(AlertKind.OPERATOR_LOST, NAME)]
    assert "tenant alice, now: address EFresh is not listed" in alerts[0].detail
    assert [record.getMessage() for record in caplog.records] == [
        "trust alert operator_lost: enum:***********:*"
    ]
    chain.put(NAME, VALUE, "EAlice")
    await over.record(NUMBER)
    chain.put(NAME, VALUE, "EFresh")
    await over.record(NUMBER)
    assert len(alerts) == 2  # it was won back in between


async def test_a_name_that_lapsed_and_was_registered_by_another(
    chain: MemorySource, over: Directory, alerts: list[Alert]
) -> None:
    await over.record(NUMBER)
    chain.put(NAME, VALUE, "EAlice", expires_in=-1)
    assert await over.record(NUMBER) is None
    assert alerts == []
    chain.put(NAME, VALUE, "EMallory")
    await over.record(NUMBER)
    assert [alert.kind for alert in alerts] == [AlertKind.OPERATOR_LOST]


async def test_a_prefix_taken_away(over: Directory, alerts: list[Alert]) -> None:
    await over.record(NUMBER)
    over.policy = TrustPolicy((Owner("EAlice", "alice", ("+44",)),))
    await over.record(NUMBER)
    assert "outside its numbers" in alerts[0].detail


async def test_another_tenants_now(
    chain: MemorySource, over: Directory, alerts: list[Alert]
) -> None:
    await over.record(NUMBER)
    chain.put(NAME, VALUE, "EBob")
    await over.record(NUMBER)
    await over.record(NUMBER)
    assert ["tenant bob" in alert.detail for alert in alerts] == [True]
    chain.put(NAME, VALUE, "EMallory")
    await over.record(NUMBER)
    assert "was an operator's entry of tenant bob" in alerts[1].detail


async def test_an_old_copy_is_no_news(
    chain: MemorySource, over: Directory, alerts: list[Alert], monkeypatch: Any
) -> None:
    await over.record(NUMBER)
    entries = (await chain.read(NUMBER)).entries

    async def stale(digits: str) -> Reading:
        return Reading(digits, entries, "rpc", stale_seconds=61.0)

    monkeypatch.setattr(chain, "read", stale)
    record = await over.record(NUMBER)
    assert record is not None
    assert record.trust.level is TrustLevel.UNTRUSTED
    assert alerts == []


async def test_an_owner_of_alerts_who_fails_is_only_logged(
    chain: MemorySource, caplog: Any
) -> None:
    def fails(alert: Alert) -> None:
        raise RuntimeError(alert.detail)

    over = Directory(chain, POLICY, on_alert=fails)
    await over.record(NUMBER)
    chain.put(NAME, VALUE, "EFresh")
    assert await over.record(NUMBER) is not None
    assert "not taken (RuntimeError)" in caplog.text
    assert "secret" not in caplog.text
    assert "EFresh" not in caplog.text


def test_nobody_has_to_listen_and_once_is_once(caplog: Any) -> None:
    alerts = Alerts()
    for _ in range(2):
        alerts.send_once(AlertKind.VERIFIER_MOVED, "ver:enum", "moved")
    assert caplog.text.count("trust alert verifier_moved: ver:enum") == 1
