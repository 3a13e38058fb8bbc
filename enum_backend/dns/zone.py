"""Zones: which name is which number, and a number's records as DNS RRsets.

Below an apex a number is its digits, reversed, a label each (RFC 6116 section
3.2). Country delegations are zones too: below `4.4.e164.arpa` every number
starts with 44, so the digits an apex begins with belong to the number.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

import dns.exception
import dns.name
import dns.rdata
from dns.rdataclass import IN
from dns.rdatatype import NAPTR, NS, SOA, RdataType
from dns.rrset import RRset, from_rdata

from nvs.number_record import Service

Labels = tuple[bytes, ...]
"""Labels in lower case, most specific first, without the root."""

MAX_TTL = 2**31 - 1
"""Seconds; more would be taken for 0 (RFC 2181 section 8)."""

_DEFAULT_ORDER = 100
_DEFAULT_PREFERENCE = 10


@dataclass(frozen=True, slots=True)
class Zone:
    """One zone we are authoritative for.

    Attributes:
        apex: domain name, e.g. `e164.arpa`; a final dot makes no difference.
        undotted: also read labels of several digits, as EmerDNS does
            (`4321555.5141.enum`): the digits of all labels, right to left.
        nameservers: host names for NS, the first one for SOA MNAME. None given
            means the apex itself, as for other locally served zones (RFC 6303 section 3).
        hostmaster: mailbox for SOA RNAME, as a domain name or with `@`.
        refresh, retry, expire: seconds, SOA timers for secondaries.
        negative_ttl: seconds a "no" may be kept: SOA MINIMUM (RFC 2308 section 4).
        soa_ttl, ns_ttl: seconds, TTLs of the apex records.

    Raises:
        ValueError: a name is none, the apex is the root, or a time is out of range.
    """

    apex: str
    undotted: bool = False
    nameservers: Sequence[str] = ()
    hostmaster: str = "nobody.invalid."
    refresh: int = 3600
    retry: int = 600
    expire: int = 604800
    negative_ttl: int = 300
    soa_ttl: int = 3600
    ns_ttl: int = 3600
    name: dns.name.Name = field(init=False)
    labels: Labels = field(init=False)
    prefix: str = field(init=False)

    def __post_init__(self) -> None:
        name = _name("apex", self.apex)
        labels = name.canonicalize().labels[:-1]
        if not labels:
            raise ValueError("zone: apex must not be the root")
        for timer in ("refresh", "retry", "expire", "negative_ttl", "soa_ttl", "ns_ttl"):
            if not 0 <= getattr(self, timer) <= MAX_TTL:
                raise ValueError(f"zone {self.apex}: {timer} is not 0 to {MAX_TTL} seconds")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "prefix", _leading_digits(labels))
        self.soa(1)  # so that a wrong host name shows now, not at the first query
        self.ns()

    def digits(self, labels: Labels) -> str | None:
        """Digits of a name at or below the apex, country code first; None if it is no number.

        `3.2.1.e164.arpa` -> `123`; the apex itself -> `` or its own digits.
        """
        relative = labels[: len(labels) - len(self.labels)]
        for label in relative:
            # bytes.isdigit is ASCII only
            if not label.isdigit() or (len(label) > 1 and not self.undotted):
                return None
        return self.prefix + b"".join(relative).decode()[::-1]

    def owner(self, digits: str) -> dns.name.Name:
        """The dotted owner name of a number's digits; inverse of `digits`.

        Raises:
            ValueError: the number is outside the zone's own digits.
        """
        if not digits.startswith(self.prefix):
            raise ValueError(f"zone {self.apex}: numbers start with {self.prefix}")
        below = digits[len(self.prefix) :]
        return dns.name.Name([d.encode() for d in reversed(below)] + [*self.name.labels])

    def soa(self, serial: int, *, negative: bool = False) -> RRset:
        """The SOA; in a negative answer its TTL is at most MINIMUM (RFC 2308 section 3)."""
        timers = (self.refresh, self.retry, self.expire, self.negative_ttl)
        rdata = _rdata(
            SOA,
            _octets(self._hosts()[0]),
            _octets(_mailbox(self.hostmaster)),
            struct.pack("!5I", serial & 0xFFFFFFFF, *timers),
        )
        ttl = min(self.soa_ttl, self.negative_ttl) if negative else self.soa_ttl
        return from_rdata(self.name, ttl, rdata)

    def ns(self) -> RRset:
        """The apex's name servers."""
        rdatas = [_rdata(NS, _octets(host)) for host in self._hosts()]
        return from_rdata(self.name, self.ns_ttl, *rdatas)

    def _hosts(self) -> list[dns.name.Name]:
        return [_name("nameserver", host) for host in self.nameservers] or [self.name]


