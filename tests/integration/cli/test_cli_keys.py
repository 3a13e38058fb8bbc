"""`keys create|list|revoke`, also beside a running server."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp

from enum_backend.testing import running_server
from tests.integration.cli.conftest import Invoke, document


def test_create_list_revoke(invoke: Invoke, config: str) -> None:
    made = document(invoke("keys", "create", "mesh", "--json", "--config", config))
    assert made["scopes"] == ["sms:read", "sms:send"]
    assert made["token"].startswith("ebk_")
    assert made["revoked_at"] is None
    arguments = ("keys", "create", "admin", "--scope", "admin")
    text = invoke(*arguments, "--config", config).stdout
    assert [line[:4] for line in text.splitlines()] == ["key_", "ebk_"]
    listed = document(invoke("keys", "list", "--json", "--config", config))["keys"]
    assert [key["name"] for key in listed] == ["mesh", "admin"]
    assert listed[1]["scopes"] == ["admin"]
    assert all("token" not in key for key in listed)
    assert made["token"] not in invoke("keys", "list", "--config", config).stdout
    revoked = invoke("keys", "revoke", made["id"], "--config", config).stdout
    assert revoked == f"{made['id']} is revoked\n"
    text = invoke("keys", "list", "--config", config).stdout
    assert f"{made['id']}  revoked  default  sms:read,sms:send  mesh" in text
    again = document(invoke("keys", "revoke", made["id"], "--json", "--config", config, code=1))
    assert again["error_code"] == "NOT_FOUND"


def test_budgets_of_a_key(invoke: Invoke, config: str) -> None:
    with Path(config).open("a") as file:
        file.write("[[tenants]]\nname = 'acme'\n")
    options = ("--scopes", "sms:send, sms:read", "--scope", "numbers", "--tenant", "acme")
    budget = ("--daily-cost", "2.50", "--per-minute", "3", "--expires", "30d")
    senders = ("--sender", "(415) 555-0101", "--sender", "Acme")
    arguments = ("keys", "create", "shop", *options, *budget, *senders)
    made = document(invoke(*arguments, "--json", "--config", config))
    assert made["scopes"] == ["numbers", "sms:read", "sms:send"]
    assert (made["tenant"], made["per_minute"]) == ("acme", 3)
    assert made["daily_cost"] == {"amount": "2.50", "currency": "USD"}
    assert made["senders"] == ["+14155550101", "Acme"]
    assert made["expires_at"] > made["created_at"]
    invoke("keys", "create", "other", "--config", config)
    for tenant, names in (("acme", ["shop"]), ("default", ["other"])):
        arguments = ("keys", "list", "--tenant", tenant, "--json", "--config", config)
        assert [key["name"] for key in document(invoke(*arguments))["keys"]] == names
    made = document(
        invoke("keys", "create", "x", "--expires", "2999-01-01T00:00:00Z", "--json", code=1)
    )
    assert "ten years" in made["error"]
    invoke("keys", "create", "brief", "--expires", "0.5s", "--config", config)
    deadline = time.monotonic() + 10
    while "expired" not in invoke("keys", "list", "--config", config).stdout:
        assert time.monotonic() < deadline


def test_wrong_use(invoke: Invoke, config: str) -> None:
    arguments = ("keys", "create", "x", "--scope", "everything", "--json", "--config", config)
    assert document(invoke(*arguments, code=1))["error_code"] == "VALIDATION_FAILED"
    assert "expected 1 to 80" in invoke("keys", "create", " ", "--config", config, code=1).stderr
    for option in (
        ("--tenant", "nobody"),
        ("--expires", "soon"),
        ("--expires", "2027-01-01T00:00"),
        ("--sender", "12"),
        ("--daily-cost", "0"),
        ("--per-minute", "-1"),
    ):
        arguments = ("keys", "create", "x", *option, "--json", "--config", config)
        error = document(invoke(*arguments, code=1))
        assert error["error_code"] in ("VALIDATION_FAILED", "INVALID_PHONE_FORMAT")
        assert (
            error["error"]
            .split(":")[0]
            .replace("_at", "")
            .startswith(option[0].strip("-").replace("-", "_").removesuffix("s"))
        )
    for wrong in (("keys", "create"), ("keys", "revoke"), ("keys", "nonsense"), ("nonsense",)):
        invoke(*wrong, code=2)


async def test_takes_effect_within_a_second_on_a_running_server(
    invoke: Invoke, folder: Path
) -> None:
    async with running_server() as server, aiohttp.ClientSession(server.http_url) as http:
        config = folder / "settings.toml"
        config.write_text(f"data_dir = '{server.data_dir}'\n")

        async def keys(*arguments: str) -> dict[str, str]:
            command = ("keys", *arguments, "--json", "--config", str(config))
            answer: dict[str, str] = document(await asyncio.to_thread(invoke, *command))
            return answer

        async def status() -> int:
            headers = {"Authorization": f"Bearer {made['token']}"}
            async with http.get("/sms/status/msg_1", headers=headers) as response:
                return response.status

        made = await keys("create", "new")
        assert await status() == 404
        await keys("revoke", made["id"])
        async with asyncio.timeout(5):
            while (seen := await status()) == 404:
                await asyncio.sleep(0.05)
        assert seen == 401
