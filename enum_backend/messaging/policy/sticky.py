"""Which number of ours a recipient knows, so that the next message comes from it as well.

`find` and `remember` are functions of a connection inside a transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, text

from enum_backend.clock import now_ms
from enum_backend.storage import Database
from enum_backend.storage.tables import sticky_senders

REFRESH = 10
"""What stays the same is written again after this part of its time, not with each message."""

_REMEMBER = text(
    "INSERT INTO sticky_senders (recipient, tenant, gateway, sender, used_at) "
    "VALUES (:recipient, :tenant, :gateway, :sender, :used_at) "
    "ON CONFLICT (recipient, tenant) DO UPDATE SET gateway = excluded.gateway, "
    "sender = excluded.sender, used_at = excluded.used_at"
)


@dataclass(frozen=True, slots=True)
class Known:
    """What a recipient knows of a tenant.

    Attributes:
        sender: the number of ours; None = the gateway's own.
        used_at: milliseconds.
    """

    gateway: str
    sender: str | None
    used_at: int = 0


def find(connection: Connection, tenant: str, recipient: str, since: int) -> Known | None:
    """What the recipient's last message went out by; None if that was before `since` (ms)."""
    row = connection.execute(
        select(sticky_senders).where(
            sticky_senders.c.recipient == recipient, sticky_senders.c.tenant == tenant
        )
    ).first()
    if row is None or row.used_at < since:
        return None
    return Known(row.gateway, row.sender, row.used_at)


def remember(connection: Connection, rows: Sequence[tuple[str, str, Known]], now: int) -> None:
    """Store what recipients know from now on: (tenant, recipient, known) of each.

    One statement; of several rows about one recipient the last counts.
    """
    latest = {(recipient, tenant): known for tenant, recipient, known in rows}
    if latest:
        connection.execute(
            _REMEMBER,
            [
                {
                    "recipient": recipient,
                    "tenant": tenant,
                    "gateway": known.gateway,
                    "sender": known.sender,
                    "used_at": now,
                }
                # In one order everywhere, so that two transactions do not wait for each other.
                for (recipient, tenant), known in sorted(latest.items(), key=lambda item: item[0])
            ],
        )


class StickySenders:
    """What recipients know, for routing.

    Args:
        window: seconds it counts after a message.
    """

    def __init__(self, database: Database, window: float) -> None:
        self._database = database
        self._window_ms = int(window * 1000)

    async def find(self, tenant: str, recipient: str) -> Known | None:
        """What the recipient knows of the tenant.

        Raises:
            DatabaseUnavailable
        """
        since = now_ms() - self._window_ms
        return await self._database.read(lambda c: find(c, tenant, recipient, since))

    def stands(self, known: Known, learned: Known) -> bool:
        """Whether what is stored says the same, and will for a good while."""
        same = (known.gateway, known.sender) == (learned.gateway, learned.sender)
        return same and known.used_at > now_ms() - self._window_ms // REFRESH
