"""What the owner lets agents do: whose numbers are lent, and for which services.

Agents get numbers that the owner has, for services that are the owner's. Nothing is lent
unless somebody has put a number into the pool and made a key of scope `agents`; the
settings narrow it further.
"""

from __future__ import annotations

from collections.abc import Sequence

from enum_backend.errors import Forbidden
from enum_backend.settings.agents import EVERYBODY, AgentSettings, ServiceSettings


class AgentPolicy:
    """The owner's word, from the settings."""

    def __init__(self, settings: AgentSettings) -> None:
        self._enabled = settings.enabled
        self._consent = frozenset(settings.consent)
        self._services = settings.services

    def require_consent(self, tenant: str) -> None:
        """Stop here unless a tenant's numbers are lent at all.

        Raises:
            Forbidden: says which setting forbids it.
        """
        if not self._enabled:
            raise Forbidden("Numbers are not lent to agents here (agents.enabled).")
        if EVERYBODY not in self._consent and tenant not in self._consent:
            raise Forbidden("This tenant has not agreed to lend its numbers (agents.consent).")

    def require_service(self, tenant: str, service: str | None) -> None:
        """Stop here unless a lease may be used for a service; None = it names none.

        Raises:
            Forbidden: names those it may be used for.
        """
        if not self._services:
            return
        own = self._of(tenant)
        if not own:
            raise Forbidden("No service is open to this tenant (agents.services).")
        if service is not None and service not in {item.name for item in own}:
            names = ", ".join(item.name for item in own)
            raise Forbidden(f"service: not one of the owner's services: {names}.")

    def shows(self, tenant: str, service: str | None, sender: str) -> bool:
        """Whether a lease for a service may see what a sender writes."""
        if not self._services:
            return True
        wanted = [item for item in self._of(tenant) if service in (None, item.name)]
        return any(matches(pattern, sender) for item in wanted for pattern in item.senders)

    def _of(self, tenant: str) -> Sequence[ServiceSettings]:
        return [item for item in self._services if not item.tenants or tenant in item.tenants]


def matches(pattern: str, sender: str) -> bool:
    """Whether a sender fits `NAME`, or `PREFIX*`, in any case."""
    wanted, given = pattern.casefold(), sender.casefold()
    if wanted.endswith("*"):
        return given.startswith(wanted[:-1])
    return given == wanted
