"""Gathers what is needed to judge signature claims, and remembers what must not change unseen."""

from __future__ import annotations

from collections.abc import Iterable

from nvs.alerts import AlertKind, Alerts
from nvs.attestation import (
    NO_EVIDENCE,
    ClaimRefused,
    Evidence,
    Pins,
    claims_of,
    lists_for,
    signed_by,
)
from nvs.ledger import FirstSight, SignatureLedger
from nvs.name_cache import NameCache
from nvs.number_record import Entry, ParsedEntry, Signature

MAX_CHECKS = 256
"""Claims checked of one number, about 10 ms of work; the rest is not believed."""


class EvidenceGatherer:
    """Reads verifiers and revocation lists; tells when a verifier's key moved."""

    def __init__(self, names: NameCache, ledger: SignatureLedger, alerts: Alerts) -> None:
        self._names = names
        self._ledger = ledger
        self._alerts = alerts
        self._verifiers: dict[str, FirstSight] = {}

    async def gather(
        self, entries: Iterable[tuple[Entry, ParsedEntry]], verifiers: Pins
    ) -> Evidence:
        """Evidence about the entries of one number; nothing is read where nothing is claimed."""
        claims = [
            (entry, claim)
            for entry, parsed in entries
            for claim in claims_of(parsed.signatures, verifiers)
        ][:MAX_CHECKS]
        if not claims:
            return NO_EVIDENCE
        known = await self._names.answers({claim.verifier for _, claim in claims})
        for name, answer in known.items():
            if isinstance(answer, Entry):
                self._note(name, answer, verifiers[name])
        lists: set[str] = set()
        replayed: dict[tuple[str, Signature], bool] = {}
        for entry, claim in claims:
            replayed[entry.name, claim] = False
            try:
                pin = verifiers[claim.verifier]
                verifier, signature = signed_by(entry.name, claim, pin, Evidence(known))
                lists.update(lists_for(entry.name, verifier))
            except ClaimRefused:
                continue  # said again, in words, when the entry is assessed
            replayed[entry.name, claim] = self._is_replayed(entry, signature.digest)
        return Evidence(known | await self._names.answers(lists), replayed)

    def _is_replayed(self, entry: Entry, digest: bytes) -> bool:
        if entry.registered_at is None:
            return False
        earlier = self._ledger.first_seen(entry.name, digest, entry.address, entry.registered_at)
        # An address alone says nothing: a plain name_update moves a name to a new one of the
        # same owner, and a new registration may name the old owner's address.
        if earlier is None or earlier[1] in (None, entry.registered_at):
            return False
        self._alerts.send_once(
            AlertKind.SIGNATURE_REPLAYED,
            entry.name,
            f"registered at height {entry.registered_at} by {entry.address}; its signature"
            f" was first seen with the registration at height {earlier[1]} by {earlier[0]}",
        )
        return True

    def _note(self, name: str, verifier: Entry, pin: str | None) -> None:
        now = (verifier.address, verifier.registered_at)
        before = self._verifiers.get(name, (pin, None))
        self._verifiers[name] = now
        if before[0] not in (None, now[0]):
            counts = "do not count" if pin is not None else "count from now on"
            detail = f"moved from {before[0]} to {now[0]}; signatures of the new key {counts}"
            self._alerts.send(AlertKind.VERIFIER_MOVED, name, detail)
        elif None not in (before[1], now[1]) and before[1] != now[1]:
            detail = f"registered at height {now[1]}, before at {before[1]}: its record had lapsed"
            self._alerts.send(AlertKind.VERIFIER_REREGISTERED, name, detail)
