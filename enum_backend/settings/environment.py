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
    "WEBHOOK_SECRET": ("deliveries", "webhook_secret"),
    "SMS_WEBHOOK_SECRET": ("deliveries", "webhook_secret"),
    "TELNYX_API_KEY": ("gateways", "telnyx", "api_key"),
    "TELNYX_FROM": ("gateways", "telnyx", "from"),
    "TELNYX_PUBLIC_KEY": ("gateways", "telnyx", "public_key"),
    "TWILIO_SID": ("gateways", "twilio", "account_sid"),
    "TWILIO_ACCOUNT_SID": ("gateways", "twilio", "account_sid"),
    "TWILIO_AUTH": ("gateways", "twilio", "auth_token"),
    "TWILIO_AUTH_TOKEN": ("gateways", "twilio", "auth_token"),
    "TWILIO_FROM": ("gateways", "twilio", "from"),
    "TWILIO_PHONE_NUMBER": ("gateways", "twilio", "from"),
    "TWILIO_AREA_CODE": ("gateways", "twilio", "area_code"),
    "PLIVO_AUTH_ID": ("gateways", "plivo", "auth_id"),
    "PLIVO_AUTH_TOKEN": ("gateways", "plivo", "auth_token"),
    "PLIVO_FROM": ("gateways", "plivo", "from"),
}
"""Variable -> setting. `ENUM_BACKEND_...` wins over its alias, a later alias over an earlier."""

NUMBER_LISTS = {"TWILIO_PHONE_NUMBERS": "twilio"}
"""Variable -> gateway: comma-separated numbers; the first sends unless `from` is set as well,
all of them seed the agents' pool."""

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
    for variable, gateway in NUMBER_LISTS.items():
        listed = [part.strip() for part in environment.get(variable, "").split(",")]
        if numbers := [number for number in listed if number]:
            found["gateways", gateway, "from"] = (numbers[0], variable)
            found["gateways", gateway, "numbers"] = (numbers, variable)
            found["agents", "numbers"] = (numbers, variable)
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


def _value(text: str) -> Any:
    if text.lstrip().startswith(("[", "{")):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text
