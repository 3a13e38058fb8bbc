from __future__ import annotations

import asyncio
import struct
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import pytest
import structlog

from enum_backend.dns.responder import Responder
from enum_backend.dns.wire import TCP_LIMIT, Query, outcome, parse, render
from enum_backend.dns.zone import Zone
from nvs.number_record import Service, TrustLevel

NUMBER = "4.3.2.1.5.5.5.5.1.4.1.e164.arpa."
NAPTR = '100 10 "u" "E2U+sip" "!^.*$!sip:+14155551234@pbx.example!" .'
ZONES = [Zone("e164.arpa"), Zone("e164.example.org"), Zone("enum", undotted=True)]
OPT = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)
RECORD = b"\1a\0" + struct.pack("!HHIH", 1, 1, 5, 4) + b"\1\2\3\4"


async def ask(
    directory: Any,
    name: str = NUMBER,
    qtype: str = "NAPTR",
    *,
    zones: list[Zone] = ZONES,
    transport: str = "udp",
    publish: str = "trusted",
    flags: int = 0,
    **options: Any,
) -> dns.message.Message:
    query = dns.message.make_query(name, qtype, **options)
    query.flags |= flags
    wire = await Responder(directory, zones, publish).respond(query.to_wire(), transport=transport)
    assert wire is not None
    answer = dns.message.from_wire(wire)
    assert query.is_response(answer)
    assert not answer.flags & dns.flags.RA
    assert (answer.edns >= 0) == (query.edns >= 0)
    return answer


async def raw(directory: Any, wire: bytes, zones: list[Zone] = ZONES) -> dns.message.Message | None:
    answer = await Responder(directory, zones).respond(wire, transport="udp")
    return None if answer is None else dns.message.from_wire(answer)


def packet(
    *, flags: int = 0, counts: tuple[int, ...] = (1, 0, 0, 0), body: bytes | None = None
) -> bytes:
    if body is None:
        body = question()
    return struct.pack("!6H", 0x1234, flags, *counts) + body


def question(name: str = NUMBER, qtype: int = 35, qclass: int = 1) -> bytes:
    return dns.name.from_text(name).to_wire() + struct.pack("!HH", qtype, qclass)


def opt(
    size: int = 1232, version: int = 0, flags: int = 0, owner: bytes = b"\0", data: bytes = b""
) -> bytes:
    return owner + struct.pack("!HHBBHH", 41, size, 0, version, flags, len(data)) + data


def soa_ttl(answer: dns.message.Message) -> int:
    """TTL of the one SOA that makes the answer a cachable "no"."""
    assert answer.answer == []
    [soa] = answer.authority
    assert soa.rdtype == dns.rdatatype.SOA
    return soa.ttl


def is_nodata(answer: dns.message.Message) -> bool:
    assert answer.flags & dns.flags.AA
    assert soa_ttl(answer) == 300
    return answer.rcode() == dns.rcode.NOERROR


def is_nxdomain(answer: dns.message.Message) -> bool:
    assert answer.flags & dns.flags.AA
    assert soa_ttl(answer) == 300
    return answer.rcode() == dns.rcode.NXDOMAIN


# --- what exists ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        NUMBER,
        "4.3.2.1.5.5.5.5.1.4.1.E164.aRPa.",
        "4.3.2.1.5.5.5.5.1.4.1.e164.example.org.",
        "4.3.2.1.5.5.5.5.1.4.1.enum.",
        "43215555141.eNum.",
        "4321.5555141.enum.",
    ],
)
async def test_a_number_in_every_zone(directory: Any, name: str) -> None:
    answer = await ask(directory, name)
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.flags & dns.flags.AA
    assert answer.question[0].name.to_text() == name  # 0x20
    assert [r.to_text() for r in answer.answer] == [f"{name} 3600 IN NAPTR {NAPTR}"]
    assert answer.authority == []
    assert directory.asked == ["+14155551234"]


async def test_records_come_by_order_and_preference(make_directory: Any) -> None:
    services = [Service("E2U+sip", f"!^.*$!sip:{p}@b!", None, 100, p) for p in (30, 10, 20)]
    answer = await ask(make_directory().put("+14155551234", *services))
    assert [rdata.preference for rdata in answer.answer[0]] == [10, 20, 30]


@pytest.mark.parametrize("qtype", ["A", "SOA", "NS", "TXT", "RRSIG", "TYPE0", "TYPE65280"])
async def test_other_types_of_a_number_are_nodata(directory: Any, qtype: str) -> None:
    assert is_nodata(await ask(directory, NUMBER, qtype))


