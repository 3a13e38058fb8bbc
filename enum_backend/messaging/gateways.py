"""The gateways this process may use, seen through the mode.

In `live` mode these are the configured ones; in `simulation` the simulator
carries everything; test numbers always go to the simulator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from enum_backend.errors import (
    CredentialsMissing,
    GatewayNotConfigured,
    SettingsError,
    SmsDisabled,
)
from enum_backend.gateways.base import Gateway
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.gateways.simulator import SimulatorGateway
from enum_backend.messaging.breakers import Breakers, Health

Mode = Literal["disabled", "simulation", "live"]

SIMULATOR: Final = "simulator"
"""The name under which simulated messages are stored; no setting can take it."""


@dataclass(frozen=True, slots=True)
class GatewayPool:
    """The configured gateways, the simulator, and what the mode makes of them.

    Attributes:
        default: configured default chain, empty = every usable shared gateway.
        disabled_because: sentence for `SMS_DISABLED`.
        breakers: what this process has seen of the gateways' health.
    """

    mode: Mode
    registry: GatewayRegistry
    simulator: SimulatorGateway
    default: tuple[str, ...] = ()
    disabled_because: str = ""
    breakers: Breakers = field(default_factory=Breakers)

    def health(self, name: str) -> Health:
        """Whether a gateway works, as far as this process has seen."""
        return self.breakers.health(name)

    def check(self, chains: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Refuse chains (setting, names) that name a gateway nobody configured.

        Raises:
            SettingsError: names the setting and the gateway.
        """
        for setting, names in chains:
            for name in names:
                if self.registry.get(name) is None:
                    known = ", ".join(gateway.name for gateway in self.registry) or "none"
                    raise SettingsError(
                        f"{setting}: there is no gateway {name!r} (configured: {known})"
                    )

    def require_sending(self) -> None:
        """Stop here when nothing can be sent.

        Raises:
            CredentialsMissing: the only gateways are half-set.
            SmsDisabled: mode `disabled`.
        """
        if self.mode != "disabled":
            return
        half_set = [
            f"{gateway.name} lacks {', '.join(gateway.missing())}"
            for gateway in self.registry
            if gateway.missing()
        ]
        if half_set and not self.disabled_because:
            raise CredentialsMissing("Gateway credentials are incomplete: " + "; ".join(half_set))
        raise SmsDisabled(self.disabled_because or None)

    def usable(self, name: str, tenant: str) -> Gateway:
        """The gateway a request names.

        Raises:
            GatewayNotConfigured: there is none of that name for this tenant.
            CredentialsMissing: it is only half-set.
        """
        gateway = self.registry.get(name)
        if gateway is None or gateway.options.tenant not in ("", tenant):
            raise GatewayNotConfigured(f"There is no gateway {name[:64]!r}.")
        if missing := gateway.missing():
            raise CredentialsMissing(f"Gateway {name} lacks {', '.join(missing)}.")
        return gateway

    def default_chain(self, tenant: str) -> tuple[str, ...]:
        """Names of the default chain that this tenant may use."""
        return self.serving(self.default or [gateway.name for gateway in self.registry], tenant)

    def owner_of(self, sender: str, tenant: str) -> Gateway | None:
        """The first usable gateway of this tenant, or shared, that has `sender` as its own."""
        owners = (
            gateway
            for gateway in self.registry
            if gateway.owns(sender) and gateway.bindings.get(sender, tenant) == tenant
        )
        return next((gateway for gateway in owners if _serves(gateway, tenant)), None)

    def serving(self, names: Sequence[str], tenant: str) -> tuple[str, ...]:
        """Those of a chain that are usable for this tenant, each once."""
        found = ((name, self.registry.get(name)) for name in dict.fromkeys(names))
        return tuple(name for name, gateway in found if gateway and _serves(gateway, tenant))

    def sends_for(self, name: str, tenant: str) -> bool:
        """Whether what a gateway sends from by itself is not bound to another tenant."""
        gateway = self.registry.get(name)
        if gateway is None:
            return True
        return gateway.bindings.get(gateway.options.sender, tenant) == tenant

    def carrier(self, name: str) -> Gateway | None:
        """The gateway that carries a stored message's hop now; None = it is gone."""
        if name == SIMULATOR:
            return self.simulator
        if self.mode != "live":
            return None
        gateway = self.registry.get(name)
        return gateway if gateway is not None and gateway.usable else None


def _serves(gateway: Gateway, tenant: str) -> bool:
    return gateway.usable and gateway.options.tenant in ("", tenant)
