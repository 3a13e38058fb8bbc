"""`/verify/...` against a running server: bodies, limits, brute force, and no code anywhere."""

from __future__ import annotations

import asyncio
import io
import logging
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
import structlog

from enum_backend.clock import from_rfc3339, now_ms
from enum_backend.storage.tables import metadata
from enum_backend.testing import RunningServer, running_server
from tests.log_text import LogText

Client = aiohttp.ClientSession
NUMBER = "+14155550101"
OTHER = "+14155550102"


async def post(http: Client, path: str, status: int = 200, **body: Any) -> dict[str, Any]:
    async with http.post(f"/verify/{path}", json=body) as response:
        answer: dict[str, Any] = await response.json()
        assert response.status == status, answer
        return answer


async def get(http: Client, path: str, status: int = 200) -> dict[str, Any]:
    async with http.get(f"/verify/{path}") as response:
        answer: dict[str, Any] = await response.json()
        assert response.status == status, answer
        return answer


async def sent_code(server: RunningServer, count: int = 1) -> str:
    message = (await server.wait_for_messages(count, seconds=30))[-1]
    (code,) = set(re.findall(r"(?<!\d)\d{6}(?!\d)", message.text))
    return str(code)


def wrong_codes(code: str, many: int) -> list[str]:
    return [str((int(code) - 100_000 + n) % 900_000 + 100_000) for n in range(1, many + 1)]


async def test_round_trip(server: RunningServer, http: Client) -> None:
    started = await post(http, "start", to="(415) 555-0101", app_name="Example", locale="de-CH")
    told = {"verification_id", "message_id", "status", "expires_at", "resend_at"}
    assert set(started) == told
    assert started["status"] == "pending"
    left = from_rfc3339(started["expires_at"]) - now_ms()
    assert 500_000 < left <= 600_000
    code = await sent_code(server)
    (message,) = server.messages
    assert message.to == NUMBER
    assert message.text.startswith(f"Example: {code} ist Ihr Code zum ")
    answer = await post(http, "check", verification_id=started["verification_id"], code=code)
    assert answer == {"success": True, "status": "approved"}
    again = await post(http, "check", 400, verification_id=started["verification_id"], code=code)
    assert (again["success"], again["error_code"]) == (False, "CODE_INVALID")


async def test_what_a_check_must_name(server: RunningServer, http: Client) -> None:
    started = await post(http, "start", to=NUMBER, purpose="TWO_FACTOR_AUTH", subject="user_1")
    code = await sent_code(server)
    asked = {"verification_id": started["verification_id"], "code": code}
    for other in (
        {},
        {"subject": "user_2"},
        {"subject": "user_1", "to": OTHER},
        {"subject": "user_1", "purpose": "CUSTOM"},
    ):
        answer = await post(http, "check", 400, **asked, **other)
        assert answer["error_code"] == "CODE_INVALID"
    right = {"subject": "user_1", "to": NUMBER, "purpose": "TWO_FACTOR_AUTH"}
    assert (await post(http, "check", **asked, **right))["success"] is True


async def test_check_by_number(server: RunningServer, http: Client) -> None:
    await post(http, "start", to=NUMBER)
    code = await sent_code(server)
    assert (await post(http, "check", 422, code=code))["errors"][0]["field"] == "verification_id"
    await post(http, "check", 400, to=OTHER, code=code)
    await post(http, "check", 400, to=NUMBER, code=code, purpose="CUSTOM")
    assert await post(http, "check", to=NUMBER, code=code)


async def test_pause_tells_when(http: Client) -> None:
    started = await post(http, "start", to=NUMBER)
    async with http.post("/verify/start", json={"to": NUMBER}) as response:
        assert response.status == 429
        assert 1 <= int(response.headers["Retry-After"]) <= 30
        assert (await response.json())["error_code"] == "RATE_LIMIT_EXCEEDED"
    assert from_rfc3339(started["resend_at"]) < from_rfc3339(started["expires_at"])


