"""What processes share: the database, and through Redis limits and wake-ups."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from enum_backend.messaging.client_limits import ClientLimiter
from enum_backend.settings import Settings
from enum_backend.setup.places import database_url
from enum_backend.storage import Database, Sealer, open_database
from enum_backend.storage.database import scale_extra
from enum_backend.storage.installation import check_server_key
from enum_backend.storage.schema import upgrade
from enum_backend.wakeups import MemoryWakeUps, RedisWakeUps, WakeUps

if TYPE_CHECKING:
    from enum_backend.redis_link import RedisLink

log = structlog.get_logger("enum_backend.sharing")


@dataclass(frozen=True, slots=True)
class Sharing:
    """The database, and what is shared beside it.

    Attributes:
        redis: None = none is configured.
    """

    database: Database
    client_limits: ClientLimiter
    wakeups: WakeUps
    redis: RedisLink | None


async def open_sharing(settings: Settings, sealer: Sealer, stack: AsyncExitStack) -> Sharing:
    """Bring the database up to date and open it; connect to Redis as soon as it answers.

    Args:
        stack: closes all of it.

    Raises:
        SettingsError: the database cannot be used, belongs to another server key, or a
            driver is not installed.
        DatabaseUnavailable: it has just gone away.
    """
    url = database_url(settings)
    await asyncio.to_thread(upgrade, url)
    database = open_database(url, connections=settings.database.connections)
    stack.push_async_callback(database.close)
    await database.write(lambda connection: check_server_key(connection, sealer))
    redis = open_redis(settings)
    if redis is None:
        if database.shared:
            log.warning("redis.url is not set: each process counts client limits by itself")
        return Sharing(database, ClientLimiter(settings.limits), MemoryWakeUps(), None)
    stack.push_async_callback(redis.close)
    wakeups = RedisWakeUps(redis)
    wakeups.start()
    stack.push_async_callback(wakeups.close)
    limiter = ClientLimiter(settings.limits, redis.limit_storage())
    return Sharing(database, limiter, wakeups, redis)


def open_redis(settings: Settings) -> RedisLink | None:
    """The configured Redis; None = there is none.

    Raises:
        SettingsError: its client is not installed.
    """
    if not settings.redis.url.get_secret_value():
        return None
    with scale_extra("redis.url"):
        from enum_backend.redis_link import RedisLink
    return RedisLink(settings.redis)
