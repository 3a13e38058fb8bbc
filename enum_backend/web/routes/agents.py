"""`/agents/...`: numbers leased to agents, and the messages that come to them."""

from __future__ import annotations

from collections import Counter

from aiohttp import web

from enum_backend.agents.model import Caller, NumberStatus, WaitFor
from enum_backend.agents.pool import next_free
from enum_backend.agents.waiting import ClientGone, Found
from enum_backend.clock import now_ms, rfc3339
from enum_backend.errors import Forbidden, wrong_field
from enum_backend.phone import normalize
from enum_backend.settings.base import seconds
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.fields import read_sender, read_time
from enum_backend.web.routes.agents_models import (
    AgentMessagesAnswer,
    LeaseAnswer,
    LeaseBody,
    LeasesAnswer,
    LeasesQuery,
    MessagesQuery,
    NewLeaseAnswer,
    PoolAnswer,
    PoolBody,
    PoolNumberAnswer,
    PoolQuery,
    ReleasedLeaseAnswer,
    RemoveQuery,
    RenewBody,
    SimulateBody,
    SimulatedAnswer,
    UsageAnswer,
    UsageQuery,
    WaitAnswer,
    WaitBody,
    lease_json,
    message_json,
    pool_json,
    time_json,
    usage_json,
)
from enum_backend.web.routes.tenants import DoneAnswer
from enum_backend.web.services import SERVICES


async def lease(call: Call) -> web.Response:
    """`POST /agents/leases`"""
    body = await call.body(LeaseBody)
    made, renewed = await call.services.agents.lease(
        _caller(call), body.passport_id, _ttl(body.ttl), service=body.service
    )
    return web.json_response(lease_json(made) | {"renewed": renewed})


async def list_leases(call: Call) -> web.Response:
    """`GET /agents/leases`"""
    query = call.query(LeasesQuery)
    if query.everybody and not call.caller.may("admin"):
        raise Forbidden("Leases of other keys are for keys of scope admin.")
    found = await call.services.agents.leases(
        _caller(call),
        passport_id=query.passport_id,
        ended=query.ended,
        everybody=query.everybody,
        limit=query.limit,
    )
    listed = [lease_json(item) | {"key_id": item.key_id, "tenant": item.tenant} for item in found]
    return web.json_response({"leases": listed})


async def show(call: Call) -> web.Response:
    """`GET /agents/leases/{lease_id}`"""
    return web.json_response(
        lease_json(await call.services.agents.find(_caller(call), _lease_id(call)))
    )


async def renew(call: Call) -> web.Response:
    """`POST /agents/leases/{lease_id}/renew`: the body may be left out."""
    has_body = bool(await call.request.read())
    ttl = (await call.body(RenewBody)).ttl if has_body else None
    renewed = await call.services.agents.renew(_caller(call), _lease_id(call), _ttl(ttl))
    return web.json_response(lease_json(renewed))


async def release(call: Call) -> web.Response:
    """`DELETE /agents/leases/{lease_id}`: one that has ended is answered alike."""
    agents = call.services.agents
    ended = await agents.release(_caller(call), _lease_id(call))
    ended_at = ended.over_at(now_ms()) or now_ms()
    return web.json_response(
        {
            "success": True,
            "lease_id": ended.lease_id,
            "phone_number": ended.number,
            "ended_at": rfc3339(ended_at),
            "cooling_until": rfc3339(ended_at + agents.cool_down_ms),
        }
    )


async def messages(call: Call) -> web.Response:
    """`GET /agents/leases/{lease_id}/messages`"""
    query = call.query(MessagesQuery)
    page = await call.services.agents.messages(
        _caller(call), _lease_id(call), query.after, query.limit
    )
    return web.json_response(
        {
            "lease_id": page.lease.lease_id,
            "phone_number": page.lease.number,
            "expires_at": rfc3339(page.lease.expires_at),
            "messages": [message_json(item) for item in page.messages],
            "next": page.next,
            "position": page.position,
        }
    )


