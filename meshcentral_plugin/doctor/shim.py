"""The way of MeshCentral's SMS: is the shim there, does it know the token, does it take one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import aiohttp
from yarl import URL

from enum_backend.api_client import ApiClient, NoServer
from enum_backend.doctor.model import Finding, note, ok, problem, warning
from meshcentral_plugin.config.sms import sms_problems

CHECK = "shim"
TEST = "test message"
TEXT = "Test message from enum-backend mesh doctor."
SECONDS = 15.0
_PATH = re.compile(r"(?P<base>.*)/meshcentral/sms/(?P<token>[^/?]+)")
_MAKE = "make the configuration again: enum-backend mesh config TEMPLATE --via enum-backend"


async def examine_shim(sms: Any, base: str, to: str) -> AsyncIterator[Finding]:
    """Ask the shim in `sms.url`; neither the URL's token nor the number is shown.

    Args:
        sms: the configuration's section, None = there is none.
        base: where our server is reached from here; empty = as `sms.url` says.
        to: number that gets one message; empty = none is sent.
    """
    url = _usable_url(sms)
    if not url:
        if to:
            message = "not sent: `sms` is not a working section of provider url"
            yield problem(TEST, message, _MAKE)
        return
    parts = urlsplit(url)
    ours = _PATH.fullmatch(parts.path)
    if ours is None:
        yield note(CHECK, "sms.url is not enum-backend's; only a test message can tell more")
    else:
        origin = f"{parts.scheme}://{parts.netloc}{ours['base']}"
        if base:
            other = urlsplit(base)
            path = parts.path.removeprefix(ours["base"])
            url = urlunsplit(
                (other.scheme, other.netloc, other.path.rstrip("/") + path, *parts[3:])
            )
            origin = base.rstrip("/")
        async for finding in _ask(origin, unquote(ours["token"])):
            yield finding
    if to:
        yield await _send(url, to)


def _usable_url(sms: Any) -> str:
    if not isinstance(sms, dict) or sms.get("provider") != "url" or any(sms_problems(sms)):
        return ""
    return str(sms["url"])


async def _ask(origin: str, token: str) -> AsyncIterator[Finding]:
    try:
        alive = await ApiClient(origin, seconds=SECONDS).request("GET", "/livez")
        health = await ApiClient(origin, token, SECONDS).request("GET", "/meshcentral/health")
    except NoServer as error:
        yield problem(CHECK, str(error), "start it, or correct sms.url; see also --url")
        return
    if alive.status != 200:
        yield problem(CHECK, f"{origin} answers HTTP {alive.status}", "look at the server's log")
        return
    yield ok(CHECK, f"{origin} is reachable and answers 200")
    if health.status in {401, 403, 404}:
        yield problem("shim token", f"the server does not know it (HTTP {health.status})", _MAKE)
    elif health.status != 200:
        message = f"the server answers HTTP {health.status}"
        yield problem("shim token", message, "enum-backend doctor says more")
    else:
        yield ok("shim token", "the server knows it")
        mode = health.document.get("mode")
        if mode != "live":
            level = warning if mode == "simulation" else problem
            fix = "configure a gateway; enum-backend doctor says more"
            yield level("mode", f"the server is in mode {mode}: no SMS leaves it", fix)


async def _send(url: str, to: str) -> Finding:
    """One GET as MeshCentral sends it: status 200 is success and nothing else."""
    for placeholder, value in (("{{phone}}", to), ("{{message}}", TEXT)):
        url = url.replace(placeholder, quote(value, safe="-_.!~*()"))
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session,
            session.get(URL(url, encoded=True), allow_redirects=False) as response,
        ):
            status, reason = response.status, await _reason(response)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        message = f"no answer ({type(error).__name__})"
        return problem(TEST, message, "MeshCentral waits for ever here; make it reachable")
    if status == 200:
        return ok(TEST, "taken with 200")
    fix = "MeshCentral takes only 200 for success; put right what the answer says"
    return problem(TEST, f"HTTP {status}{reason}", fix)


async def _reason(response: aiohttp.ClientResponse) -> str:
    """Our error code; other servers' answers may repeat the number or the URL."""
    if response.content_type != "application/problem+json":
        return ""
    document = await response.json(content_type=None)
    code = document.get("error_code") if isinstance(document, dict) else None
    return f" {code}" if isinstance(code, str) and code.isupper() else ""
