"""Bad input, bad keys, wrong methods: a clear answer, nothing lost, the server stays up."""

from __future__ import annotations

import asyncio
import io
import json
import re
import tracemalloc
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from structlog.testing import capture_logs
from yarl import URL

from enum_backend.access import ApiKey
from enum_backend.errors import (
    DatabaseUnavailable,
    EnumBackendError,
    NotFound,
    ProviderError,
    RateLimitExceeded,
)
from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.testing import RunningServer, running_server
from enum_backend.web.addresses import NUMBERS
from enum_backend.web.application import ENDPOINTS
from enum_backend.web.endpoints import KEY, Call
from enum_backend.web.middleware import client_address, errors_middleware, problem

Client = aiohttp.ClientSession


async def refused(response: aiohttp.ClientResponse, status: int, code: str) -> dict[str, Any]:
    """The problem document of an error, checked for its fixed members."""
    body: dict[str, Any] = await response.json()
    assert (response.status, body["error_code"]) == (status, code), body
    assert response.content_type == "application/problem+json"
    assert body["status"] == status
    assert body["success"] is False
    assert body["error"] == body["detail"] != ""
    assert body["type"] == f"urn:enum-backend:error:{code.lower().replace('_', '-')}"
    return body


async def test_body_of_10_megabytes(http: Client) -> None:
    body = io.BytesIO(b"[" * 10_000_000)
    tracemalloc.start()
    try:
        async with http.post("/sms/send", data=body) as response:
            await refused(response, 413, "VALIDATION_FAILED")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000
    async with http.get("/livez") as response:
        assert response.status == 200


async def test_body_at_the_limit(http: Client) -> None:
    body = json.dumps({"to": "+14155550101", "message": "x"}).encode()
    async with http.post("/sms/send", data=body.ljust(65536)) as response:
        assert response.status == 200
    async with http.post("/sms/send", data=body.ljust(65537)) as response:
        await refused(response, 413, "VALIDATION_FAILED")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 10_000,
        b'{"to":' * 10_000,
        b'{"to": "+14155550101", "message": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe\x00",
        b'{"to": "+14155550101", "message": "\xff"}',
    ],
)
async def test_bodies_that_are_no_json(server: RunningServer, http: Client, body: bytes) -> None:
    async with http.post("/sms/send", data=body) as response:
        answer = await refused(response, 422, "VALIDATION_FAILED")
    (error,) = answer["errors"]
    assert error["field"] == "body"
    assert re.match(r"not valid JSON: .+ at line 1 column \d+$", error["message"])
    assert server.messages == []


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (b'{"to": "+14155550101", "to": "+14155550102", "message": "x"}', "to", "stands twice"),
        (b'{"to": "x", "message": "x", "mess\\u0061ge": "y"}', "message", "stands twice"),
        (b'{"to": "x", "x": {"deep": 1, "deep": 2}}', "deep", "stands twice"),
        (b'{"a\nb": 1, "a\nb": 2}', "body", "not valid JSON"),
        (b'{"a\\nb": 1, "a\\nb": 2}', "body", "stands twice"),
        (b'{"to": "x", "message": "\\ud800"}', "message", "half of a surrogate pair"),
        (b'{"to": "x", "message": "a\\udc00b"}', "message", "half of a surrogate pair"),
        (b'{"to": "x", "message": ["\\ud800"]}', "message", "half of a surrogate pair"),
        (b'{"to": "x", "client_reference": "a\\u0000"}', "client_reference", "a NUL character"),
        (b'{"to": "x", "senders": ["a", ["\\u0000"]]}', "senders", "a NUL character"),
        (b'{"to": "x", "a\\u0000b": 1}', "body", "a NUL character"),
    ],
)
async def test_bodies_that_can_be_understood_in_two_ways(
    http: Client, body: bytes, field: str, message: str
) -> None:
    async with http.post("/sms/send", data=body) as response:
        answer = await refused(response, 422, "VALIDATION_FAILED")
    (error,) = answer["errors"]
    assert error["field"] == field
    assert message in error["message"]


async def test_no_path_and_no_query_holds_what_cannot_be_stored(http: Client) -> None:
    for endpoint in ENDPOINTS:
        names = re.findall(r"{(\w+)[}:]", endpoint.path)
        asks = [(name, re.sub(rf"{{{name}[^}}]*}}", "a%00b", endpoint.path), "") for name in names]
        if not endpoint.own_query:
            asks += [
                ("limit", endpoint.path, "limit=1%00"),
                ("query", endpoint.path, "a%00=1"),
                ("tenant", endpoint.path, "limit=1&tenant=%ff"),
                ("tenant", endpoint.path, "tenant=%ed%a0%80"),
            ]
        for field, path, query in asks:
            path = re.sub(r"{[^}]*}", "x", path)
            url = str(http._base_url).rstrip("/") + path + (f"?{query}" if query else "")
            async with http.request(endpoint.method, URL(url, encoded=True)) as response:
                code = "INVALID_PHONE_FORMAT" if field in NUMBERS else "VALIDATION_FAILED"
                answer = await refused(response, 422, code)
            assert [item["field"] for item in answer["errors"]] == [field], (path, query)


