"""The gateways of one installation, and which of them a word stands for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from types import TracebackType
from typing import Self
from uuid import uuid4

from enum_backend.errors import (
    CredentialsMissing,
    FieldError,
    GatewayNotConfigured,
    InvalidPhoneFormat,
    ValidationFailed,
)
from enum_backend.gateways.base import Gateway, GatewayOptionsError, OutboundSms, SendResult

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_E164 = re.compile(r"\+[1-9][0-9]{3,14}")


class GatewayRegistry:
    """Gateways in the order they were added, which is also the order of preference.

    Example:
        async with GatewayRegistry() as registry:
            registry.add("telnyx", TelnyxGateway(api_key=..., sender="+15550100001"))
            await registry.send("+15550100002", "Hello")
    """

    def __init__(self) -> None:
        self._gateways: dict[str, Gateway] = {}

    def add(self, name: str, gateway: Gateway) -> None:
        """Take a gateway in; it is called `name` from now on.

        Raises:
            GatewayOptionsError: the name is taken or not `[a-z0-9][a-z0-9_-]{0,63}`,
                or the gateway was added before.
        """
        problem = ""
        if not _NAME.fullmatch(name):
            problem = "a gateway's name is 1-64 of a-z 0-9 _ - and starts with a letter or digit"
        elif name in self._gateways:
            problem = f"there is already a gateway {name!r}"
        elif gateway in self._gateways.values():
            problem = f"this gateway was added before, as {gateway.name!r}"
        if problem:
            raise GatewayOptionsError(name, [FieldError("name", problem)])
        gateway.name = name
        self._gateways[name] = gateway

    def get(self, name: str) -> Gateway | None:
        """The gateway of that name, usable or not."""
        return self._gateways.get(name)

    def __iter__(self) -> Iterator[Gateway]:
        return iter(tuple(self._gateways.values()))

    def __len__(self) -> int:
        return len(self._gateways)

    def __contains__(self, name: object) -> bool:
        return name in self._gateways

    def select(
        self, word: str, number: str | None = None, tenant: str | None = None
    ) -> Gateway | None:
        """The gateway that a request or a number record means by `word`.

        Args:
            word: a gateway's name, else a provider's; in any case.
            number: `+E.164`; of several at a provider the one that owns it is preferred.
            tenant: whose request or record it is; shared gateways serve everybody.

        Returns:
            Only a gateway that can send (`missing()` is empty) and is shared or
            the tenant's own; None if there is none.
        """
        word = word.lower()
        named = self._gateways.get(word)
        if named is not None and _serves(named, tenant):
            return named
        of_provider = [g for g in self if g.provider == word and _serves(g, tenant)]
        owners = [g for g in of_provider if number and g.owns(number)]
        return next(iter(owners or of_provider), None)

    def owner_of(self, number: str) -> Gateway | None:
        """The gateway, usable or not, that has `+E.164` among its own numbers."""
        return next((gateway for gateway in self if gateway.owns(number)), None)

    async def send(
        self,
        to: str,
        text: str,
        gateway: str | None = None,
        sender: str | None = None,
        message_id: str | None = None,
    ) -> SendResult:
        """Send at once, for programs that use the gateways without outbox, limits and routing.

        Args:
            to: `+E.164`.
            text: what to send.
            gateway: name or provider; else the shared owner of `sender`, else
                the first shared gateway that can send.
            sender: one of the gateway's own numbers, None for its default.
            message_id: our id; give the same one when repeating an ambiguous send.

        Raises:
            InvalidPhoneFormat: `to` is not `+E.164`.
            ValidationFailed: the text is empty.
            CredentialsMissing: the named gateway's settings are incomplete.
            GatewayNotConfigured: no gateway fits.
            GatewayError: the provider refused, failed, or did not answer.
        """
        if not _E164.fullmatch(to):
            raise InvalidPhoneFormat(errors=[FieldError("to", "must be + and 4 to 15 digits")])
        if not text:
            raise ValidationFailed(errors=[FieldError("message", "must not be empty")])
        chosen = self.select(gateway, sender) if gateway else self._default(sender)
        if chosen is None:
            raise self._unusable(gateway)
        message_id = message_id or f"msg_{uuid4().hex}"
        return await chosen.send(OutboundSms(message_id, to, text, sender))

    async def close(self) -> None:
        """Close every gateway, also when closing one of them fails.

        Raises:
            Exception: the first failure.
        """
        results = await asyncio.gather(
            *(gateway.close() for gateway in self), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _default(self, sender: str | None) -> Gateway | None:
        able = [gateway for gateway in self if _serves(gateway, None)]
        owners = [gateway for gateway in able if sender and gateway.owns(sender)]
        return next(iter(owners or able), None)

    def _unusable(self, word: str | None) -> GatewayNotConfigured | CredentialsMissing:
        if word is None:
            return GatewayNotConfigured()
        for gateway in self:
            lacks = gateway.missing()
            if lacks and word.lower() in {gateway.name, gateway.provider}:
                return CredentialsMissing(f"Gateway {gateway.name} lacks {', '.join(lacks)}.")
        return GatewayNotConfigured()


def _serves(gateway: Gateway, tenant: str | None) -> bool:
    return gateway.usable and gateway.options.tenant in {"", tenant}
