"""Who is attested: a directory over a chain in memory, with the node's own signatures.

Each weakness of EmerDNS that must not be ours has a test here.
"""

from __future__ import annotations

from typing import Any

import pytest

import nvs.evidence
from nvs.alerts import Alert, AlertKind
from nvs.attestation import MAX_CLAIMS
from nvs.directory import Directory, assemble
from nvs.errors import NvsUnavailable
from nvs.ledger import MemorySignatureLedger
from nvs.number_record import Entry, NumberRecord, Reading, TrustLevel
from nvs.sources import MemorySource
from nvs.trust import Owner, TrustPolicy
from tests.unit.nvs.emercoin_vectors import (
    EXPIRING,
    LEGACY,
    NAME,
    SECOND_VALUE,
    SEGWIT,
    SIGNATURE,
    WRONG_NAME,
    WRONG_SIGNATURE,
    signature_of,
    signed_value,
)
from tests.unit.nvs.test_signature import rewritten

BOTH = ("ver:enum", "ver:second")
NUMBER = "17771234567"
ELEVEN = "enum:17770000011"


class Chain(MemorySource):
    """Names on a chain; some of them cannot be read for a while."""

    def __init__(self) -> None:
        super().__init__(trust=TrustLevel.UNTRUSTED)
        self.unreadable: set[str] = set()
        self.asked: list[str] = []
        self.put("ver:enum", "Emercoin ENUM verifier", LEGACY)
        self.put("ver:second", SECOND_VALUE, SEGWIT)

    async def entry(self, name: str) -> Entry | None:
        self.asked.append(name)
        if name in self.unreadable:
            raise NvsUnavailable("the node is down")
        return await super().entry(name)

    def sign(self, name: str, verifier: str = "ver:enum", **more: Any) -> None:
        """Put a record with its real signature."""
        value = signed_value(f"{verifier}|{signature_of(name)}")
        self.put(name, value, more.pop("address", "EHolder"), **more)


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def alerts() -> list[Alert]:
    return []


def directory(
    chain: Chain, *verifiers: str, alerts: list[Alert] | None = None, **more: Any
) -> Directory:
    on_alert = None if alerts is None else alerts.append
    policy = TrustPolicy(verifiers=verifiers or BOTH)
    return Directory(chain, policy, on_alert=on_alert, **more)


async def look_up(over: Directory, number: str = NUMBER) -> NumberRecord:
    record = await over.record(number)
    assert record is not None
    return record


async def level(over: Directory, number: str = NUMBER) -> str:
    return (await look_up(over, number)).trust.level.word


async def refusal(over: Directory, number: str = NUMBER) -> str:
    record = await look_up(over, number)
    assert record.trust.level is TrustLevel.UNTRUSTED
    return record.trust.reason


async def test_a_signature_of_a_live_verifier_attests(chain: Chain) -> None:
    chain.sign(NAME)
    record = await look_up(directory(chain))
    assert (record.trust.level, record.trust.tenant) == (TrustLevel.ATTESTED, None)
    assert f"ver:enum (address {LEGACY}) signed this name" in record.trust.reason
    assert record.services


async def test_a_segwit_verifier_with_a_revocation_list(chain: Chain) -> None:
    chain.sign("enum:17770000004:0", "ver:second")
    assert await level(directory(chain), "17770000004") == "attested"


async def test_any_valid_claim_of_several_attests(chain: Chain) -> None:
    claims = [
        f"ver:unknown|{SIGNATURE}",
        "ver:enum|AAAA",
        f"ver:second|{SIGNATURE}",
        f"ver:enum|{WRONG_SIGNATURE}",
    ]
    chain.put(NAME, signed_value(*claims), "EHolder")
    said = await refusal(directory(chain))
    assert "the signature of ver:enum is not one of the verifier's key" in said
    assert "the signature of ver:second is not one of the verifier's key" in said
    assert said.count("ver:enum") == 1
    chain.put(NAME, signed_value(*claims, f"ver:enum|{SIGNATURE}"), "EHolder")
    assert await level(directory(chain)) == "attested"


async def test_a_signature_covers_one_name(chain: Chain) -> None:
    chain.put(WRONG_NAME, signed_value(f"ver:enum|{WRONG_SIGNATURE}"), "EMallory")
    assert "is not one of" in await refusal(directory(chain), "17770000002")
    chain.put("enum:17771234567:0", signed_value(f"ver:enum|{signature_of(NAME[:-1] + '1')}"))
    assert "is not one of" in await refusal(directory(chain))