@pytest.mark.parametrize("name", ["1.e164.arpa.", "5.5.5.1.4.1.e164.arpa.", "141.enum."])
async def test_empty_non_terminals_are_nodata(directory: Any, name: str) -> None:
    assert is_nodata(await ask(directory, name))
    assert is_nodata(await ask(directory, name, "ANY"))


@pytest.mark.parametrize(
    "name",
    [
        "9.e164.arpa.",
        "9.9.9.9.9.e164.arpa.",
        "5." + NUMBER,
        "x." + NUMBER,
        "x.1.e164.arpa.",
        "12.1.e164.arpa.",
        "1." * 16 + "e164.arpa.",
        "a" * 63 + ".e164.arpa.",
    ],
)
async def test_nothing_below_nothing(directory: Any, name: str) -> None:
    assert is_nxdomain(await ask(directory, name))


@pytest.mark.parametrize(
    "name",
    ["9.e164.arpa.", "9.9.9.9.9.e164.arpa.", "5." + NUMBER, "1." * 16 + "e164.arpa."],
)
async def test_a_source_that_cannot_tell_never_says_nxdomain(directory: Any, name: str) -> None:
    directory.source.knows_prefixes = False
    assert is_nodata(await ask(directory, name))


@pytest.mark.parametrize("name", ["x.1.e164.arpa.", "12.1.e164.arpa."])
async def test_what_can_be_no_number_is_nxdomain_anyway(directory: Any, name: str) -> None:
    directory.source.knows_prefixes = False
    assert is_nxdomain(await ask(directory, name))
    assert directory.asked == []


async def test_nested_zones_do_not_deny_each_other(make_directory: Any) -> None:
    zones = [Zone("e164.arpa"), Zone("4.4.e164.arpa", negative_ttl=300), Zone("arpa")]
    directory = make_directory()
    for name in ("4.e164.arpa.", "4.4.e164.arpa.", "e164.arpa."):
        assert is_nodata(await ask(directory, name, zones=zones))
    assert is_nxdomain(await ask(directory, "5.e164.arpa.", zones=zones))
    answer = await ask(directory, "4.4.e164.arpa.", "SOA", zones=zones)
    assert answer.answer[0].name == dns.name.from_text("4.4.e164.arpa.")


async def test_country_zones_know_their_digits(directory: Any) -> None:
    answer = await ask(directory, zones=[Zone("1.4.1.e164.arpa")])
    assert answer.answer[0].to_text().endswith(NAPTR)
    assert directory.asked == ["+14155551234"]


async def test_a_number_may_be_an_apex(directory: Any) -> None:
    zones = [Zone(NUMBER)]
    assert (await ask(directory, zones=zones)).answer[0].to_text().endswith(NAPTR)
    answer = await ask(directory, qtype="ANY", zones=zones)
    assert [r.rdtype for r in answer.answer] == [dns.rdatatype.SOA]


# --- the apex -------------------------------------------------------------------------


async def test_apex(directory: Any) -> None:
    soa = await ask(directory, "e164.ARPA.", "SOA")
    assert soa.answer[0].ttl == 3600
    assert soa.answer[0][0].serial == 7
    ns = await ask(directory, "e164.arpa.", "NS")
    assert ns.answer[0].rdtype == dns.rdatatype.NS
    assert ns.flags & soa.flags & dns.flags.AA
    assert is_nodata(await ask(directory, "e164.arpa.", "NAPTR"))
    assert directory.asked == []


# --- trust, staleness, outages ---------------------------------------------------------


async def test_untrusted_records_do_not_exist(make_directory: Any, sip: Service) -> None:
    directory = make_directory().put("+14155551234", sip, level=TrustLevel.UNTRUSTED)
    assert is_nxdomain(await ask(directory))
    assert (await ask(directory, publish="all")).answer[0].to_text().endswith(NAPTR)
    directory.put("+141555512345", sip)
    assert is_nodata(await ask(directory))
    directory.source.knows_prefixes = False
    assert is_nodata(await ask(directory))


async def test_attested_records_are_published(make_directory: Any, sip: Service) -> None:
    directory = make_directory().put("+14155551234", sip, level=TrustLevel.ATTESTED)
    assert (await ask(directory)).answer


