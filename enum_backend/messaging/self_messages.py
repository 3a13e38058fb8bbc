"""Messages a number sends to itself, for the check of its way out and in."""

from __future__ import annotations

from enum_backend.messaging.model import Client, SendRequest
from enum_backend.messaging.service import MessageService


class SelfMessages:
    """Sends them as any other message: same policy, same limits, same outbox."""

    def __init__(self, messages: MessageService) -> None:
        self._messages = messages

    async def send(self, number: str, gateway: str, tenant: str, text: str) -> str:
        """From `number` to `number` through `gateway`; returns the message's id.

        Raises:
            EnumBackendError: see `MessageService.send`.
        """
        client = Client(f"loop:{tenant}", tenant, 0)
        request = SendRequest(to=number, text=text, client=client, sender=number, gateway=gateway)
        return (await self._messages.send(request)).message_id

    async def state(self, message_id: str, tenant: str) -> str:
        """Where it stands."""
        return (await self._messages.status(message_id, tenant)).status
