"""Tokens for programs that can only put a secret into a URL, and each one's own settings.

One token per (program, server name): asked again, the same one is returned, so
that a generated configuration stays the same.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

import phonenumbers
from sqlalchemy import Connection, Row, delete, insert, select, update

from enum_backend.access import token_hash
from enum_backend.audit.model import AuditEvent, Severity, Value
from enum_backend.audit.noting import Note
from enum_backend.clock import now_ms
from enum_backend.errors import NotFound, SettingsError, wrong_field
from enum_backend.settings.base import MOST
from enum_backend.shim_templates import check_template
from enum_backend.storage import Database, Sealer
from enum_backend.storage.sealing import SealBroken
from enum_backend.storage.tables import shim_tokens, tenants
from enum_backend.tenants import store
from enum_backend.tenants.store import DEFAULT

TOKEN_OCTETS = 24
MAX_NAME = 80
MAX_SECRET = 512
SET: Final = "SHIM_TOKEN_SET"
REVOKED: Final = "SHIM_TOKEN_REVOKED"


@dataclass(frozen=True, slots=True)
class ShimOptions:
    """What a token's messages are sent by; None = as the deployment has it.

    Attributes:
        per_minute, per_hour, per_day: messages, 0 = no ceiling.
        region: ISO 3166 country of numbers written without `+`.
        sender: number or name they are sent from.
        gateway: the gateway they are sent through.
        app: what texts call the program; None = the server's name.
        template: text of messages with a code, see `shim_templates`.
        secret: what the program signs with, or sends beside the URL.
    """

    per_minute: int | None = None
    per_hour: int | None = None
    per_day: int | None = None
    region: str | None = None
    sender: str | None = None
    gateway: str | None = None
    app: str | None = None
    template: str | None = None
    secret: str | None = field(default=None, repr=False)


NAMES: Final = tuple(item.name for item in fields(ShimOptions))
_LENGTHS: Final = {"sender": 32, "gateway": 64, "app": 80, "secret": MAX_SECRET}


@dataclass(frozen=True, slots=True)
class ShimToken:
    """Who a token stands for; the token itself is not kept here. Times in milliseconds."""

    id: str
    program: str
    server: str
    tenant: str
    options: ShimOptions = ShimOptions()
    created_at: int = 0
    revoked_at: int | None = None

    @property
    def client_id(self) -> str:
        """Whose messages in the outbox are this token's."""
        return f"shim:{self.id}"


Record = Callable[[Connection, str, str, str], None]
"""Keeps inside a transaction that an event concerned a program's server."""


def shim_event(event_type: str, program: str, server: str, **who: Value) -> AuditEvent:
    """What the audit log has of a token; the token itself is nowhere in it."""
    done = "revoked" if event_type == REVOKED else "made or changed"
    return AuditEvent(
        event_type,
        Severity.MEDIUM,
        f"The token of {program} server {server[:MAX_NAME]} was {done}.",
        metadata={**who, "program": program, "server": server},
    )


def not_recorded(_connection: Connection, _event_type: str, _program: str, _server: str) -> None:
    """Nothing is kept."""


