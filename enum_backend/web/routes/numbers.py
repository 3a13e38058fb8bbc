"""`/numbers...` and `/costs`: which numbers are ours, which are on sale, what they are and cost."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from enum_backend.audit.model import AuditEvent, Severity
from enum_backend.gateways.inventory.base import NumberQuery
from enum_backend.numbers.actor import Actor
from enum_backend.numbers.costs import CostPlan, compare
from enum_backend.numbers.store import NumberState, StoredNumber
from enum_backend.numbers.views import (
    classification_json,
    costs_json,
    loop_json,
    number_json,
    search_json,
)
from enum_backend.phone import normalize
from enum_backend.web.acting import acted, record
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.routes.numbers_models import (
    AvailableAnswer,
    AvailableQuery,
    BuyBody,
    ClassifyAnswer,
    ClassifyQuery,
    CostsAnswer,
    CostsQuery,
    ImportBody,
    ImportedAnswer,
    LoopAnswer,
    NumberAnswer,
    NumbersAnswer,
    ReleasedAnswer,
)


async def list_numbers(call: Call) -> web.Response:
    """`GET /numbers`"""
    rows = await call.services.numbers.ours(_actor(call))
    return web.json_response({"numbers": [number_json(row) for row in rows]})


async def available(call: Call) -> web.Response:
    """`GET /numbers/available`"""
    query = call.query(AvailableQuery)
    wanted = NumberQuery(
        country=query.country.upper() or call.services.settings.default_region,
        area_code=query.area_code,
        features=query.features,
        quantity=query.quantity,
    )
    found = await call.services.numbers.search(_actor(call), wanted, query.gateway or None)
    return web.json_response(search_json(found))


async def buy(call: Call) -> web.Response:
    """`POST /numbers`: 200 = ours, 202 = ordered, not ours yet."""
    body = await call.body(BuyBody)
    row = await call.services.numbers.buy(
        _actor(call),
        _number(call, body.number),
        gateway=body.gateway or None,
        price=body.price,
        yes=body.yes,
    )
    await record(call, _event(call, "NUMBER_BOUGHT", row, "was bought"))
    status = 200 if row.state is NumberState.ACTIVE else 202
    return web.json_response(number_json(row), status=status)


async def release(call: Call) -> web.Response:
    """`DELETE /numbers/{number}`: 200 = gone, 202 = the provider's order is under way."""
    row = await call.services.numbers.release(_actor(call), _path_number(call))
    await record(call, _event(call, "NUMBER_RELEASED", row, "was given back"))
    answer = {"success": True, "number": row.number, "gateway": row.gateway, "state": row.state}
    return web.json_response(answer, status=200 if row.state is NumberState.RELEASED else 202)


async def import_account(call: Call) -> web.Response:
    """`POST /numbers/import`"""
    body = await call.body(ImportBody)
    found = await call.services.numbers.import_account(
        _actor(call), body.gateway or None, body.tenant
    )
    said = f"{len(found.added)} numbers of an account were taken over."
    event = acted(call, "NUMBERS_IMPORTED", said, tenant=body.tenant, gateway=body.gateway or None)
    await record(call, event)
    answer: dict[str, Any] = {
        "success": True,
        "added": list(found.added),
        "known": list(found.known),
        "elsewhere": list(found.elsewhere),
        "gone": list(found.gone),
    }
    return web.json_response(answer)


async def classify(call: Call) -> web.Response:
    """`GET /numbers/{number}/classify`"""
    query = call.query(ClassifyQuery)
    number = _path_number(call)
    found = await call.services.classifier.classify(
        number, live=query.live, tenant=call.caller.tenant
    )
    return web.json_response(classification_json(found))