@pytest.mark.parametrize("qtype", ["NAPTR", "ANY"])
async def test_a_record_without_valid_service_is_nodata(make_directory: Any, qtype: str) -> None:
    assert is_nodata(await ask(make_directory().put("+14155551234"), qtype=qtype))


@pytest.mark.parametrize(("ttl", "stale", "sent"), [(600, 1.0, 30), (5, 1.0, 5), (600, 0.0, 600)])
async def test_stale_copies_are_kept_briefly(
    make_directory: Any, sip: Service, ttl: int, stale: float, sent: int
) -> None:
    directory = make_directory().put("+14155551234", sip, ttl=ttl, stale=stale)
    assert (await ask(directory)).answer[0].ttl == sent


@pytest.mark.parametrize("qtype", ["NAPTR", "A"])
@pytest.mark.parametrize("error", [None, RuntimeError("about +14155551234")])
async def test_a_failed_look_up_is_servfail(
    make_directory: Any, qtype: str, error: Exception | None
) -> None:
    directory = make_directory().fail("+14155551234", error)
    with structlog.testing.capture_logs() as logs:
        answer = await ask(directory, qtype=qtype, use_edns=0)
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert not answer.answer
    assert not answer.authority
    assert [log["event"] for log in logs if log["log_level"] == "warning"] == (
        ["dns.lookup_failed"] if error else []
    )
    assert not [log for log in logs if log["log_level"] != "debug" and "1415" in str(log)]


async def test_a_service_that_cannot_be_written_is_servfail(make_directory: Any) -> None:
    broken = Service("E2U+sip", "x" * 300, None, 100, 10)
    answer = await ask(make_directory().put("+14155551234", broken))
    assert answer.rcode() == dns.rcode.SERVFAIL


async def test_a_look_up_that_hangs_is_servfail(directory: Any) -> None:
    async def hang(_: str) -> None:
        await asyncio.sleep(60)

    directory.record = hang
    responder = Responder(directory, ZONES, lookup_timeout=0.01)
    wire = await responder.respond(packet(), transport="udp")
    assert wire is not None
    assert dns.message.from_wire(wire).rcode() == dns.rcode.SERVFAIL


# --- refused ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", [".", "arpa.", "example.com.", "4.3.2.1.e164.example.com."])
@pytest.mark.parametrize("qtype", ["NAPTR", "SOA", "ANY", "MAILB"])
async def test_outside_our_zones(directory: Any, name: str, qtype: str) -> None:
    answer = await ask(directory, name, qtype, use_edns=0)
    assert answer.rcode() == dns.rcode.REFUSED
    assert not answer.flags & dns.flags.AA
    assert not answer.authority


@pytest.mark.parametrize("qclass", [2, 3, 4, 254, 255, 0, 65535])
async def test_other_classes(directory: Any, qclass: int) -> None:
    answer = await raw(directory, packet(body=question(qclass=qclass)))
    assert answer is not None
    assert answer.rcode() == dns.rcode.REFUSED
    assert directory.asked == []


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_transfers(directory: Any, transport: str) -> None:
    answer = await ask(directory, "e164.arpa.", "AXFR", transport=transport)
    assert answer.rcode() == dns.rcode.REFUSED
    ixfr = question("e164.arpa.", 251) + dns.name.from_text("e164.arpa.").to_wire()
    soa = Zone("e164.arpa").soa(1)[0].to_wire()
    ixfr += struct.pack("!HHIH", 6, 1, 0, len(soa)) + soa
    refused = await raw(directory, packet(counts=(1, 0, 1, 0), body=ixfr))
    assert refused is not None
    assert refused.rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize(("qtype", "rcode"), [(41, 1), (250, 1), (249, 4), (253, 4), (128, 4)])
async def test_meta_types(directory: Any, qtype: int, rcode: int) -> None:
    answer = await raw(directory, packet(body=question(qtype=qtype)))
    assert answer is not None
    assert answer.rcode() == rcode


async def test_any_gives_one_rrset(directory: Any) -> None:
    assert [r.rdtype for r in (await ask(directory, qtype="ANY")).answer] == [dns.rdatatype.NAPTR]
    apex = await ask(directory, "e164.arpa.", "ANY")
    assert [r.rdtype for r in apex.answer] == [dns.rdatatype.SOA]
    assert is_nxdomain(await ask(directory, "9.e164.arpa.", "ANY"))


# --- packets ---------------------------------------------------------------------------


