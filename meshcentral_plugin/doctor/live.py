"""The MeshCentral that runs: does it take the origin of the browsers that open it."""

from __future__ import annotations

from urllib.parse import urlsplit

import aiohttp

from enum_backend.doctor.model import Finding, note, ok, problem, warning

CHECK = "MeshCentral"
SECONDS = 10.0


async def examine_live(url: str) -> Finding:
    """Open the control socket as a browser at `url` would, without logging in.

    MeshCentral then says why it closes: `noauth`, as nobody is logged in, or
    `invalidorigin`. Its certificate is not checked, for nothing secret is sent.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return warning(CHECK, "--url is no address", "give it as https://mesh.example.org/")
    origin = f"{parts.scheme}://{parts.netloc}"
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.ws_connect(
                f"{url.rstrip('/')}/control.ashx",
                headers={"Origin": origin},
                ssl=False,
                timeout=aiohttp.ClientWSTimeout(ws_receive=SECONDS, ws_close=0.2),
            ) as socket,
        ):
            answer = await socket.receive_json()
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, TypeError):
        return note(CHECK, f"does not answer at {origin[:80]} from here: only the file is examined")
    cause = answer.get("cause") if isinstance(answer, dict) else None
    if cause == "invalidorigin":
        message = f"the server that runs at {origin[:80]} refuses browsers that open it there"
        fix = "correct settings.cert or allowedOrigin, and restart MeshCentral"
        return problem(CHECK, f"{message}: Invalid origin in HTTP request", fix)
    if cause == "noauth":
        return ok(CHECK, f"answers at {origin[:80]} and takes browsers from there")
    return note(CHECK, f"what answers at {origin[:80]} is not known to us as MeshCentral")
