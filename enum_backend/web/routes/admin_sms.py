"""`/api/admin/sms`: what an admin does about the phones of users, and sees of their codes."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from enum_backend.accounts import admin_views
from enum_backend.accounts.admin_views import LogEntry
from enum_backend.clock import rfc3339
from enum_backend.web.endpoints import Call, Endpoint
from enum_backend.web.routes.auth import answer
from enum_backend.web.routes.auth_models import CamelAnswer, CamelBody, MessageAnswer
from enum_backend.web.routes.auth_sms import SENDING
from enum_backend.web.sessions import origin_of, require_admin

_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"


class UserBody(CamelBody):
    """Whom it is about."""

    user_id: str = Field(min_length=1, max_length=80, pattern=_PRINTABLE)


class LogsQuery(BaseModel):
    """Which codes."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    user_id: str | None = Field(
        None, max_length=128, pattern=_PRINTABLE, description="default: all users'"
    )
    limit: int = Field(50, ge=1, le=500)
    offset: int = Field(0, ge=0, le=10_000_000)


class LogAnswer(CamelAnswer):
    """One code that was sent, without it."""

    id: str
    user_id: str | None
    phone_number: str
    type: str
    created_at: str
    expires_at: str
    used: bool
    used_at: str | None
    attempts_count: int


class PaginationAnswer(CamelAnswer):
    """Where the page is."""

    total: int
    limit: int
    offset: int
    has_more: bool


class CountAnswer(CamelAnswer):
    """How many of a type."""

    type: str
    count: int


class LogsData(CamelAnswer):
    """A page of codes, newest first."""

    logs: list[LogAnswer]
    pagination: PaginationAnswer
    stats: list[CountAnswer]


class LogsAnswer(CamelAnswer):
    """The same, wrapped."""

    success: bool
    data: LogsData


class OverviewAnswer(CamelAnswer):
    """Figures of codes and accounts."""

    total_sms_sent: int = Field(alias="totalSMSsent")
    total_users_with_phone: int
    total_verified_phones: int
    total_2fa_enabled: int = Field(alias="total2FAEnabled")
    sms_last_hour: int
    sms_today: int
    success_rate: str


class StatsData(CamelAnswer):
    """Figures, and codes by type."""

    overview: OverviewAnswer
    by_type: dict[str, int]


class StatsAnswer(CamelAnswer):
    """The same, wrapped."""

    success: bool
    data: StatsData


async def send_password_reset(call: Call) -> web.Response:
    """`POST /api/admin/sms/send-password-reset`"""
    actor = await require_admin(call)
    body = await call.body(UserBody)
    await call.services.accounts.send_password_reset(
        body.user_id, ip=origin_of(call).ip, by=actor.admin
    )
    return answer({"success": True, "message": "A code to reset the password is on its way."})


async def verify_user_phone(call: Call) -> web.Response:
    """`POST /api/admin/sms/verify-user-phone`"""
    actor = await require_admin(call)
    body = await call.body(UserBody)
    await call.services.accounts.verify_phone_by_hand(body.user_id, by=actor.admin)
    return answer({"success": True, "message": "The number is verified."})


async def sms_logs(call: Call) -> web.Response:
    """`GET /api/admin/sms/sms-logs`"""
    await require_admin(call)
    query = call.query(LogsQuery)
    page = await call.services.database.read(
        lambda connection: admin_views.log_page(
            connection, user_id=query.user_id, limit=query.limit, offset=query.offset
        )
    )
    return answer(
        {
            "success": True,
            "data": {
                "logs": [_log_json(entry) for entry in page.entries],
                "pagination": {
                    "total": page.total,
                    "limit": query.limit,
                    "offset": query.offset,
                    "hasMore": query.offset + len(page.entries) < page.total,
                },
                "stats": [
                    {"type": purpose, "count": count} for purpose, count in page.by_purpose.items()
                ],
            },
        }
    )


async def stats(call: Call) -> web.Response:
    """`GET /api/admin/sms/stats`"""
    await require_admin(call)
    found = await call.services.database.read(admin_views.overview)
    return answer(
        {
            "success": True,
            "data": {
                "overview": {
                    "totalSMSsent": found.sent,
                    "totalUsersWithPhone": found.with_phone,
                    "totalVerifiedPhones": found.verified_phones,
                    "total2FAEnabled": found.two_factor,
                    "smsLastHour": found.last_hour,
                    "smsToday": found.today,
                    "successRate": f"{found.success:.1%}",
                },
                "byType": found.by_purpose,
            },
        }
    )


def _log_json(entry: LogEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "userId": entry.user_id,
        "phoneNumber": entry.number,
        "type": entry.purpose,
        "createdAt": rfc3339(entry.created_at),
        "expiresAt": rfc3339(entry.expires_at),
        "used": entry.used_at is not None,
        "usedAt": rfc3339(entry.used_at) if entry.used_at is not None else None,
        "attemptsCount": entry.attempts,
    }


ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/admin/sms/send-password-reset",
        send_password_reset,
        "Send a user a code to reset the password",
        scope="admin",
        session=True,
        body=UserBody,
        answer=MessageAnswer,
        errors=(*SENDING, "NOT_FOUND"),
    ),
    Endpoint(
        "POST",
        "/api/admin/sms/verify-user-phone",
        verify_user_phone,
        "Verify a user's phone by hand",
        scope="admin",
        session=True,
        body=UserBody,
        answer=MessageAnswer,
        errors=("NOT_FOUND",),
    ),
    Endpoint(
        "GET",
        "/api/admin/sms/sms-logs",
        sms_logs,
        "Codes that were sent, never the codes themselves",
        scope="admin",
        session=True,
        query=LogsQuery,
        answer=LogsAnswer,
    ),
    Endpoint(
        "GET",
        "/api/admin/sms/stats",
        stats,
        "Figures of codes and accounts",
        scope="admin",
        session=True,
        answer=StatsAnswer,
    ),
)