async def test_flags(directory: Any) -> None:
    flags = dns.flags.RD | dns.flags.CD | dns.flags.AD | dns.flags.RA | dns.flags.TC | 0x40
    answer = await ask(directory, flags=flags)
    assert answer.flags == dns.flags.QR | dns.flags.AA | dns.flags.RD | dns.flags.CD
    answer = await raw(directory, packet(flags=5))  # a response code in a query
    assert answer is not None
    assert answer.flags == dns.flags.QR | dns.flags.AA
    assert answer.rcode() == dns.rcode.NOERROR


@pytest.mark.parametrize("wire", [b"", packet()[:11], packet(flags=0x8000)])
async def test_silence(directory: Any, wire: bytes) -> None:
    assert await raw(directory, wire) is None


@pytest.mark.parametrize("opcode", [1, 2, 4, 5, 6, 15])
async def test_other_opcodes(directory: Any, opcode: int) -> None:
    for wire in (
        packet(flags=opcode << 11),
        packet(flags=opcode << 11)[:12],
        packet(flags=opcode << 11, counts=(0, 0, 0, 0), body=b""),
        packet(flags=opcode << 11, counts=(1, 1, 1, 1), body=question() + RECORD * 2 + OPT),
    ):
        answer = await raw(directory, wire)
        assert answer is not None
        assert answer.rcode() == dns.rcode.NOTIMP
        assert answer.opcode() == opcode
        assert (answer.edns == 0) == wire.endswith(OPT)


@pytest.mark.parametrize(
    "wire",
    [
        packet(body=b""),
        packet()[:-1],
        packet() + b"x",
        packet(counts=(1, 0, 0, 1)),
        packet(counts=(1, 0, 0, 1), body=question() + opt()[:-1]),
        packet(counts=(1, 0, 0, 1), body=question() + opt() + b"x"),
        packet(counts=(1, 0, 0, 1), body=question() + RECORD[:-1]),
        packet(counts=(1, 0, 0, 1), body=question() + b"\x41" + b"a" * 65 + RECORD[2:]),
        packet(counts=(1, 0, 0, 1), body=question() + (b"\x3f" + b"a" * 63) * 4 + RECORD[2:]),
        packet(body=b"\xc0\x0c\0\x23\0\1"),
        packet(body=b"\x40" + b"a" * 64 + b"\0\0\x23\0\1"),
        packet(body=(b"\x3f" + b"a" * 63) * 4 + b"\0\0\x23\0\1"),
        packet(counts=(2, 0, 0, 0)),
        packet(counts=(65535, 65535, 65535, 65535)),
    ],
)
async def test_broken_packets_get_a_bare_formerr(directory: Any, wire: bytes) -> None:
    answer = await Responder(directory, ZONES).respond(wire, transport="udp")
    assert answer == struct.pack("!6H", 0x1234, 0x8001, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("counts", "body", "echoed", "edns"),
    [
        ((0, 0, 0, 0), b"", False, False),
        ((0, 0, 0, 1), OPT, False, True),
        ((2, 0, 0, 1), question() * 2 + OPT, False, True),
        ((1, 1, 0, 0), question() + RECORD, True, False),
        ((1, 0, 1, 1), question() + RECORD + OPT, True, True),
        ((1, 0, 0, 2), question() + OPT + OPT, True, True),
        ((1, 0, 0, 1), question() + opt(owner=b"\1a\0"), True, False),
        ((1, 0, 0, 1), question() + opt(owner=b"\xc0\x0c"), True, False),
        ((1, 0, 0, 1), question() + opt(data=b"\0\1\0\x09a"), True, True),
        ((1, 0, 0, 1), question() + opt(data=b"\0\1\0"), True, True),
    ],
)
async def test_wrong_queries_get_formerr(
    directory: Any, counts: tuple[int, ...], body: bytes, echoed: bool, edns: bool
) -> None:
    answer = await raw(directory, packet(counts=counts, body=body))
    assert answer is not None
    assert answer.rcode() == dns.rcode.FORMERR
    assert not answer.flags & dns.flags.AA
    assert bool(answer.question) == echoed
    assert (answer.edns == 0) == edns


async def test_additional_records_that_mean_nothing_are_ignored(directory: Any) -> None:
    pointer = b"\xc0\x0c" + RECORD[3:]
    body = question() + RECORD + OPT + pointer
    answer = await raw(directory, packet(counts=(1, 0, 0, 3), body=body))
    assert answer is not None
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.edns == 0


# --- EDNS and sizes ------------------------------------------------------------------------


