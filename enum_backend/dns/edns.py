"""EDNS(0), RFC 6891: reading a query's OPT record and writing the answer's.

An answer carries OPT exactly when the query did. Options are checked for their
framing and otherwise ignored, as section 6.1.2 asks for unknown ones.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

OPT = 41
"""RR type of the OPT pseudo-record."""

UDP_PAYLOAD = 1232
"""Octets; fits the IPv6 minimum MTU of 1280 with IPv6 and UDP headers (DNS flag day 2020)."""

MIN_PAYLOAD = 512
"""Octets every client takes; smaller announcements mean this (RFC 6891 section 6.2.3)."""

_DO = 0x8000
_FIXED = struct.Struct("!BHHIH")
_OPTION = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class Edns:
    """What a query's OPT record says.

    Attributes:
        payload: octets of UDP the client takes, at least 512.
        version: 0, or what will be answered by BADVERS.
        dnssec_ok: the DO bit, copied into the answer (RFC 3225 section 3).
        well_formed: the options' lengths add up.
    """

    payload: int
    version: int = 0
    dnssec_ok: bool = False
    well_formed: bool = True


def read_opt(rdclass: int, ttl: int, rdata: bytes) -> Edns:
    """The OPT record's overloaded class and TTL fields and its options -> `Edns`."""
    return Edns(
        payload=max(rdclass, MIN_PAYLOAD),
        version=ttl >> 16 & 0xFF,
        dnssec_ok=bool(ttl & _DO),
        well_formed=_options_add_up(rdata),
    )


def write_opt(edns: Edns, rcode: int, payload: int) -> bytes:
    """The 11 octets of OPT for the answer: version 0, our UDP payload size, the DO bit copied.

    Args:
        edns: the query's.
        rcode: all 12 bits; the upper eight go here (section 6.1.3).
        payload: octets of UDP we take.
    """
    ttl = rcode >> 4 << 24 | (_DO if edns.dnssec_ok else 0)
    return _FIXED.pack(0, OPT, payload, ttl, 0)


def _options_add_up(rdata: bytes) -> bool:
    position = 0
    while position + _OPTION.size <= len(rdata):
        position += _OPTION.size + _OPTION.unpack_from(rdata, position)[1]
    return position == len(rdata)
