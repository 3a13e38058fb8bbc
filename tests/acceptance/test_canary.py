"""Codes go through every path of a real server, and stay out of what is kept or told.

Each code is given, or taken from the message at the provider; afterwards none of them
is in the log (at DEBUG), the metrics, an error, the audit log or a file of the server.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
from twilio.request_validator import RequestValidator

from tests.http_sink import HttpSink, SinkConnection, reply
from tests.integration.agents_mcp.clients import over_stdio
from tests.serving import Serving, enum_backend, serving

OURS = "+14155550101"
STRANGER = "+15557654321"
TOKEN = "0123456789abcdef0123456789abcdef"  # scan-secrets: allow
SID = "AC" + "0" * 32
PUBLIC = "https://sms.example.org"
PASSWORDS = ("a long enough pass phrase 918", "another long pass phrase 274")


class Provider:
    """Takes messages (`/sms`) and deliveries (`/hook`); remembers the messages."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.delivered: list[bytes] = []

    def __call__(self, _connection: SinkConnection, head: bytes, body: bytes) -> bytes:
        target = urlsplit(head.split(b" ")[1].decode())
        if target.path == "/hook":
            self.delivered.append(body)
        else:
            query = parse_qs(target.query)
            self.sent.append((query["to"][0], query["text"][0]))
        return reply(b"{}")

    async def message(self, to: str, containing: str = "") -> str:
        """The latest message to a number."""
        async with asyncio.timeout(60):
            while True:
                for number, text in reversed(self.sent):
                    if number == to and containing in text:
                        return text
                await asyncio.sleep(0.02)

    async def code(self, to: str) -> str:
        """The code in the next message with one to a number."""
        before = len(self.sent)
        async with asyncio.timeout(60):
            while True:
                for number, text in self.sent[before:]:
                    if number == to and (found := re.search(r"\b[0-9]{6}\b", text)):
                        return found[0]
                await asyncio.sleep(0.02)


@dataclass
class Paths:
    """A server with everything told about it."""

    server: Serving
    http: aiohttp.ClientSession
    provider: Provider
    secret: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    drawn: int = 900_000_000

    def canary(self) -> str:
        """A code of nine digits that nothing else holds."""
        self.drawn += 918_273
        self.secret.add(str(self.drawn))
        return str(self.drawn)

    async def call(self, method: str, path: str, *wanted: int, **options: Any) -> Any:
        """The answer's document; of a refusal the text is kept."""
        async with self.http.request(method, path, **options) as response:
            text = await response.text()
            if response.status >= 400:
                self.errors.append(text)
            assert response.status in (wanted or (200,)), (method, path, response.status, text)
            return json.loads(text) if text.startswith(("{", "[")) else text

    async def derived(self, to: str, work: Any) -> str:
        """A code that the server makes itself, from the message it sends."""
        code, _ = await asyncio.gather(self.provider.code(to), work)
        self.secret.add(code)
        return code


@asynccontextmanager
async def running(folder: Path, provider: Provider, sink: HttpSink) -> AsyncIterator[Paths]:
    settings = f"""
        log_level = "DEBUG"
        public_base_url = "{PUBLIC}"
        [limits]
        per_recipient_hour = 0
        per_recipient_day = 0
        per_client_minute = 0
        daily_cost = "0"
        [routing]
        default = ["office"]
        [gateways.office]
        provider = "url"
        url = "{sink.url}/sms?to={{{{phone}}}}&text={{{{message}}}}"
        [gateways.twilio]
        account_sid = "{SID}"
        auth_token = "{TOKEN}"
        from = "{OURS}"
        [agents]
        numbers = ["{OURS}"]
        [deliveries]
        webhook_url = "{sink.url}/hook"
        webhook_secret = "fake secret of at least 32 characters"
    """
    async with serving(folder, settings) as server, server.session() as http:
        yield Paths(server, http, provider)
        assert await server.stop() == 0


