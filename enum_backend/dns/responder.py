"""From a query's octets to the answer's: the authoritative server without its sockets.

Three steps, of which only the middle one waits for anything:

1. `parse` reads the packet, `locate` finds the zone and the number it asks for.
2. the directory reads the number's record.
3. `answer` writes what was found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

import dns.name
import dns.rcode
import structlog
from dns.rrset import RRset

from enum_backend.dns.edns import MIN_PAYLOAD, UDP_PAYLOAD
from enum_backend.dns.wire import (
    ANY,
    AXFR,
    IXFR,
    NAPTR,
    NS,
    SOA,
    Query,
    Transport,
    answer_limit,
    parse,
    render,
)
from enum_backend.dns.zone import Zone, Zones, naptr_rrset
from nvs.errors import NvsUnavailable
from nvs.names import MAX_DIGITS, MIN_DIGITS
from nvs.naptr import published
from nvs.number_record import NumberRecord, Service, TrustLevel

Publish = Literal["trusted", "all"]

STALE_TTL = 30
"""Seconds: the most a copy kept from before an outage may be cached (RFC 8767 section 5)."""

_IN = 1
_META_TYPES = range(128, 256)

_log = structlog.get_logger("enum_backend.dns")


class Prefixes(Protocol):
    """The part of `nvs.sources.RecordSource` that needs no waiting."""

    @property
    def knows_prefixes(self) -> bool: ...
    @property
    def generation(self) -> int: ...
    def has_longer(self, digits: str) -> bool: ...


class Records(Protocol):
    """The part of `nvs.directory.Directory` that answers need."""

    @property
    def source(self) -> Prefixes: ...
    async def record(self, number: str) -> NumberRecord | None: ...
    def may_answer_any(self, digits: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where in our zones a query points.

    Attributes:
        digits: the number or the beginning of one; empty at most apexes; None
            for a name that can be no number.
        apex: the name is the zone's own.
        above_another: the name exists because another zone of ours lies below it.
    """

    zone: Zone
    digits: str | None
    apex: bool
    above_another: bool

    @property
    def number(self) -> str | None:
        """`+E.164` if a record can have this name."""
        if self.digits is None or not MIN_DIGITS <= len(self.digits) <= MAX_DIGITS:
            return None
        return "+" + self.digits


@dataclass(frozen=True, slots=True)
class LookupResult:
    """What there is at a place.

    Attributes:
        serial: the SOA's.
        exists: False is NXDOMAIN; True without services is NODATA for NAPTR.
        services: what to publish, order and preference filled in.
        ttl: seconds, of the services.
    """

    zone: Zone
    serial: int
    exists: bool
    apex: bool = False
    services: tuple[Service, ...] = ()
    ttl: int = 0


class Responder:
    """Answers queries for some zones out of a directory of number records.

    Args:
        directory: normally a `nvs.directory.Directory`.
        zones: those we are authoritative for.
        publish: `trusted` hides records nobody vouches for, `all` shows them.
        udp_payload: octets of the largest UDP answer, also announced in OPT.
        lookup_timeout: seconds until a look-up that hangs becomes SERVFAIL; kept
            below the 5 seconds after which resolvers commonly ask again.

    Raises:
        ValueError: two zones with one apex, or a UDP payload below 512.
    """

    def __init__(
        self,
        directory: Records,
        zones: Iterable[Zone],
        publish: Publish = "trusted",
        udp_payload: int = UDP_PAYLOAD,
        lookup_timeout: float = 3.0,
    ) -> None:
        if not MIN_PAYLOAD <= udp_payload <= 65535:
            raise ValueError(f"udp_payload: {udp_payload} is not {MIN_PAYLOAD} to 65535 octets")
        self._directory = directory
        self._zones = Zones(zones)
        self._publish: Publish = publish
        self._udp_payload = udp_payload
        self._lookup_timeout = lookup_timeout

    async def respond(self, wire: bytes, *, transport: Transport) -> bytes | None:
        """A packet -> the answer's octets, or None to stay silent. Never raises but on cancel.

        A failed look-up is SERVFAIL, never "no such number": negative answers
        are cached and would outlast the outage.
        """
        query = parse(wire, self._udp_payload)
        if not isinstance(query, Query):
            return query
        limit = answer_limit(query, transport, self._udp_payload)
        place = locate(query, self._zones)
        if not isinstance(place, Place):
            return render(query, place, udp_payload=self._udp_payload)
        try:
            async with asyncio.timeout(self._lookup_timeout):
                result = await self._look_up(place)
            return answer(query, result, limit=limit, udp_payload=self._udp_payload)
        except NvsUnavailable:
            _log.debug("dns.record_unavailable")
        except Exception as error:
            # Neither name nor message: both may hold the phone number.
            _log.warning("dns.lookup_failed", error=type(error).__name__)
            _log.debug("dns.lookup_failed", exc_info=True)
        return render(query, dns.rcode.SERVFAIL, udp_payload=self._udp_payload)

    async def _look_up(self, place: Place) -> LookupResult:
        number = place.number
        record = None if number is None else await self._directory.record(number)
        open_ended = place.digits is not None and self._directory.may_answer_any(place.digits)
        return judge(place, record, self._directory.source, self._publish, open_ended=open_ended)


