"""`/sms/webhook/{provider}/{gateway}/{token}`: for providers that sign nothing."""

from __future__ import annotations

import hmac
import io
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
import structlog
from sqlalchemy import select

from enum_backend.gateways.webhooks import http_proof, voipms
from enum_backend.storage.tables import inbox
from enum_backend.testing import RunningServer, running_server
from tests.log_text import LogText

OURS, OTHERS, THEIRS = "+14155550100", "+14155550101", "+15557654321"
TOKENS = {"one": "canary-token-0001", "two": "canary-token-0002", "old": "canary-token-0000"}
TEXT = "canary text 5531"
QUERY = {"to": OURS[1:], "from": THEIRS[1:], "message": TEXT, "id": "77"}


def voipms_gateway(name: str, sender: str, **more: str) -> dict[str, Any]:
    account = {"username": "ops@example.org", "password": "canary-pass"}
    return {
        "provider": "voipms",
        "from": sender,
        "inbound_token": TOKENS[name],
        **account,
        **more,
    }


def declared(name: str) -> dict[str, Any]:
    """A gateway of the provider `http` with a token in its path."""
    fields = {"id": "id", "from": "from", "to": "to", "text": "message"}
    message = {"source": "query", **fields}
    inbound = {"verify": "token", "place": "path", "secret": TOKENS[name]}
    return {
        "provider": "http",
        "from": OURS,
        "url": "https://gw.example.org/send?to={{to}}&text={{text}}",
        "inbound": {**inbound, "message": message},
    }


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, at the most talkative level."""
    yield LogText("DEBUG")
    structlog.reset_defaults()
    logging.getLogger().setLevel(logging.WARNING)


@pytest.fixture
async def server(log: io.StringIO) -> AsyncIterator[RunningServer]:
    gateways = {
        "one": voipms_gateway("one", OURS, previous_inbound_token=TOKENS["old"]),
        "two": voipms_gateway("two", OTHERS),
        "spoken": declared("one"),
        "silent": declared("two"),
    }
    async with running_server({}, settings={"gateways": gateways}) as running:
        yield running


@pytest.fixture
async def client(server: RunningServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.http_url) as session:
        yield session


async def call(client: aiohttp.ClientSession, path: str, **query: str) -> tuple[int, str]:
    async with client.get(path, params=QUERY | query) as response:
        return response.status, await response.text()


async def stored(server: RunningServer) -> list[str]:
    rows = await server.services.database.read(lambda c: c.execute(select(inbox)).all())
    return [row.gateway for row in rows]


@pytest.mark.parametrize(
    ("place", "answer"), [("voipms/one", "ok"), ("http/spoken", "")], ids=["voipms", "http"]
)
async def test_the_right_token(
    server: RunningServer, client: aiohttp.ClientSession, place: str, answer: str
) -> None:
    for _ in range(2):
        assert await call(client, f"/sms/webhook/{place}/{TOKENS['one']}") == (200, answer)
    assert await stored(server) == [place.partition("/")[2]]


async def test_the_token_before_a_rotation(
    server: RunningServer, client: aiohttp.ClientSession
) -> None:
    assert (await call(client, f"/sms/webhook/voipms/one/{TOKENS['old']}"))[0] == 200
    assert await stored(server) == ["one"]


@pytest.mark.parametrize(
    "path",
    [
        "voipms/one/canary-token-9999",
        "voipms/one/canary-token-000",
        "voipms/one/canary-token-00011",
        "voipms/one/CANARY-TOKEN-0001",
        "voipms/one/%63anary-token-0002",
        "voipms/one/é",
        "voipms/one",
        "voipms",
        f"voipms/one/{TOKENS['two']}",  # another gateway's
        f"voipms/two/{TOKENS['one']}",
        f"voipms/two/{TOKENS['old']}",
        f"http/spoken/{TOKENS['two']}",
        "http/spoken/spoken",
        "http/spoken",
    ],
)
async def test_any_other_token(
    server: RunningServer, client: aiohttp.ClientSession, log: io.StringIO, path: str
) -> None:
    status, answer = await call(client, f"/sms/webhook/{path}")
    assert status == 401
    assert await stored(server) == []
    for secret in (*TOKENS.values(), "canary"):
        assert secret not in answer
        assert secret not in log.getvalue()


async def test_a_token_proves_its_gateways_numbers_only(
    server: RunningServer, client: aiohttp.ClientSession
) -> None:
    status, _ = await call(client, f"/sms/webhook/voipms/one/{TOKENS['one']}", to=OTHERS[1:])
    assert status == 200
    rows = await server.services.database.read(lambda c: c.execute(select(inbox)).all())
    assert [(row.gateway, row.foreign_number) for row in rows] == [("one", True)]


@pytest.mark.parametrize("place", ["voipms/one", "http/spoken"])
async def test_tokens_are_compared_in_constant_time(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def watched(given: bytes, wanted: bytes) -> bool:
        compared.append((bytes(given), bytes(wanted)))
        return hmac.compare_digest(given, wanted)

    for module in (voipms, http_proof):
        monkeypatch.setattr(module, "compare_digest", watched)
    for token in (TOKENS["one"], "x", "canary-token-000"):
        compared.clear()
        await call(client, f"/sms/webhook/{place}/{token}")
        assert TOKENS["one"].encode() in {part for pair in compared for part in pair}
    # With a rotation every valid token is compared, whichever fits.
    if place == "voipms/one":
        assert {TOKENS["one"].encode(), TOKENS["old"].encode()} <= {pair[1] for pair in compared}


async def test_neither_token_nor_text_is_written_anywhere(
    server: RunningServer, client: aiohttp.ClientSession, log: io.StringIO
) -> None:
    for path in (
        f"voipms/one/{TOKENS['one']}",
        f"voipms/one?token={TOKENS['one']}",
        f"http/spoken/{TOKENS['one']}",
        f"nobody/one/{TOKENS['one']}",
        f"voipms/nobody/{TOKENS['one']}",
        f"voipms/{TOKENS['one']}",
        f"voipms/one/{TOKENS['one']}/more",
    ):
        await call(client, f"/sms/webhook/{path}")
    async with client.get("/metrics") as response:
        metrics = await response.text()
    for written in (log.getvalue(), metrics):
        for secret in (*TOKENS.values(), TEXT, "canary-pass"):
            assert secret not in written
    assert "/sms/webhook/{provider}/{gateway}/{token}" in log.getvalue()
