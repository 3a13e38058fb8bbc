"""`/livez`, `/readyz`, `/metrics`."""

from __future__ import annotations

import contextlib
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from enum_backend import __version__
from enum_backend.errors import DatabaseUnavailable
from enum_backend.messaging import outbox
from enum_backend.messaging.deliveries import letters
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
    """`GET /readyz`: whether requests can be served, and by what; why not, for admin keys."""
    checks, status = await readiness(call.services)
    if call.key is None or not call.key.may("admin"):
        for check in checks.values():
            check.pop("detail", None)
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
        "deliveries": {"ok": services.delivery_worker.running},
    }
    try:
        pending = await services.database.read(outbox.count_by_state)
        checks["database"] = {
            "ok": True,
            "pending": sum(pending.values()),
            "shared": services.database.shared,
        }
    except DatabaseUnavailable as error:
        checks["database"] = {"ok": False, "detail": error.message}
    if services.following is not None:
        checks["nvs"]["following"] = services.following.on_duty
    redis_ok = await _check_redis(services, checks)
    if not (checks["database"]["ok"] and checks["dispatcher"]["ok"]):
        return checks, "not ready"
    if not redis_ok and "closed" in services.settings.limits.redis_lost.values():
        return checks, "not ready"
    if nvs.ok and redis_ok:
        return checks, "ready"
    serves = nvs.ok or _still_serves(nvs, services.settings)
    return checks, "degraded" if serves else "not ready"


async def _check_redis(services: Services, checks: dict[str, Any]) -> bool:
    """Whether it can be used, where one is configured."""
    if services.redis is None:
        return True
    why = await services.redis.trouble()
    checks["redis"] = {"ok": not why} | ({"detail": why} if why else {})
    return not why


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
    if services.redis is not None:
        services.metrics.redis_ok.set(0 if await services.redis.trouble() else 1)
    with contextlib.suppress(DatabaseUnavailable):
        pending = await services.database.read(outbox.count_by_state)
        for state in ("queued", "dispatching"):
            services.metrics.pending.labels(state).set(pending.get(state, 0))
        waiting = await services.database.read(letters.count_waiting)
        for state, count in waiting.items():
            services.metrics.deliveries_waiting.labels(state).set(count)
    return web.Response(
        body=services.metrics.render(),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
    )


ENDPOINTS = (
    Endpoint("GET", "/livez", livez, "Whether the process answers", answer=LiveAnswer),
    Endpoint("GET", "/readyz", readyz, "Whether requests can be served", answer=ReadyAnswer),
    Endpoint("GET", "/metrics", metrics, "Prometheus metrics"),
)
