"""Messages as an agent gets them: opened, their code found, within the owner's policy."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import Row

from enum_backend.agents.model import AgentMessage, Lease, WaitFor
from enum_backend.agents.otp import extract_otp_from_sms, prepare
from enum_backend.agents.policy import AgentPolicy
from enum_backend.storage import Sealer
from enum_backend.storage.sealing import SealBroken


class MessageReader:
    """Opens stored messages.

    Args:
        withhold: leave the text out.
    """

    def __init__(self, sealer: Sealer, policy: AgentPolicy, *, withhold: bool) -> None:
        self._sealer = sealer
        self._policy = policy
        self._withhold = withhold
        self._preparing: asyncio.Future[None] | None = None

    def prepare(self) -> None:
        """Load what finding codes needs, beside the event loop: it takes about a second."""
        if self._preparing is None:
            self._preparing = asyncio.get_running_loop().run_in_executor(None, prepare)

    async def ready(self) -> None:
        """Wait until that is done; whoever made a message earlier would hold up the loop."""
        self.prepare()
        if self._preparing is not None:
            await asyncio.shield(self._preparing)

    def text(self, row: Row[Any]) -> str | None:
        """The text, None where it does not open or was erased."""
        try:
            return self._sealer.open(row.body, row.inbox_id)
        except SealBroken:
            return None

    def shows(self, lease: Lease, row: Row[Any]) -> bool:
        """Whether the policy lets the lease see who wrote it."""
        return self._policy.shows(lease.tenant, lease.service, row.sender)

    def message(self, row: Row[Any], text: str, now: int) -> AgentMessage:
        """The message with its one-time code."""
        found = extract_otp_from_sms(text, sender=row.sender)
        return AgentMessage(
            id=row.inbox_id,
            sender=row.sender,
            to=row.to_number,
            body=None if self._withhold else text,
            code=found.code,
            confidence=found.confidence,
            sent_at=row.sent_at,
            received_at=row.received_at,
            consumed=row.consumed_at is not None or (row.claimed_until or 0) > now,
        )


def fits(wanted: WaitFor, sender: str, text: str) -> bool:
    """Whether a message is what a wait is for."""
    if wanted.sender is not None and wanted.sender.casefold() != sender.casefold():
        return False
    return wanted.contains is None or wanted.contains.casefold() in text.casefold()
