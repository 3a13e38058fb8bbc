"""Who asks for something about numbers, and which gateways they may use for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from enum_backend.errors import (
    CredentialsMissing,
    EnumBackendError,
    GatewayNotConfigured,
    ProviderError,
    ValidationFailed,
)
from enum_backend.gateways.base import Gateway, GatewayError, Reason
from enum_backend.gateways.inventory.base import Inventory
from enum_backend.gateways.registry import GatewayRegistry

NOT_FOR_NUMBERS = frozenset({"from", "application_id"})
"""Settings that sending needs and searching does not: who has no number yet may look for one."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller; an admin may touch every tenant's numbers."""

    tenant: str
    is_admin: bool = False

    def may_touch(self, tenant: str) -> bool:
        """Whether a number of `tenant` is the caller's to see and to give back."""
        return self.is_admin or tenant == self.tenant


class Desks:
    """The gateways whose providers sell numbers, as far as a caller may use them."""

    def __init__(
        self, registry: GatewayRegistry, kinds: Mapping[str, type[Inventory[Any]]]
    ) -> None:
        self.registry = registry
        self._kinds = kinds

    def all(self, actor: Actor) -> list[Inventory[Any]]:
        """Every one that has its credentials."""
        return [
            self._kinds[gateway.provider](gateway)
            for gateway in self.registry
            if gateway.provider in self._kinds and _serves(gateway, actor) and not lacks(gateway)
        ]

    def named(self, name: str, actor: Actor) -> Inventory[Any]:
        """The one of that gateway.

        Raises:
            GatewayNotConfigured: no such gateway, or its provider sells no numbers.
            CredentialsMissing: it is half-set.
        """
        gateway = self.registry.get(name)
        if gateway is None or not _serves(gateway, actor):
            raise GatewayNotConfigured(f"There is no gateway {name[:64]!r}.")
        kind = self._kinds.get(gateway.provider)
        if kind is None:
            raise GatewayNotConfigured(f"Gateway {name} has no numbers to search, buy or list.")
        if missing := lacks(gateway):
            raise CredentialsMissing(f"Gateway {name} lacks {', '.join(missing)}.")
        return kind(gateway)

    def only(self, actor: Actor) -> Inventory[Any]:
        """The one there is, for callers that name none.

        Raises:
            ValidationFailed: there are several.
            GatewayNotConfigured: there is none.
        """
        able = self.all(actor)
        if not able:
            raise GatewayNotConfigured("No configured gateway sells numbers.")
        if len(able) > 1:
            names = ", ".join(desk.gateway.name for desk in able)
            raise ValidationFailed(f"gateway: name one of {names}")
        return able[0]


def lacks(gateway: Gateway) -> list[str]:
    """Settings without which the provider cannot be asked at all."""
    return [key for key in gateway.missing() if key not in NOT_FOR_NUMBERS]


def refused(gateway: Gateway, error: GatewayError) -> EnumBackendError:
    """A provider's refusal as an answer to the caller; `detail` never holds a secret."""
    if error.detail.startswith("settings lack"):
        return CredentialsMissing(f"Gateway {gateway.name}: {error.detail}.")
    wrong = error.reason in (Reason.INVALID_REQUEST, Reason.INVALID_NUMBER)
    if wrong and error.detail:
        return ValidationFailed(f"{gateway.name}: {error.detail}")
    return ProviderError(
        provider=gateway.provider, provider_code=error.provider_code, reason=error.reason
    )


def _serves(gateway: Gateway, actor: Actor) -> bool:
    return actor.is_admin or gateway.options.tenant in ("", actor.tenant)
