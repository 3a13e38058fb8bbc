"""DNS messages as octets (RFC 1035 section 4): reading queries, writing answers.

Only the standard library is used for reading, so that a hostile packet meets
nothing but this file. Reading never raises; its work is linear in the packet.

What real servers do was compared with NSD 4.6; where this differs, it says so.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import dns.rcode
from dns.rrset import RRset

from enum_backend.dns.edns import MIN_PAYLOAD, OPT, UDP_PAYLOAD, Edns, read_opt, write_opt

Transport = Literal["udp", "tcp"]

TCP_LIMIT = 65535
"""Octets of the largest message the two-octet length prefix of TCP can announce."""

NAPTR, SOA, NS, HEADER_OCTETS = 35, 6, 2, 12
TSIG, IXFR, AXFR, ANY = 250, 251, 252, 255

_QR, _AA, _TC, _RD, _CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0010
_OPCODE = 0x7800
_UPDATE = 5 << 11
_HEADER = struct.Struct("!HHHHHH")
_QUESTION = struct.Struct("!HH")
_RR = struct.Struct("!HHIH")
_MAX_NAME = 255
_MAX_LABEL = 63

_QTYPE_TEXTS = {NAPTR: "NAPTR", SOA: "SOA", NS: "NS"}
_RCODE_TEXTS = {
    int(rcode): rcode.name
    for rcode in (
        dns.rcode.NOERROR,
        dns.rcode.FORMERR,
        dns.rcode.SERVFAIL,
        dns.rcode.NXDOMAIN,
        dns.rcode.NOTIMP,
        dns.rcode.REFUSED,
        dns.rcode.BADVERS,
    )
}


class _Malformed(Exception):
    """The octets are no DNS message; never leaves this module."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query as read from the wire.

    Attributes:
        id: 16 bits, echoed.
        flags: the header's second 16 bits as received.
        question: name, type and class exactly as received (the case of letters
            is echoed: "0x20"); empty when there is none to echo.
        labels: the name's labels in lower case, without the root.
        edns: None when the query has no OPT.
    """

    id: int
    flags: int
    question: bytes = b""
    labels: tuple[bytes, ...] = ()
    qtype: int = 0
    qclass: int = 0
    edns: Edns | None = None

    @property
    def name_octets(self) -> int:
        """Length of the question's name on the wire."""
        return len(self.question) - _QUESTION.size


@dataclass(frozen=True, slots=True)
class _Message:
    query: Query
    counts: tuple[int, int, int]  # question, answer, authority
    opts: int
    misplaced_opt: bool


def parse(wire: bytes, udp_payload: int = UDP_PAYLOAD) -> Query | bytes | None:
    """A packet -> the query to answer, or the finished error answer, or None.

    None means silence: the packet is shorter than a header, or is itself a
    response (answering one invites loops). Errors are answered thus:

    * NOTIMP: any opcode but QUERY, NOTIFY and UPDATE among them (RFC 8906 section 3.1.4).
    * FORMERR with nothing but a header: the packet ends early, goes on after its
      last record (NSD lets that pass), or has a name that cannot be one.
    * FORMERR: a question count other than 1 (RFC 9619); records in the answer
      section, or in the authority section of anything but IXFR, as in NSD; two
      OPTs, an OPT whose owner is not the root or whose options do not add up
      (RFC 6891); OPT or TSIG, which no name can own, as query type.
    * BADVERS: an EDNS version above 0.

    Bits that mean nothing in a query (AA, TC, RA, Z, AD, the response code) and
    additional records other than OPT (TSIG, SIG(0)) are ignored, RFC 8906 section 3.
    """
    if len(wire) < HEADER_OCTETS:
        return None
    ident, flags, *_ = _HEADER.unpack_from(wire)
    if flags & _QR:
        return None
    try:
        message = _read(wire)
    except (_Malformed, IndexError, struct.error):
        rcode = dns.rcode.NOTIMP if flags & _OPCODE else dns.rcode.FORMERR
        return render(Query(ident, flags), rcode, udp_payload=udp_payload)
    fault = _fault(message)
    if fault is None:
        return message.query
    return render(message.query, fault, udp_payload=udp_payload)


def answer_limit(query: Query, transport: Transport, udp_payload: int = UDP_PAYLOAD) -> int:
    """Octets the answer may have: 65535 on TCP; 512, or what client and we agree on, on UDP."""
    if transport == "tcp":
        return TCP_LIMIT
    return MIN_PAYLOAD if query.edns is None else min(query.edns.payload, udp_payload)


def render(
    query: Query,
    rcode: int,
    *,
    authoritative: bool = False,
    answer: Iterable[RRset] = (),
    authority: Iterable[RRset] = (),
    limit: int = MIN_PAYLOAD,
    udp_payload: int = UDP_PAYLOAD,
) -> bytes:
    """The answer's octets: header, question, records, and OPT if the query had one.

    Every record's owner has to be the question's name or an ancestor of it, so
    that it is always one compression pointer. An answer over `limit` keeps no
    record at all and says TC on UDP; TCP has nowhere to send the client, so
    SERVFAIL it is (some 200 services of full length would be needed).
    """
    answers, authorities = _records(query, answer), _records(query, authority)
    opt = b"" if query.edns is None else write_opt(query.edns, rcode, udp_payload)
    flags = _QR | query.flags & (_OPCODE | _RD | _CD) | (_AA if authoritative else 0)
    parts = [query.question, *answers, *authorities, opt]
    if HEADER_OCTETS + sum(map(len, parts)) > limit:
        if limit == TCP_LIMIT:
            return render(query, dns.rcode.SERVFAIL, udp_payload=udp_payload)
        answers, authorities = [], []
        flags |= _TC
        parts = [query.question, opt]
    header = _HEADER.pack(
        query.id,
        flags | rcode & 0xF,
        1 if query.question else 0,
        len(answers),
        len(authorities),
        1 if opt else 0,
    )
    return b"".join((header, *parts))