async def api(paths: Paths) -> None:
    """Sending, explaining, and requests that are refused."""
    code = paths.canary()
    body = {"to": "+14155550134", "message": f"Your code is {code}"}
    sent = await paths.call("POST", "/sms/send", json=body)
    await paths.provider.message("+14155550134", code)
    await paths.server.wait_for(sent["message_id"], "sent")
    await paths.call("POST", f"/sms/messages/{sent['message_id']}/retry", 422)
    for wrong in (
        {**body, "to": "none"},
        {**body, "gateway": "none"},
        {**body, "from": "nobody at all, surely"},
        {**body, "send_at": "never"},
        {**body, "colour": code},
        {**body, "message": code * 200},
    ):
        await paths.call("POST", "/sms/send", 422, 503, json=wrong)
    await paths.call("POST", "/sms/send", 400, 422, data=f'{{"message": "{code}')
    await paths.call("GET", "/enum/+14155550134/explain", params={"message": f"code {code}"})
    await paths.call("GET", "/sms/messages", params={"direction": "outbound"})


async def shims(paths: Paths) -> None:
    """MeshCentral's URL, and another program's."""
    for phone, status in (("+14155550135", 200), ("none", 422)):
        code = paths.canary()
        url = paths.server.shim_url.replace(PUBLIC, paths.server.http_url)
        url = url.replace("{{phone}}", phone.replace("+", "%2B"))
        url = url.replace("{{message}}", f"MeshTest%20verification%20code%20is%3A%20{code}")
        async with paths.http.get(url) as response:
            text = await response.text()
            assert response.status == status, text
            if status != 200:
                paths.errors.append(text)
    made = await paths.call("PUT", "/shims/logto/a", json={})
    path = "/shim/" + made["url"].partition("/shim/")[2]
    code = paths.canary()
    body = {"to": "+14155550136", "type": "SignIn", "payload": {"code": code}}
    await paths.call("POST", path, json=body)
    await paths.provider.message("+14155550136", code)
    await paths.call("POST", path, 400, 422, json={**body, "to": "none"})


async def verification(paths: Paths) -> None:
    """A code of ours: wrong guesses, the right one, once more."""
    to, started = "+14155550137", {}

    async def start() -> None:
        started.update(await paths.call("POST", "/verify/start", json={"to": to}))

    code = await paths.derived(to, start())
    wrong = paths.canary()[:6]
    paths.secret.add(wrong)
    for guess, status in ((wrong, 400), (code, 200), (code, 400)):
        body = {"verification_id": started["verification_id"], "code": guess}
        await paths.call("POST", "/verify/check", status, json=body)


async def accounts(paths: Paths) -> None:
    """Phone verification, two-factor login, password reset."""
    phone, email, secret = "+14155550138", "canary@example.org", PASSWORDS[0]
    paths.secret.update(PASSWORDS)
    who = {"email": email, "password": secret}
    async with aiohttp.ClientSession(paths.server.http_url) as http:
        mine = Paths(paths.server, http, paths.provider, paths.secret, paths.errors)
        await mine.call("POST", "/api/auth/register", 200, 201, json=who)
        token = (await mine.call("POST", "/api/auth/login", json=who))["token"]
        paths.secret.add(token)
        http.headers["Authorization"] = f"Bearer {token}"
        begin = mine.call(
            "POST", "/api/auth/sms/send-phone-verification", json={"phoneNumber": phone}
        )
        code = await mine.derived(phone, begin)
        await mine.call("POST", "/api/auth/sms/verify-phone", 400, json={"code": "000000"})
        await mine.call("POST", "/api/auth/sms/verify-phone", json={"code": code})
        code = await mine.derived(phone, mine.call("POST", "/api/auth/2fa/enable"))
        enabled = await mine.call("POST", "/api/auth/2fa/verify-and-enable", json={"code": code})
        paths.secret.update(enabled["backupCodes"])
        del http.headers["Authorization"]
        asked: dict[str, Any] = {}

        async def login() -> None:
            asked.update(await mine.call("POST", "/api/auth/login", json=who))
            step = {"email": email, "loginToken": asked["loginToken"]}
            await mine.call("POST", "/api/auth/2fa/send-code", json=step)

        code = await mine.derived(phone, login())
        paths.secret.add(asked["loginToken"])
        answer = {"email": email, "loginToken": asked["loginToken"]}
        await mine.call("POST", "/api/auth/2fa/verify", 400, 401, json={**answer, "code": "000000"})
        done = await mine.call("POST", "/api/auth/2fa/verify", json={**answer, "code": code})
        paths.secret.add(done["token"])
        again = await mine.call("POST", "/api/auth/login", json=who)
        backup = {
            "email": email,
            "loginToken": again["loginToken"],
            "code": enabled["backupCodes"][0],
            "useBackupCode": True,
        }
        done = await mine.call("POST", "/api/auth/2fa/verify", json=backup)
        http.headers["Authorization"] = f"Bearer {done['token']}"
        await mine.call("POST", "/api/auth/2fa/disable", json={"password": secret})
        del http.headers["Authorization"]
        reset = mine.call(
            "POST", "/api/auth/sms/request-password-reset", 202, json={"phoneNumber": phone}
        )
        code = await mine.derived(phone, reset)
        change = {"phoneNumber": phone, "code": code, "newPassword": PASSWORDS[1]}
        await mine.call("POST", "/api/auth/sms/verify-and-reset", json=change)
        await mine.call("POST", "/api/auth/sms/verify-and-reset", 400, json=change)