async def test_only_configured_verifiers_count(chain: Chain) -> None:
    chain.sign(NAME)
    assert "does not list it" in await refusal(directory(chain, "ver:other"))


# The verifier itself ------------------------------------------------------------------


async def test_an_expired_verifier_does_not_count(chain: Chain) -> None:
    """EmerDNS goes on trusting it."""
    chain.put("ver:enum", "short lived verifier", EXPIRING, expires_in=0)
    chain.sign("enum:15558880000:0")
    assert await level(directory(chain), "15558880000") == "attested"
    chain.put("ver:enum", "short lived verifier", EXPIRING, expires_in=-1)
    assert "absent or has expired" in await refusal(directory(chain), "15558880000")


async def test_a_deleted_verifier_does_not_count_from_the_next_block_on(chain: Chain) -> None:
    """EmerDNS goes on for five minutes."""
    chain.sign(NAME)
    over = directory(chain)
    assert await level(over) == "attested"
    chain.remove("ver:enum")
    assert "absent or has expired" in await refusal(over)


@pytest.mark.parametrize("address", [None, "eP2SHaddress", SEGWIT[:-1] + "q"])
async def test_a_verifier_without_a_single_key(chain: Chain, address: str | None) -> None:
    chain.put("ver:enum", "v", address)
    chain.sign(NAME)
    assert "no P2PKH or P2WPKH" in await refusal(directory(chain))


async def test_a_verifier_that_cannot_be_read(chain: Chain) -> None:
    chain.sign(NAME)
    chain.unreadable.add("ver:enum")
    over = directory(chain)
    assert "verifier's record cannot be read now" in await refusal(over)
    chain.unreadable.clear()
    assert await level(over) == "attested"  # a failure is not kept


async def test_a_pinned_verifier_that_moved(chain: Chain, alerts: list[Alert]) -> None:
    chain.sign(NAME)
    over = directory(chain, f"ver:enum={LEGACY}", alerts=alerts)
    assert await level(over) == "attested"
    chain.put("ver:enum", "stolen", EXPIRING)
    chain.put("enum:15558880000:0", signed_value(f"ver:enum|{signature_of('enum:15558880000:0')}"))
    said = await refusal(over, "15558880000")
    assert f"moved to {EXPIRING}, the settings pin {LEGACY}" in said
    assert "moved" in await refusal(over)
    assert [(alert.kind, alert.name) for alert in alerts] == [
        (AlertKind.VERIFIER_MOVED, "ver:enum")
    ]
    assert "do not count" in alerts[0].detail


async def test_a_pin_holds_from_the_first_look_on(chain: Chain, alerts: list[Alert]) -> None:
    chain.sign(NAME)
    over = directory(chain, f"ver:enum={EXPIRING}", alerts=alerts)
    assert "the settings pin" in await refusal(over)
    assert [alert.kind for alert in alerts] == [AlertKind.VERIFIER_MOVED]


async def test_an_unpinned_verifier_that_moved(chain: Chain, alerts: list[Alert]) -> None:
    chain.sign(NAME)
    over = directory(chain, alerts=alerts)
    assert await level(over) == "attested"
    chain.put("ver:enum", "rotated", EXPIRING)
    assert "is not one of" in await refusal(over)
    chain.sign("enum:15558880000:0")
    assert await level(over, "15558880000") == "attested"
    assert [alert.kind for alert in alerts] == [AlertKind.VERIFIER_MOVED]
    assert f"moved from {LEGACY} to {EXPIRING}" in alerts[0].detail
    assert "count from now on" in alerts[0].detail


async def test_a_verifier_that_was_registered_anew(chain: Chain, alerts: list[Alert]) -> None:
    """Anybody can register a lapsed verifier to its old address, without its SRL line."""
    chain.put("ver:enum", "v", LEGACY, registered_at=10)
    chain.sign(NAME)
    over = directory(chain, f"ver:enum={LEGACY}", alerts=alerts)
    await look_up(over)
    chain.put("ver:enum", "v", LEGACY, registered_at=10)
    await look_up(over)
    assert alerts == []
    chain.put("ver:enum", "v", LEGACY, registered_at=99)
    await look_up(over)
    assert [alert.kind for alert in alerts] == [AlertKind.VERIFIER_REREGISTERED]


