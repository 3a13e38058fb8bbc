"""Environment variables that set something: our own scheme, and the names people already have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from enum_backend.errors import SettingsError

PREFIX = "ENUM_BACKEND_"
NOT_SETTINGS = frozenset({"ENUM_BACKEND_API_URL", "ENUM_BACKEND_API_KEY"})
"""Read by the command-line clients, not by the server."""

ALIASES: dict[str, tuple[str, ...]] = {
    "SMS_LOG_LEVEL": ("log_level",),
    "DATABASE_URL": ("database", "url"),
    "REDIS_URL": ("redis", "url"),
    "REDIS_MAX_CONNECTIONS": ("redis", "max_connections"),
    "SMS_RATE_LIMIT_PER_HOUR": ("limits", "per_recipient_hour"),
    "SMS_RATE_LIMIT_PER_DAY": ("limits", "per_recipient_day"),
    "SMS_DAILY_COST_LIMIT": ("limits", "daily_cost"),
    "TELNYX_API_KEY": ("gateways", "telnyx", "api_key"),
    "TELNYX_FROM": ("gateways", "telnyx", "from"),
    "TELNYX_PUBLIC_KEY": ("gateways", "telnyx", "public_key"),
}
"""Variable -> setting. `ENUM_BACKEND_...` wins over its alias."""

OTHER_PROVIDERS = {
    "TWILIO_ACCOUNT_SID": "twilio",
    "TWILIO_SID": "twilio",
    "TWILIO_AUTH_TOKEN": "twilio",
    "TWILIO_AUTH": "twilio",
    "PLIVO_AUTH_ID": "plivo",
    "PLIVO_AUTH_TOKEN": "plivo",
}
"""Credentials of providers this version cannot use: never quietly simulated."""

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})


def settings_from(environment: Mapping[str, str]) -> dict[tuple[str, ...], tuple[Any, str]]:
    """Setting path -> (value, variable's name), weakest spelling first.

    `ENUM_BACKEND_HTTP__PORT` sets `http.port`; values that look like JSON
    lists or tables are read as such.

    Raises:
        SettingsError: SMS_SIMULATION_MODE is neither yes nor no: a slip must not send.
    """
    found: dict[tuple[str, ...], tuple[Any, str]] = {}
    for variable, path in ALIASES.items():
        if value := environment.get(variable, "").strip():
            found[path] = (value, variable)
    simulate = environment.get("SMS_SIMULATION_MODE", "").strip().lower()
    if simulate in _TRUE:
        found["mode",] = ("simulation", "SMS_SIMULATION_MODE")
    elif simulate not in _FALSE:
        raise SettingsError("SMS_SIMULATION_MODE: expected true or false")
    for variable in sorted(environment):
        if variable.startswith(PREFIX) and variable not in NOT_SETTINGS:
            path = tuple(variable.removeprefix(PREFIX).lower().split("__"))
            found[path] = (_value(environment[variable]), variable)
    return found


def unusable_providers(environment: Mapping[str, str]) -> list[str]:
    """Providers whose credentials are set although this version has no such gateway."""
    return sorted(
        {
            name
            for variable, name in OTHER_PROVIDERS.items()
            if environment.get(variable, "").strip()
        }
    )


def _value(text: str) -> Any:
    if text.lstrip().startswith(("[", "{")):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text
