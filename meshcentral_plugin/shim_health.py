"""`GET /meshcentral/health`: whether SMS would go out now, for MeshCentral's administrators."""

from __future__ import annotations

from aiohttp import web
from pydantic import BaseModel

from enum_backend import __version__
from enum_backend.gateways.base import Gateway
from enum_backend.messaging.gateways import SIMULATOR, GatewayPool
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.routes.health import readiness
from meshcentral_plugin.shim_callers import caller_of

SCOPE = "sms:read"


class GatewayAnswer(BaseModel):
    """One gateway; `health` is `closed` while it works, `open` or `half_open` while not."""

    name: str
    provider: str
    usable: bool
    health: str


class RecordsAnswer(BaseModel):
    """Where number records come from."""

    source: str
    ok: bool


class HealthAnswer(BaseModel):
    """`status` as in `/readyz`; `default` is the chain that messages take without a rule."""

    status: str
    mode: str
    version: str
    gateways: list[GatewayAnswer]
    default: list[str]
    records: RecordsAnswer


async def health(call: Call) -> web.Response:
    """The gateways the caller's messages may take, and the state of what they need."""
    caller = await caller_of(call, SCOPE)
    pool = call.services.pool
    _, status = await readiness(call.services)
    source = call.services.directory.source.status()
    document = HealthAnswer(
        status=status,
        mode=pool.mode,
        version=__version__,
        gateways=_gateways(pool, caller.tenant),
        default=[SIMULATOR]
        if pool.mode == "simulation"
        else list(pool.default_chain(caller.tenant)),
        records=RecordsAnswer(source=source.source, ok=source.ok),
    )
    return web.json_response(document.model_dump())


def _gateways(pool: GatewayPool, tenant: str) -> list[GatewayAnswer]:
    found: list[Gateway] = [pool.simulator]
    if pool.mode != "simulation":
        found = [gateway for gateway in pool.registry if gateway.options.tenant in ("", tenant)]
    return [
        GatewayAnswer(
            name=gateway.name,
            provider=gateway.provider,
            usable=pool.carrier(gateway.name) is not None,
            health=pool.health(gateway.name),
        )
        for gateway in found
    ]


ENDPOINTS = (
    Endpoint(
        "GET",
        "/meshcentral/health",
        health,
        "Whether SMS would go out now, and through which gateways",
        answer=HealthAnswer,
        scope=SCOPE,
        own_tokens=True,
    ),
)