# Revocation ---------------------------------------------------------------------------


async def test_a_revoked_name_and_its_neighbour(chain: Chain) -> None:
    chain.sign(f"{ELEVEN}:0", "ver:second")
    chain.sign(f"{ELEVEN}:1", "ver:second")
    over = directory(chain)
    assert await level(over, "17770000011") == "attested"
    chain.put("srl:second-02", f"revoked:\n{ELEVEN}:0")
    record = await look_up(over, "17770000011")
    assert [entry.trust.level.word for entry in record.entries] == ["untrusted", "attested"]
    assert "is revoked in srl:second-02" in record.entries[0].trust.reason


async def test_revoking_ten_does_not_revoke_one(chain: Chain) -> None:
    chain.sign(f"{ELEVEN}:0", "ver:second")
    chain.sign(f"{ELEVEN}:1", "ver:second")
    chain.put("srl:second-03", f"{ELEVEN}:10, {ELEVEN}:11")
    record = await look_up(directory(chain), "17770000011")
    assert [entry.trust.level.word for entry in record.entries] == ["attested"] * 2


async def test_an_expired_list_revokes_nothing(chain: Chain) -> None:
    chain.sign(f"{ELEVEN}:0", "ver:second")
    chain.put("srl:second-02", f"{ELEVEN}:0", expires_in=-1)
    assert await level(directory(chain), "17770000011") == "attested"


async def test_a_list_that_cannot_be_read_fails_closed(chain: Chain) -> None:
    chain.sign(f"{ELEVEN}:0", "ver:second")
    chain.unreadable.add("srl:second-02")
    said = await refusal(directory(chain), "17770000011")
    assert "may be revoked: the list srl:second-02 cannot be read now" in said


async def test_a_malformed_srl_line_fails_closed(chain: Chain) -> None:
    chain.put("ver:second", "SRL=99|srl:%s", SEGWIT)
    chain.sign(f"{ELEVEN}:0", "ver:second")
    assert "may be revoked: its SRL line" in await refusal(directory(chain), "17770000011")


# Replay -------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [str, rewritten], ids=["copied", "rewritten"])
@pytest.mark.parametrize("address", ["EMallory", "EHolder"])
async def test_a_signature_replayed_after_a_lapse(
    chain: Chain, alerts: list[Alert], address: str, change: Any
) -> None:
    """The new registration may even name the old owner's address, and -s instead of s."""
    chain.sign(NAME, registered_at=100)
    over = directory(chain, alerts=alerts)
    assert await level(over) == "attested"
    value = signed_value(f"ver:enum|{change(SIGNATURE)}", uri="sip:mallory@evil.example")
    chain.put(NAME, value, address, registered_at=9000)
    assert "is replayed" in await refusal(over)
    assert "is replayed" in await refusal(over)
    assert [alert.kind for alert in alerts] == [AlertKind.SIGNATURE_REPLAYED]
    assert "first seen with the registration at height 100" in alerts[0].detail


async def test_an_update_is_no_replay(chain: Chain, alerts: list[Alert]) -> None:
    """A plain name_update moves a name to a new address of the same owner."""
    over = directory(chain, alerts=alerts)
    chain.sign(NAME, registered_at=100)
    assert await level(over) == "attested"
    chain.sign(NAME, registered_at=100, address="EHolderToo")
    assert await level(over) == "attested"
    chain.sign(NAME)  # a source that cannot tell
    assert await level(over) == "attested"
    assert alerts == []


async def test_a_ledger_that_outlives_the_process(chain: Chain) -> None:
    ledger = MemorySignatureLedger()
    chain.sign(NAME, registered_at=100)
    assert await level(directory(chain, ledger=ledger)) == "attested"
    chain.sign(NAME, registered_at=9000)
    assert "is replayed" in await refusal(directory(chain, ledger=ledger))
    ledger.rewind(99)
    assert await level(directory(chain, ledger=ledger)) == "attested"


