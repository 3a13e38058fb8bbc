"""API keys: who calls, for which tenant, and what they may do."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from enum_backend.clock import now_ms
from enum_backend.errors import FieldError, NotFound, Unauthorized, ValidationFailed
from enum_backend.storage import Database
from enum_backend.storage.tables import api_keys

SCOPES: Final = ("sms:send", "sms:read", "numbers", "verify", "agents", "admin")
"""`admin` includes all the others."""

KEY_PREFIX: Final = "ebk_"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key, without its token."""

    id: str
    name: str
    tenant: str
    scopes: frozenset[str]
    created_at: int
    revoked_at: int | None = None

    def may(self, scope: str) -> bool:
        """Whether the key has the scope, by itself or through `admin`."""
        return scope in self.scopes or "admin" in self.scopes


class KeyStore:
    """The keys in the database. Tokens are random, so a plain hash keeps them safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, name: str, scopes: tuple[str, ...], tenant: str = "default"
    ) -> tuple[ApiKey, str]:
        """A new key and its token, which is never shown again.

        Raises:
            ValidationFailed: no name, or a scope that does not exist.
        """
        if not name.strip() or len(name) > 80:
            raise _invalid("name", "expected 1 to 80 characters")
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            listed = ", ".join(SCOPES)
            raise _invalid("scopes", f"expected one or more of {listed}; got {unknown or 'none'}")
        token = KEY_PREFIX + secrets.token_urlsafe(32)
        key = ApiKey(f"key_{secrets.token_hex(8)}", name, tenant, frozenset(scopes), now_ms())

        def work(connection: Connection) -> None:
            connection.execute(
                insert(api_keys).values(
                    id=key.id,
                    name=name,
                    tenant=tenant,
                    scopes=" ".join(sorted(scopes)),
                    token_hash=token_hash(token),
                    created_at=key.created_at,
                )
            )

        await self._database.write(work)
        return key, token

    async def authenticate(self, token: str) -> ApiKey:
        """The live key of a token; read each time, so that a revocation counts at once.

        Raises:
            Unauthorized: no such key, or revoked.
        """
        query = select(api_keys).where(api_keys.c.token_hash == token_hash(token))
        row = await self._database.read(lambda connection: connection.execute(query).first())
        if row is None or row.revoked_at is not None:
            raise Unauthorized("This API key is not valid.")
        return _key(row)

    async def list(self) -> list[ApiKey]:
        """All keys, oldest first, revoked ones included."""
        query = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_key(row) for row in rows]

    async def revoke(self, key_id: str) -> None:
        """End a key now.

        Raises:
            NotFound: there is no live key of that id.
        """

        def work(connection: Connection) -> int:
            return connection.execute(
                update(api_keys)
                .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
                .values(revoked_at=now_ms())
            ).rowcount

        if await self._database.write(work) == 0:
            raise NotFound("There is no live API key of that id.")


def token_hash(token: str) -> bytes:
    """What is stored and looked up instead of a token (it has 256 random bits)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _invalid(field: str, message: str) -> ValidationFailed:
    return ValidationFailed(f"{field}: {message}", errors=[FieldError(field, message)])


def _key(row: Row[Any]) -> ApiKey:
    values = row._mapping
    return ApiKey(
        values["id"],
        values["name"],
        values["tenant"],
        frozenset(values["scopes"].split()),
        values["created_at"],
        values["revoked_at"],
    )
