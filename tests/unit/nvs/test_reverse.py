"""From a number to the operator records whose SMS goes there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nvs.consent import Consent
from nvs.directory import Directory
from nvs.errors import InvalidNumber, NvsUnavailable
from nvs.number_record import Entry, Reading, TrustLevel
from nvs.reverse import records_of_sms
from nvs.rpc_source import RpcSource
from nvs.sources import FileSource, MemorySource
from nvs.trust import Owner, TrustPolicy

TO = "+14155550000"
OURS, THEIRS = "EOursAddress", "ETheirsAddress"
POLICY = TrustPolicy(
    owners=(Owner(OURS, "acme", ("+1",)), Owner(THEIRS, "other", ("+1",))), require_signer="never"
)


def chain(**changes: Any) -> tuple[MemorySource, Directory]:
    source = MemorySource(trust=TrustLevel.UNTRUSTED)
    return source, Directory(source, replace(POLICY, **changes))


async def claims(directory: Directory, number: str = TO) -> list[tuple[str, str | None]]:
    return [(r.number, r.trust.tenant) for r in await records_of_sms(directory, number)]


async def test_every_format_that_names_an_sms_number() -> None:
    source, directory = chain()
    source.put("enum:14155550001:0", {"sms": f"telnyx:{TO}"}, OURS)
    source.put("enum:14155550002:0", {"sms": {"provider": "telnyx", "number": TO}}, OURS)
    source.put("enum:14155550003:0", {"sms_provider": "telnyx", "sms_number": TO}, THEIRS)
    source.put("enum:14155550004:0", '{"sms":"telnyx:\\u002b1415555\\u0030000"}', OURS)
    source.put("enum:14155550000:0", {"sms": {"provider": "telnyx"}}, OURS)
    source.put("enum:14155550005:0", {"sms": "telnyx:+14155550009"}, OURS)
    source.put("enum:14155550006:0", {"voice": f"sip:{TO}@pbx.example"}, OURS)
    assert await claims(directory) == [
        ("+14155550000", "acme"),
        ("+14155550001", "acme"),
        ("+14155550002", "acme"),
        ("+14155550003", "other"),
        ("+14155550004", "acme"),
    ]


async def test_strangers_claim_nothing() -> None:
    source, directory = chain()
    source.put("enum:14155550001:0", {"sms": f"telnyx:{TO}"}, "EStranger")
    source.put("enum:14155550000:0", {"sms": {"provider": "telnyx"}}, "EStranger")
    source.put("enum:44155550001:0", {"sms": f"telnyx:{TO}"}, OURS)
    assert await claims(directory) == []


async def test_nobody_takes_a_number_outside_the_own_prefixes() -> None:
    owners = (Owner(OURS, "acme", ("+141555500",)), Owner(THEIRS, "other", ("+1415556",)))
    source, directory = chain(owners=owners)
    source.put("enum:14155560001:0", {"sms": f"telnyx:{TO}"}, THEIRS)
    assert await claims(directory) == []
    source.put("enum:14155550001:0", {"sms": f"telnyx:{TO}"}, OURS)
    assert await claims(directory) == [("+14155550001", "acme")]
    # The number is inside a prefix of the same address, but for another tenant.
    owners = (*owners, Owner(THEIRS, "third", ("+14155550",)))
    source, directory = chain(owners=owners)
    source.put("enum:14155560001:0", {"sms": f"telnyx:{TO}"}, THEIRS)
    assert await claims(directory) == []


async def test_a_number_whose_own_record_sends_elsewhere_or_nowhere() -> None:
    source, directory = chain()
    source.put("enum:14155550000:0", {"sms": "telnyx:+14155550009"}, OURS)
    assert await claims(directory) == []
    source.put("enum:14155550000:0", {"voice": "sip:a@pbx.example"}, OURS)
    assert await claims(directory) == []


async def test_the_entry_that_names_the_number_must_speak_for_it() -> None:
    owners = (Owner(OURS, "acme", ("+14155560",)), Owner(THEIRS, "acme", ("+1415555", "+1415556")))
    source, directory = chain(owners=owners)
    source.put("enum:14155560001:0", {"sms": f"telnyx:{TO}"}, OURS)
    source.put("enum:14155560001:1", {"sms": f"telnyx:{TO}"}, THEIRS)
    assert await claims(directory) == []
    source.put("enum:14155560001:0", {"voice": "sip:a@pbx.example"}, OURS)
    assert await claims(directory) == [("+14155560001", "acme")]


async def test_the_operators_own_source_may_name_any_number() -> None:
    source = MemorySource(trust=TrustLevel.OPERATOR)
    directory = Directory(source, replace(POLICY, owners=(Owner(OURS, "acme", ("+14155560",)),)))
    source.put("enum:14155560001:0", {"sms": f"telnyx:{TO}"}, OURS)
    assert await claims(directory) == [("+14155560001", "acme")]


async def test_a_strangers_entry_beside_the_owners_changes_nothing() -> None:
    source, directory = chain()
    source.put("enum:14155550001:0", {"sms": f"telnyx:{TO}"}, OURS)
    source.put("enum:14155550001:1", {"sms": "telnyx:+14155550009"}, "EStranger")
    assert await claims(directory) == [("+14155550001", "acme")]
    source.put("enum:14155550001:0", {"sms": "telnyx:+14155550009"}, OURS)
    assert await claims(directory) == []


async def test_records_that_come_change_and_go() -> None:
    source, directory = chain()
    assert await claims(directory) == []
    source.put("enum:14155550001:0", {"sms": f"telnyx:{TO}"}, OURS)
    assert await claims(directory) == [("+14155550001", "acme")]
    source.put("enum:14155550001:0", {"sms": f"telnyx:{TO}"}, THEIRS)
    assert await claims(directory) == [("+14155550001", "other")]
    source.put("enum:14155550001:0", {"sms": f"telnyx:{TO}"}, THEIRS, expires_in=-1)
    assert await claims(directory) == []
    source.put("enum:14155550001:0", {"sms": f"telnyx:{TO}"}, THEIRS)
    source.remove("enum:14155550001:0")
    assert await claims(directory) == []


async def test_a_file_is_the_operators_own(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    path.write_text(
        '{"enum:14155550001:0": {"sms": "telnyx:+14155550000"},'
        f' "enum:14155550002:0": {{"value": {{"sms": "telnyx:{TO}"}}, "address": "{OURS}"}}}}'
    )
    directory = Directory(FileSource(path), POLICY)
    assert await claims(directory) == [("+14155550001", "default"), ("+14155550002", "acme")]
    assert directory.source.names_of_sms("14155550000")
    untrusted = Directory(FileSource(path, trust=TrustLevel.UNTRUSTED), POLICY)
    assert await claims(untrusted) == [("+14155550002", "acme")]


class Old(MemorySource):
    """A copy of the chain of an age."""

    stale = 0.0

    async def read(self, digits: str) -> Reading:
        return replace(await super().read(digits), stale_seconds=self.stale)


async def test_an_old_copy_tells_nothing() -> None:
    source = Old(trust=TrustLevel.UNTRUSTED)
    source.put("enum:14155550001:0", {"sms": f"telnyx:{TO}"}, OURS)
    directory = Directory(source, POLICY)
    source.stale = POLICY.max_age
    assert await claims(directory) == [("+14155550001", "acme")]
    source.stale = POLICY.max_age + 1
    with pytest.raises(NvsUnavailable, match="older"):
        await claims(directory)
    assert await claims(Directory(source, TrustPolicy())) == []


class Unread(MemorySource):
    """Whether owners signed cannot be read."""

    consent = Consent.UNREAD

    async def read(self, digits: str) -> Reading:
        reading = await super().read(digits)
        entries = tuple(replace(entry, consent=self.consent) for entry in reading.entries)
        return replace(reading, entries=entries)


async def test_a_signer_that_cannot_be_read_may_be_the_owner() -> None:
    source = Unread(trust=TrustLevel.UNTRUSTED)
    source.put("enum:14155550001:0", {"sms": f"telnyx:{TO}"}, OURS)
    directory = Directory(source, replace(POLICY, require_signer="when_known"))
    with pytest.raises(NvsUnavailable, match="signed"):
        await claims(directory)
    source.consent = Consent.UNSIGNED
    assert await claims(directory) == []
    source.consent = Consent.SIGNED
    assert await claims(directory) == [("+14155550001", "acme")]


async def test_a_live_node_knows_the_number_s_own_record_only() -> None:
    class Node(RpcSource):
        def __init__(self) -> None:
            pass

        async def read(self, digits: str) -> Reading:
            entries = {
                "14155550000": (
                    Entry("enum:14155550000:0", b'{"sms":{"provider":"telnyx"}}', OURS),
                ),
                "14155550001": (
                    Entry("enum:14155550001:0", b'{"sms":"telnyx:+14155550000"}', OURS),
                ),
            }
            return Reading(digits, entries.get(digits, ()), "rpc")

    assert await claims(Directory(Node(), POLICY)) == [("+14155550000", "acme")]


async def test_numbers_that_are_none() -> None:
    with pytest.raises(InvalidNumber):
        await claims(chain()[1], "Sender")


async def test_a_record_that_is_gone_by_now_claims_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, directory = chain()
    source.put("enum:14155550001:0", {"sms": f"telnyx:{TO}"}, OURS)

    async def gone(number: str) -> None:
        return None

    monkeypatch.setattr(directory, "record", gone)
    assert await claims(directory) == []
