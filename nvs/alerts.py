"""What an operator must hear about: trust that changed hands."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cachetools import LRUCache

from nvs.names import digits_of_nvs_name
from nvs.number_record import AssessedEntry, TrustLevel

_log = logging.getLogger("nvs")
_DIGIT = re.compile(r"[0-9]", re.ASCII)


class AlertKind(StrEnum):
    """The word for each alert, also used in logs."""

    OPERATOR_LOST = "operator_lost"
    VERIFIER_MOVED = "verifier_moved"
    VERIFIER_REREGISTERED = "verifier_reregistered"
    SIGNATURE_REPLAYED = "signature_replayed"


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that happened.

    Attributes:
        name: NVS name; it can hold a phone number.
        detail: one sentence with addresses and tenants, never a record's value.
    """

    kind: AlertKind
    name: str
    detail: str


_MAX_SENT = 10_000

OnAlert = Callable[[Alert], None]


class Alerts:
    """Logs alerts and hands them on; an owner who fails does not stop a look-up."""

    def __init__(self, on_alert: OnAlert | None = None) -> None:
        self._on_alert = on_alert
        self._sent: LRUCache[Alert, None] = LRUCache(_MAX_SENT)

    def send_once(self, kind: AlertKind, name: str, detail: str) -> None:
        """The same, unless this very alert was sent before."""
        alert = Alert(kind, name, detail)
        if alert not in self._sent:
            self._sent[alert] = None
            self.send(kind, name, detail)

    def send(self, kind: AlertKind, name: str, detail: str) -> None:
        """Log kind and name, a number's digits blotted out, and call the owner once."""
        _log.warning("trust alert %s: %s", kind.value, _blotted(name))
        if self._on_alert is None:
            return
        try:
            self._on_alert(Alert(kind, name, detail))
        except Exception as error:
            _log.warning("trust alert %s: not taken (%s)", kind.value, type(error).__name__)


class OperatorWatch:
    """Remembers which names were an operator's, to tell when one no longer is.

    A name that vanished is still remembered: if somebody else registers it after
    a lapse, that is the news. So is a name that somebody else gave to a listed
    owner with a value of their own: it never was an operator's, but looks like it.
    """

    def __init__(self, alerts: Alerts, max_names: int = 100_000) -> None:
        self._alerts = alerts
        self._tenants: LRUCache[str, str | None] = LRUCache(max_names)

    def see(self, entries: tuple[AssessedEntry, ...]) -> None:
        """Compare assessed entries with what was seen before; one alert for each loss."""
        for assessed in entries:
            name, trust = assessed.entry.name, assessed.trust
            was_operator = name in self._tenants
            is_operator = trust.level is TrustLevel.OPERATOR
            if was_operator and (not is_operator or self._tenants[name] != trust.tenant):
                tenant = self._tenants.pop(name)
                detail = f"was an operator's entry of tenant {tenant}, now: {trust.reason}"
                self._alerts.send(AlertKind.OPERATOR_LOST, name, detail)
            elif trust.unsigned:
                detail = f"is no operator's entry: {trust.reason}"
                self._alerts.send_once(AlertKind.OPERATOR_LOST, name, detail)
            if is_operator:
                self._tenants[name] = trust.tenant


def _blotted(name: str) -> str:
    """Log lines hold no full numbers."""
    return name if digits_of_nvs_name(name) is None else _DIGIT.sub("*", name)