async def wait(call: Call) -> web.StreamResponse:
    """`POST /agents/leases/{lease_id}/wait`: the body may be left out.

    A message is consumed once the answer is written: a client that has gone costs nothing.
    """
    request = call.request
    body = await call.body(WaitBody) if await request.read() else WaitBody()
    wanted = WaitFor(
        timeout_ms=body.timeout_ms,
        sender=_wanted_sender(call, body.sender),
        contains=body.contains,
        after=body.after,
        consume=body.after is None if body.consume is None else body.consume,
    )
    try:
        async with call.services.agents.waiting(
            _caller(call), _lease_id(call), wanted, gone=lambda: _has_gone(request)
        ) as found:
            return await _answer(request, found)
    except (ClientGone, ConnectionError):
        return web.Response(status=CLIENT_GONE)


async def _answer(request: web.Request, found: Found) -> web.Response:
    """Write the answer here and now: the message is consumed only if that is done.

    Raises:
        ClientGone, ConnectionError: nobody reads it.
    """
    answer = message_json(found.message) | {
        "lease_id": found.lease.lease_id,
        "lease_expires_at": rfc3339(found.lease.expires_at),
    }
    response = web.json_response(answer)
    await response.prepare(request)
    await response.write_eof()
    if _has_gone(request):
        raise ClientGone
    return response


def _has_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


async def pool(call: Call) -> web.Response:
    """`GET /agents/pool`"""
    query = call.query(PoolQuery)
    caller = _caller(call)
    numbers = await call.services.agents.desk.numbers(caller, query.tenant)
    counts = Counter(number.status for number in numbers)
    return web.json_response(
        {
            "numbers": [
                pool_json(item, known=caller.is_admin or item.key_id == caller.key_id)
                for item in numbers
            ],
            "counts": {status.value: counts[status] for status in NumberStatus},
            "next_free_at": time_json(
                next_free(numbers, now_ms(), call.services.agents.cool_down_ms)
            ),
        }
    )


async def add_number(call: Call) -> web.Response:
    """`POST /agents/pool`"""
    body = await call.body(PoolBody)
    region = call.services.settings.default_region
    number = normalize(body.phone_number, region, field="phone_number")
    added = await call.services.agents.desk.add(_caller(call), number, body.tenant)
    return web.json_response(pool_json(added, known=True))


async def remove_number(call: Call) -> web.Response:
    """`DELETE /agents/pool/{phone_number}`"""
    query = call.query(RemoveQuery)
    region = call.services.settings.default_region
    number = normalize(call.request.match_info["phone_number"], region, field="phone_number")
    await call.services.agents.desk.remove(_caller(call), number, end_lease=query.end_lease)
    return web.json_response({"success": True})


async def simulate(call: Call) -> web.Response:
    """`POST /agents/simulate`"""
    body = await call.body(SimulateBody)
    region = call.services.settings.default_region
    message_id = await call.services.agents.simulate(
        _caller(call),
        to=normalize(body.to, region, field="to"),
        text=body.text,
        sender=read_sender(body.sender, region) if body.sender else None,
        sent_at=read_time("sent_at", body.sent_at),
    )
    return web.json_response({"success": True, "message_id": message_id})


async def usage(call: Call) -> web.Response:
    """`GET /agents/usage`"""
    query = call.query(UsageQuery)
    agents, settings = call.services.agents, call.services.settings.agents
    caller = _caller(call)
    if query.key_id not in (None, caller.key_id) and not caller.is_admin:
        raise Forbidden("The usage of other keys is for keys of scope admin.")
    days = await agents.desk.usage(caller, key_id=query.key_id, days=query.days)
    return web.json_response(
        {
            "usage": [usage_json(day) for day in days],
            "live_leases": len(await agents.leases(caller, limit=10_000)),
            "waiting": agents.waiting_of(caller),
            "limits": {
                "leases_per_key": settings.leases_per_key,
                "leases_per_tenant": settings.leases_per_tenant,
                "new_leases_per_day": settings.new_leases_per_day,
                "waits_per_key": settings.waits_per_key,
            },
        }
    )


async def end_waits(app: web.Application) -> None:
    """At the server's end: whoever waits is told to come back."""
    app[SERVICES].agents.close()


def _caller(call: Call) -> Caller:
    key = call.caller
    return Caller(key.id, key.tenant, is_admin=key.may("admin"))


def _lease_id(call: Call) -> str:
    return call.request.match_info["lease_id"]