async def check(call: Call) -> web.Response:
    """`POST /numbers/{number}/check`"""
    actor, number = _actor(call), _path_number(call)
    if not actor.is_admin:
        # A number of a shared gateway is listed for all, but what comes in is its owner's.
        await call.services.notifications.require_own(number, actor.tenant)
    report = await call.services.numbers.check_loop(actor, number)
    said = f"A message was sent from {report.number} to itself."
    event = acted(call, "NUMBER_CHECKED", said, Severity.LOW, number=report.number)
    await record(call, event)
    return web.json_response(loop_json(report))


async def costs(call: Call) -> web.Response:
    """`GET /costs`"""
    query = call.query(CostsQuery)
    plan = CostPlan(query.numbers, query.codes_per_day, query.android_sims)
    prices = call.services.prices
    return web.json_response(costs_json(plan, prices, compare(plan, prices)))


def _event(call: Call, event_type: str, row: StoredNumber, done: str) -> AuditEvent:
    return acted(
        call,
        event_type,
        f"{row.number} {done} at {row.gateway}.",
        tenant=row.tenant,
        number=row.number,
        gateway=row.gateway,
        state=row.state.value,
    )


def _actor(call: Call) -> Actor:
    return Actor(call.caller.tenant, is_admin=call.caller.may("admin"))


def _number(call: Call, text: str) -> str:
    return normalize(text, call.services.settings.default_region)


def _path_number(call: Call) -> str:
    return _number(call, call.request.match_info["number"])


_GATEWAY = ("GATEWAY_NOT_CONFIGURED", "CREDENTIALS_MISSING", "PROVIDER_ERROR")
_MONEY = ("INVALID_PHONE_FORMAT", "SMS_DISABLED", *_GATEWAY)

ENDPOINTS = (
    Endpoint(
        "GET",
        "/numbers",
        list_numbers,
        "Your numbers: bought, imported, and those of the settings",
        scope="numbers",
        answer=NumbersAnswer,
    ),
    Endpoint(
        "GET",
        "/numbers/available",
        available,
        "Numbers on sale, at one gateway or at all that sell any",
        scope="numbers",
        query=AvailableQuery,
        answer=AvailableAnswer,
        errors=_GATEWAY,
    ),
    Endpoint(
        "POST",
        "/numbers",
        buy,
        "Buy a number and point its messages at this server; 202 while the order is under way",
        scope="numbers",
        body=BuyBody,
        answer=NumberAnswer,
        errors=("COST_LIMIT_EXCEEDED", *_MONEY),
    ),
    Endpoint(
        "POST",
        "/numbers/import",
        import_account,
        "Take over the numbers an account has at its provider",
        scope="numbers",
        body=ImportBody,
        answer=ImportedAnswer,
        errors=_GATEWAY,
    ),
    Endpoint(
        "DELETE",
        "/numbers/{number}",
        release,
        "Give a number back to its provider; 202 while that is under way",
        scope="numbers",
        answer=ReleasedAnswer,
        errors=("NOT_FOUND", "VALIDATION_FAILED", *_MONEY),
    ),
    Endpoint(
        "GET",
        "/numbers/{number}/classify",
        classify,
        "What kind of line a number is, and whether it passes where VoIP numbers do not",
        scope="numbers",
        query=ClassifyQuery,
        answer=ClassifyAnswer,
        errors=("INVALID_PHONE_FORMAT",),
    ),
    Endpoint(
        "POST",
        "/numbers/{number}/check",
        check,
        "Send a message from a number of yours to itself and wait until it comes in",
        scope="numbers",
        answer=LoopAnswer,
        errors=(
            "NOT_FOUND",
            "RATE_LIMIT_EXCEEDED",
            "COST_LIMIT_EXCEEDED",
            "INVALID_PHONE_FORMAT",
            "SMS_DISABLED",
            "GATEWAY_NOT_CONFIGURED",
            "NVS_UNAVAILABLE",
        ),
    ),
    Endpoint(
        "GET",
        "/costs",
        costs,
        "What numbers that receive codes cost a month, provider by provider",
        scope="numbers",
        query=CostsQuery,
        answer=CostsAnswer,
    ),
)
