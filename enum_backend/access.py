"""API keys: who calls, for which tenant, what they may do and spend."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from cachetools import TTLCache
from sqlalchemy import Connection, Row, insert, select, update

from enum_backend.audit.noting import Note, no_note
from enum_backend.clock import now_ms
from enum_backend.errors import DatabaseUnavailable, NotFound, Unauthorized, wrong_field
from enum_backend.settings.base import LONGEST, MOST
from enum_backend.storage import Database
from enum_backend.storage.tables import api_keys, tenants
from enum_backend.tenants import store
from enum_backend.tenants.budgets import check_daily_cost, dollars, micros

SCOPES: Final = ("sms:send", "sms:read", "numbers", "verify", "agents", "admin")
"""`admin` includes all the others, and is of the whole deployment, not of one tenant."""

KEY_PREFIX: Final = "ebk_"
MAX_SENDERS: Final = 50

CACHE_SECONDS: Final = 1.0
"""How long a key is believed without asking the database: what another process revokes
ends here after this time at the latest."""
CACHE_KEYS: Final = 4096
USED_MS: Final = 600_000
"""How coarse `last_used_at` is."""
TOUCH_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key, without its token.

    Attributes:
        daily_cost: US dollars its messages may cost in 24 hours, None = no ceiling of its own.
        per_minute: messages in a minute, 0 = no ceiling, None = `limits.per_client_minute`.
        senders: the only numbers and names it may send from; empty = any of its tenant's.
        created_at, expires_at, revoked_at: milliseconds.
        last_used_at: milliseconds, to ten minutes.
    """

    id: str
    name: str
    tenant: str
    scopes: frozenset[str]
    created_at: int
    revoked_at: int | None = None
    daily_cost: Decimal | None = None
    per_minute: int | None = None
    senders: tuple[str, ...] = ()
    expires_at: int | None = None
    last_used_at: int | None = None

    def may(self, scope: str) -> bool:
        """Whether the key has the scope, by itself or through `admin`."""
        return scope in self.scopes or "admin" in self.scopes

    def may_see(self, tenant: str) -> bool:
        """Whether what belongs to `tenant` is there for this key."""
        return tenant == self.tenant or self.may("admin")