def _ttl(value: float | str | None) -> float | None:
    """Seconds of a body's `ttl`."""
    try:
        found = seconds(value)
    except ValueError as error:
        raise wrong_field("ttl", str(error)) from None
    return None if found is None else float(found)  # type: ignore[arg-type]


def _wanted_sender(call: Call, text: str | None) -> str | None:
    """A sender to wait for: numbers normalised, names and short codes as they are."""
    if text is None or not text.strip():
        return None
    stripped = text.strip()
    digits = sum(character.isdigit() for character in stripped)
    if any(character.isalpha() for character in stripped) or digits <= SHORT_CODE:
        return stripped
    return normalize(stripped, call.services.settings.default_region, field="sender")


SHORT_CODE = 8
"""Digits of the longest short code; longer senders are numbers."""

CLIENT_GONE = 499
"""What access logs and metrics show where nobody is there to read an answer."""

_LEASE = ("NOT_FOUND",)

ENDPOINTS = (
    Endpoint(
        "POST",
        "/agents/leases",
        lease,
        "Lease a number for a passport; one that has a live lease keeps it, extended",
        scope="agents",
        body=LeaseBody,
        answer=NewLeaseAnswer,
        errors=("POOL_EXHAUSTED", "RATE_LIMIT_EXCEEDED"),
    ),
    Endpoint(
        "GET",
        "/agents/leases",
        list_leases,
        "Your leases, the newest first",
        scope="agents",
        query=LeasesQuery,
        answer=LeasesAnswer,
    ),
    Endpoint(
        "GET",
        "/agents/leases/{lease_id}",
        show,
        "One lease, live or ended",
        scope="agents",
        answer=LeaseAnswer,
        errors=_LEASE,
    ),
    Endpoint(
        "POST",
        "/agents/leases/{lease_id}/renew",
        renew,
        "Let a live lease end later; never earlier",
        scope="agents",
        body=RenewBody,
        answer=LeaseAnswer,
        errors=_LEASE,
    ),
    Endpoint(
        "DELETE",
        "/agents/leases/{lease_id}",
        release,
        "End a lease; its messages cannot be read any more",
        scope="agents",
        answer=ReleasedLeaseAnswer,
        errors=_LEASE,
    ),
    Endpoint(
        "GET",
        "/agents/leases/{lease_id}/messages",
        messages,
        "Messages that were sent and came within a live lease, oldest first",
        scope="agents",
        query=MessagesQuery,
        answer=AgentMessagesAnswer,
        errors=_LEASE,
    ),
    Endpoint(
        "POST",
        "/agents/leases/{lease_id}/wait",
        wait,
        "Wait for a message that fits; answered as soon as it is there",
        scope="agents",
        body=WaitBody,
        answer=WaitAnswer,
        errors=("WAIT_TIMEOUT", "NOT_FOUND", "RATE_LIMIT_EXCEEDED", "INVALID_PHONE_FORMAT"),
    ),
    Endpoint(
        "GET",
        "/agents/pool",
        pool,
        "The numbers that can be leased, and how each stands",
        scope="agents",
        query=PoolQuery,
        answer=PoolAnswer,
    ),
    Endpoint(
        "POST",
        "/agents/pool",
        add_number,
        "Put a number into the pool of its tenant",
        scope="admin",
        body=PoolBody,
        answer=PoolNumberAnswer,
        errors=("INVALID_PHONE_FORMAT",),
    ),
    Endpoint(
        "DELETE",
        "/agents/pool/{phone_number}",
        remove_number,
        "Take a number out of the pool",
        scope="admin",
        query=RemoveQuery,
        answer=DoneAnswer,
        errors=("NOT_FOUND", "INVALID_PHONE_FORMAT"),
    ),
    Endpoint(
        "POST",
        "/agents/simulate",
        simulate,
        "In simulation mode: let a message come to a number of the pool",
        scope="agents",
        body=SimulateBody,
        answer=SimulatedAnswer,
        errors=("NOT_FOUND", "INVALID_PHONE_FORMAT"),
    ),
    Endpoint(
        "GET",
        "/agents/usage",
        usage,
        "What keys have leased, read and waited for, day by day",
        scope="agents",
        query=UsageQuery,
        answer=UsageAnswer,
    ),
)
