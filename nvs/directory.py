"""From what a source read to what is known about a number.

Trust belongs to each entry. Only the entries of the highest level present, and
of one tenant, are merged, so that a squatter's `:1` never joins the owner's `:0`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from nvs.alerts import Alerts, OnAlert, OperatorWatch
from nvs.attestation import NO_EVIDENCE, Evidence
from nvs.evidence import EvidenceGatherer
from nvs.formats import parse_entry
from nvs.formats.draft import DEFAULT_ORDER, MAX_SERVICES, PREFERENCE_STEP, free_preference
from nvs.ledger import MemorySignatureLedger, SignatureLedger
from nvs.name_cache import NameCache
from nvs.names import MAX_DIGITS, enumer_index, to_nvs_digits
from nvs.number_record import (
    AssessedEntry,
    Entry,
    NumberRecord,
    ParsedEntry,
    Reading,
    Service,
    SmsRoute,
    Trust,
    TrustLevel,
)
from nvs.signer_check import SignerSource, with_consent
from nvs.sources import RecordSource
from nvs.substitution import canonical_regexp
from nvs.tollfree_source import TollFree
from nvs.trust import TrustPolicy

SMS_SERVICE = "E2U+sms:tel"
"""Generated where a record has an SMS route and no `E2U+sms:*` of its own (RFC 4355)."""

TOLLFREE = "tollfree"
"""`NumberRecord.source` where toll-free rules answer."""


class Directory:
    """Looks numbers up in one source under one trust policy.

    Args:
        tollfree: rules that answer for numbers without any entry.
        on_alert: called with each alert, in the event loop; must not block.
        ledger: first sights of signatures that outlive this process.
    """

    def __init__(
        self,
        source: RecordSource,
        policy: TrustPolicy | None = None,
        tollfree: TollFree | None = None,
        *,
        on_alert: OnAlert | None = None,
        ledger: SignatureLedger | None = None,
    ) -> None:
        self.source = source
        self.policy = policy or TrustPolicy()
        self.tollfree = tollfree
        self._signers = source if isinstance(source, SignerSource) else None
        alerts = Alerts(on_alert)
        self._names = NameCache(source)
        self._gatherer = EvidenceGatherer(
            self._names, MemorySignatureLedger() if ledger is None else ledger, alerts
        )
        self._watch = OperatorWatch(alerts)

    async def record(self, number: str) -> NumberRecord | None:
        """The record of `+14155551234` or `14155551234`, None where no live entry exists.

        Raises:
            InvalidNumber: not 4 to 15 digits.
            NvsUnavailable: nothing is known about the number now.
        """
        policy = self.policy
        reading = await self._with_signers(await self.source.read(to_nvs_digits(number)), policy)
        parsed = _parsed(reading)
        if not parsed:
            return await self._tollfree_record(reading, policy)
        evidence = NO_EVIDENCE
        if policy.pins and reading.source_trust is TrustLevel.UNTRUSTED:
            evidence = await self._gatherer.gather(parsed, policy.pins)
        entries = _assessed(reading, parsed, policy, evidence)
        if reading.stale_seconds <= policy.max_age:  # an old copy is no news about owners
            self._watch.see(entries)
        return _record(reading, entries)

    def may_answer_any(self, digits: str) -> bool:
        """Whether numbers that start with `digits` may exist though no name says so.

        Then DNS may not deny them with NXDOMAIN: toll-free rules are patterns, and
        nobody lists what a pattern matches.
        """
        return bool(self.tollfree and self.tollfree.may_answer) and len(digits) <= MAX_DIGITS

    async def _with_signers(self, reading: Reading, policy: TrustPolicy) -> Reading:
        """The same, with the signers of those entries whose trust depends on them."""
        if self._signers is None or reading.source_trust is TrustLevel.OPERATOR:
            return reading
        unsure = [e for e in reading.entries if policy.asks_signer(e, reading.digits)]
        if not unsure:
            return reading
        sure = await with_consent(self._signers, unsure)
        entries = tuple(sure.get(entry.name, entry) for entry in reading.entries)
        return replace(reading, entries=entries)

    async def _tollfree_record(self, reading: Reading, policy: TrustPolicy) -> NumberRecord | None:
        if self.tollfree is None or (loaded := await self.tollfree.load(self._names)) is None:
            return None
        parsed = loaded.rules.answer(reading.digits, loaded.entry.name)
        if parsed is None:
            return None
        source_trust = reading.source_trust if loaded.trust is None else loaded.trust
        rules = replace(
            reading, entries=(loaded.entry,), source=TOLLFREE, source_trust=source_trust
        )
        reading = await self._with_signers(rules, policy)
        return _record(
            reading, _assessed(reading, [(reading.entries[0], parsed)], policy, NO_EVIDENCE)
        )


def assemble(
    reading: Reading, policy: TrustPolicy, evidence: Evidence = NO_EVIDENCE
) -> NumberRecord | None:
    """Parse, assess and merge the entries of one number; None when there are none."""
    parsed = _parsed(reading)
    return _record(reading, _assessed(reading, parsed, policy, evidence)) if parsed else None


def _parsed(reading: Reading) -> list[tuple[Entry, ParsedEntry]]:
    entries = sorted(reading.entries, key=lambda entry: _reading_order(entry.name))
    return [(entry, parse_entry(entry.name, entry.value)) for entry in entries]


def _assessed(
    reading: Reading,
    parsed: Iterable[tuple[Entry, ParsedEntry]],
    policy: TrustPolicy,
    evidence: Evidence,
) -> tuple[AssessedEntry, ...]:
    """Each entry with its own trust."""
    digits, level, age = reading.digits, reading.source_trust, reading.stale_seconds
    return tuple(
        AssessedEntry(entry, said, policy.assess(entry, digits, said, level, evidence, age))
        for entry, said in parsed
    )


def _record(reading: Reading, entries: tuple[AssessedEntry, ...]) -> NumberRecord:
    """Merge the entries of the highest level present; there is at least one."""
    number = f"+{reading.digits}"
    merged, trust = _merged(entries)
    sms = next((entry.parsed.sms for entry in merged if entry.parsed.sms is not None), None)
    if sms is not None:
        sms = replace(sms, number=sms.number or number)
    contributing = [entry for entry in merged if entry.parsed.services or entry.parsed.sms]
    return NumberRecord(
        number=number,
        entries=entries,
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


def _merged(entries: tuple[AssessedEntry, ...]) -> tuple[list[AssessedEntry], Trust]:
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
