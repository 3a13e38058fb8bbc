"""Whatever arrives, the packet entry answers in form or stays silent."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Any

import dns.flags
import dns.message
import dns.name
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enum_backend.dns.responder import Responder
from enum_backend.dns.wire import outcome
from enum_backend.dns.zone import Zone
from nvs.number_record import Service

ZONES = [Zone("e164.arpa"), Zone("enum", undotted=True), Zone("4.4.e164.arpa")]
NAMES = [
    "4.3.2.1.5.5.5.5.1.4.1.e164.arpa.",
    "1.4.1.e164.arpa.",
    "E164.arpa.",
    "4.4.e164.arpa.",
    "43215555141.enum.",
    "x.enum.",
    "example.com.",
    ".",
]
quick = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
transports = st.sampled_from(["udp", "tcp"])


@st.composite
def queries(draw: st.DrawFn) -> bytes:
    """Well-formed enough to get far: a question, perhaps OPT and other records."""
    name = dns.name.from_text(draw(st.sampled_from(NAMES))).to_wire()
    qtype = draw(st.sampled_from([35, 6, 2, 1, 255, 252, 251, 41, 250, 128, 0, 65535]))
    qclass = draw(st.sampled_from([1, 1, 1, 3, 255]))
    flags = draw(st.integers(0, 0x7FFF)) & draw(st.sampled_from([0x7FFF, 0x07FF]))
    opts = draw(st.integers(0, 2))
    body = name + struct.pack("!HH", qtype, qclass)
    for _ in range(opts):
        size, ttl = draw(st.integers(0, 65535)), draw(st.sampled_from([0, 0x8000, 1 << 16]))
        body += b"\0" + struct.pack("!HHIH", 41, size, ttl, 0)
    return struct.pack("!6H", draw(st.integers(0, 65535)), flags, 1, 0, 0, opts) + body


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    wire = bytearray(draw(queries()))
    for _ in range(draw(st.integers(1, 4))):
        wire[draw(st.integers(0, len(wire) - 1))] = draw(st.integers(0, 255))
    cut = draw(st.integers(0, len(wire)))
    return bytes(wire[:cut] if draw(st.booleans()) else wire) + draw(st.binary(max_size=4))


def check(directory: Any, wire: bytes, transport: str) -> None:
    answer = asyncio.run(Responder(directory, ZONES).respond(wire, transport=transport))
    if answer is None:
        assert len(wire) < 12 or wire[2] & 0x80
        return
    message = dns.message.from_wire(answer)
    assert answer[:2] == wire[:2]
    assert message.flags & dns.flags.QR
    assert not message.flags & dns.flags.RA
    assert not answer[3] & 0x60  # Z and AD
    assert message.opcode() == wire[2] >> 3 & 15
    assert len(answer) <= (1232 if message.edns == 0 else 512) or transport == "tcp"
    if message.flags & dns.flags.TC:
        assert transport == "udp"
        assert not message.answer
    assert all(outcome(answer))


@quick
@given(wire=st.binary(max_size=600), transport=transports)
def test_arbitrary_octets(directory: Any, wire: bytes, transport: str) -> None:
    check(directory, wire, transport)


@quick
@given(wire=queries(), transport=transports)
def test_queries(directory: Any, wire: bytes, transport: str) -> None:
    check(directory, wire, transport)


@quick
@given(wire=mutated(), transport=transports)
def test_mutated_queries(directory: Any, wire: bytes, transport: str) -> None:
    check(directory, wire, transport)


@quick
@given(
    count=st.integers(0, 60),
    length=st.integers(0, 255),
    ttl=st.integers(-10, 2**33),
    payload=st.integers(0, 65535),
    transport=transports,
)
def test_no_answer_is_over_its_limit(
    make_directory: Callable[[], Any],
    count: int,
    length: int,
    ttl: int,
    payload: int,
    transport: str,
) -> None:
    services = [Service("E2U+sip", "x" * length, None, 100, n) for n in range(count)]
    directory = make_directory().put("+14155551234", *services, ttl=ttl)
    query = dns.message.make_query(NAMES[0], "NAPTR", use_edns=0, payload=payload)
    wire = query.to_wire()
    answer = asyncio.run(Responder(directory, ZONES).respond(wire, transport=transport))
    assert answer is not None
    message = dns.message.from_wire(answer)
    limit = 65535 if transport == "tcp" else min(max(payload, 512), 1232)
    assert len(answer) <= limit
    if not message.flags & dns.flags.TC:
        assert sum(len(rrset) for rrset in message.answer) == count
        assert all(0 <= rrset.ttl < 2**31 for rrset in message.answer)
    else:
        full = asyncio.run(Responder(directory, ZONES).respond(wire, transport="tcp"))
        assert full is not None
        assert len(full) > limit
