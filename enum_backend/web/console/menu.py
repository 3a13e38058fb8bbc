"""The menu of the console."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One line; `path` is that of its page."""

    path: str
    label: str


@dataclass(frozen=True, slots=True)
class Group:
    """Lines under one heading."""

    label: str
    entries: tuple[Entry, ...]


MENU: tuple[Group, ...] = (
    Group("Overview", (Entry("", "Dashboard"),)),
    Group(
        "Messages",
        (
            Entry("/messages", "All messages"),
            Entry("/live", "Live"),
            Entry("/send", "Send"),
        ),
    ),
    Group(
        "People",
        (
            Entry("/users", "Users"),
            Entry("/sms-management", "SMS management"),
        ),
    ),
    Group(
        "Numbers",
        (
            Entry("/numbers", "Numbers"),
            Entry("/enum", "Records"),
            Entry("/gateways", "Gateways"),
            Entry("/agents", "Agents"),
        ),
    ),
    Group(
        "Access",
        (
            Entry("/tenants", "Tenants"),
            Entry("/keys", "API keys"),
            Entry("/opt-outs", "Opt-outs"),
        ),
    ),
    Group(
        "Watch",
        (
            Entry("/deliveries", "Deliveries"),
            Entry("/fraud", "Fraud decisions"),
            Entry("/audit", "Audit log"),
        ),
    ),
)
