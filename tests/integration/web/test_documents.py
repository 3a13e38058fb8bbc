"""The API document against the router it describes, and the page that shows it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest
from aiohttp import web

from enum_backend.extensions import load_extensions
from enum_backend.testing import RunningServer, running_server
from enum_backend.web.application import ENDPOINTS, create_application
from enum_backend.web.openapi import error_statuses, openapi_document

Client = aiohttp.ClientSession
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PUBLISHED = {
    "VALIDATION_FAILED": 422,
    "INVALID_PHONE_FORMAT": 422,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "IDEMPOTENCY_CONFLICT": 409,
    "RATE_LIMIT_EXCEEDED": 429,
    "COST_LIMIT_EXCEEDED": 402,
    "SMS_DISABLED": 503,
    "CREDENTIALS_MISSING": 503,
    "GATEWAY_NOT_CONFIGURED": 503,
    "NVS_UNAVAILABLE": 503,
    "DATABASE_UNAVAILABLE": 503,
    "PROVIDER_ERROR": 502,
}


@pytest.fixture
async def document(anonymous: Client) -> dict[str, Any]:
    async with anonymous.get("/openapi.json") as response:
        assert response.status == 200
        body: dict[str, Any] = await response.json()
        return body


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for item in node.values():
            yield from references(item)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def test_codes_have_the_published_statuses() -> None:
    statuses = error_statuses()
    assert {code: statuses[code] for code in PUBLISHED} == PUBLISHED


async def test_every_route_is_described(server: RunningServer, document: dict[str, Any]) -> None:
    extra = [item for extension in load_extensions() for item in extension.endpoints()]
    hidden = {
        (item.method, item.path.replace(":.*}", "}"))
        for item in (*ENDPOINTS, *extra)
        if item.hidden
    }
    app = create_application(server.services, extra)
    routed = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None
    }
    described = {(method, path) for method, path, _ in operations(document)}
    assert described == routed - hidden
    ours = {(item.method, item.path) for item in ENDPOINTS if item.hidden}
    pages = {(method, path) for method, path in ours if path.startswith("/admin")}
    assert ours - pages == {("GET", "/"), ("GET", "/docs/docs.js")}


async def test_document_is_sound(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    known = error_statuses()
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for reference in references(document):
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert node
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for method, path, operation in operations(document):
        assert operation["summary"]
        in_path = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path))
        for parameter in operation["parameters"]:
            assert parameter["in"] == "query" or parameter["required"] is True
            jsonschema.Draft202012Validator.check_schema(parameter["schema"])
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                continue
            assert "application/problem+json" in answer["content"]
            for code in answer["description"].split(", "):
                assert str(known[code]) == status, (method, path, code)
        if "security" in operation:
            ways = [{"apiKey": []}], [{"session": []}], [{"apiKey": []}, {"session": []}]
            assert operation["security"] in ways
            assert {"401", "403"} <= set(operation["responses"])


async def test_answers_fit_their_schemas(document: dict[str, Any], http: Client) -> None:
    async def check(path: str, template: str, method: str = "get", **options: Any) -> Any:
        async with http.request(method.upper(), path, **options) as response:
            assert response.status == 200
            body = await response.json()
        answer = document["paths"][template][method]["responses"]["200"]["content"]
        schema = {**answer["application/json"]["schema"], "components": document["components"]}
        jsonschema.validate(body, schema, jsonschema.Draft202012Validator)
        return body

    await check("/enum/+14155551234", "/enum/{number}")
    await check("/enum/+14155551234/naptr", "/enum/{number}/naptr")
    await check("/enum/+14155551234/explain?message=x", "/enum/{number}/explain")
    body = {"to": "+14155550101", "message": "Hello"}
    sent = await check("/sms/send", "/sms/send", "post", json=body)
    await check(f"/sms/status/{sent['message_id']}", "/sms/status/{message_id}")
    await check("/livez", "/livez")
    await check("/readyz", "/readyz")


async def test_errors_fit_the_problem_schema(document: dict[str, Any], http: Client) -> None:
    schema = document["components"]["schemas"]["Problem"]
    for path in ("/enum/123", "/enum/+14155559999", "/nothing", "/sms/status/msg_1?x=1"):
        async with http.get(path) as response:
            body = await response.json()
        jsonschema.validate(body, schema, jsonschema.Draft202012Validator)
        assert body["status"] == response.status


def test_server_address_is_the_public_one() -> None:
    assert "servers" not in openapi_document(ENDPOINTS)
    document = openapi_document(ENDPOINTS, "https://sms.example.org")
    assert document["servers"] == [{"url": "https://sms.example.org"}]


async def test_start_page_leads_to_the_documents(anonymous: Client) -> None:
    async with anonymous.get("/", allow_redirects=False) as response:
        assert response.status == 303
        assert response.headers["Location"] == "/docs"
    async with anonymous.get("/") as response:
        assert response.status == 200
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert '<script src="/docs/docs.js">' in await response.text()
    async with anonymous.get("/docs/docs.js") as response:
        assert response.content_type == "text/javascript"


async def test_docs_in_a_browser(tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("no chromium here")
        pytest.skip("no chromium here")
    async with running_server() as server:
        process = await asyncio.create_subprocess_exec(
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            f"--user-data-dir={tmp_path}",
            "--virtual-time-budget=5000",
            "--dump-dom",
            f"{server.http_url}/docs",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            page, _ = await asyncio.wait_for(process.communicate(), 60)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert b"/sms/status/{message_id}" in page
    assert b"cannot be loaded" not in page


async def test_extension_paths_are_served_and_described(server: RunningServer) -> None:
    extra = [item for extension in load_extensions() for item in extension.endpoints()]
    app: web.Application = create_application(server.services, extra)
    paths = {route.resource.canonical for route in app.router.routes() if route.resource}
    assert "/meshcentral/sms/{token}" in paths