async def test_a_path_of_other_octets(server: RunningServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
    lines = (b"GET /tenants/\xff HTTP/1.1", b"Host: x", b"Connection: close", b"", b"")
    writer.write(b"\r\n".join(lines))
    answer = await reader.read()
    writer.close()
    assert int(answer.split()[1]) in (400, 422)


@pytest.mark.parametrize("path", ["deliveries", "deliveries/dead", "opt-outs", "alerts", "audit"])
@pytest.mark.parametrize("far", [str(2**63), "9" * 5000, "-1", f"-{2**63}", "1.5", "1_0", " 1"])
async def test_positions_no_list_gave(http: Client, path: str, far: str) -> None:
    name = "before" if path == "alerts" else "after"
    async with http.get(f"/{path}", params={name: far}) as response:
        answer = await refused(response, 422, "VALIDATION_FAILED")
    assert [item["field"] for item in answer["errors"]] == [name]
    async with http.get(f"/{path}", params={name: str(2**63 - 1)}) as response:
        assert response.status == 200


async def test_a_whole_surrogate_pair_is_a_text(server: RunningServer, http: Client) -> None:
    body = b'{"to": "+14155550101", "message": "\\ud83d\\ude00 \xc3\xa4"}'
    async with http.post("/sms/send", data=body) as response:
        assert response.status == 200
    assert (await server.wait_for_messages())[
        0
    ].text == "\N{GRINNING FACE} \N{LATIN SMALL LETTER A WITH DIAERESIS}"


@pytest.mark.parametrize("body", ["[]", "null", "7", '"text"'])
async def test_bodies_that_are_no_object(http: Client, body: str) -> None:
    async with http.post("/sms/send", data=body) as response:
        answer = await refused(response, 422, "VALIDATION_FAILED")
    assert [item["field"] for item in answer["errors"]] == ["body"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"to": 14155550101}, "to"),
        ({"to": None}, "to"),
        ({"message": ["x"]}, "message"),
        ({"message": {"text": "x"}}, "message"),
        ({"from": 7}, "from"),
        ({"gateway": True}, "gateway"),
        ({"client_reference": ""}, "client_reference"),
        ({"skip_rate_limit": "true"}, "skip_rate_limit"),
        ({"skip_rate_limit": 1}, "skip_rate_limit"),
        ({"sender": "+14155550100"}, "sender"),
        ({"mesage": "x"}, "mesage"),
    ],
)
async def test_wrong_types_and_unknown_fields_name_the_field(
    http: Client, change: dict[str, Any], field: str
) -> None:
    body = {"to": "+14155550101", "message": "canary-text", **change}
    async with http.post("/sms/send", json=body) as response:
        answer = await refused(response, 422, "VALIDATION_FAILED")
        assert "canary" not in await response.text()
    assert [item["field"] for item in answer["errors"]] == [field]
    assert answer["detail"].startswith(f"{field}: ")


async def test_missing_fields(http: Client) -> None:
    async with http.post("/sms/send", json={}) as response:
        answer = await refused(response, 422, "VALIDATION_FAILED")
    assert [item["field"] for item in answer["errors"]] == ["to", "message"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("HEAD", "/enum/+14155551234", "GET"),
        ("PUT", "/enum/+14155551234", "GET"),
        ("GET", "/sms/send", "POST"),
        ("HEAD", "/sms/send", "POST"),
        ("PUT", "/sms/send", "POST"),
        ("DELETE", "/sms/status/msg_1", "GET"),
        ("POST", "/livez", "GET"),
        ("HEAD", "/readyz", "GET"),
        ("OPTIONS", "/metrics", "GET"),
    ],
)
async def test_wrong_methods(http: Client, method: str, path: str, allowed: str) -> None:
    async with http.request(method, path) as response:
        assert response.status == 405
        assert response.headers["Allow"] == allowed
        if method == "HEAD":
            assert await response.read() == b""
        else:
            await refused(response, 405, "VALIDATION_FAILED")


