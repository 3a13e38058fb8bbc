from __future__ import annotations

from enum_backend.audit import AuditLog, Severity
from enum_backend.setup.trust import TrustJournal
from enum_backend.storage import Database, Sealer
from nvs.directory import Directory
from nvs.number_record import TrustLevel
from nvs.sources import MemorySource
from nvs.trust import Owner, TrustPolicy

NAME = "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa"
OWNER, OTHER = "E" + "a" * 33, "E" + "b" * 33


async def test_a_number_that_moves_away_from_its_operator(database: Database) -> None:
    audit = AuditLog(database, Sealer(b"k" * 32))
    journal = TrustJournal(audit)
    policy = TrustPolicy(owners=(Owner(OWNER, "acme", ("+1415",)),), require_signer="never")
    source = MemorySource(trust=TrustLevel.UNTRUSTED)
    source.put(NAME, '{"voice":"sip:a@pbx.example"}', OWNER)
    directory = Directory(source, policy, on_alert=journal)
    await directory.record("+14155551234")
    source.put(NAME, '{"voice":"sip:b@pbx.example"}', OTHER)
    await directory.record("+14155551234")
    await journal.close()
    (entry,) = (await audit.page()).entries
    assert (entry.event_type, entry.severity) == ("TRUST_OPERATOR_LOST", Severity.HIGH)
    assert entry.metadata["phoneNumber"] == "+14155551234"
    assert "tenant acme" in entry.description