def outcome(answer: bytes) -> tuple[str, str]:
    """Query type and response code of one of our answers, as labels for counters.

    Types are `NAPTR`, `SOA`, `NS` or `other`, so that clients cannot make up new ones.
    """
    _, flags, questions, _, _, additional = _HEADER.unpack_from(answer)
    rcode = flags & 0xF
    if additional:  # OPT, always last and without options
        rcode |= answer[-6] << 4
    qtype = 0
    if questions:
        (qtype, _), _ = _read_fields(answer, _skip_name(answer, HEADER_OCTETS))
    return _QTYPE_TEXTS.get(qtype, "other"), _RCODE_TEXTS.get(rcode, "other")


def _fault(message: _Message) -> int | None:
    query = message.query
    if query.flags & _OPCODE:
        return dns.rcode.NOTIMP
    questions, answers, authorities = message.counts
    if questions != 1 or answers or (authorities and query.qtype != IXFR):
        return dns.rcode.FORMERR
    if message.opts > 1 or message.misplaced_opt:
        return dns.rcode.FORMERR
    if query.edns is not None:
        if query.edns.version > 0:
            return dns.rcode.BADVERS
        if not query.edns.well_formed:
            return dns.rcode.FORMERR
    if query.qtype in (OPT, TSIG):
        return dns.rcode.FORMERR
    return None


def _records(query: Query, rrsets: Iterable[RRset]) -> list[bytes]:
    """One `bytes` a record. Names inside rdata stay uncompressed (RFC 3597 section 4)."""
    records = []
    for rrset in rrsets:
        owner_octets = sum(len(label) + 1 for label in rrset.name.labels)
        offset = HEADER_OCTETS + query.name_octets - owner_octets
        owner = struct.pack("!H", 0xC000 | offset)
        for rdata in rrset:
            data = rdata.to_wire() or b""  # None only for writing into a file
            head = _RR.pack(rrset.rdtype, rrset.rdclass, rrset.ttl, len(data))
            records.append(owner + head + data)
    return records


def _read(wire: bytes) -> _Message:
    ident, flags, questions, answers, authorities, additionals = _HEADER.unpack_from(wire)
    query = Query(ident, flags)
    position = HEADER_OCTETS
    for _ in range(questions):
        labels, end = _read_name(wire, position)
        (qtype, qclass), end = _read_fields(wire, end)
        query = Query(ident, flags, wire[position:end], labels, qtype, qclass)
        position = end
    if questions != 1 or flags & _OPCODE == _UPDATE:
        query = Query(ident, flags)  # no single question to echo; UPDATE has a zone there
    for _ in range(answers + authorities):
        position = _read_record(wire, position)[-1]
    opts: list[Edns] = []
    misplaced = False
    for _ in range(additionals):
        at_root = wire[position] == 0
        rdtype, rdclass, ttl, rdata, position = _read_record(wire, position)
        if rdtype == OPT:
            misplaced = misplaced or not at_root
            if at_root:
                opts.append(read_opt(rdclass, ttl, rdata))
    if position != len(wire):
        raise _Malformed
    if opts:
        query = replace(query, edns=opts[0])
    return _Message(query, (questions, answers, authorities), len(opts), misplaced)


def _read_name(wire: bytes, position: int) -> tuple[tuple[bytes, ...], int]:
    """Labels in lower case, and where the name ends. Questions have nothing to point back to."""
    labels = []
    start = position
    while length := wire[position]:
        if length > _MAX_LABEL:
            raise _Malformed
        labels.append(wire[position + 1 : position + 1 + length].lower())
        position += 1 + length
        if position - start >= _MAX_NAME:
            raise _Malformed
    return tuple(labels), position + 1


def _skip_name(wire: bytes, position: int) -> int:
    start = position
    while length := wire[position]:
        if length >= 0xC0:
            return position + 2
        position += 1 + length
        if length > _MAX_LABEL or position - start >= _MAX_NAME:
            raise _Malformed
    return position + 1


def _read_fields(wire: bytes, position: int) -> tuple[tuple[int, int], int]:
    qtype, qclass = _QUESTION.unpack_from(wire, position)
    return (qtype, qclass), position + _QUESTION.size


def _read_record(wire: bytes, position: int) -> tuple[int, int, int, bytes, int]:
    """Type, class, TTL, rdata of the record at `position`, and where it ends."""
    position = _skip_name(wire, position)
    rdtype, rdclass, ttl, length = _RR.unpack_from(wire, position)
    start = position + _RR.size
    end = start + length
    if end > len(wire):
        raise _Malformed
    return rdtype, rdclass, ttl, wire[start:end], end