@pytest.mark.parametrize(
    "path", ["/nothing", "/enum", "/enum/", "/sms/send/", "/docs/x", "//livez"]
)
async def test_unknown_paths(http: Client, path: str) -> None:
    async with http.get(URL(str(http._base_url).rstrip("/") + path, encoded=True)) as response:
        await refused(response, 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "value",
    [
        "Bearer ebk_wrong",
        "Bearer ",
        "Bearer",
        "Bearer \x80\xff",
    ],
)
@pytest.mark.parametrize("path", ["/sms/status/msg_1", "/enum/+14155551234"])
async def test_wrong_keys(anonymous: Client, value: str, path: str) -> None:
    async with anonymous.get(path, headers={"Authorization": value}) as response:
        await refused(response, 401, "UNAUTHORIZED")
        assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("value", ["Basic dXNlcjpwYXNz", "ebk_wrong"])
async def test_other_schemes_matter_only_where_a_key_is_needed(
    anonymous: Client, value: str
) -> None:
    headers = {"Authorization": value}
    async with anonymous.get("/sms/status/msg_1", headers=headers) as response:
        await refused(response, 401, "UNAUTHORIZED")
    async with anonymous.get("/enum/+14155551234", headers=headers) as response:
        assert response.status == 200


async def test_no_key(anonymous: Client) -> None:
    async with anonymous.post("/sms/send", json={}) as response:
        await refused(response, 401, "UNAUTHORIZED")


async def test_revoked_key_is_refused_at_once(server: RunningServer, anonymous: Client) -> None:
    key, token = await server.services.keys.create("short-lived", ("sms:read",))
    headers = {"Authorization": f"bearer  {token}"}
    async with anonymous.get("/sms/status/msg_1", headers=headers) as response:
        await refused(response, 404, "NOT_FOUND")
    await server.services.keys.revoke(key.id)
    async with anonymous.get("/sms/status/msg_1", headers=headers) as response:
        await refused(response, 401, "UNAUTHORIZED")


async def test_missing_scope(server: RunningServer, anonymous: Client) -> None:
    headers = {"Authorization": f"Bearer {await server.create_key('sms:read')}"}
    async with anonymous.post("/sms/send", json={}, headers=headers) as response:
        answer = await refused(response, 403, "FORBIDDEN")
    assert "sms:send" in answer["detail"]


async def test_client_limit_carries_retry_after() -> None:
    settings = {"limits": {"per_client_minute": 2}}
    async with running_server({}, settings=settings) as server:
        other = {"Authorization": f"Bearer {await server.create_key('sms:send')}"}
        async with Client(server.http_url, headers=server.headers) as http:
            for index in range(2):
                body = {"to": f"+1415555010{index}", "message": "x"}
                async with http.post("/sms/send", json=body) as response:
                    assert response.status == 200
            body = {"to": "+14155550109", "message": "x"}
            async with http.post("/sms/send", json=body) as response:
                answer = await refused(response, 429, "RATE_LIMIT_EXCEEDED")
                assert 1 <= int(response.headers["Retry-After"]) <= 60
            assert "per_client_minute" in answer["detail"]
            async with http.post("/sms/send", json=body, headers=other) as response:
                assert response.status == 200