def test_a_ledger_rewinds_only_what_was_undone() -> None:
    ledger = MemorySignatureLedger()
    assert ledger.first_seen("a", b"1", "E1", 10) is None
    assert ledger.first_seen("a", b"2", "E1", None) is None
    assert ledger.first_seen("a", b"3", "E1", 11) is None
    ledger.rewind(10)
    assert ledger.first_seen("a", b"1", "E2", 20) == ("E1", 10)
    assert ledger.first_seen("a", b"2", "E2", 20) == ("E1", None)
    assert ledger.first_seen("a", b"3", "E2", 20) is None


async def test_a_first_sight_without_a_height_proves_nothing(chain: Chain) -> None:
    ledger = MemorySignatureLedger()
    over = directory(chain, ledger=ledger)
    chain.sign(NAME, registered_at=100)
    ledger.first_seen = lambda *_: ("EHolder", None)  # type: ignore[method-assign]
    assert await level(over) == "attested"


# Cost and limits ----------------------------------------------------------------------


async def test_claims_of_nobody_cost_nothing(chain: Chain) -> None:
    chain.put(NAME, "E2U+sip=1|1|!^.*$!sip:a@b!")
    await look_up(directory(chain))
    chain.sign(NAME)
    await look_up(Directory(chain, TrustPolicy()))
    await look_up(directory(chain, "ver:other"))
    assert chain.asked == []


async def test_an_operators_own_source_needs_no_evidence() -> None:
    source = MemorySource({NAME: signed_value(f"ver:enum|{SIGNATURE}").decode()})
    source.entry = None  # type: ignore[assignment, method-assign]
    assert await level(Directory(source, TrustPolicy(verifiers=BOTH))) == "operator"


async def test_names_are_read_once_and_again_after_a_change(chain: Chain) -> None:
    chain.sign(f"{ELEVEN}:0", "ver:second")
    over = directory(chain)
    for _ in range(3):
        await look_up(over, "17770000011")
    assert chain.asked == ["ver:second", "srl:second-02"]
    chain.put("enum:4400:0", "v")
    await look_up(over, "17770000011")
    assert chain.asked == ["ver:second", "srl:second-02"] * 2


async def test_claims_beyond_the_first_few_are_not_looked_at(chain: Chain) -> None:
    others = [f"ver:enum|{signature_of(f'{ELEVEN}:{i}')}" for i in (0, 1)]
    junk = [f"ver:enum|{'A' * i}{WRONG_SIGNATURE[i:]}" for i in range(3, MAX_CLAIMS + 1)]
    assert len(others + junk) == MAX_CLAIMS
    chain.put(NAME, signed_value(*others, *junk, f"ver:enum|{SIGNATURE}"))
    assert "is not one of" in await refusal(directory(chain))
    chain.put(NAME, signed_value(*others, *junk[:-1], f"ver:enum|{SIGNATURE}"))
    assert await level(directory(chain)) == "attested"


async def test_a_number_with_too_many_claims(chain: Chain, monkeypatch: Any) -> None:
    """What was not compared with the ledger does not count."""
    monkeypatch.setattr(nvs.evidence, "MAX_CHECKS", 1)
    chain.sign(NAME)
    chain.sign(NAME[:-1] + "1")
    record = await look_up(directory(chain))
    assert [entry.trust.level.word for entry in record.entries] == ["attested", "untrusted"]
    assert "has not been checked, as there are too many" in record.entries[1].trust.reason


async def test_without_evidence_nothing_is_attested(chain: Chain) -> None:
    entry = Entry(NAME, signed_value(f"ver:enum|{SIGNATURE}"))
    record = assemble(Reading(NUMBER, (entry,), "rpc"), TrustPolicy(verifiers=BOTH))
    assert record is not None
    assert record.trust.level is TrustLevel.UNTRUSTED


async def test_an_old_copy_is_still_attested_but_not_an_operators(chain: Chain) -> None:
    policy = TrustPolicy((Owner("EHolder", "t", ("+1777",)),), BOTH, max_age=60.0)
    over = Directory(chain, policy)
    chain.sign(NAME)
    assert await level(over) == "operator"
    read = chain.read

    async def stale(digits: str) -> Reading:
        reading = await read(digits)
        return Reading(reading.digits, reading.entries, "rpc", stale_seconds=61.0)

    chain.read = stale  # type: ignore[method-assign]
    record = await look_up(over)
    assert record.trust.level is TrustLevel.ATTESTED
    assert "61 s old" in record.trust.reason
