"""What an operation will mean, before it is sent: length, end, DNS answer, findings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nvs.directory import assemble
from nvs.lint import Finding, Severity, lint_value
from nvs.names import digits_of_nvs_name
from nvs.naptr import published, to_text
from nvs.number_record import Entry, Reading
from nvs.registration.errors import RegistrationRefused
from nvs.registration.operation import Kind, Operation
from nvs.trust import TrustPolicy

MINUTES_PER_BLOCK = 10
"""What the chain aims at."""


@dataclass(frozen=True, slots=True)
class Preview:
    """An operation and what follows from it.

    Attributes:
        findings: the linter's, and those of whoever made the value.
        naptrs: NAPTR rdata in text form that DNS answers with, once the entry is
            trusted; without the number's other entries.
        ttl: seconds, None for a deletion.
    """

    operation: Operation
    findings: tuple[Finding, ...] = ()
    naptrs: tuple[str, ...] = ()
    ttl: int | None = None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that speak against sending it."""
        return tuple(item for item in self.findings if item.severity is Severity.ERROR)

    def refuse_errors(self) -> None:
        """Stop at a value that would be unreadable.

        Raises:
            RegistrationRefused: naming the first error's field and reason.
        """
        if self.errors:
            first, more = self.errors[0], len(self.errors) - 1
            others = f" (and {more} more)" if more else ""
            raise RegistrationRefused(f"{first.name}: {first.field}: {first.message}{others}")

    def ends_about(self, expires_in: int = 0, now: datetime | None = None) -> datetime | None:
        """When the name will expire, if blocks come every ten minutes.

        Args:
            expires_in: blocks that are left already (an update adds to them).

        Returns:
            None where the calendar does not reach, and for deletions.
        """
        if self.operation.kind is Kind.DELETE:
            return None
        blocks = self.operation.blocks + max(expires_in, 0)
        try:
            return (now or datetime.now(UTC)) + timedelta(minutes=blocks * MINUTES_PER_BLOCK)
        except OverflowError:
            return None


def preview(operation: Operation, known: Iterable[Finding] = ()) -> Preview:
    """Lint an operation's value and see what DNS would make of it.

    Args:
        known: findings made already, put first.
    """
    if operation.kind is Kind.DELETE:
        return Preview(operation, tuple(known))
    findings = (*known, *lint_value(operation.name, operation.value))
    entry = Entry(operation.name, operation.value)
    digits = digits_of_nvs_name(operation.name) or ""
    record = assemble(Reading(digits, (entry,), "memory"), TrustPolicy())
    assert record is not None  # noqa: S101 - there is one entry
    naptrs = tuple(to_text(service) for service in published(record, "all"))
    return Preview(operation, findings, naptrs, record.ttl)
