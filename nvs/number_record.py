"""The model every value format becomes.

An `Entry` is one NVS name as a source read it. `parse_entry` turns its value
into a `ParsedEntry` (what it says, and every problem found). The entries of one
number, each with its own trust, make a `NumberRecord`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from nvs.consent import Consent

DEFAULT_TTL = 3600
"""Seconds, for records that state none (DESIGN: JSON formats)."""

ENUMER_DEFAULT_TTL = 86400
"""Seconds, for ENUMER values without `TTL=`, as EmerDNS has it."""


class TrustLevel(IntEnum):
    """How far an entry is believed; ordered, so that the highest present wins."""

    UNTRUSTED = 0
    ATTESTED = 1
    OPERATOR = 2

    @property
    def word(self) -> str:
        """The lower-case word used in every interface."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Trust:
    """A level and the sentence that explains it; `tenant` only at operator level.

    Attributes:
        unsigned: a listed owner's name whose value the owner did not sign.
    """

    level: TrustLevel
    reason: str
    tenant: str | None = None
    unsigned: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One live NVS name as its source read it.

    Attributes:
        name: canonical NVS name (ASCII).
        value: raw octets as on the chain, hostile input.
        address: owner address, None where the source has no owners.
        expires_in: blocks until expiry, None where nothing expires.
        registered_at: height of the registration (`name_new`) that still runs,
            None where the source cannot tell.
        txid: transaction that set the value, None where the source does not say.
        consent: whether the owner signed that transaction, as far as the source
            looked already.
    """

    name: str
    value: bytes
    address: str | None = None
    expires_in: int | None = None
    registered_at: int | None = None
    txid: str | None = field(default=None, compare=False)
    consent: Consent = Consent.NOT_ASKED


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a value: where (`field`), and what was expected.

    `field` is an ENUMER line (`line 3`) or a JSON path (`$.voice[1].uri`).
    """

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Service:
    """One ENUM service of a number, ready to be one NAPTR record.

    Attributes:
        service: enumservice field, e.g. `E2U+sip` (RFC 6116 section 3.4.3).
        regexp: substitution expression, at most 255 octets, valid.
        uri: the URI a client arrives at, None where the regexp is not plain.
        order, preference: 0..65535, or both None when the record leaves them
            to us (one ORDER of 100, PREFERENCE in steps of 10).
    """

    service: str
    regexp: str
    uri: str | None
    order: int | None = None
    preference: int | None = None


@dataclass(frozen=True, slots=True)
class SmsRoute:
    """Which gateway carries a number's SMS.

    Attributes:
        gateway: the record's word: a configured gateway's name, or a provider.
        number: `+E.164` that takes the SMS, None for the record's own number.
        forward_to: where the owner wants inbound messages (mail, number, URL).
        webhook: owner's inbound webhook URL, not yet checked in any way.
    """

    gateway: str
    number: str | None = None
    forward_to: tuple[str, ...] = ()
    webhook: str | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """One `SIG=verifier|base64` claim; not verified here."""

    verifier: str
    signature: str


@dataclass(frozen=True, slots=True)
class ParsedEntry:
    """What one value says. Never raises: what is wrong stands in `problems`.

    Attributes:
        format: `enumer`, `regexp`, `voice-sms`, `voice-sms-object`, `flat`,
            `naptr-rows`, `superset`, or `unknown` when nothing could be read.
        ttl: seconds, with the format's default filled in.
    """

    name: str
    format: str
    services: tuple[Service, ...] = ()
    sms: SmsRoute | None = None
    ttl: int = DEFAULT_TTL
    signatures: tuple[Signature, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class AssessedEntry:
    """An entry, what it says, and how far it is trusted."""

    entry: Entry
    parsed: ParsedEntry
    trust: Trust


@dataclass(frozen=True, slots=True)
class NumberRecord:
    """Everything known about one number.

    `services`, `sms` and `ttl` come only from the entries of the highest trust
    level present, so an untrusted entry can never join a trusted one.

    Attributes:
        number: `+E.164`.
        entries: every live entry in reading order (e164.arpa name, then `:0..:n`).
        services: merged, duplicates dropped, order and preference filled in.
        sms: route of the first entry that names one, with its number filled in.
        ttl: seconds, the least of the merged entries.
        source: word of the source (`file`, `rpc`, `memory`), or `tollfree`.
        height: chain height of the reading, None where there is no chain.
        stale_seconds: age of a copy served because the node is down, else 0.
    """

    number: str
    entries: tuple[AssessedEntry, ...]
    trust: Trust
    services: tuple[Service, ...]
    sms: SmsRoute | None
    ttl: int
    source: str
    height: int | None = None
    stale_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source returned for one number: its live entries in reading order.

    Attributes:
        source_trust: level every entry of this source starts from.
        stale_seconds: > 0 when the copy was kept from before an outage.
    """

    digits: str
    entries: tuple[Entry, ...]
    source: str
    source_trust: TrustLevel = TrustLevel.UNTRUSTED
    height: int | None = None
    stale_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """A source's health for `/readyz`, the start log and `lookup`.

    Attributes:
        ok: the last read worked and nothing is being held back.
        detail: one sentence, empty when all is well; never a secret.
        facts: figures such as `names`, `skipped_names`, `height`.
    """

    source: str
    ok: bool
    detail: str = ""
    facts: Mapping[str, int | str | None] = field(default_factory=dict)