class Zones:
    """Several zones; of nested ones the most specific is the one that answers."""

    def __init__(self, zones: Iterable[Zone]) -> None:
        """Raises ValueError when two zones have the same apex."""
        self._by_labels: dict[Labels, Zone] = {}
        self._above: set[Labels] = set()
        for zone in zones:
            if zone.labels in self._by_labels:
                raise ValueError(f"zone {zone.apex}: configured twice")
            self._by_labels[zone.labels] = zone
            self._above.update(zone.labels[cut:] for cut in range(1, len(zone.labels)))

    def __iter__(self) -> Iterator[Zone]:
        return iter(self._by_labels.values())

    def find(self, labels: Labels) -> Zone | None:
        """The zone a name belongs to, None outside of all."""
        for cut in range(len(labels)):
            if zone := self._by_labels.get(labels[cut:]):
                return zone
        return None

    def above_another(self, labels: Labels) -> bool:
        """Whether another zone's apex lies below the name.

        Such a name exists even without records: NXDOMAIN would deny the whole
        other zone to resolvers that follow RFC 8020.
        """
        return labels in self._above


def naptr_rrset(owner: dns.name.Name, services: Iterable[Service], ttl: int) -> RRset:
    """Services -> NAPTR records by order, then preference; flag `u`, replacement root.

    Args:
        owner: the name asked for.
        services: at least one, each with a regexp of at most 255 octets.
        ttl: seconds, brought into 0..2**31-1.

    Raises:
        ValueError, struct.error: a text over 255 octets, a number over 65535.
    """
    ranked = sorted(((_rank(s), s) for s in services), key=itemgetter(0))
    rdatas = [
        _rdata(
            NAPTR,
            struct.pack("!HH", *rank),
            _text("u"),
            _text(service.service),
            _text(service.regexp),
            _octets(dns.name.root),
        )
        for rank, service in ranked
    ]
    return from_rdata(owner, max(0, min(ttl, MAX_TTL)), *rdatas)


def _rank(service: Service) -> tuple[int, int]:
    order = _DEFAULT_ORDER if service.order is None else service.order
    return order, _DEFAULT_PREFERENCE if service.preference is None else service.preference


def _text(text: str) -> bytes:
    """A character-string, at most 255 octets (RFC 1035 section 3.3)."""
    octets = text.encode()
    return bytes((len(octets),)) + octets


def _octets(name: dns.name.Name) -> bytes:
    return b"".join(bytes((len(label),)) + label for label in name.labels)


def _rdata(rdtype: RdataType, *parts: bytes) -> dns.rdata.Rdata:
    """Through dnspython's reader, which checks what was put together."""
    wire = b"".join(parts)
    return dns.rdata.from_wire(IN, rdtype, wire, 0, len(wire))


def _name(what: str, text: str) -> dns.name.Name:
    try:
        return dns.name.from_text(text)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f"zone: {what} {text!r} is not a domain name: {error}") from error


def _mailbox(text: str) -> dns.name.Name:
    """`dns.admin@example.org` -> `dns\\.admin.example.org.` (RFC 1035 section 8)."""
    local, at, domain = text.rpartition("@")
    if not at:
        return _name("hostmaster", text)
    escaped = local.replace("\\", "\\\\").replace(".", "\\.")
    return _name("hostmaster", f"{escaped}.{domain}")


def _leading_digits(labels: Labels) -> str:
    digits = ""
    for label in labels:
        if len(label) != 1 or not label.isdigit():
            break
        digits = label.decode() + digits
    return digits
