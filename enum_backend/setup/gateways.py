"""The configured gateways, and the mode that follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from enum_backend.errors import SettingsError
from enum_backend.gateways.base import GatewayOptionsError
from enum_backend.gateways.providers import build_gateway, providers
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.gateways.simulator import SimulatorGateway
from enum_backend.messaging.gateways import SIMULATOR, GatewayPool, Mode
from enum_backend.settings import LoadedSettings

_NOT_OPTIONS = frozenset({"name", "self"})
"""Arguments of a gateway's class that are no settings: its name is its table's."""


def build_pool(loaded: LoadedSettings) -> GatewayPool:
    """The gateways, and the mode: as set, or as it follows from them.

    Raises:
        SettingsError: settings of gateways are wrong (says all that is), or a chain names none.
    """
    settings = loaded.settings
    registry = GatewayRegistry()
    problems: list[str] = []
    for name, options in settings.gateways.items():
        try:
            _add(registry, name, dict(options), settings.public_base_url)
        except GatewayOptionsError as error:
            problems += [f"gateways.{name}: {item.field}: {item.message}" for item in error.errors]
        except SettingsError as error:
            problems.append(str(error))
    if problems:
        raise SettingsError("; ".join(problems))
    mode, why = _mode(loaded, registry)
    pool = GatewayPool(mode, registry, SimulatorGateway(), settings.routing.default, why)
    chains: list[tuple[str, Sequence[str]]] = [("routing.default", settings.routing.default)]
    chains += [("routing.prefixes", route.chain) for route in settings.routing.prefixes]
    chains.append(("keywords.quiet_gateways", settings.keywords.quiet_gateways))
    pool.check(chains)
    return pool


def _add(
    registry: GatewayRegistry, name: str, options: dict[str, Any], public_base_url: str
) -> None:
    if name == SIMULATOR:
        raise SettingsError(f"gateways.{name}: this name is taken by the built-in simulator")
    provider = str(options.pop("provider", name))
    if taken := _NOT_OPTIONS.intersection(options):
        raise SettingsError(f"gateways.{name}: {min(taken)}: unknown option")
    _point_reports_at_us(public_base_url, provider, name, options)
    registry.add(name, build_gateway(provider, name, options))


def _point_reports_at_us(
    public_base_url: str, provider: str, name: str, options: dict[str, Any]
) -> None:
    """Ask for delivery reports at our own webhook, unless the settings say where."""
    known = providers().get(provider)
    takes_one = known is not None and "webhook_url" in known.gateway.Options.model_fields
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
