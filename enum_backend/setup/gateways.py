"""The configured gateways, and the mode that follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from enum_backend.errors import SettingsError
from enum_backend.gateways.base import GatewayOptionsError
from enum_backend.gateways.registry import PROVIDERS, GatewayRegistry, build_gateway
from enum_backend.gateways.simulator import SimulatorGateway
from enum_backend.messaging.gateways import SIMULATOR, GatewayPool, Mode
from enum_backend.settings import LoadedSettings

_NOT_OPTIONS = frozenset({"name", "self"})
"""Arguments of a gateway's class that are no settings: its name is its table's."""


def build_pool(loaded: LoadedSettings) -> GatewayPool:
    """The gateways, and the mode: as set, or as it follows from them.

    Raises:
        SettingsError: a gateway's settings are wrong, or a chain names none.
    """
    settings = loaded.settings
    registry = GatewayRegistry()
    for name, options in settings.gateways.items():
        if name == SIMULATOR:
            raise SettingsError(f"gateways.{name}: this name is taken by the built-in simulator")
        own = dict(options)
        provider = str(own.pop("provider", name))
        if taken := _NOT_OPTIONS.intersection(own):
            raise SettingsError(f"gateways.{name}: {min(taken)}: unknown option")
        _point_reports_at_us(settings.public_base_url, provider, name, own)
        try:
            registry.add(name, build_gateway(provider, name, own))
        except GatewayOptionsError as error:
            details = "; ".join(f"{item.field}: {item.message}" for item in error.errors)
            raise SettingsError(f"gateways.{name}: {details}") from None
    mode, why = _mode(loaded, registry)
    pool = GatewayPool(mode, registry, SimulatorGateway(), settings.routing.default, why)
    chains: list[tuple[str, Sequence[str]]] = [("routing.default", settings.routing.default)]
    chains += [("routing.prefixes", route.chain) for route in settings.routing.prefixes]
    pool.check(chains)
    return pool


def _point_reports_at_us(
    public_base_url: str, provider: str, name: str, options: dict[str, Any]
) -> None:
    """Ask for delivery reports at our own webhook, unless the settings say where."""
    kind = PROVIDERS.get(provider)
    takes_one = kind is not None and "webhook_url" in kind.Options.model_fields
    if takes_one and public_base_url and "webhook_url" not in options:
        options["webhook_url"] = f"{public_base_url}/sms/webhook/{provider}/{name}"


def _mode(loaded: LoadedSettings, registry: GatewayRegistry) -> tuple[Mode, str]:
    """The mode and, when it is `disabled`, the sentence that says why."""
    set_mode = loaded.settings.mode
    if set_mode is not None:
        why = "Sending is switched off (mode = disabled)." if set_mode == "disabled" else ""
        return set_mode, why
    if any(not gateway.missing() for gateway in registry):
        return "live", ""
    if len(list(registry)):
        return "disabled", ""
    return "simulation", ""