async def test_resend_is_the_same_code(storage_settings: dict[str, Any]) -> None:
    settings = storage_settings | {"verification": {"resend_after": 0.001}}
    async with (
        running_server({}, settings=settings) as server,
        Client(server.http_url, headers=server.headers) as http,
    ):
        first = await post(http, "start", to=NUMBER)
        code = await sent_code(server)
        second = await post(http, "start", to=NUMBER)
        assert second["verification_id"] == first["verification_id"]
        assert second["expires_at"] == first["expires_at"]
        assert await sent_code(server, 2) == code


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "to"),
        ({"to": "12"}, "to"),
        ({"to": NUMBER, "purpose": "LOGIN"}, "purpose"),
        ({"to": NUMBER, "app_name": "evil.example"}, "app_name"),
        ({"to": NUMBER, "domain": "https://example.org"}, "domain"),
        ({"to": NUMBER, "locale": "?"}, "locale"),
        ({"to": NUMBER, "android_hash": "x"}, "android_hash"),
        ({"to": NUMBER, "ip": "nowhere"}, "ip"),
        ({"to": NUMBER, "code": "123456"}, "code"),
    ],
)
async def test_wrong_bodies(http: Client, body: dict[str, Any], field: str) -> None:
    answer = await post(http, "start", 422, **body)
    assert [item["field"] for item in answer["errors"]] == [field]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("check", {"verification_id": "a\0b", "code": "123456"}, "verification_id"),
        ("check", {"to": NUMBER, "subject": "a\0b", "code": "123456"}, "subject"),
        ("check", {"to": NUMBER, "subject": "nobody", "code": "123456"}, "subject"),
        ("check", {"verification_id": "ver_1", "subject": "usr_1", "code": "123456"}, "subject"),
        ("start", {"to": NUMBER, "subject": "a\0b"}, "subject"),
        ("start", {"to": NUMBER, "subject": "nobody"}, "subject"),
        ("start", {"to": NUMBER, "subject": "usr_0123"}, "subject"),
    ],
)
async def test_what_no_caller_may_name(
    http: Client, path: str, body: dict[str, Any], field: str
) -> None:
    answer = await post(http, path, 422, **body)
    assert [item["field"] for item in answer["errors"]] == [field]


@pytest.mark.parametrize(
    "path",
    [
        "decisions?after=1000000000000000000000000000000",
        "decisions?tenant=%00",
        "stats?tenant=a%00b",
    ],
)
async def test_wrong_queries(http: Client, path: str) -> None:
    await get(http, path, 422)
    assert (await get(http, f"decisions?after={2**63 - 1}"))["next"] is None


async def test_five_hundred_guesses_in_fifty_connections(
    server: RunningServer, http: Client
) -> None:
    """https://github.com/mesutpiskin/keycloak-2fa-email-authenticator/issues/146"""
    started = await post(http, "start", to=NUMBER)
    verification_id = started["verification_id"]
    code = await sent_code(server)
    guesses = iter(wrong_codes(code, 500))
    seen: Counter[str] = Counter()

    async def guess() -> None:
        connector = aiohttp.TCPConnector(limit=1)
        async with Client(server.http_url, headers=server.headers, connector=connector) as own:
            for candidate in guesses:
                asked = {"verification_id": verification_id, "code": candidate}
                async with own.post("/verify/check", json=asked) as response:
                    assert response.status == 400
                    seen[(await response.json())["error_code"]] += 1

    await asyncio.gather(*(guess() for _ in range(50)))
    assert seen == {"CODE_INVALID": 3, "TOO_MANY_ATTEMPTS": 497}
    answer = await post(http, "check", 400, verification_id=verification_id, code=code)
    assert answer["error_code"] == "TOO_MANY_ATTEMPTS"


async def test_right_code_a_hundred_times_at_once(server: RunningServer, http: Client) -> None:
    started = await post(http, "start", to=NUMBER)
    asked = {"verification_id": started["verification_id"], "code": await sent_code(server)}

    async def check() -> int:
        async with http.post("/verify/check", json=asked) as response:
            return response.status

    assert Counter(await asyncio.gather(*(check() for _ in range(100)))) == {200: 1, 400: 99}


async def test_scopes_and_tenants(server: RunningServer, http: Client, anonymous: Client) -> None:
    started = await post(http, "start", to=NUMBER)
    code = await sent_code(server)
    asked = {"verification_id": started["verification_id"], "code": code}
    await post(anonymous, "check", 401, **asked)
    await post(anonymous, "start", 401, to=NUMBER)
    for scopes, status in ((("sms:send", "sms:read", "numbers"), 403), (("verify",), 400)):
        key = await server.create_key(*scopes, tenant="rival")
        headers = {"Authorization": f"Bearer {key}"}
        async with Client(server.http_url, headers=headers) as rival:
            answer = await post(rival, "check", status, **asked)
            if status == 400:
                unknown = await post(rival, "check", 400, verification_id="ver_0", code=code)
                assert answer == unknown
                assert answer["error_code"] == "CODE_INVALID"
                assert (await get(rival, "stats"))["started"] == 0
            await get(rival, "decisions", 403)
    # A stranger's guesses took none of its attempts.
    assert (await post(http, "check", **asked))["success"] is True


async def test_preview(http: Client, server: RunningServer) -> None:
    answer = await post(
        http, "preview", purpose="PASSWORD_RESET", app_name="Example", domain="example.org"
    )
    text = answer["text"]
    assert text.startswith("Example: 000000 is your password reset code.")
    assert text.endswith("\n@example.org #000000")
    assert answer == {
        "text": text,
        "locale": "en",
        "encoding": "GSM-7",
        "segments": 1,
        "characters": len(text),
    }
    assert (await post(http, "preview", locale="ja"))["encoding"] == "UCS-2"
    assert server.messages == []


