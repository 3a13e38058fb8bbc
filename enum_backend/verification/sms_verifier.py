"""Verification for Python programs: a client of a running server.

    from enum_backend.verification import get_sms_verifier

    verifier = get_sms_verifier()
    sent = await verifier.send_verification_sms("+14155550134", "Example")
    checked = await verifier.check(sent["verification_id"], "123456")

It goes through the HTTP API like every other caller, so limits, attempts and the fraud
guard hold however many programs there are, and no program needs the server's key. The
key needs the scope `verify`.

Nothing here raises: an answer says `success`, and else `error` and `error_code`.
"""

from __future__ import annotations

import asyncio
import functools
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from typing import Any, Final

from dotenv import dotenv_values

from enum_backend.api_client import ApiAnswer, ApiClient, NoServer
from enum_backend.settings import load_settings

Question = Callable[[], Coroutine[Any, Any, dict[str, Any]]]

LOOK_SECONDS: Final = 2.0
"""How long `pool_available`, `get_pool_status` and `get_statistics` wait at most."""
KEPT_SECONDS: Final = 5.0
"""How long what they saw is believed."""

NO_SERVER: Final = "NO_SERVER"
"""`error_code` where nothing answers."""

_REMEMBERED = 10_000


class SmsVerifier:
    """One server, as one program sees it.

    Args:
        client: where it is; its key.
    """

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._counts: Counter[str] = Counter()
        self._ids: dict[str, str] = {}
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}

    async def send_verification_sms(
        self, phone: str, app_name: str | None = None, **more: str
    ) -> dict[str, Any]:
        """Send a code; once more within its life: the same code.

        Args:
            more: other fields of `POST /verify/start`: purpose, locale, domain, subject, ip.

        Returns:
            `{success, message_id, verification_id, expires_at, resend_at}`, or
            `{success: False, message_id: None, error, error_code}`.
        """
        body = {"to": phone, **more} | ({} if app_name is None else {"app_name": app_name})
        answer = await self._ask("POST", "/verify/start", body)
        if not answer["success"]:
            self._counts["failed"] += 1
            return {"message_id": None} | answer
        self._counts["sent"] += 1
        self._remember(answer["verification_id"], phone, answer["message_id"])
        return answer

    async def check(self, what: str, code: str, **more: str) -> dict[str, Any]:
        """Use a code up.

        Args:
            what: the `verification_id`, the `message_id` or the phone number of the start.
                A number that this program sent nothing to means its newest verification.
            more: other fields of `POST /verify/check`: purpose, subject.

        Returns:
            `{success: True, status: "approved"}`, or `{success: False, error, error_code}`.
        """
        found = self._ids.get(what, what)
        named = {"verification_id": found} if found.startswith("ver_") else {"to": found}
        answer = await self._ask("POST", "/verify/check", named | {"code": code} | more)
        self._counts["approved" if answer["success"] else "refused"] += 1
        return answer

    @property
    def pool_available(self) -> bool:
        """Whether the server sends now, as far as it can be told without a code."""
        return bool(self.get_pool_status()["available"])

    def get_pool_status(self) -> dict[str, Any]:
        """`{available, status, mode}` of the server; `error` where it does not answer."""
        return self._look("status", self._status, {"available": True, "status": "unknown"})

    def get_statistics(self) -> dict[str, Any]:
        """What this program did (`sent`, `failed`, `approved`, `refused`), and under `server`
        what `GET /verify/stats` says of the last 24 hours."""
        own = {name: self._counts[name] for name in ("sent", "failed", "approved", "refused")}
        return own | {"server": self._look("statistics", self._statistics, {})}

    async def refresh(self) -> None:
        """Ask the server now, so that the three above need not wait in this event loop."""
        for name, question in (("status", self._status), ("statistics", self._statistics)):
            self._kept[name] = (time.monotonic(), await question())

    async def _status(self) -> dict[str, Any]:
        answer = await self._ask("GET", "/readyz")
        mode = answer.get("mode")
        ready = answer.get("status") in ("ready", "degraded") and mode not in (None, "disabled")
        seen = {"available": ready, "status": answer.get("status", "unknown"), "mode": mode}
        return seen | ({"error": answer["error"]} if "error" in answer else {})

    async def _statistics(self) -> dict[str, Any]:
        answer = await self._ask("GET", "/verify/stats")
        return {name: value for name, value in answer.items() if name != "success"}

    async def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            answer = await self._client.request(method, path, json=body)
        except NoServer as error:
            return {"success": False, "error": str(error), "error_code": NO_SERVER}
        if answer.status >= 400 and "error_code" in answer.document:
            return _refusal(answer)
        return {"success": True, **answer.document}

    def _look(self, name: str, question: Question, unknown: dict[str, Any]) -> dict[str, Any]:
        """What was seen a moment ago, or what a thread of its own sees now.

        The calling loop stands still meanwhile; a server in that very loop cannot
        answer, so the wait is short and its end means that nothing is known.
        """
        at, seen = self._kept.get(name, (0.0, {}))
        if seen and time.monotonic() - at < KEPT_SECONDS:
            return seen
        future: Future[dict[str, Any]] = Future()

        def work() -> None:
            try:
                future.set_result(asyncio.run(question()))
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=work, name="sms-verifier", daemon=True).start()
        try:
            found = future.result(LOOK_SECONDS)
        except TimeoutError:
            return unknown
        self._kept[name] = (time.monotonic(), found)
        return found

    def _remember(self, verification_id: str, *names: str) -> None:
        for name in names:
            self._ids.pop(name, None)
            self._ids[name] = verification_id
        while len(self._ids) > _REMEMBERED:
            self._ids.pop(next(iter(self._ids)))


def get_sms_verifier(url: str | None = None, api_key: str | None = None) -> SmsVerifier:
    """The verifier of a server; the same object for the same server.

    Args:
        url: None = `ENUM_BACKEND_API_URL`, else `AGENTPASS_API_URL` (environment or `.env`),
            else the server of this machine's settings.
        api_key: None = `ENUM_BACKEND_API_KEY`, else the key that the server keeps for clients
            of this machine.

    Raises:
        SettingsError: the settings, which would tell what is not given, cannot be used.
    """
    found_url = url or _variable("ENUM_BACKEND_API_URL") or _variable("AGENTPASS_API_URL")
    key = api_key or _variable("ENUM_BACKEND_API_KEY")
    if not (found_url and key):
        local_url, local_key = _of_settings()
        found_url, key = found_url or local_url, key or local_key
    return _verifier(found_url.rstrip("/"), key)


@functools.lru_cache(maxsize=64)
def _verifier(url: str, key: str) -> SmsVerifier:
    return SmsVerifier(ApiClient(url, key))


def _variable(name: str) -> str:
    return os.environ.get(name) or dotenv_values(".env").get(name) or ""


def _of_settings() -> tuple[str, str]:
    """URL and key of the server of this machine; no key where it was never started."""
    settings = load_settings().settings
    host = settings.http.host
    here = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host  # noqa: S104 - not listened on
    address = f"[{here}]" if ":" in here else here
    try:
        key = (settings.data_dir / "cli-key").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        key = ""
    return f"http://{address}:{settings.http.port}", key


def _refusal(answer: ApiAnswer) -> dict[str, Any]:
    sentence, error_code = answer.refusal
    return {"success": False, "error": sentence, "error_code": error_code}
