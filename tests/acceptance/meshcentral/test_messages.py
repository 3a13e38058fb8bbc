"""What went where and why: what MeshCentral does not show, we do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio

from tests.acceptance.meshcentral.control import Control, LoginRefused, control
from tests.acceptance.meshcentral.provider import Provider
from tests.acceptance.meshcentral.server import MeshCentral
from tests.serving import Serving, enum_backend

BY_RECORD, BY_CHAIN, REFUSED = "+14155550190", "+14155550150", "+14155550151"
TEXT = "Nobody takes this"
FINAL = {"sent", "failed"}


@dataclass(frozen=True)
class Sent:
    """What was sent, newest first, as an administrator of ours sees it."""

    codes: tuple[str, str]
    messages: list[dict[str, Any]]


async def ask(backend: Serving, token: str = "", **query: str) -> list[dict[str, Any]]:
    """`GET /meshcentral/messages`; with the key of this machine when there is no token."""
    headers = {"Authorization": f"Bearer {token or backend.api_key}"}
    async with (
        aiohttp.ClientSession(backend.http_url, headers=headers) as http,
        http.get("/meshcentral/messages", params=query) as answer,
    ):
        document = await answer.json()
    messages: list[dict[str, Any]] = document["messages"]
    return messages


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sent(admin: Control, mesh: MeshCentral, provider: Provider, backend: Serving) -> Sent:
    """A login, a phone check, and an administrator's text that the provider refuses."""
    before = len(provider.to(BY_RECORD)), len(provider.to(BY_CHAIN))
    await admin.add_user("shown", BY_RECORD)
    with pytest.raises(LoginRefused):
        async with control(mesh, "shown", token="**sms**"):
            pass
    login = await provider.next_to(BY_RECORD, before[0])
    async with control(mesh, "shown", token=login.code) as user:
        await user.ask("verifyPhone", phone=BY_CHAIN)
    check = await provider.next_to(BY_CHAIN, before[1])
    provider.refuses.add(REFUSED)
    assert await admin.console(f'sms "{REFUSED}" "{TEXT}"') == "Success"
    async with asyncio.timeout(30):
        while True:
            messages = await ask(backend, limit="3")
            if {message["status"] for message in messages} <= FINAL:
                return Sent((login.code, check.code), messages)
            await asyncio.sleep(0.1)


def outcome(message: dict[str, Any]) -> tuple[Any, ...]:
    (attempt,) = message["attempts"]
    return (message["to"], message["kind"], attempt["gateway"], message["status"])


async def test_what_went_where(sent: Sent) -> None:
    assert [outcome(message) for message in sent.messages] == [
        (REFUSED, "admin", "office", "failed"),
        (BY_CHAIN, "code", "office", "sent"),
        (BY_RECORD, "code", "branch", "sent"),
    ]
    assert [message["about"] for message in sent.messages] == [
        "a text that an administrator of MeshCentral wrote",
        "MeshCentral's check of a phone number",
        "a login code of MeshCentral",
    ]
    assert {message["server"] for message in sent.messages} == {"default"}
    assert sent.messages[0]["attempts"][0]["detail"] == "HTTP 400"


async def test_and_why(sent: Sent) -> None:
    applied = [
        [step["why"] for step in message["route"] if step["applied"]] for message in sent.messages
    ]
    assert applied[1][0] == "no other rule applies"
    assert applied[2] == ["the record names branch: gateway branch"]


async def test_no_text_and_no_code(sent: Sent) -> None:
    shown = str(sent.messages)
    assert TEXT not in shown
    for code in sent.codes:
        assert code not in shown


async def test_meshcentrals_own_token_sees_masked_numbers(
    sent: Sent, mesh: MeshCentral, backend: Serving
) -> None:
    token = urlsplit(mesh.settings["sms"]["url"]).path.rpartition("/")[2]
    messages = await ask(backend, token, limit="3")
    assert [message["message_id"] for message in messages] == [
        message["message_id"] for message in sent.messages
    ]
    assert [message["to"] for message in messages] == [
        "+14*******51",
        "+14*******50",
        "+14*******90",
    ]


async def test_on_the_command_line(sent: Sent, backend: Serving, home: Path) -> None:
    code, output, _ = await enum_backend(
        *("mesh", "messages", "--server", "default", "--limit", "3"),
        *("--config", str(home / "settings.toml")),
        cwd=home,
        ENUM_BACKEND_API_URL=backend.http_url,
    )
    assert code == 0
    assert [line.strip() for line in output.splitlines() if "  to +" in line] == [
        f"to {message['to']}: {message['about']}" for message in sent.messages
    ]
    assert "record: the record names branch: gateway branch" in output
    assert f"office: refused {sent.messages[0]['reason']}" in output
    assert TEXT not in output
    assert sent.codes[0] not in output


async def test_nothing_secret_is_in_any_log(
    sent: Sent, mesh: MeshCentral, backend: Serving, home: Path
) -> None:
    ours = (home / "server.log").read_text("utf-8")
    token = urlsplit(mesh.settings["sms"]["url"]).path.rpartition("/")[2]
    for secret in (*sent.codes, token, TEXT, backend.api_key, BY_RECORD, BY_CHAIN, REFUSED):
        assert secret not in ours
    assert not any(code in mesh.log for code in sent.codes)