async def test_edns_answer(directory: Any) -> None:
    options = [dns.edns.GenericOption(65001, b"abc"), dns.edns.GenericOption(10, b"c" * 8)]
    answer = await ask(directory, use_edns=0, want_dnssec=True, payload=4096, options=options)
    assert answer.edns == 0
    assert answer.payload == 1232
    assert answer.ednsflags & 0xFFFF == dns.flags.DO
    assert answer.options == ()
    answer = await ask(directory, use_edns=0)
    assert answer.ednsflags == 0


@pytest.mark.parametrize("name", [NUMBER, "example.com."])
async def test_badvers(directory: Any, name: str) -> None:
    body = question(name) + opt(version=1, flags=0x8000)
    answer = await raw(directory, packet(counts=(1, 0, 0, 1), body=body))
    assert answer is not None
    assert answer.rcode() == dns.rcode.BADVERS
    assert answer.edns == 0
    assert answer.ednsflags & dns.flags.DO
    assert not answer.answer
    assert not answer.flags & dns.flags.AA


@pytest.mark.parametrize(
    ("payload", "transport", "count", "truncated"),
    [
        (None, "udp", 5, False),
        (None, "udp", 9, True),
        (100, "udp", 5, False),
        (512, "udp", 9, True),
        (1232, "udp", 14, False),
        (1232, "udp", 40, True),
        (65535, "udp", 40, True),
        (None, "tcp", 400, False),
    ],
)
async def test_truncation(
    make_directory: Any, payload: int | None, transport: str, count: int, truncated: bool
) -> None:
    services = [
        Service("E2U+sip", f"!^.*$!sip:{p:030}@b.example!", None, 1, p) for p in range(count)
    ]
    directory = make_directory().put("+14155551234", *services)
    edns: dict[str, Any] = {} if payload is None else {"use_edns": 0, "payload": payload}
    answer = await ask(directory, transport=transport, **edns)
    assert bool(answer.flags & dns.flags.TC) == truncated
    assert [len(r) for r in answer.answer] == ([] if truncated else [count])
    assert answer.flags & dns.flags.AA
    assert not answer.authority


async def test_an_answer_too_long_for_tcp_is_servfail(make_directory: Any) -> None:
    services = [Service("E2U+sip", f"{p:0255}", None, 1, p) for p in range(300)]
    answer = await ask(make_directory().put("+14155551234", *services), transport="tcp")
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert not answer.flags & dns.flags.TC


async def test_the_longest_name(directory: Any) -> None:
    name = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 50, "e164.arpa."])
    assert len(dns.name.from_text(name).to_wire()) == 254
    assert is_nxdomain(await ask(directory, name, use_edns=0))


async def test_a_negative_answer_that_does_not_fit_is_truncated(directory: Any) -> None:
    host = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 50])
    zones = [Zone("e164.arpa", nameservers=[host], hostmaster=host)]
    answer = await ask(directory, "9.e164.arpa.", zones=zones)
    assert answer.flags & dns.flags.TC
    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert not answer.authority


def test_udp_payload_has_bounds(directory: Any) -> None:
    with pytest.raises(ValueError, match="udp_payload"):
        Responder(directory, ZONES, udp_payload=511)
    with pytest.raises(ValueError, match="udp_payload"):
        Responder(directory, ZONES, udp_payload=65536)


# --- labels for counters --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("qtype", "rcode", "edns", "labels"),
    [
        (35, 0, True, ("NAPTR", "NOERROR")),
        (6, 3, False, ("SOA", "NXDOMAIN")),
        (2, 16, True, ("NS", "BADVERS")),
        (65000, 2, False, ("other", "SERVFAIL")),
        (1, 9, False, ("other", "other")),
    ],
)
def test_outcome(qtype: int, rcode: int, edns: bool, labels: tuple[str, str]) -> None:
    counts = (1, 0, 0, int(edns))
    query = parse(packet(counts=counts, body=question(qtype=qtype) + OPT * edns))
    assert isinstance(query, Query)
    assert outcome(render(query, rcode, limit=TCP_LIMIT)) == labels


def test_outcome_without_question() -> None:
    assert outcome(render(Query(1, 0), dns.rcode.FORMERR)) == ("other", "FORMERR")


async def test_what_patterns_may_answer_is_never_denied(directory: Any) -> None:
    assert is_nodata(await ask(directory, "1.0.0.8.1.e164.arpa."))
    assert is_nxdomain(await ask(directory, "1.0.0.9.1.e164.arpa."))
