"""Whether phones and their servers answer; they have no numbers to sell and no prices."""

from __future__ import annotations

from typing import ClassVar

from enum_backend.gateways.android import AndroidGateway
from enum_backend.gateways.base import Cost, GatewayError, Reason
from enum_backend.gateways.inventory.base import Balance


class AndroidBalance(Balance[AndroidGateway]):
    """`GET /webhooks` of every phone."""

    provider: ClassVar[str] = "android"

    async def check(self) -> Cost | None:
        """Always None: success proves the credentials of all phones.

        Raises:
            GatewayError: the first phone that refused (`auth_failed`) or is away.
        """
        if lacks := self.gateway.missing():
            raise GatewayError(Reason.AUTH_FAILED, f"settings lack {', '.join(lacks)}")
        for api in dict.fromkeys(phone.api for phone in self.gateway.phones):
            await api.webhooks()
        return None
