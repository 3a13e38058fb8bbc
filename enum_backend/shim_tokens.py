"""Tokens for programs that can only put a secret into a URL.

One token per (program, server name): asked again, the same one is returned, so
that a generated configuration stays the same.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from enum_backend.access import token_hash
from enum_backend.clock import now_ms
from enum_backend.errors import FieldError, SettingsError, ValidationFailed
from enum_backend.storage import Database, Sealer
from enum_backend.storage.sealing import SealBroken
from enum_backend.storage.tables import shim_tokens

TOKEN_OCTETS = 24


@dataclass(frozen=True, slots=True)
class ShimToken:
    """Who a token stands for; the token itself is not kept here."""

    id: str
    program: str
    server: str
    tenant: str


class ShimTokenStore:
    """The tokens in the database: sealed for showing again, hashed for finding."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def token_for(self, program: str, server: str, tenant: str = "default") -> str:
        """The token of that server, made at the first call, and anew once it is revoked.

        Raises:
            SettingsError: the token was sealed with another server key.
            ValidationFailed: another tenant has a server of that name.
        """
        named = (shim_tokens.c.program == program) & (shim_tokens.c.server == server)

        def work(connection: Connection) -> str:
            row = connection.execute(select(shim_tokens).where(named)).first()
            if row is not None and row.tenant != tenant:
                message = "this name is taken by another tenant"
                raise ValidationFailed(f"server: {message}", errors=[FieldError("server", message)])
            if row is not None and row.revoked_at is None:
                return self._sealer.open(row.token, row.id)
            token = secrets.token_urlsafe(TOKEN_OCTETS)
            token_id = f"shim_{secrets.token_hex(8)}"
            connection.execute(delete(shim_tokens).where(named))
            connection.execute(
                insert(shim_tokens).values(
                    id=token_id,
                    program=program,
                    server=server,
                    tenant=tenant,
                    token_hash=token_hash(token),
                    token=self._sealer.seal(token, token_id),
                    created_at=now_ms(),
                )
            )
            return token

        try:
            return await self._database.write(work)
        except SealBroken:
            raise SettingsError(
                "server_key: it does not open the tokens in this database; put the former key back"
            ) from None

    async def find(self, program: str, token: str) -> ShimToken | None:
        """Who the token belongs to; None when there is none.

        The same work is done for known and unknown tokens: one hash, one
        indexed look-up of the hash.
        """
        query = select(shim_tokens).where(shim_tokens.c.token_hash == token_hash(token))
        row: Row[Any] | None = await self._database.read(
            lambda connection: connection.execute(query).first()
        )
        if row is None or row.revoked_at is not None or row.program != program:
            return None
        return ShimToken(row.id, row.program, row.server, row.tenant)
