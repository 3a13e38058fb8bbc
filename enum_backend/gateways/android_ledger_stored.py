"""The ledger of SIM cards in the database: it outlives the process, and processes share it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

import structlog
from sqlalchemy import Connection, delete, func, insert, select

from enum_backend.errors import DatabaseUnavailable
from enum_backend.gateways.android_ledger import DAY_MS, Chooser, Reservation
from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.storage import Database
from enum_backend.storage.locks import serialize
from enum_backend.storage.tables import sim_sends

T = TypeVar("T")

log = structlog.get_logger("enum_backend.gateways.android")


class DatabaseSimLedger:
    """A `SimLedger` over the table `sim_sends`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(
        self, own_id: str, cards: Collection[str], at: int, choose: Chooser
    ) -> Reservation:
        """See `SimLedger`.

        Raises:
            GatewayError: nothing was counted, so nothing may be sent.
        """

        def work(connection: Connection) -> Reservation:
            return _reserve(connection, own_id, cards, at, choose)

        return await self._write(work)

    async def give_back(self, reservation: Reservation) -> None:
        """See `SimLedger`; a database that is away leaves the card one message poorer."""

        def work(connection: Connection) -> None:
            connection.execute(
                delete(sim_sends).where(
                    sim_sends.c.card == reservation.card, sim_sends.c.place == reservation.place
                )
            )

        try:
            await self._write(work)
        except GatewayError as error:
            log.warning("message not given back to its SIM", why=error.detail)

    async def holder(self, own_id: str) -> str | None:
        """See `SimLedger`."""
        query = (
            select(sim_sends.c.card)
            .where(sim_sends.c.own_id == own_id)
            .order_by(sim_sends.c.sent_at.desc(), sim_sends.c.place.desc())
            .limit(1)
        )
        try:
            return await self._database.read(lambda connection: connection.scalar(query))
        except DatabaseUnavailable:
            raise _unavailable() from None

    async def _write(self, work: Callable[[Connection], T]) -> T:
        try:
            return await self._database.write(work)
        except DatabaseUnavailable:
            raise _unavailable() from None


def _reserve(
    connection: Connection, own_id: str, cards: Collection[str], at: int, choose: Chooser
) -> Reservation:
    serialize(connection, "sim sends")
    connection.execute(delete(sim_sends).where(sim_sends.c.sent_at <= at - DAY_MS))
    sent: dict[str, list[int]] = {card: [] for card in cards}
    query = (
        select(sim_sends.c.card, sim_sends.c.sent_at)
        .where(sim_sends.c.card.in_(sent))
        .order_by(sim_sends.c.sent_at)
    )
    for row in connection.execute(query):
        sent[row.card].append(row.sent_at)
    card = choose(sent)
    last = select(func.max(sim_sends.c.place)).where(sim_sends.c.card == card)
    place = (connection.scalar(last) or 0) + 1
    connection.execute(insert(sim_sends).values(card=card, place=place, own_id=own_id, sent_at=at))
    return Reservation(card, place)


def _unavailable() -> GatewayError:
    return GatewayError(
        Reason.TEMPORARY_UNAVAILABLE, "what the SIM cards have sent cannot be looked up"
    )
