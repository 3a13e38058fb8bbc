"""The tenants in the database: made, changed, disabled, deleted; seeds come from the settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from enum_backend.audit.noting import Note, no_note
from enum_backend.clock import now_ms
from enum_backend.errors import NotFound, wrong_field
from enum_backend.settings.tenants import TENANT_NAME, TenantSettings
from enum_backend.storage import Database
from enum_backend.storage.locks import serialize
from enum_backend.storage.many import Listed
from enum_backend.storage.tables import endpoints, tenants
from enum_backend.tenants.budgets import check_daily_cost, dollars, micros
from enum_backend.tenants.holdings import held

DEFAULT: Final = "default"
"""The tenant of everybody who needs none; it always exists."""
TOPIC: Final = "tenants"
"""What is held while something is given to a tenant, or a tenant is deleted."""
MAX_TITLE = 120

_LIVE = tenants.c.deleted_at.is_(None)
_CEILINGS = Listed(
    tenants.c.name,
    select(tenants.c.name, tenants.c.daily_cost_micros)
    .where(tenants.c.daily_cost_micros.is_not(None))
    .where,
)


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant.

    Attributes:
        daily_cost: US dollars in 24 hours, None = no ceiling of its own.
        source: `settings` (read-only here) or `api`.
        disabled_at: milliseconds; since then its keys are refused.
    """

    name: str
    title: str = ""
    daily_cost: Decimal | None = None
    source: str = "api"
    created_at: int = 0
    disabled_at: int | None = None


def find(connection: Connection, name: str) -> Tenant | None:
    """One tenant that is not deleted."""
    row = connection.execute(select(tenants).where(tenants.c.name == name, _LIVE)).first()
    return None if row is None else _tenant(row)


def exists(connection: Connection, name: str) -> bool:
    """Whether there is such a tenant: it was made, and is not deleted."""
    return name == DEFAULT or find(connection, name) is not None


def is_deleted(connection: Connection, name: str) -> bool:
    """Whether there was such a tenant."""
    query = select(tenants.c.name).where(tenants.c.name == name, tenants.c.deleted_at.is_not(None))
    return connection.execute(query).first() is not None


def hold(connection: Connection) -> None:
    """No tenant can be made, changed or deleted until the transaction ends."""
    serialize(connection, TOPIC)


def require(connection: Connection, name: str, field: str = "tenant") -> Tenant:
    """The tenant that something is given to; it cannot be deleted until the transaction ends.

    Raises:
        ValidationFailed: there is none of that name.
    """
    hold(connection)
    if name == DEFAULT:
        _ensure_default(connection)
    tenant = find(connection, name)
    if tenant is None:
        raise wrong_field(field, f"there is no tenant {name[:64]!r}")
    return tenant


def ceilings(connection: Connection, names: Collection[str]) -> dict[str, Decimal]:
    """Tenant -> what it may spend in 24 hours, US dollars; those without a ceiling left out."""
    rows = _CEILINGS.run(connection, names)
    return {name: limit for name, stored in rows if (limit := dollars(stored)) is not None}


def seed(connection: Connection, wanted: Iterable[TenantSettings], now: int) -> None:
    """Make the tenants of the settings as they stand there."""
    serialize(connection, TOPIC)
    _ensure_default(connection)
    for item in wanted:
        columns = _columns(Tenant(item.name, item.title, item.daily_cost, "settings"))
        done = connection.execute(
            update(tenants)
            .where(tenants.c.name == item.name)
            .values(**columns, disabled_at=None, deleted_at=None)
        )
        if done.rowcount == 0:
            connection.execute(insert(tenants).values(**columns, created_at=now))


def let_go(connection: Connection, wanted: Iterable[TenantSettings]) -> None:
    """Tenants that no longer stand in the settings can be changed over the API from now on."""
    names = sorted(item.name for item in wanted)
    connection.execute(
        update(tenants)
        .where(tenants.c.source == "settings", tenants.c.name.not_in(names))
        .values(source="api")
    )