async def inbound(paths: Paths, folder: Path) -> None:
    """A signed message to a leased number: deliveries, stream, lists, agents."""
    server = paths.server
    async with over_stdio(folder, server.http_url, server.api_key) as agent:
        await agent("get_phone_number", passport_id="canary")
        for number, forged in ((1, False), (2, True), (3, False)):
            code = paths.canary()
            form = {
                "MessageSid": f"SM{number:032}",
                "AccountSid": SID,
                "From": STRANGER,
                "To": OURS,
                "Body": f"Your code is {code}",
                "NumMedia": "0",
            }
            url = f"{PUBLIC}/webhook/sms-received"
            signature = RequestValidator(TOKEN).compute_signature(url, form)
            await paths.call(
                "POST",
                "/webhook/sms-received",
                401 if forged else 200,
                data=form,
                headers={"X-Twilio-Signature": "forged" if forged else signature},
            )
        received = await agent("wait_for_sms", phone_number=OURS)
        assert received["code"] in paths.secret
        await agent("wait_for_sms", phone_number=OURS, timeout=1000, contains=paths.canary())
        await agent("get_messages", phone_number=OURS)
        await agent("extract_otp_from_sms", sms_body=f"Your code is {paths.canary()}")
        await agent("send_sms", to="none", message=f"Your code is {paths.canary()}")
    await paths.call("GET", f"/webhook/sms-notifications/{OURS}")
    await paths.call("GET", "/sms/messages", params={"direction": "inbound"})
    async with asyncio.timeout(60):
        while len(paths.provider.delivered) < 2:
            await asyncio.sleep(0.02)


def holds(octets: bytes, secret: str) -> bool:
    """Whether it stands there by itself: six digits may be part of any long number."""
    pattern = rb"(?<![0-9A-Za-z])" + re.escape(secret.encode()) + rb"(?![0-9A-Za-z])"
    return re.search(pattern, octets) is not None


async def test_codes_stay_where_they_belong(tmp_path: Path) -> None:
    provider = Provider()
    async with HttpSink(provider) as sink, running(tmp_path, provider, sink) as paths:
        await api(paths)
        await shims(paths)
        await verification(paths)
        await accounts(paths)
        await inbound(paths, tmp_path)
        told = [await paths.call("GET", "/metrics"), str(await paths.call("GET", "/audit"))]
        told += [str(await paths.call("GET", "/meshcentral/messages")), *paths.errors]
        status, output, errors = await enum_backend(
            *("messages", "list", "--direction", "outbound", "--json"),
            cwd=tmp_path,
            ENUM_BACKEND_API_URL=paths.server.http_url,
            ENUM_BACKEND_API_KEY=paths.server.api_key,
        )
        assert status == 0, errors
        told.append(output)
        files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        secrets = set(paths.secret)
    files |= {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(secrets) > 30
    assert any(path.name == "server.log" and b"request" in read for path, read in files.items())
    found = {
        (str(path.relative_to(tmp_path)), secret)
        for path, octets in files.items()
        for secret in secrets
        if holds(octets, secret)
    }
    answers = "\n".join(told).encode()
    found |= {("answers", secret) for secret in secrets if holds(answers, secret)}
    assert found == set()