class ShimTokenStore:
    """The tokens in the database: sealed for showing again, hashed for finding.

    Args:
        record: keeps what is done without a `note` of the caller's.
    """

    def __init__(self, database: Database, sealer: Sealer, record: Record = not_recorded) -> None:
        self._database = database
        self._sealer = sealer
        self._record = record

    async def token_for(self, program: str, server: str, tenant: str = DEFAULT) -> str:
        """The token of that server, made at the first call, and anew once it is revoked.

        Raises:
            SettingsError, ValidationFailed: see `ensure`.
        """
        return (await self.ensure(program, server, tenant))[1]

    async def ensure(
        self,
        program: str,
        server: str,
        tenant: str = DEFAULT,
        changes: Mapping[str, Any] | None = None,
        *,
        note: Note[ShimToken] | None = None,
    ) -> tuple[ShimToken, str]:
        """The token of that server, made if there is none, with these settings changed.

        Args:
            changes: names and values of `ShimOptions`; what is not named stays as it is.
            note: called inside the transaction when the token is made or changed.

        Raises:
            SettingsError: the token was sealed with another server key.
            ValidationFailed: another tenant has a server of that name, or a setting is wrong.
        """
        wanted = _checked(program, server, changes or {})

        def work(connection: Connection) -> tuple[ShimToken, str]:
            row = connection.execute(select(shim_tokens).where(_named(program, server))).first()
            if row is not None and row.tenant != tenant:
                raise wrong_field("server", "this name is taken by another tenant")
            is_new = row is None or row.revoked_at is not None
            if row is None or row.revoked_at is not None:
                row = self._insert(connection, program, server, tenant)
            token = self._sealer.open(row.token, row.id)
            found = self._token(row)
            if wanted:
                connection.execute(
                    update(shim_tokens)
                    .where(shim_tokens.c.id == row.id)
                    .values(**wanted | self._sealed(wanted, row.id))
                )
                found = replace(found, options=replace(found.options, **wanted))
            if wanted or is_new:
                if note is None:
                    self._record(connection, SET, program, server)
                else:
                    note(connection, found)
            return found, token

        try:
            return await self._database.write(work)
        except SealBroken:
            raise _OTHER_KEY from None

    async def find(self, program: str, token: str) -> ShimToken | None:
        """Who the token belongs to; None when there is none, or its tenant is disabled.

        The same work is done for known and unknown tokens: one hash, one
        indexed look-up of the hash.

        Raises:
            SettingsError: its secret was sealed with another server key.
        """
        query = (
            select(shim_tokens)
            .outerjoin(tenants, tenants.c.name == shim_tokens.c.tenant)
            .where(
                shim_tokens.c.token_hash == token_hash(token),
                tenants.c.disabled_at.is_(None),
            )
        )
        row: Row[Any] | None = await self._database.read(
            lambda connection: connection.execute(query).first()
        )
        if row is None or row.revoked_at is not None or row.program != program:
            return None
        try:
            return self._token(row)
        except SealBroken:
            raise _OTHER_KEY from None

    async def list(self, program: str | None = None, tenant: str | None = None) -> list[ShimToken]:
        """The live tokens, by program and server, without their secrets; None = of all."""
        query = select(shim_tokens).where(shim_tokens.c.revoked_at.is_(None))
        if program is not None:
            query = query.where(shim_tokens.c.program == program)
        if tenant is not None:
            query = query.where(shim_tokens.c.tenant == tenant)
        query = query.order_by(shim_tokens.c.program, shim_tokens.c.server)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_described(row, secret=None) for row in rows]

    async def revoke(self, program: str, server: str, *, note: Note[str] | None = None) -> None:
        """End a token at once; the next one of that server is another.

        Args:
            note: called inside the transaction with the server's name.

        Raises:
            NotFound: there is no live token of that server.
        """
        query = (
            update(shim_tokens)
            .where(_named(program, server), shim_tokens.c.revoked_at.is_(None))
            .values(revoked_at=now_ms())
        )

        def work(connection: Connection) -> None:
            if connection.execute(query).rowcount == 0:
                raise NotFound("There is no live token of that server.")
            if note is None:
                self._record(connection, REVOKED, program, server)
            else:
                note(connection, server)

        await self._database.write(work)

    def _insert(self, connection: Connection, program: str, server: str, tenant: str) -> Row[Any]:
        store.require(connection, tenant)
        connection.execute(
            delete(shim_tokens).where(
                _named(program, server), shim_tokens.c.revoked_at.is_not(None)
            )
        )
        token_id, token = f"shim_{secrets.token_hex(8)}", secrets.token_urlsafe(TOKEN_OCTETS)
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
        return connection.execute(select(shim_tokens).where(_named(program, server))).one()

    def _sealed(self, wanted: Mapping[str, Any], token_id: str) -> dict[str, Any]:
        if wanted.get("secret") is None:
            return {}
        return {"secret": self._sealer.seal(wanted["secret"], _secret_of(token_id))}

    def _token(self, row: Row[Any]) -> ShimToken:
        secret = None
        if row.secret is not None:
            secret = self._sealer.open(row.secret, _secret_of(row.id))
        return _described(row, secret=secret)


_OTHER_KEY = SettingsError(
    "server_key: it does not open the tokens in this database; put the former key back"
)


def _named(program: str, server: str) -> Any:
    return (shim_tokens.c.program == program) & (shim_tokens.c.server == server)


def _secret_of(token_id: str) -> str:
    return f"secret of {token_id}"


def _described(row: Row[Any], *, secret: str | None) -> ShimToken:
    values = row._mapping
    options = {name: values[name] for name in NAMES if name != "secret"}
    return ShimToken(
        id=row.id,
        program=row.program,
        server=row.server,
        tenant=row.tenant,
        options=ShimOptions(**options, secret=secret),
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )


def _checked(program: str, server: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes as they are stored.

    Raises:
        ValidationFailed: names the setting.
    """
    for name, text in (("program", program), ("server", server)):
        if not 1 <= len(text) <= (40 if name == "program" else MAX_NAME) or not text.isprintable():
            raise wrong_field(name, f"expected 1 to {MAX_NAME} printable characters")
    wanted: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in NAMES:
            raise wrong_field(name, "is not a setting of a shim token")
        wanted[name] = None if value in (None, "") else value
    for name in ("per_minute", "per_hour", "per_day"):
        if wanted.get(name) is not None and not 0 <= wanted[name] <= MOST:
            raise wrong_field(name, f"expected 0 (no ceiling) to {MOST}")
    for name, most in _LENGTHS.items():
        given = wanted.get(name)
        if given is not None and (len(given) > most or not given.isprintable()):
            raise wrong_field(name, f"expected at most {most} printable characters")
    if region := wanted.get("region"):
        wanted["region"] = region.upper()
        if wanted["region"] not in phonenumbers.SUPPORTED_REGIONS:
            raise wrong_field("region", "expected a country of ISO 3166, for example US")
    if template := wanted.get("template"):
        check_template(template)
    return wanted
