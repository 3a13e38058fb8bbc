"""`/enum/...` against a running server."""

from __future__ import annotations

import aiohttp
import pytest

from enum_backend.gateways import GatewayRegistry, TelnyxGateway
from enum_backend.testing import RunningServer, running_server
from enum_backend.web.routes.enum import record_json
from tests.integration.web.conftest import RECORDS

Client = aiohttp.ClientSession


async def test_record_without_key_hides_where_inbound_goes(anonymous: Client) -> None:
    async with anonymous.get("/enum/+14155551234") as response:
        assert response.status == 200
        body = await response.json()
        assert "canary" not in await response.text()
    assert body["number"] == "+14155551234"
    assert body["e164_name"] == "4.3.2.1.5.5.5.5.1.4.1.e164.arpa"
    assert body["sms"] == {
        "gateway": "telnyx",
        "provider": "telnyx",
        "number": "+14155551234",
        "configured": False,
    }
    assert [voice["uri"] for voice in body["voice"]] == ["sip:alice@pbx.example"]
    assert body["trust"]["level"] == "operator"
    entry = body["entries"][0]
    assert entry["name"] == "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa"
    assert entry["trust"]["level"] == "operator"
    assert entry["problems"] == []
    assert body["source"] == "file"


async def test_scope_numbers_shows_where_inbound_goes(
    server: RunningServer, anonymous: Client
) -> None:
    for scopes, visible in ((("numbers",), True), (("sms:send", "sms:read"), False)):
        headers = {"Authorization": f"Bearer {await server.create_key(*scopes)}"}
        async with anonymous.get("/enum/+14155551234", headers=headers) as response:
            sms = (await response.json())["sms"]
        assert ("forward_to" in sms) is visible
        assert ("webhook" in sms) is visible


async def test_where_inbound_goes_is_its_owners_and_admins_to_see() -> None:
    """A record without an owner is shown to every key with the scope."""
    value = {"sms": {"provider": "x", "number": "+14155551234", "forward_to": "a@b.example"}}
    records = {
        "enum:14155551234:0": {"value": value, "address": "EAcme"},
        "enum:14155551235:0": {"value": value, "address": "ENobody"},
    }
    owner = {"address": "EAcme", "tenant": "acme", "numbers": ["+1415"]}
    settings = {
        "nvs": {"trust": "untrusted"},
        "trust": {"owners": [owner], "require_signer": "never"},
        "tenants": [{"name": "acme"}, {"name": "beta"}],
    }
    async with running_server(records, settings=settings) as server:
        keys = {
            "acme": await server.create_key("numbers", tenant="acme"),
            "beta": await server.create_key("numbers", tenant="beta"),
            "reads": await server.create_key("sms:read", tenant="acme"),
            "admin": await server.create_key("admin", tenant="beta"),
        }
        seen: dict[str, set[str]] = {"+14155551234": set(), "+14155551235": set()}
        async with Client(server.http_url) as http:
            for number, names in seen.items():
                for name, key in keys.items():
                    headers = {"Authorization": f"Bearer {key}"}
                    async with http.get(f"/enum/{number}", headers=headers) as response:
                        sms = (await response.json())["sms"]
                    assert ("forward_to" in sms) is ("webhook" in sms)
                    if "forward_to" in sms:
                        names.add(name)
    assert seen == {"+14155551234": {"acme", "admin"}, "+14155551235": {"acme", "beta", "admin"}}


@pytest.mark.parametrize(
    "written",
    ["+14155551234", "14155551234", "%2B1%20415%20555-1234", "(415)%20555-1234", "+1.415.555.1234"],
)
async def test_numbers_as_people_write_them(anonymous: Client, written: str) -> None:
    async with anonymous.get(f"/enum/{written}") as response:
        assert response.status == 200
        assert (await response.json())["number"] == "+14155551234"


async def test_bad_service_is_reported_and_the_good_one_stays(anonymous: Client) -> None:
    async with anonymous.get("/enum/+14155550102") as response:
        body = await response.json()
    assert body["voice"] == []
    assert body["sms"]["number"] == "+14155550102"
    assert [item["field"] for item in body["entries"][0]["problems"]] == ["$.voice"]


async def test_four_digits_are_a_number_in_records(anonymous: Client) -> None:
    async with anonymous.get("/enum/+1234") as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "written", ["123", "+123", "1" * 40, "+" + "1" * 16, "abc", "%00", "+", "٤١٥"]
)
@pytest.mark.parametrize("path", ["", "/naptr", "/explain"])
async def test_what_is_no_number(http: Client, written: str, path: str) -> None:
    async with http.get(f"/enum/{written}{path}") as response:
        assert response.status == 422
        assert response.content_type == "application/problem+json"
        body = await response.json()
    assert body["error_code"] == "INVALID_PHONE_FORMAT"
    assert body["errors"][0]["field"] == "number"


async def test_unknown_number(anonymous: Client) -> None:
    for path in ("/enum/+14155559999", "/enum/+14155559999/naptr"):
        async with anonymous.get(path) as response:
            assert response.status == 404
            assert (await response.json())["error_code"] == "NOT_FOUND"


