"""What the operator hears of trust that changed hands, kept in the audit log."""

from __future__ import annotations

import asyncio

from enum_backend.audit import AuditEvent, AuditLog, Severity
from nvs.alerts import Alert
from nvs.names import digits_of_nvs_name


class TrustJournal:
    """Takes the alerts of look-ups, which do not wait for it."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, alert: Alert) -> None:
        """Keep one alert; the same one at most once a minute."""
        event = _event(alert)
        task = asyncio.get_running_loop().create_task(
            self._audit.alarm(f"trust {alert.kind} {alert.name}", event)
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait until the last one is kept."""
        await asyncio.gather(*self._tasks)


def _event(alert: Alert) -> AuditEvent:
    """A number stands there as one, not inside its name, where nobody would find it to erase."""
    digits = digits_of_nvs_name(alert.name)
    what = "An entry of +" + digits if digits else alert.name
    return AuditEvent(
        f"TRUST_{alert.kind.upper()}",
        Severity.HIGH,
        f"{what}: {alert.detail}.",
        metadata={"phoneNumber": f"+{digits}" if digits else None, "kind": alert.kind.value},
    )
