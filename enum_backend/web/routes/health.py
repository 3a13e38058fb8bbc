"""`/livez`, `/readyz`, `/metrics`."""

from __future__ import annotations

import contextlib
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from enum_backend import __version__
from enum_backend.errors import DatabaseUnavailable
from enum_backend.messaging import outbox
from enum_backend.settings import Settings
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.services import Services
from nvs.number_record import SourceStatus


class LiveAnswer(BaseModel):
    """The process answers."""

    status: str
    version: str


class ReadyAnswer(BaseModel):
    """`ready` and `degraded` are 200, `not ready` is 503."""

    status: str
    mode: str
    version: str
    checks: dict[str, Any]


async def livez(_call: Call) -> web.Response:
    """`GET /livez`: 200 while the process answers at all."""
    return web.json_response({"status": "alive", "version": __version__})


async def readyz(call: Call) -> web.Response:
    """`GET /readyz`: whether requests can be served, and by what."""
    checks, status = await readiness(call.services)
    body = {
        "status": status,
        "mode": call.services.pool.mode,
        "version": __version__,
        "checks": checks,
    }
    return web.json_response(body, status=503 if status == "not ready" else 200)


async def readiness(services: Services) -> tuple[dict[str, Any], str]:
    """Each part's state, and `ready`, `degraded` or `not ready`."""
    nvs = services.directory.source.status()
    checks: dict[str, Any] = {
        "nvs": {"ok": nvs.ok, "source": nvs.source, "detail": nvs.detail, **nvs.facts},
        "dispatcher": {"ok": services.dispatcher.running},
    }
    try:
        pending = await services.database.read(outbox.count_by_state)
        checks["database"] = {"ok": True, "pending": sum(pending.values())}
    except DatabaseUnavailable as error:
        checks["database"] = {"ok": False, "detail": error.message}
    if not (checks["database"]["ok"] and checks["dispatcher"]["ok"]):
        return checks, "not ready"
    if nvs.ok:
        return checks, "ready"
    return checks, "degraded" if _still_serves(nvs, services.settings) else "not ready"


def _still_serves(nvs: SourceStatus, settings: Settings) -> bool:
    """Whether a source in trouble still answers from what it knows."""
    if nvs.source == "file":
        return True
    age = nvs.facts.get("last_success_age")
    return isinstance(age, int) and age <= settings.nvs.serve_stale


async def metrics(call: Call) -> web.Response:
    """`GET /metrics`: Prometheus text."""
    services = call.services
    services.metrics.nvs_ok.set(1 if services.directory.source.status().ok else 0)
    with contextlib.suppress(DatabaseUnavailable):
        pending = await services.database.read(outbox.count_by_state)
        for state in ("queued", "dispatching"):
            services.metrics.pending.labels(state).set(pending.get(state, 0))
    return web.Response(
        body=services.metrics.render(),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
    )


ENDPOINTS = (
    Endpoint("GET", "/livez", livez, "Whether the process answers", answer=LiveAnswer),
    Endpoint("GET", "/readyz", readyz, "Whether requests can be served", answer=ReadyAnswer),
    Endpoint("GET", "/metrics", metrics, "Prometheus metrics"),
)
