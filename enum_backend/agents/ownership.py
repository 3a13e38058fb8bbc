"""Whose number is whose, as far as lending it goes.

A tenant lends a number that is bound to it, or that stands in its own gateway; the default
tenant also one of a shared gateway that is bound to nobody. In simulation mode a number
that no gateway has is anybody's who puts it into the pool.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, select

from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.messaging.owners import DEFAULT_TENANT
from enum_backend.numbers.store import NumberState
from enum_backend.storage.tables import bindings, numbers


@dataclass(frozen=True, slots=True)
class Ownership:
    """Asks the bindings, the inventory and the gateways."""

    registry: GatewayRegistry
    simulation: bool

    def lendable(self, connection: Connection, wanted: Mapping[str, str]) -> set[str]:
        """Which of these numbers (-> tenant) the tenant may lend now."""
        listed = list(wanted)
        bound = _by_number(connection, bindings, bindings.c.tenant, listed)
        states = _by_number(connection, numbers, numbers.c.state, listed)
        active = {number for number, state in states.items() if state == NumberState.ACTIVE}
        return {
            number
            for number, tenant in wanted.items()
            if self._owner(number, bound.get(number), active) in (tenant, None)
            and (number not in states or number in active)
            and self._is_there(number, active)
        }

    def owner(self, connection: Connection, number: str) -> str | None:
        """The tenant whose number it is; None = nobody's, or in a simulation anybody's."""
        bound = _by_number(connection, bindings, bindings.c.tenant, [number])
        states = _by_number(connection, numbers, numbers.c.state, [number])
        active = {number} if states.get(number) == NumberState.ACTIVE else set()
        return self._owner(number, bound.get(number), active)

    def _owner(self, number: str, bound: str | None, active: Collection[str]) -> str | None:
        if bound is not None:
            return bound
        gateway = self.registry.owner_of(number)
        if gateway is not None:
            return gateway.options.tenant or DEFAULT_TENANT
        return DEFAULT_TENANT if number in active else None

    def _is_there(self, number: str, active: Collection[str]) -> bool:
        """Whether messages to it can come in."""
        if self.simulation or number in active:
            return True
        return self.registry.owner_of(number) is not None


def _by_number(
    connection: Connection, table: Table, wanted: Column[Any], listed: list[str]
) -> dict[str, str]:
    query = select(table.c.number, wanted).where(table.c.number.in_(listed))
    return {row[0]: row[1] for row in connection.execute(query)}