class KeyStore:
    """The keys in the database. Tokens are random, so a plain hash keeps them safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: TTLCache[bytes, ApiKey] = TTLCache(CACHE_KEYS, CACHE_SECONDS)
        self._changes = 0

    async def create(
        self,
        name: str,
        scopes: Sequence[str],
        tenant: str = store.DEFAULT,
        *,
        daily_cost: Decimal | None = None,
        per_minute: int | None = None,
        senders: Sequence[str] = (),
        expires_at: int | None = None,
        note: Note[ApiKey] = no_note,
    ) -> tuple[ApiKey, str]:
        """A new key and its token, which is never shown again.

        Args:
            daily_cost, per_minute, senders, expires_at: see `ApiKey`; numbers normalised.
            note: called inside the transaction.

        Raises:
            ValidationFailed: names the field.
        """
        token = KEY_PREFIX + secrets.token_urlsafe(32)
        key = ApiKey(
            id=f"key_{secrets.token_hex(8)}",
            name=name,
            tenant=tenant,
            scopes=frozenset(scopes),
            created_at=now_ms(),
            daily_cost=daily_cost,
            per_minute=per_minute,
            senders=tuple(dict.fromkeys(senders)),
            expires_at=expires_at,
        )
        _check(key)

        def work(connection: Connection) -> None:
            store.require(connection, tenant)
            connection.execute(
                insert(api_keys).values(
                    id=key.id,
                    name=name,
                    tenant=tenant,
                    scopes=" ".join(sorted(key.scopes)),
                    token_hash=token_hash(token),
                    daily_cost_micros=micros(daily_cost),
                    per_minute=per_minute,
                    senders=json.dumps(key.senders),
                    created_at=key.created_at,
                    expires_at=expires_at,
                )
            )
            note(connection, key)

        await self._database.write(work)
        return key, token

    async def authenticate(self, token: str) -> ApiKey:
        """The live key of a token; asked of the database at most once a second.

        Raises:
            Unauthorized: no such key; or revoked, expired, or of a disabled tenant.
        """
        hashed = token_hash(token)
        key = self._known.get(hashed) or await self._read(hashed)
        if key is None or (key.expires_at is not None and key.expires_at <= now_ms()):
            raise Unauthorized("This API key is not valid.")
        return key

    async def _read(self, hashed: bytes) -> ApiKey | None:
        changes = self._changes
        query = (
            select(api_keys)
            .join(tenants, tenants.c.name == api_keys.c.tenant)
            .where(
                api_keys.c.token_hash == hashed,
                api_keys.c.revoked_at.is_(None),
                tenants.c.disabled_at.is_(None),
                tenants.c.deleted_at.is_(None),
            )
        )
        row = await self._database.read(lambda connection: connection.execute(query).first())
        if row is None:
            return None
        key = _key(row)
        if changes == self._changes:
            self._known[hashed] = key
        await self._touch(key)
        return key

    async def _touch(self, key: ApiKey) -> None:
        """Remember the use, now and then; that it cannot be written refuses nobody."""
        now = now_ms()
        if key.last_used_at is not None and now - key.last_used_at < USED_MS:
            return
        query = update(api_keys).where(api_keys.c.id == key.id).values(last_used_at=now)
        with contextlib.suppress(DatabaseUnavailable, TimeoutError):
            async with asyncio.timeout(TOUCH_SECONDS):
                await self._database.write(lambda connection: connection.execute(query).rowcount)

    async def list(self, tenant: str | None = None) -> list[ApiKey]:
        """The keys of a tenant, None = of all; oldest first, revoked ones included."""
        query = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
        if tenant is not None:
            query = query.where(api_keys.c.tenant == tenant)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_key(row) for row in rows]

    async def revoked(self, token: str) -> ApiKey | None:
        """The key of a token that was revoked, None = there is no such one."""
        query = select(api_keys).where(
            api_keys.c.token_hash == token_hash(token), api_keys.c.revoked_at.is_not(None)
        )
        row = await self._database.read(lambda connection: connection.execute(query).first())
        return None if row is None else _key(row)

    async def revoke(self, key_id: str, *, note: Note[str] = no_note) -> None:
        """End a key now; in other processes within a second.

        Args:
            note: called inside the transaction with the id.

        Raises:
            NotFound: there is no live key of that id.
        """

        def work(connection: Connection) -> None:
            done = connection.execute(
                update(api_keys)
                .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
                .values(revoked_at=now_ms())
            )
            if done.rowcount == 0:
                raise NotFound("There is no live API key of that id.")
            note(connection, key_id)

        await self._database.write(work)
        self.forget()

    def forget(self) -> None:
        """Believe no key any more without asking; a read under way is not remembered."""
        self._changes += 1
        self._known.clear()


def token_hash(token: str) -> bytes:
    """What is stored and looked up instead of a token (it has 256 random bits)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _check(key: ApiKey) -> None:
    if not key.name.strip() or len(key.name) > 80:
        raise wrong_field("name", "expected 1 to 80 characters")
    unknown = sorted(key.scopes - set(SCOPES))
    if unknown or not key.scopes:
        listed = ", ".join(SCOPES)
        raise wrong_field("scopes", f"expected one or more of {listed}; got {unknown or 'none'}")
    check_daily_cost(key.daily_cost)
    if key.per_minute is not None and not 0 <= key.per_minute <= MOST:
        raise wrong_field("per_minute", f"expected 0 (no ceiling) to {MOST}")
    if len(key.senders) > MAX_SENDERS:
        raise wrong_field("senders", f"expected at most {MAX_SENDERS}")
    age = 0 if key.expires_at is None else key.expires_at - key.created_at
    if key.expires_at is not None and not 0 < age <= LONGEST * 1000:
        raise wrong_field("expires_at", "expected a time in the next ten years")


def _key(row: Row[Any]) -> ApiKey:
    values = row._mapping
    return ApiKey(
        id=values["id"],
        name=values["name"],
        tenant=values["tenant"],
        scopes=frozenset(values["scopes"].split()),
        created_at=values["created_at"],
        revoked_at=values["revoked_at"],
        daily_cost=dollars(values["daily_cost_micros"]),
        per_minute=values["per_minute"],
        senders=tuple(json.loads(values["senders"])),
        expires_at=values["expires_at"],
        last_used_at=values["last_used_at"],
    )
