from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from enum_backend.gateways.webhooks.base import InboundSms
from enum_backend.numbers.purchase import Buyer
from enum_backend.testing import RunningServer, running_server
from tests.telnyx_numbers import NUMBER, FakeTelnyx, fake_telnyx

BASE = "https://sms.example.org"


@pytest.fixture
async def telnyx() -> AsyncIterator[FakeTelnyx]:
    async with fake_telnyx() as fake:
        yield fake


@pytest.fixture
async def live(telnyx: FakeTelnyx) -> AsyncIterator[RunningServer]:
    settings: dict[str, Any] = {
        "mode": "live",
        "public_base_url": BASE,
        "public_failover_url": "https://two.example.org",
        "gateways": {"telnyx": telnyx.settings()},
        "limits": {"daily_cost": "2.00"},
    }
    async with running_server({}, settings=settings) as running:
        yield running


@pytest.fixture
async def http(live: RunningServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(live.http_url, headers=live.headers) as session:
        yield session


async def ask(
    http: aiohttp.ClientSession, method: str, path: str, status: int = 200, **content: Any
) -> Any:
    async with http.request(method, path, **content) as response:
        answer = await response.json()
        assert response.status == status, answer
        return answer


async def test_search_buy_list_release(
    live: RunningServer, http: aiohttp.ClientSession, telnyx: FakeTelnyx
) -> None:
    found = await ask(http, "GET", "/numbers/available?area_code=415&features=sms,voice&quantity=3")
    (offer,) = found["numbers"]
    assert (offer["number"], offer["gateway"]) == (NUMBER, "telnyx")
    assert offer["monthly"] == {"amount": "1.00", "currency": "USD"}
    assert found["failures"] == []
    unconfirmed = await ask(http, "POST", "/numbers", 422, json={"number": NUMBER})
    assert unconfirmed["errors"][0]["field"] == "price"
    assert "1.50 USD" in unconfirmed["detail"]
    body = {"number": "(415) 555-0101", "gateway": "telnyx", "price": "1.50"}
    bought = await ask(http, "POST", "/numbers", json=body)
    assert (bought["number"], bought["state"], bought["source"]) == (NUMBER, "active", "bought")
    assert telnyx.profile["webhook_url"] == f"{BASE}/sms/webhook/telnyx/telnyx"
    failover = "https://two.example.org/sms/webhook/telnyx/telnyx"
    assert telnyx.profile["webhook_failover_url"] == failover
    listed = (await ask(http, "GET", "/numbers"))["numbers"]
    assert [(item["number"], item["source"]) for item in listed] == [
        (NUMBER, "bought"),
        ("+14155550100", "settings"),
    ]
    again = await ask(http, "POST", "/numbers", 422, json=body)
    assert "is ours already" in again["detail"]
    other = {"number": "+14155550177", "yes": True}
    assert (await ask(http, "POST", "/numbers", 402, json=other))["error_code"] == (
        "COST_LIMIT_EXCEEDED"
    )
    sent = {"to": "+14155550134", "message": "x", "from": NUMBER}
    assert (await ask(http, "POST", "/sms/send", json=sent))["gateway"] == "telnyx"
    released = await ask(http, "DELETE", f"/numbers/{NUMBER}")
    gone = {"success": True, "number": NUMBER, "gateway": "telnyx", "state": "released"}
    assert released == gone
    assert telnyx.owned == {}
    assert (await ask(http, "DELETE", f"/numbers/{NUMBER}", 404))["error_code"] == "NOT_FOUND"


async def test_an_order_that_takes_its_time(
    http: aiohttp.ClientSession, telnyx: FakeTelnyx, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy = Buyer._follow

    async def impatient(self: Buyer, *arguments: Any) -> Any:
        self._wait, self._pause = 0.05, 0.01
        return await buy(self, *arguments)

    monkeypatch.setattr(Buyer, "_follow", impatient)
    telnyx.order_states = ["pending"] * 50
    bought = await ask(http, "POST", "/numbers", 202, json={"number": NUMBER, "yes": True})
    assert bought["state"] == "pending"
    telnyx.order_states = []
    (number, _) = (await ask(http, "GET", "/numbers"))["numbers"]
    assert number["state"] == "active"


async def test_import_and_other_tenants(
    live: RunningServer, http: aiohttp.ClientSession, telnyx: FakeTelnyx
) -> None:
    telnyx.owned = {NUMBER: "active"}
    imported = await ask(http, "POST", "/numbers/import", json={"tenant": "acme"})
    assert imported == {
        "success": True,
        "added": [NUMBER],
        "known": [],
        "elsewhere": [],
        "gone": [],
    }
    key = await live.create_key("numbers", "sms:send")
    acme = await live.create_key("numbers", tenant="acme")
    headers = {"Authorization": f"Bearer {key}"}
    listed = (await ask(http, "GET", "/numbers", headers=headers))["numbers"]
    assert [(item["number"], item["tenant"]) for item in listed] == [("+14155550100", None)]
    await ask(http, "DELETE", f"/numbers/{NUMBER}", 404, headers=headers)
    await ask(http, "POST", "/numbers/import", 403, headers=headers, json={})
    theirs = {"to": "+14155550134", "message": "x", "from": NUMBER}
    await ask(http, "POST", "/sms/send", 422, headers=headers, json=theirs)
    listed = (await ask(http, "GET", "/numbers", headers={"Authorization": f"Bearer {acme}"}))[
        "numbers"
    ]
    assert {item["number"]: item["tenant"] for item in listed} == {
        NUMBER: "acme",
        "+14155550100": None,
    }


@pytest.fixture
def echoed(live: RunningServer, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is sent comes in; the numbers it was sent to."""
    loop = live.services.numbers._loop
    loop._wait, loop._pause = 5.0, 0.02
    gateway = live.services.pool.registry.get("telnyx")
    assert gateway is not None
    sent: list[str] = []

    async def echo(sms: Any) -> Any:
        result = await type(gateway).send(gateway, sms)
        sent.append(sms.to)
        event = InboundSms(dedupe_key=f"{len(sent)}", sender=sms.to, to=sms.to, text=sms.text)
        await live.services.webhooks.hand_in(gateway, [event])
        return result

    monkeypatch.setattr(gateway, "send", echo)
    return sent


async def test_check(http: aiohttp.ClientSession, echoed: list[str]) -> None:
    report = await ask(http, "POST", "/numbers/+14155550100/check")
    assert (report["success"], report["arrived"]) == (True, True)
    assert echoed == ["+14155550100"]
    await ask(http, "POST", "/numbers/+14155550199/check", 404)


async def test_only_its_owner_checks_a_number(
    live: RunningServer, http: aiohttp.ClientSession, echoed: list[str]
) -> None:
    ours = "/numbers/+14155550100/check"
    users = {}
    for tenant in ("default", "acme"):
        key = await live.create_key("numbers", tenant=tenant)
        users[tenant] = {"Authorization": f"Bearer {key}"}
    refused = await ask(http, "POST", ours, 404, headers=users["acme"])
    nowhere = "/numbers/+14155550199/check"
    assert refused == await ask(http, "POST", nowhere, 404, headers=users["acme"])
    assert echoed == []
    assert (await ask(http, "POST", ours, headers=users["default"]))["arrived"]
    await ask(http, "POST", "/tenants/acme/bindings", json={"number": "+14155550100"})
    await ask(http, "POST", ours, 404, headers=users["default"])
    assert (await ask(http, "POST", ours, headers=users["acme"]))["arrived"]
    assert (await ask(http, "POST", ours))["arrived"]
    assert len(echoed) == 3


async def test_classify(http: aiohttp.ClientSession, telnyx: FakeTelnyx) -> None:
    offline = await ask(http, "GET", "/numbers/+14155552671/classify")
    assert (offline["line_type"], offline["live"]) == ("fixed_or_mobile", None)
    assert offline["accepted_where_voip_is_refused"]["likely"] is None
    live = await ask(http, "GET", "/numbers/+14155552671/classify?live=true")
    assert (live["line_type"], live["live"]["gateway"]) == ("voip", "telnyx")
    assert live["accepted_where_voip_is_refused"]["likely"] is False
    await ask(http, "GET", "/numbers/+14155552671/classify?live=true")
    assert telnyx.asked.count("GET number_lookup/+14155552671") == 1
    wrong = await ask(http, "GET", "/numbers/12/classify", 422)
    assert wrong["error_code"] == "INVALID_PHONE_FORMAT"


async def test_costs(http: aiohttp.ClientSession) -> None:
    answer = await ask(http, "GET", "/costs?numbers=100&codes_per_day=10&android_sims=10")
    costs = {item["provider"]: item for item in answer["providers"]}
    assert costs["telnyx"]["monthly"] == "320.00"
    assert costs["bandwidth"]["monthly"] == "145.00"
    assert (costs["android"]["monthly"], costs["android"]["once"]) == ("200.00", "500.00")
    assert (await ask(http, "GET", "/costs"))["numbers"] == 100
    await ask(http, "GET", "/costs?numbers=0", 422)


@pytest.mark.parametrize(
    "query", ["features=fax", "country=USA", "area_code=x", "quantity=51", "city=Rome"]
)
async def test_searches_that_are_not_understood(http: aiohttp.ClientSession, query: str) -> None:
    await ask(http, "GET", f"/numbers/available?{query}", 422)


async def test_premium_numbers_by_every_entry_point(
    live: RunningServer, http: aiohttp.ClientSession
) -> None:
    body = {"to": "+19002345678", "message": "x"}
    refused = await ask(http, "POST", "/sms/send", 403, json=body)
    assert (refused["error_code"], "premium-rate" in refused["detail"]) == ("FORBIDDEN", True)
    url = live.shim_url.replace("{{phone}}", "%2B19002345678").replace("{{message}}", "x")
    path = url.removeprefix(BASE)
    async with http.get(path) as response:
        assert response.status == 403


async def test_keys_need_the_scope(live: RunningServer) -> None:
    key = await live.create_key("sms:send")
    async with aiohttp.ClientSession(live.http_url) as http:
        headers = {"Authorization": f"Bearer {key}"}
        for path in ("/numbers", "/numbers/available", "/costs"):
            await ask(http, "GET", path, 401)
            await ask(http, "GET", path, 403, headers=headers)


async def test_a_simulation_buys_nothing() -> None:
    async with (
        running_server({}) as server,
        aiohttp.ClientSession(server.http_url, headers=server.headers) as http,
    ):
        body = {"number": NUMBER, "yes": True}
        assert (await ask(http, "POST", "/numbers", 503, json=body))["error_code"] == "SMS_DISABLED"
        assert (await ask(http, "GET", "/numbers/available", 503))["error_code"] == (
            "GATEWAY_NOT_CONFIGURED"
        )
        assert (await ask(http, "GET", "/numbers"))["numbers"] == []