async def test_naptr(anonymous: Client) -> None:
    async with anonymous.get("/enum/+14155550101/naptr") as response:
        assert await response.json() == {
            "naptr": ['100 10 "u" "E2U+sip" "!^(.*)$!sip:bob@pbx.example!" .'],
            "ttl": 600,
        }


async def test_untrusted_records_publish_nothing_and_route_nothing() -> None:
    settings = {"nvs": {"trust": "untrusted"}}
    async with (
        running_server(RECORDS, settings=settings) as server,
        aiohttp.ClientSession(server.http_url, headers=server.headers) as http,
    ):
        async with http.get("/enum/+14155550101/naptr") as response:
            assert (await response.json())["naptr"] == []
        async with http.get("/enum/+14155550103/explain") as response:
            body = await response.json()
    assert body["destination"] == "+14155550103"
    record = next(step for step in body["steps"] if step["rule"] == "record")
    assert record["applied"] is False


async def test_explain_shows_every_rule_and_sends_nothing(
    server: RunningServer, http: Client
) -> None:
    query = {"message": "Zürich €" * 12, "from": "+1 (415) 555-0199"}
    async with http.get("/enum/+14155550103/explain", params=query) as response:
        assert response.status == 200
        body = await response.json()
    assert [step["rule"] for step in body["steps"]] == [
        "request",
        "record",
        "sender",
        "prefix",
        "default",
        "sticky",
        "strategy",
        "health",
        "policy",
        "opt-out",
    ]
    assert body["number"] == "+14155550103"
    assert body["destination"] == "+14155550104"
    assert body["mode"] == "simulation"
    assert (body["encoding"], body["segments"]) == ("GSM-7", 1)
    assert body["estimated_cost"] is None
    limits = {item["name"]: item for item in body["limits"]}
    assert limits["per_recipient_hour"] == {
        "name": "per_recipient_hour",
        "window": 3600,
        "used": "0",
        "limit": "5",
        "left": "5",
    }
    assert server.messages == []


async def test_what_the_deployment_has_spent_is_not_told_to_tenants(
    server: RunningServer, http: Client
) -> None:
    names = []
    for tenant in ("default", "acme"):
        key = await server.create_key("sms:send", tenant=tenant)
        headers = {"Authorization": f"Bearer {key}"}
        async with http.get("/enum/+14155550103/explain?message=x", headers=headers) as response:
            names.append({limit["name"] for limit in (await response.json())["limits"]})
    assert names[0] - names[1] == {"daily_cost"}
    assert "per_recipient_hour" in names[1]


async def test_explain_reads_the_sender_as_send_does() -> None:
    """As people type it, as well as names."""
    telnyx = {"provider": "telnyx", "api_key": "KEYtest", "from": "+14155550100", "price": "0.004"}
    settings = {"mode": "live", "gateways": {"telnyx": telnyx}}
    async with (
        running_server(RECORDS, settings=settings) as server,
        aiohttp.ClientSession(server.http_url, headers=server.headers) as http,
    ):
        for sender, status in (
            ("(415) 555-0100", 200),
            ("+14155550100", 200),
            ("+14155550177", 422),
            ("Nobody", 422),
        ):
            query = {"from": sender, "message": "x"}
            async with http.get("/enum/+14155550101/explain", params=query) as response:
                assert response.status == status, sender
                body = await response.json()
            if status == 200:
                assert body["chain"] == ["telnyx"]
                assert body["estimated_cost"] == {"amount": "0.0040", "currency": "USD"}
            else:
                assert body["errors"][0]["field"] == "from"


async def test_explain_needs_a_key(anonymous: Client) -> None:
    async with anonymous.get("/enum/+14155551234/explain") as response:
        assert response.status == 401


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("nonsense=1", "nonsense"),
        ("sender=+14155550100", "sender"),
        ("message=" + "x" * 1601, "message"),
        ("gateway=a&gateway=b", "gateway"),
        ("message=%FF", "message"),
        ("%FF=1", "query"),
    ],
)
async def test_wrong_queries_name_the_parameter(http: Client, query: str, field: str) -> None:
    async with http.get(f"/enum/+14155551234/explain?{query}") as response:
        assert response.status == 422
        body = await response.json()
    assert body["error_code"] == "VALIDATION_FAILED"
    assert [item["field"] for item in body["errors"]] == [field]


async def test_explain_of_an_unknown_gateway(http: Client) -> None:
    query = {"gateway": "nobody"}
    async with http.get("/enum/+14155551234/explain", params=query) as response:
        assert response.status == 503
        assert (await response.json())["error_code"] == "GATEWAY_NOT_CONFIGURED"


async def test_record_names_the_configured_gateway(server: RunningServer) -> None:
    """The answer shows our gateway's name, not only the record's word."""
    registry = GatewayRegistry()
    registry.add("eu", TelnyxGateway(api_key="KEYtest", sender="+14155550100"))
    record = await server.services.directory.record("+14155551234")
    assert record is not None
    pool = server.services.pool
    changed = type(pool)(pool.mode, registry, pool.simulator)
    try:
        sms = record_json(record, changed, private=False)["sms"]
    finally:
        await registry.close()
    assert sms["gateway"] == "eu"
    assert sms["provider"] == "telnyx"
    assert sms["configured"] is True
