"""`enum-backend shims ...` and `mesh tokens|messages|texts`, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp

from tests.serving import enum_backend, serving


async def ok(folder: Path, *arguments: str, **variables: str) -> Any:
    code, output, errors = await enum_backend(
        *arguments, "--json", "--config", "settings.toml", cwd=folder, **variables
    )
    assert code == 0, errors
    return json.loads(output)


async def refused(folder: Path, *arguments: str, **variables: str) -> str:
    code, output, errors = await enum_backend(
        *arguments, "--config", "settings.toml", cwd=folder, **variables
    )
    assert (code, output) == (1, "")
    return errors


async def test_tokens_of_meshcentral(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        made = await ok(tmp_path, "mesh", "tokens", "create", "mesh.example", "--per-hour", "1")
        again = await ok(tmp_path, "mesh", "tokens", "create", "mesh.example", "--region", "gb")
        assert (again["url"], again["per_hour"], again["region"]) == (made["url"], 1, "GB")
        path = made["url"].partition("/meshcentral/")[2]
        url = f"{server.http_url}/meshcentral/{path}".replace("{{phone}}", "07700900123")
        async with aiohttp.ClientSession() as http:
            for text, status in (("access%20token%20is:%20048291", 200), ("other", 429)):
                async with http.get(url.replace("{{message}}", text)) as response:
                    assert response.status == status
            changed = await ok(
                tmp_path, "mesh", "tokens", "set", "mesh.example", "--per-hour", "none"
            )
            assert changed["per_hour"] is None
            async with http.get(url.replace("{{message}}", "other")) as response:
                assert response.status == 200
        listed = await ok(tmp_path, "mesh", "tokens", "list")
        assert [token["server"] for token in listed["tokens"]] == ["default", "mesh.example"]
        at = {"ENUM_BACKEND_API_URL": server.http_url}
        code, output, errors = await enum_backend(
            "mesh", "messages", "--config", "settings.toml", cwd=tmp_path, **at
        )
        assert code == 0, errors
        assert "a login code of MeshCentral" in output
        assert "to +447700900123" in output
        assert "048291" not in output
        found = await ok(
            tmp_path, "mesh", "messages", "--server", "mesh.example", "--limit", "1", **at
        )
        assert len(found["messages"]) == 1
        page = await ok(tmp_path, "mesh", "messages", "--before", found["next"], **at)
        assert len(page["messages"]) == 1
        assert "server" in await refused(tmp_path, "mesh", "messages", "--server", "none", **at)
        assert await ok(tmp_path, "mesh", "tokens", "revoke", "mesh.example") == {"success": True}
        assert "no live token" in await refused(
            tmp_path, "mesh", "tokens", "revoke", "mesh.example"
        )
        assert "no live token" in await refused(tmp_path, "mesh", "tokens", "set", "mesh.example")
        async with aiohttp.ClientSession() as http, http.get(url) as response:
            assert response.status == 404


async def test_tokens_of_other_programs(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('public_base_url = "https://sms.example.org"\n')
    secret = ("--secret", "fake-signing-key-0000")
    made = await ok(tmp_path, "shims", "create", "zitadel", "id.example", *secret)
    assert made["url"].startswith("https://sms.example.org/shim/zitadel/")
    assert "fake-signing-key" not in json.dumps(made)
    code, output, _ = await enum_backend(
        *("shims", "set", "zitadel", "id.example", "--app", "Acme", "--per-day", "5"),
        *("--config", "settings.toml"),
        cwd=tmp_path,
    )
    assert code == 0
    assert output.splitlines()[0] == made["url"]
    code, output, _ = await enum_backend("shims", "list", "--config", "settings.toml", cwd=tmp_path)
    assert output.split() == ["zitadel", "id.example", "default", "per_day=5", "app=Acme"]
    for wrong, why in (
        (("--per-day", "x"), "per_day"),
        (("--secret", "short"), "secret"),
        (("--secret", "none"), "secret"),
        (("--sender", "12"), "sender"),
        (("--template", "none of it"), "template"),
    ):
        assert why in await refused(tmp_path, "shims", "set", "zitadel", "id.example", *wrong)
    assert await ok(tmp_path, "shims", "revoke", "zitadel", "id.example") == {"success": True}
    assert await ok(tmp_path, "shims", "list", "--program", "zitadel") == {"tokens": []}


async def test_a_sender_and_a_gateway_that_the_tenant_can_use(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(
        'mode = "live"\n[[tenants]]\nname = "acme"\n'
        '[gateways.shared]\nprovider = "telnyx"\napi_key = "KEY_fake"\nfrom = "+15550100001"\n'
        '[gateways.private]\nprovider = "telnyx"\napi_key = "KEY_fake"\nfrom = "+15550100002"\n'
        'tenant = "acme"\n'
    )
    for command in (("mesh", "tokens"), ("shims",)):
        program = () if command[0] == "mesh" else ("logto",)
        create = (*command, "create", *program)
        sender = ("--sender", "+15550100002", "--gateway", "private")
        made = await ok(tmp_path, *create, "acme.example", "--tenant", "acme", *sender)
        assert (made["sender"], made["gateway"]) == ("+15550100002", "private")
        assert "sender: is not a number of" in await refused(tmp_path, *create, "b", *sender[:2])
        assert "gateway: is not configured" in await refused(tmp_path, *create, "b", *sender[2:])
        assert "gateway: is not configured" in await refused(
            tmp_path, *command, "set", *program, "acme.example", "--gateway", "none2"
        )
        listed = await ok(tmp_path, *command, "list")
        assert {token["server"] for token in listed["tokens"]} == {"acme.example"}


async def test_texts(tmp_path: Path) -> None:
    out = tmp_path / "meshcentral-web" / "emails"
    code, output, _ = await enum_backend("mesh", "texts", "--out", str(out), cwd=tmp_path)
    assert code == 0
    assert str(out / "sms-messages.txt") in output.splitlines()
    code, output, _ = await enum_backend("mesh", "texts", "--out", str(out), cwd=tmp_path)
    assert (code, output) == (0, "nothing to change\n")
    (tmp_path / "file").write_text("")
    code, _, errors = await enum_backend(
        "mesh", "texts", "--out", str(tmp_path / "file" / "x"), cwd=tmp_path
    )
    assert code == 1
    assert "cannot be written" in errors