class TenantStore:
    """What an admin does with tenants; a `note` is called inside each transaction.

    Args:
        on_change: called after a tenant was disabled, enabled or deleted.
    """

    def __init__(self, database: Database, on_change: Callable[[], None] = lambda: None) -> None:
        self._database = database
        self._on_change = on_change

    async def all(self) -> list[Tenant]:
        """Every tenant, by name."""
        query = select(tenants).where(_LIVE).order_by(tenants.c.name)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_tenant(row) for row in rows]

    async def get(self, name: str) -> Tenant:
        """One tenant.

        Raises:
            NotFound: there is none of that name.
        """
        return await self._database.read(lambda connection: _known(connection, name))

    async def create(
        self,
        name: str,
        title: str = "",
        daily_cost: Decimal | None = None,
        *,
        note: Note[Tenant] = no_note,
    ) -> Tenant:
        """A new tenant.

        Raises:
            ValidationFailed: the name is taken, was used before, or a value is wrong.
        """
        if re.fullmatch(TENANT_NAME, name, re.ASCII) is None:
            words = "lower-case letters, digits, dots, dashes and underscores"
            raise wrong_field("name", f"expected 1 to 64 {words}")
        tenant = _checked(Tenant(name, title, daily_cost, created_at=now_ms()))

        def work(connection: Connection) -> None:
            serialize(connection, TOPIC)
            query = select(tenants.c.deleted_at).where(tenants.c.name == name)
            row = connection.execute(query).first()
            if row is not None:
                gone = row.deleted_at is not None
                raise wrong_field("name", "was used before" if gone else "is taken")
            columns = _columns(tenant) | {"created_at": tenant.created_at}
            connection.execute(insert(tenants).values(**columns))
            note(connection, tenant)

        await self._database.write(work)
        return tenant

    async def change(self, name: str, *, note: Note[Tenant] = no_note, **changes: Any) -> Tenant:
        """Change `title`, `daily_cost` or `disabled` (True, False) of a tenant.

        Raises:
            NotFound: there is none of that name.
            ValidationFailed: it stands in the settings, or a value is wrong.
        """
        disabled = changes.pop("disabled", None)

        def work(connection: Connection) -> Tenant:
            serialize(connection, TOPIC)
            known = _changeable(connection, name)
            if disabled and name == DEFAULT:
                raise wrong_field("disabled", "this tenant always exists")
            since = known.disabled_at or now_ms()
            changed = _checked(replace(known, **changes))
            if disabled is not None:
                changed = replace(changed, disabled_at=since if disabled else None)
            columns = _columns(changed) | {"disabled_at": changed.disabled_at}
            connection.execute(update(tenants).where(tenants.c.name == name).values(**columns))
            note(connection, changed)
            return changed

        changed = await self._database.write(work)
        self._on_change()
        return changed

    async def delete(self, name: str, *, note: Note[Tenant] = no_note) -> None:
        """End a tenant that has nothing any more, with its endpoints; its name stays taken.

        Raises:
            NotFound: there is none of that name.
            ValidationFailed: it stands in the settings, or still has numbers (its own, or in
                the agents' pool), live keys, or messages or deliveries under way.
        """

        def work(connection: Connection) -> None:
            serialize(connection, TOPIC)
            # Nothing may come in for it between the look at what is under way and the commit.
            serialize(connection, "inbox")
            known = _changeable(connection, name)
            if name == DEFAULT:
                raise wrong_field("tenant", "this tenant always exists")
            if still := held(connection, name, now_ms()):
                what = ", ".join(still)
                raise wrong_field("tenant", f"still has {what}: end them, or disable it")
            connection.execute(
                update(tenants).where(tenants.c.name == name).values(deleted_at=now_ms())
            )
            connection.execute(delete(endpoints).where(endpoints.c.tenant == name))
            note(connection, known)

        await self._database.write(work)
        self._on_change()


def _ensure_default(connection: Connection) -> None:
    if find(connection, DEFAULT) is None:
        columns = _columns(Tenant(DEFAULT)) | {"created_at": now_ms()}
        connection.execute(insert(tenants).values(**columns))


def _known(connection: Connection, name: str) -> Tenant:
    tenant = find(connection, name)
    if tenant is None:
        raise NotFound("There is no such tenant.")
    return tenant


def _changeable(connection: Connection, name: str) -> Tenant:
    tenant = _known(connection, name)
    if tenant.source == "settings":
        raise wrong_field("tenant", "stands in the settings: change it there")
    return tenant


def _checked(tenant: Tenant) -> Tenant:
    if len(tenant.title) > MAX_TITLE or not tenant.title.isprintable():
        raise wrong_field("title", f"expected at most {MAX_TITLE} printable characters")
    check_daily_cost(tenant.daily_cost)
    return tenant


def _columns(tenant: Tenant) -> dict[str, Any]:
    return {
        "name": tenant.name,
        "title": tenant.title,
        "daily_cost_micros": micros(tenant.daily_cost),
        "source": tenant.source,
    }


def _tenant(row: Row[Any]) -> Tenant:
    return Tenant(
        name=row.name,
        title=row.title,
        daily_cost=dollars(row.daily_cost_micros),
        source=row.source,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
    )