async def test_guard_answers_429(storage_settings: dict[str, Any]) -> None:
    fraud = {"action": "deny", "prefix_per_hour": 1}
    settings = storage_settings | {"verification": {"fraud": fraud}}
    async with (
        running_server({}, settings=settings) as server,
        Client(server.http_url, headers=server.headers) as http,
    ):
        await post(http, "start", to=NUMBER, ip="192.0.2.1")
        async with http.post("/verify/start", json={"to": OTHER}) as response:
            answer = await response.json()
            assert (response.status, answer["error_code"]) == (429, "BLOCKED_BY_FRAUD_GUARD")
            assert int(response.headers["Retry-After"]) > 60
        page = await get(http, "decisions?limit=1")
        (last,) = page["decisions"]
        assert (last["verdict"], last["reasons"]) == ("blocked", ["prefix_hour"])
        assert (last["number"], last["country"], last["verification_id"]) == (OTHER, "US", None)
        (first,) = (await get(http, f"decisions?after={page['next']}"))["decisions"]
        assert (first["verdict"], first["ip"]) == ("allowed", "192.0.2.1")
        only = await get(http, "decisions?verdict=blocked")
        assert [item["id"] for item in only["decisions"]] == [last["id"]]
        events = await server.services.audit.page()
        assert "FRAUD_BLOCKED" in {entry.event_type for entry in events.entries}
        metrics = server.services.metrics.render().decode()
        assert 'enum_backend_fraud_decisions_total{verdict="blocked"} 1.0' in metrics


async def test_statistics(server: RunningServer, http: Client) -> None:
    started = await post(http, "start", to=NUMBER)
    code = await sent_code(server)
    await post(http, "check", verification_id=started["verification_id"], code=code)
    await post(http, "start", to=OTHER, purpose="CUSTOM")
    stats = await get(http, "stats")
    assert (stats["started"], stats["started_hour"], stats["sent"]) == (2, 2, 2)
    assert (stats["verified"], stats["attempts"], stats["success_rate"]) == (1, 1, 0.5)
    assert stats["by_purpose"]["CUSTOM"]["started"] == 1
    assert stats["by_purpose"]["PASSWORD_RESET"]["success_rate"] is None
    assert stats["verdicts"] == {"allowed": 2}
    assert (await get(http, "stats?tenant=nobody"))["started"] == 0


async def test_message_tells_no_text(server: RunningServer, http: Client) -> None:
    await post(http, "start", to=NUMBER)
    code = await sent_code(server)
    async with http.get("/sms/messages") as response:
        answer = await response.text()
    assert "msg_" in answer
    assert code not in answer


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, at the most talkative level, as `serve` sets it up."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield LogText("DEBUG")
    structlog.reset_defaults()
    root.handlers[:], level = before
    root.setLevel(level)


async def test_code_is_written_nowhere(log: io.StringIO, storage_settings: dict[str, Any]) -> None:
    """Not in a log, a metric, an answer, a row, a file."""
    answers: list[str] = []
    async with running_server({}, settings=storage_settings) as server:
        async with Client(server.http_url, headers=server.headers) as http:
            ids, codes = [], []
            for n, number in enumerate((NUMBER, OTHER), 1):
                started = await post(
                    http, "start", to=number, domain="example.org", ip="192.0.2.1", subject="u1"
                )
                ids.append(started["verification_id"])
                codes.append(await sent_code(server, n))
                answers.append(str(started))
            right = {"verification_id": ids[0], "code": codes[0], "subject": "u1"}
            answers.append(str(await post(http, "check", **right)))
            answers.append(str(await post(http, "check", 400, **right)))
            foreign = {"verification_id": ids[1], "code": codes[0], "subject": "u1"}
            answers.append(str(await post(http, "check", 400, **foreign)))
            strange = {"verification_id": codes[0], "code": codes[0], "purpose": codes[0]}
            answers.append(str(await post(http, "check", 422, **strange)))
            for path in ("/verify/stats", "/verify/decisions", "/sms/messages", "/audit"):
                async with http.get(path) as response:
                    answers.append(await response.text())
        answers.append(server.services.metrics.render().decode())

        def everything(connection: Any) -> str:
            rows = [
                row
                for table in metadata.sorted_tables
                for row in connection.execute(table.select())
            ]
            return repr([tuple(row) for row in rows])

        answers.append(await server.services.database.read(everything))
        files = [path for path in server.data_dir.rglob("*") if path.is_file()]
        stored = b"".join(path.read_bytes() for path in files)
    written = "\n".join([*answers, log.getvalue()])
    for code in codes:
        assert code not in written
        assert code.encode() not in stored
    assert NUMBER not in log.getvalue()
    assert NUMBER not in answers[-2]