def locate(query: Query, zones: Zones) -> Place | int:
    """Zone and number a query points to, or the response code that refuses it.

    * REFUSED: outside our zones; any class but IN, as NSD does for CH and NONE
      (class ANY too: RFC 8906 wants an answer, any of them will do, and one zone
      in one class has nothing to choose from); AXFR and IXFR.
    * NOTIMP: the other meta-types 128 to 254 (MAILA, MAILB, TKEY, unassigned ones),
      as BIND has it: they are requests for something to be done, not for data.
    """
    zone = zones.find(query.labels)
    if query.qclass != _IN or zone is None or query.qtype in (AXFR, IXFR):
        return dns.rcode.REFUSED
    if query.qtype in _META_TYPES and query.qtype != ANY:
        return dns.rcode.NOTIMP
    return Place(
        zone,
        digits=zone.digits(query.labels),
        apex=query.labels == zone.labels,
        above_another=zones.above_another(query.labels),
    )


def judge(
    place: Place,
    record: NumberRecord | None,
    source: Prefixes,
    publish: Publish,
    *,
    open_ended: bool = False,
) -> LookupResult:
    """What exists at a place, given its record.

    A record that may be published makes its name exist, even if no service of
    it is valid. All other names exist if something lies below them. A source that
    cannot tell gets the benefit of the doubt for every name of digits alone
    (compare RFC 9824: NODATA is always safe), and so do names that rules may answer
    which nobody can list (`open_ended`: toll-free patterns).
    """
    serial = source.generation
    if record is not None and (publish == "all" or record.trust.level >= TrustLevel.ATTESTED):
        ttl = min(record.ttl, STALE_TTL) if record.stale_seconds > 0 else record.ttl
        services = published(record, publish)
        return LookupResult(place.zone, serial, True, place.apex, services, ttl)
    exists = place.apex or place.above_another
    if not exists and place.digits is not None:
        unsure = open_ended or not source.knows_prefixes
        exists = unsure or source.has_longer(place.digits)
    return LookupResult(place.zone, serial, exists, place.apex)


def answer(
    query: Query,
    result: LookupResult,
    *,
    limit: int = MIN_PAYLOAD,
    udp_payload: int = UDP_PAYLOAD,
) -> bytes:
    """The authoritative answer's octets: records, or SOA with NODATA or NXDOMAIN.

    ANY gets one RRset (RFC 8482 section 4.1): NAPTR for a number, SOA at an apex.
    A name that owns nothing is NODATA for ANY as well; a made-up HINFO would
    only be a lie to cache.

    Args:
        limit: octets; above it the answer is truncated (UDP).
        udp_payload: octets, announced in OPT.
    """
    rrset = _rrset(query, result)
    return render(
        query,
        dns.rcode.NOERROR if result.exists else dns.rcode.NXDOMAIN,
        authoritative=True,
        answer=() if rrset is None else (rrset,),
        authority=() if rrset is not None else (result.zone.soa(result.serial, negative=True),),
        limit=limit,
        udp_payload=udp_payload,
    )


def _rrset(query: Query, result: LookupResult) -> RRset | None:
    if result.apex and query.qtype in (SOA, ANY):
        return result.zone.soa(result.serial)
    if result.apex and query.qtype == NS:
        return result.zone.ns()
    if result.services and query.qtype in (NAPTR, ANY):
        owner = dns.name.Name([*query.labels, b""])
        return naptr_rrset(owner, result.services, result.ttl)
    return None
