"""From what a source read to what is known about a number.

Trust belongs to each entry. Only the entries of the highest level present, and
of one tenant, are merged, so that a squatter's `:1` never joins the owner's `:0`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from nvs.formats import parse_entry
from nvs.formats.draft import DEFAULT_ORDER, MAX_SERVICES, PREFERENCE_STEP, free_preference
from nvs.names import enumer_index, to_nvs_digits
from nvs.number_record import AssessedEntry, NumberRecord, Reading, Service, SmsRoute, Trust
from nvs.sources import RecordSource
from nvs.substitution import canonical_regexp
from nvs.trust import TrustPolicy

SMS_SERVICE = "E2U+sms:tel"
"""Generated where a record has an SMS route and no `E2U+sms:*` of its own (RFC 4355)."""


class Directory:
    """Looks numbers up in one source under one trust policy."""

    def __init__(self, source: RecordSource, policy: TrustPolicy | None = None) -> None:
        self.source = source
        self.policy = policy or TrustPolicy()

    async def record(self, number: str) -> NumberRecord | None:
        """The record of `+14155551234` or `14155551234`, None where no live entry exists.

        Raises:
            InvalidNumber: not 4 to 15 digits.
            NvsUnavailable: nothing is known about the number now.
        """
        return assemble(await self.source.read(to_nvs_digits(number)), self.policy)


def assemble(reading: Reading, policy: TrustPolicy) -> NumberRecord | None:
    """Parse, assess and merge the entries of one number; None when there are none."""
    entries = []
    for entry in sorted(reading.entries, key=lambda entry: _reading_order(entry.name)):
        parsed = parse_entry(entry.name, entry.value)
        trust = policy.assess(entry, reading.digits, parsed, reading.source_trust)
        entries.append(AssessedEntry(entry, parsed, trust))
    if not entries:
        return None
    number = f"+{reading.digits}"
    merged, trust = _merged(entries)
    sms = next((entry.parsed.sms for entry in merged if entry.parsed.sms is not None), None)
    if sms is not None:
        sms = replace(sms, number=sms.number or number)
    contributing = [entry for entry in merged if entry.parsed.services or entry.parsed.sms]
    return NumberRecord(
        number=number,
        entries=tuple(entries),
        trust=trust,
        services=_services(merged, sms),
        sms=sms,
        ttl=min(entry.parsed.ttl for entry in contributing or merged),
        source=reading.source,
        height=reading.height,
        stale_seconds=reading.stale_seconds,
    )


def _reading_order(name: str) -> int:
    """The e164.arpa name first, then ENUMER's by index."""
    index = enumer_index(name)
    return -1 if index is None else index


def _merged(entries: list[AssessedEntry]) -> tuple[list[AssessedEntry], Trust]:
    level = max(entry.trust.level for entry in entries)
    highest = [entry for entry in entries if entry.trust.level is level]
    trust = highest[0].trust
    merged = [entry for entry in highest if entry.trust.tenant == trust.tenant]
    if len(merged) < len(highest):
        others = ", ".join(
            f"{entry.entry.name} of tenant {entry.trust.tenant}"
            for entry in highest
            if entry.trust.tenant != trust.tenant
        )
        trust = replace(
            trust, reason=f"{trust.reason}; left out, as tenants are never mixed: {others}"
        )
    return merged, trust


def _services(merged: Iterable[AssessedEntry], sms: SmsRoute | None) -> tuple[Service, ...]:
    unique: dict[tuple[str, str], Service] = {}
    for entry in merged:
        for service in entry.parsed.services:
            unique.setdefault((service.service.casefold(), service.regexp), service)
    services = list(unique.values())
    if sms is not None and not any(_is_sms(service) for service in services):
        uri = f"tel:{sms.number}"
        services = services[: MAX_SERVICES - 1]
        services.append(Service(SMS_SERVICE, canonical_regexp(uri), uri))
    return _with_places(services[:MAX_SERVICES])


def _is_sms(service: Service) -> bool:
    return service.service.casefold().startswith("e2u+sms:")


def _with_places(services: list[Service]) -> tuple[Service, ...]:
    """ORDER 100 and PREFERENCE 10, 20, 30 ... for those that name none, around those that do."""
    taken = {
        (service.order, service.preference)
        for service in services
        if service.order is not None and service.preference is not None
    }
    placed = []
    for service in services:
        if service.order is not None:
            placed.append(service)
            continue
        preference = free_preference(taken, DEFAULT_ORDER, PREFERENCE_STEP, PREFERENCE_STEP)
        taken.add((DEFAULT_ORDER, preference))
        placed.append(replace(service, order=DEFAULT_ORDER, preference=preference))
    return tuple(placed)
