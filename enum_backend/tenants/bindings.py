"""Whose number is whose: each has one owner, whatever proves it.

A binding decides who receives a number's messages and who may send from it. It never
raises the trust of an entry of the chain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, delete, insert, select

from enum_backend.errors import FieldError, NotFound, ValidationFailed, wrong_field
from enum_backend.storage.tables import bindings
from enum_backend.tenants import store

Proof = Literal["inventory", "admin", "code"]

SETTINGS: Final = "settings"
"""`created_by` of numbers that stand in the settings of a tenant's own gateway."""


class NumberTaken(ValidationFailed):
    """The number cannot be bound."""

    def __init__(self) -> None:
        message = "this number cannot be bound here"
        super().__init__(f"number: {message}", errors=[FieldError("number", message)])


@dataclass(frozen=True, slots=True)
class Binding:
    """One number's owner.

    Attributes:
        created_by: `key:KEY_ID`, `bought`, `imported` or `settings`.
        created_at: milliseconds.
    """

    number: str
    tenant: str
    proof: Proof
    created_by: str
    created_at: int


def tenant_bound_to(connection: Connection, number: str) -> str | None:
    """The tenant that `+E.164` is bound to, by inventory, admin or code; None = to nobody."""
    owner: str | None = connection.execute(
        select(bindings.c.tenant).where(bindings.c.number == number)
    ).scalar()
    return owner


def all_bindings(connection: Connection) -> dict[str, str]:
    """Number -> tenant, of every binding."""
    rows = connection.execute(select(bindings.c.number, bindings.c.tenant))
    return {row.number: row.tenant for row in rows}


def bindings_of(connection: Connection, tenant: str) -> list[Binding]:
    """A tenant's numbers, in order."""
    query = select(bindings).where(bindings.c.tenant == tenant).order_by(bindings.c.number)
    return [_binding(row) for row in connection.execute(query)]


def bind(connection: Connection, binding: Binding) -> Binding:
    """Give a number to a tenant; returns what stands when it is the tenant's already.

    Raises:
        ValidationFailed: there is no such tenant.
        NumberTaken: it is bound to another tenant; does not say to whom.
    """
    store.require(connection, binding.tenant)
    standing = _find(connection, binding.number)
    if standing is not None:
        if standing.tenant != binding.tenant:
            raise NumberTaken
        return standing
    _insert(connection, binding)
    return binding


def unbind(connection: Connection, tenant: str, number: str) -> Binding:
    """Take a number from a tenant.

    Raises:
        NotFound: it is not bound to this tenant.
        ValidationFailed: it is of the inventory; give it back instead.
    """
    standing = _find(connection, number)
    if standing is None or standing.tenant != tenant:
        raise NotFound("This number is not bound to this tenant.")
    if standing.proof == "inventory":
        if standing.created_by == SETTINGS:
            raise wrong_field("number", "stands in the settings of a gateway: remove it there")
        raise wrong_field("number", f"was {standing.created_by}: release it instead")
    connection.execute(delete(bindings).where(bindings.c.number == number))
    return standing


def claim(connection: Connection, number: str, tenant: str, source: str, now: int) -> None:
    """Bind a number that was bought or imported (`source`).

    The provider's word is enough: a tenant that a gateway names need not be known yet.

    Raises:
        NumberTaken: it is bound to another tenant.
    """
    owner = tenant_bound_to(connection, number)
    if owner not in (None, tenant):
        raise NumberTaken
    if owner is None:
        _insert(connection, Binding(number, tenant, "inventory", source, now))


def disclaim(connection: Connection, number: str) -> None:
    """Unbind a number that is no longer in the inventory; other proofs stay."""
    connection.execute(
        delete(bindings).where(
            bindings.c.number == number,
            bindings.c.proof == "inventory",
            bindings.c.created_by != SETTINGS,
        )
    )


def keep_configured(connection: Connection, wanted: Mapping[str, str], now: int) -> list[str]:
    """Bind the numbers (-> tenant) that stand in the settings of tenants' own gateways.

    Those that stood there before and no longer do are unbound.

    Returns:
        The numbers that are bound to another tenant, and stay so.
    """
    before = connection.execute(select(bindings).where(bindings.c.created_by == SETTINGS)).all()
    gone = [row.number for row in before if wanted.get(row.number) != row.tenant]
    if gone:
        connection.execute(delete(bindings).where(bindings.c.number.in_(gone)))
    standing = all_bindings(connection)
    for number, tenant in wanted.items():
        if number not in standing:
            _insert(connection, Binding(number, tenant, "inventory", SETTINGS, now))
    return [n for n, tenant in wanted.items() if standing.get(n, tenant) != tenant]


def _find(connection: Connection, number: str) -> Binding | None:
    row = connection.execute(select(bindings).where(bindings.c.number == number)).first()
    return None if row is None else _binding(row)


def _insert(connection: Connection, binding: Binding) -> None:
    connection.execute(
        insert(bindings).values(
            number=binding.number,
            tenant=binding.tenant,
            proof=binding.proof,
            created_by=binding.created_by,
            created_at=binding.created_at,
        )
    )


def _binding(row: Row[Any]) -> Binding:
    return Binding(row.number, row.tenant, row.proof, row.created_by, row.created_at)
