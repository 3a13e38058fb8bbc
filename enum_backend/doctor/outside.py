"""What must be asked: providers (without sending), the records' source, the running server."""

from __future__ import annotations

import asyncio
from typing import Any

from enum_backend.api_client import ApiClient, NoServer
from enum_backend.doctor.accounts import login_check
from enum_backend.doctor.model import Finding, note, ok, problem, warning
from enum_backend.errors import SettingsError
from enum_backend.gateways.base import Gateway, GatewayError, Reason
from enum_backend.gateways.inventory.base import Balance
from enum_backend.gateways.providers import balance_kinds
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.numbers.actor import lacks
from enum_backend.settings import Settings
from enum_backend.setup.records import build_directory
from nvs.errors import NvsError

ASK_SECONDS = 10.0
"""Longest wait for one provider, for the node, for the server."""

FINAL = frozenset({"delivered", "undelivered", "failed", "expired", "canceled", "unknown"})
_PROBE = "+14155551234"


async def authentication(pool: GatewayPool) -> list[Finding]:
    """That each provider takes the credentials; all are asked at once, nothing is sent."""
    asked = [gateway for gateway in pool.registry if not lacks(gateway)]
    return list(await asyncio.gather(*(_authenticated(gateway) for gateway in asked)))


async def _authenticated(gateway: Gateway) -> Finding:
    check = login_check(gateway)
    kind = balance_kinds().get(gateway.provider)
    if kind is None:
        return note(check, f"{gateway.provider} cannot be asked without sending a message")
    try:
        async with asyncio.timeout(ASK_SECONDS):
            return await _money(check, kind(gateway))
    except GatewayError as error:
        return _refusal(check, gateway, error)
    except TimeoutError:
        fix = "check the network, and base_url if it is set"
        return warning(check, f"no answer within {ASK_SECONDS:.0f} s", fix)


async def _money(check: str, balance: Balance[Any]) -> Finding:
    left = await balance.check()
    if left is None:
        return ok(check, "accepted")
    shown = f"{left.amount:.2f} {left.currency}"
    if left.amount == 0:
        return warning(check, f"accepted, but the balance is {shown}", "top the account up")
    return ok(check, f"accepted, balance {shown}")


def _refusal(check: str, gateway: Gateway, error: GatewayError) -> Finding:
    if error.reason is Reason.AUTH_FAILED:
        fix = f"correct the credentials under [gateways.{gateway.name}]"
        return problem(check, f"{gateway.provider} refuses the credentials", fix)
    code = f" {error.provider_code}" if error.provider_code else ""
    detail = f": {error.detail}" if error.detail else ""
    fix = "check the account's rights, the network, and base_url if it is set"
    return warning(check, f"{error.reason}{code}{detail}", fix)


async def records(settings: Settings) -> list[Finding]:
    """That look-ups are answered, and from what."""
    check = f"records ({settings.nvs.source})"
    try:
        directory = build_directory(settings)
    except SettingsError as error:
        return [problem(check, str(error), "correct the [nvs] and [trust] settings")]
    try:
        async with asyncio.timeout(ASK_SECONDS):
            await directory.record(_PROBE)
    except (NvsError, TimeoutError) as error:
        why = str(error) or f"no answer within {ASK_SECONDS:.0f} s"
        fix = {
            "rpc": "start the Emercoin node, and check nvs.rpc.url and its password or cookie_file",
            "mirror": "start the server, and let its first sync end (enum-backend sync)",
        }.get(settings.nvs.source, "correct nvs.file")
        return [problem(check, why, fix)]
    finally:
        await directory.source.close()
    status = directory.source.status()
    if not status.ok:
        return [warning(check, status.detail, "see the node's log, or the records file")]
    if settings.nvs.source == "file" and not settings.nvs.file:
        return [warning(check, "the sample records", "set nvs.file, or nvs.source")]
    facts = ", ".join(f"{key} {value}" for key, value in status.facts.items() if value is not None)
    return [ok(check, status.detail or facts)]


async def server(client: ApiClient) -> list[Finding]:
    """Whether one runs, and how it is."""
    try:
        answer = await client.request("GET", "/readyz")
    except NoServer as error:
        return [note("server", str(error))]
    status = answer.document.get("status")
    if "mode" not in answer.document:
        fix = "free that port, or set http.port or ENUM_BACKEND_API_URL"
        return [problem("server", f"something else answers at {client.url}", fix)]
    shown = f"{status} at {client.url}, {answer.document['mode']} mode"
    if answer.status == 200 and status == "ready":
        return [ok("server", shown)]
    checks = answer.document.get("checks")
    unwell = [
        f"{name}: {check.get('detail') or 'not ok'}"
        for name, check in (checks.items() if isinstance(checks, dict) else ())
        if isinstance(check, dict) and not check.get("ok", True)
    ]
    message = f"{shown} ({'; '.join(unwell)})" if unwell else shown
    make = warning if answer.status == 200 else problem
    return [make("server", message, "see its log")]


async def live_send(client: ApiClient, to: str, *, wait: float = 30.0) -> list[Finding]:
    """One real message through the running server, and what became of it."""
    check = "live send"
    body = {"to": to, "message": "enum-backend doctor: this test message arrived."}
    try:
        sent = await client.request("POST", "/sms/send", json=body)
        if sent.status != 200:
            sentence, code = sent.refusal
            return [problem(check, f"{code}: {sentence}", "see the findings above")]
        message_id = str(sent.document.get("message_id"))
        state = await _state(client, message_id, wait)
    except NoServer as error:
        return [problem(check, str(error), "start the server, then try again")]
    gateway = sent.document.get("gateway")
    shown = f"{message_id} is {state} (gateway {gateway})"
    if gateway == "simulator":
        return [warning(check, f"{shown}: simulated", "use live mode, and no test number")]
    if state in ("sent", "delivered"):
        return [ok(check, shown)]
    make = problem if state in FINAL else warning
    return [make(check, shown, f"see GET /sms/status/{message_id}")]


async def _state(client: ApiClient, message_id: str, wait: float) -> str:
    """The message's state: final, or `sent`, or as it is when the wait is over."""
    loop = asyncio.get_running_loop()
    until = loop.time() + wait
    while True:
        answer = await client.request("GET", f"/sms/status/{message_id}")
        state = str(answer.document.get("status"))
        if state in FINAL | {"sent"} or loop.time() >= until:
            return state
        await asyncio.sleep(0.25)
