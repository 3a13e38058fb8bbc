"""From NVS values to DNS answers, through the real directory and a memory source."""

from __future__ import annotations

import dns.asyncquery
import dns.message
import dns.rcode
import pytest

from enum_backend.dns.responder import Publish, Responder
from enum_backend.dns.server import DnsServer
from enum_backend.dns.zone import Zone
from nvs.directory import Directory
from nvs.memory_source import MemorySource
from nvs.number_record import TrustLevel

SIP_AND_SMS = {"voice": "sip:alice@pbx.example", "sms": "telnyx:+14155551234"}
RECORDS = {
    "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa": SIP_AND_SMS,
    "enum:442079460000:0": "E2U+sip=100|10|!^(.*)$!sip:\\1@uk.example!\nTTL=600",
    "enum:442079460001:0": "no service here",
}


async def ask(
    source: MemorySource, name: str, qtype: str = "NAPTR", publish: Publish = "trusted"
) -> dns.message.Message:
    zones = [Zone("e164.arpa"), Zone("enum", undotted=True)]
    async with DnsServer(Responder(Directory(source), zones, publish), port=0) as server:
        query = dns.message.make_query(name, qtype)
        return await dns.asyncquery.udp(query, server.host, timeout=5, port=server.port)


async def test_voice_and_sms_but_not_the_gateway() -> None:
    answer = await ask(MemorySource(RECORDS), "4.3.2.1.5.5.5.5.1.4.1.e164.arpa")
    assert [rdata.to_text() for rdata in answer.answer[0]] == [
        '100 10 "u" "E2U+sip" "!^.*$!sip:alice@pbx.example!" .',
        '100 20 "u" "E2U+sms:tel" "!^.*$!tel:+14155551234!" .',
    ]
    assert answer.answer[0].ttl == 3600
    assert b"telnyx" not in answer.to_wire()


@pytest.mark.parametrize("name", ["0.0.0.0.6.4.9.7.0.2.4.4.e164.arpa", "000064970244.enum"])
async def test_an_enumer_record(name: str) -> None:
    answer = await ask(MemorySource(RECORDS), name)
    assert answer.answer[0].ttl == 600
    assert answer.answer[0][0].to_text() == (
        '100 10 "u" "E2U+sip" "!^.*$!sip:+442079460000@uk.example!" .'
    )


@pytest.mark.parametrize(
    ("name", "rcode"),
    [
        ("1.0.0.0.6.4.9.7.0.2.4.4.e164.arpa", dns.rcode.NOERROR),  # no valid service
        ("4.4.e164.arpa", dns.rcode.NOERROR),  # empty non-terminal
        ("2.0.0.0.6.4.9.7.0.2.4.4.e164.arpa", dns.rcode.NXDOMAIN),
        ("3.3.e164.arpa", dns.rcode.NXDOMAIN),
    ],
)
async def test_names_without_records(name: str, rcode: dns.rcode.Rcode) -> None:
    answer = await ask(MemorySource(RECORDS), name)
    assert answer.rcode() == rcode
    assert not answer.answer
    assert answer.authority[0].ttl == 300


async def test_untrusted_records_only_when_told() -> None:
    source = MemorySource(RECORDS, TrustLevel.UNTRUSTED)
    name = "4.3.2.1.5.5.5.5.1.4.1.e164.arpa"
    assert (await ask(source, name)).rcode() == dns.rcode.NXDOMAIN
    assert len((await ask(source, name, publish="all")).answer[0]) == 2


async def test_the_serial_grows_with_the_source() -> None:
    source = MemorySource(RECORDS)
    before = (await ask(source, "e164.arpa", "SOA")).answer[0][0].serial
    source.remove("enum:442079460000:0")
    after = (await ask(source, "e164.arpa", "SOA")).answer[0][0].serial
    assert after > before
    gone = await ask(source, "0.0.0.0.6.4.9.7.0.2.4.4.e164.arpa")
    assert gone.rcode() == dns.rcode.NXDOMAIN
