"""Deliveries, fraud decisions, the audit log, agents."""

from __future__ import annotations

import aiohttp
import pytest
from sqlalchemy import Connection, text

from enum_backend.errors import DatabaseUnavailable
from enum_backend.verification.model import Purpose
from tests.integration.web.console.conftest import Browser
from tests.integration.web.test_inbound_flow import running
from tests.unit.audit.test_log import _without_triggers
from tests.unit.messaging.deliveries.hook_server import hook_server

NUMBER = "+14155550177"


async def types(browser: Browser) -> list[str]:
    page = await browser.server.services.audit.page(limit=1000)
    return [entry.event_type for entry in page.entries]


async def test_dead_letters_are_made_again() -> None:
    async with (
        hook_server() as hook,
        running(
            deliveries={"webhook_url": hook.url, "backoff": 0.01, "validity": 0.2},
            mode="simulation",
        ) as one,
        aiohttp.ClientSession(
            one.server.http_url, cookie_jar=aiohttp.CookieJar(unsafe=True)
        ) as http,
    ):
        admin = Browser(one.server, http)
        await admin.become_admin()
        assert "No deliveries." in (await admin.get("/deliveries")).words
        hook.answers = [500] * 99
        await one.receive("one")
        await one.until("dead")
        listed = await admin.get("/deliveries?state=dead&tenant=default")
        assert "webhook" in listed.words
        assert "500" in listed.words
        hook.answers = []
        (letter,) = await one.deliveries()
        done = await admin.post(f"/deliveries/{letter['id']}/replay")
        assert "The delivery is made again." in done.words
        await one.until("delivered")
        assert "There is no delivery" in (await admin.post("/deliveries/none/replay")).words
        hook.answers = [500] * 99
        await one.receive("two")
        await one.until("delivered", "dead", count=2)
        hook.answers = []
        asked = await admin.get("/deliveries/dead/replay?tenant=default")
        assert asked.hidden("tenant") == "default"
        every = await admin.post("/deliveries/dead/replay", tenant="default")
        assert "1 dead letter made again." in every.words
        await one.until("delivered", count=2)
        assert (await admin.get("/deliveries?state=lost")).status == 422
        assert (await types(admin))[-2:] == ["DELIVERY_REPLAYED", "DEAD_LETTERS_REPLAYED"]


async def test_fraud_decisions(anywhere: Browser) -> None:
    from enum_backend.messaging.model import Client
    from enum_backend.verification.model import StartRequest

    assert "No decisions." in (await anywhere.get("/fraud")).words
    services = anywhere.server.services
    for last in range(52):
        await services.verification.start(
            StartRequest(
                f"+1415555{last:04}", Purpose.PHONE_VERIFICATION, Client("key:x", "default", 0)
            )
        )
    first = await anywhere.get("/fraud")
    assert "phone verification" in first.words
    assert 'rel="next"' in first.text
    assert "No decisions." in (await anywhere.get("/fraud?verdict=blocked&tenant=default")).words
    assert (await anywhere.get("/fraud?verdict=maybe")).status == 422


async def test_the_audit_log_is_shown_filtered_and_verified(anywhere: Browser) -> None:
    await anywhere.post("/tenants", name="acme")
    await anywhere.post("/keys/new", name="<b>robot</b>", scopes="admin")
    listed = await anywhere.get("/audit")
    assert "Tenant acme was made." in listed.words
    assert "&lt;b&gt;" in listed.text
    assert "<b>robot" not in listed.text
    high = await anywhere.get("/audit?severity=HIGH")
    assert "KEY_CREATED" in high.words.replace(" ", "")
    assert "Tenant acme" not in high.words
    assert "No entries." in (await anywhere.get("/audit?event_type=NOTHING")).words
    who = (await anywhere.server.services.audit.page(event_type="TENANT_CREATED")).entries[0]
    mine = await anywhere.get(f"/audit?user_id={who.user_id}")
    assert "Tenant acme was made." in mine.words
    assert (await anywhere.get("/audit?severity=x")).status == 422
    good = await anywhere.post("/audit/verify")
    assert "The chain holds" in good.words

    def tamper(connection: Connection) -> None:
        _without_triggers(connection)
        connection.execute(text("UPDATE audit_log SET severity = 'MEDIUM' WHERE seq = 2"))

    await anywhere.server.services.database.write(tamper)
    bad = await anywhere.post("/audit/verify")
    assert "The log was altered." in bad.words
    assert "entry 2" in bad.words


async def test_the_agents_pool(anywhere: Browser) -> None:
    assert "The pool is empty." in (await anywhere.get("/agents")).words
    wrong = await anywhere.post("/agents/pool", number="abc")
    assert (wrong.status, 'id="number-error"' in wrong.text) == (422, True)
    nobody = await anywhere.post("/agents/pool", number=NUMBER, tenant="nobody")
    assert (nobody.status, 'id="tenant-error"' in nobody.text) == (422, True)
    added = await anywhere.post("/agents/pool", number=NUMBER)
    assert "is in the pool" in added.words
    key = await anywhere.server.create_key("agents")
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(anywhere.server.http_url, headers=headers) as http,
        http.post("/agents/leases", json={"passport_id": "bot-1"}) as answer,
    ):
        lease = await answer.json()
        assert answer.status == 200, lease
    page = await anywhere.get("/agents")
    assert "bot-1" in page.words
    assert "leased" in page.words
    path = f"/agents/leases/{lease['lease_id']}/end"
    assert "bot-1" in (await anywhere.get(path)).words
    assert "is ended" in (await anywhere.post(path)).words
    assert "Take this number out" in (await anywhere.get(f"/agents/pool/{NUMBER}/remove")).words
    assert "is out of the pool" in (await anywhere.post(f"/agents/pool/{NUMBER}/remove")).words
    assert "not in the agents" in (await anywhere.post(f"/agents/pool/{NUMBER}/remove")).words
    found = await types(anywhere)
    assert found.count("AGENT_POOL_EDITED") == 2


async def test_what_is_done_stays_done_when_it_cannot_be_recorded(
    admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DatabaseUnavailable("The disk is full.")

    monkeypatch.setattr(type(admin.server.services.audit), "record_in", full)
    assert "0 dead letters" in (await admin.post("/deliveries/dead/replay")).words
    assert (await admin.post("/tenants", name="acme")).status == 503