@pytest.mark.parametrize(
    ("trusted", "lines", "client"),
    [
        ([], ["203.0.113.9"], "127.0.0.1"),
        (["127.0.0.1"], [], "127.0.0.1"),
        (["127.0.0.1"], ["203.0.113.9"], "203.0.113.9"),
        (["127.0.0.0/8"], ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        (["127.0.0.1", "203.0.113.0/24"], ["198.51.100.1, 203.0.113.9"], "198.51.100.1"),
        (["127.0.0.1"], ["203.0.113.9:4711"], "203.0.113.9"),
        (["127.0.0.1"], ["[2001:db8::9]:4711"], "2001:db8::9"),
        (["127.0.0.1"], ["2001:db8::9"], "2001:db8::9"),
        (["127.0.0.1"], ["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
        (["127.0.0.1"], ["203.0.113.9, evil"], "127.0.0.1"),
        (["127.0.0.1"], ["999.1.1.1"], "127.0.0.1"),
        (["127.0.0.1"], [","], "127.0.0.1"),
        (["192.0.2.1"], ["203.0.113.9"], "127.0.0.1"),
    ],
)
async def test_forwarded_addresses_count_from_trusted_proxies_only(
    trusted: list[str], lines: list[str], client: str
) -> None:
    async with running_server({}, settings={"http": {"trusted_proxies": trusted}}) as server:
        with capture_logs() as logs:
            async with Client(server.http_url) as http:
                headers = [("X-Forwarded-For", line) for line in lines]
                async with http.get("/livez", headers=headers) as response:
                    assert response.status == 200
            async with asyncio.timeout(5):
                while not (seen := [item for item in logs if item["event"] == "request"]):
                    await asyncio.sleep(0.005)
    assert [item["client"] for item in seen] == [client]


def test_client_of_a_request_without_peer() -> None:
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": "203.0.113.9"})
    request = request.clone(remote="")
    assert client_address(request, ["127.0.0.1"]) == ""


def _raising(error: Exception) -> Any:
    async def handler(_: web.Request) -> web.StreamResponse:
        raise error

    return handler


async def answer_to(error: Exception) -> tuple[int, dict[str, Any], web.StreamResponse]:
    response = await errors_middleware(make_mocked_request("GET", "/"), _raising(error))
    assert isinstance(response, web.Response)
    text = response.text or ""
    return response.status, json.loads(text) if text else {}, response


async def test_every_failure_becomes_a_problem_document() -> None:
    status, body, _ = await answer_to(ValueError("canary-secret"))
    assert (status, body["error_code"]) == (500, "INTERNAL_ERROR")
    assert "canary" not in json.dumps(body)
    refusal = GatewayError(Reason.AUTH_FAILED, "canary-detail", provider_code="401")
    status, body, _ = await answer_to(refusal)
    assert (status, body["error_code"]) == (502, "PROVIDER_ERROR")
    assert (body["provider"], body["provider_code"], body["reason"]) == (None, "401", "auth_failed")
    assert "canary" not in json.dumps(body)
    status, body, _ = await answer_to(web.HTTPUnsupportedMediaType())
    assert (status, body["error_code"]) == (415, "VALIDATION_FAILED")
    status, body, response = await answer_to(web.HTTPSeeOther("/docs"))
    assert (status, body, response.headers["Location"]) == (303, {}, "/docs")
    with pytest.raises(ConnectionResetError):
        await answer_to(ConnectionResetError())


def test_retry_after_is_whole_seconds_and_never_zero() -> None:
    for seconds, header in ((0.0, "1"), (0.2, "1"), (61.2, "62")):
        assert problem(RateLimitExceeded(retry_after=seconds)).headers["Retry-After"] == header
    assert "Retry-After" not in problem(NotFound()).headers


def test_docstrings_are_the_default_messages() -> None:
    assert NotFound().message == "There is no such thing."
    assert str(NotFound("x")) == "x"
    assert EnumBackendError().members == {}
    assert str(ProviderError(reason="blocked")) == "The provider could not answer: blocked."


async def test_endpoint_without_scope_has_no_caller(server: RunningServer) -> None:
    call = Call(make_mocked_request("GET", "/"), server.services, None)
    with pytest.raises(EnumBackendError) as caught:
        _ = call.caller
    assert caught.value.status == 401


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHo st: x\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_octets_that_are_no_request(
    server: RunningServer, anonymous: Client, request_bytes: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
    try:
        writer.write(request_bytes)
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()
        await writer.wait_closed()
    assert not answer or answer.split()[1] in (b"400", b"431", b"505")
    if answer:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"Content-Type: application/problem+json" in head
        document = json.loads(body)
        assert (document["status"], document["error_code"]) == (400, "VALIDATION_FAILED")
        assert document["detail"] == "This is no HTTP request that can be read."
    async with anonymous.get("/livez") as response:
        assert response.status == 200


@pytest.mark.parametrize("path", ["/sms/send", "/sms/webhook/telnyx"])
async def test_a_body_that_is_not_compressed_as_it_says(http: Client, path: str) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    async with http.post(path, data=b"not gzip", headers=headers) as response:
        await refused(response, 422, "VALIDATION_FAILED")


async def test_only_admins_read_of_the_inside() -> None:
    settings = {"nvs": {"source": "rpc", "rpc": {"url": "http://fake:fake@127.0.0.1:9"}}}
    async with running_server(settings=settings) as server, Client(server.http_url) as http:
        other = {"Authorization": f"Bearer {await server.create_key('numbers')}"}
        for headers, told in ((None, False), (other, False), (server.headers, True)):
            async with http.get("/enum/+14155551234", headers=headers) as response:
                answer = await refused(response, 503, "NVS_UNAVAILABLE")
            assert ("127.0.0.1:9" in json.dumps(answer)) is told
            async with http.get("/readyz", headers=headers) as response:
                text = await response.text()
            assert ("127.0.0.1:9" in text) is told
            assert json.loads(text)["checks"]["nvs"]["ok"] is False


async def test_trouble_of_the_database_is_told_to_admins_and_logs() -> None:
    trouble = DatabaseUnavailable("The database cannot be read: host db.example refused")
    for scopes, told in (((), False), (("numbers",), False), (("admin",), True)):
        request = make_mocked_request("GET", "/")
        if scopes:
            request[KEY] = ApiKey("key_1", "n", "default", frozenset(scopes), 1)
        with capture_logs() as logs:
            response = await errors_middleware(request, _raising(trouble))
        assert isinstance(response, web.Response)
        assert ("db.example" in (response.text or "")) is told
        assert "db.example" in str(logs)
