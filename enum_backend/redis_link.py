"""The connection to Redis that limits and wake-ups share.

Nothing that must not be lost goes through Redis: it counts callers and wakes
readers. Whoever uses it goes on without it, as the settings say.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from limits.aio.storage import RedisStorage
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from enum_backend.settings.redis import RedisSettings

ANSWER_SECONDS = 1.0
"""Longest wait for a connection, and for one answer."""
PROBE_SECONDS = 10
"""After that a key that was written to try it is gone."""


class RedisLink:
    """A pool of connections; none is made before the first use.

    Attributes:
        errors: what is raised when Redis cannot be asked now.
        prefix: beginning of all keys and channels.
    """

    errors: ClassVar[tuple[type[Exception], ...]] = (RedisError, OSError, TimeoutError)

    def __init__(self, settings: RedisSettings) -> None:
        self.prefix = settings.key_prefix
        self.pool: BlockingConnectionPool = BlockingConnectionPool.from_url(
            settings.url.get_secret_value(),
            max_connections=settings.max_connections,
            timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            # Once, for a connection that ended while nobody used it.
            retry=Retry(NoBackoff(), 1),
        )
        self.client = Redis(connection_pool=self.pool)

    def limit_storage(self) -> RedisStorage:
        """Where the `limits` library counts."""
        return RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=f"{self.prefix}:limit",
            connection_pool=self.pool,  # type: ignore[arg-type]
        )

    async def trouble(self) -> str:
        """Why Redis cannot be used now, without its address; empty = it can.

        A replica and a server whose memory is full answer PING too, so a key is written.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self.client.set(f"{self.prefix}:probe", 1, ex=PROBE_SECONDS)
        except ResponseError as error:
            return f"Redis takes no writes ({type(error).__name__})"
        except self.errors as error:
            return self.why(error)
        return ""

    async def close(self) -> None:
        """Let go of all connections."""
        await self.client.aclose()
        await self.pool.aclose()

    @staticmethod
    def why(error: BaseException) -> str:
        """An error in words; the client's own may hold what was sent."""
        if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
            return "Redis does not answer in time"
        return f"Redis cannot be used ({type(error).__name__})"
