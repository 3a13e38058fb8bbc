"""`dig` against a running server prints canonical NAPTRs for every record format."""

from __future__ import annotations

import asyncio
import os
import shutil

import pytest

from enum_backend.testing import RunningServer, running_server
from nvs.names import to_e164_name

EXPECTED = {
    "+14155551234": [
        '100 10 "u" "E2U+sip" "!^.*$!sip:+14155551234@pbx.example!" .',
        '100 20 "u" "E2U+sms:tel" "!^.*$!tel:+14155551234!" .',
    ],
    "+14155550101": [
        '100 10 "u" "E2U+sip" "!^(.*)$!sip:alice@pbx.example!" .',
        '100 20 "u" "E2U+email:mailto" "!^.*$!mailto:alice@example.com!" .',
        '100 30 "u" "E2U+h323" "!^.*$!h323:gw.example.com!" .',
    ],
    "+14155550102": ['100 10 "u" "E2U+sip" "!^.*$!sip:bob@pbx.example!" .'],
    "+14155550103": [
        '100 10 "u" "E2U+sip" "!^.*$!sip:carol@pbx.example!" .',
        '100 20 "u" "E2U+sms:tel" "!^.*$!tel:+14155550103!" .',
    ],
    "+14155550104": [
        '100 10 "u" "E2U+sip" "!^.*$!sip:dave@pbx.example!" .',
        '100 20 "u" "E2U+sms:tel" "!^.*$!tel:+14155550104!" .',
    ],
    "+14155550105": ['100 10 "u" "E2U+sip" "!^.*$!sip:erin@pbx.example!" .'],
    "+14155550106": ['100 10 "u" "E2U+sip" "!^.*$!sip:frank@pbx.example!" .'],
    "+14155550107": [
        '100 10 "u" "E2U+sip" "!^.*$!sip:grace@pbx.example!" .',
        '100 20 "u" "E2U+email:mailto" "!^.*$!mailto:grace@example.com!" .',
        '100 30 "u" "E2U+sms:tel" "!^.*$!tel:+14155550107!" .',
        '100 50 "u" "E2U+sip" "!^.*$!sip:grace@backup.example!" .',
    ],
}


@pytest.fixture(autouse=True)
def _dig() -> None:
    if shutil.which("dig") is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("dig is not installed")
        pytest.skip("dig is not installed")


async def dig(server: RunningServer, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "dig",
        "@127.0.0.1",
        *("-p", str(server.dns_port), "+tries=1", "+time=5"),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode == 0, output
    return output.decode()


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
async def test_every_format(transport: str) -> None:
    async with running_server() as server:
        for number, lines in EXPECTED.items():
            output = await dig(server, "NAPTR", to_e164_name(number), "+short", transport)
            assert sorted(output.splitlines()) == lines, number


async def test_what_is_not_there() -> None:
    async with running_server() as server:
        answer = await dig(server, "NAPTR", to_e164_name("+14155559999"))
        assert "status: NXDOMAIN" in answer
        assert "SOA" in answer
        answer = await dig(server, "NAPTR", to_e164_name("+1415555"))
        assert "status: NOERROR" in answer
        assert "ANSWER: 0" in answer
        answer = await dig(server, "A", to_e164_name("+14155551234"))
        assert "status: NOERROR" in answer
        assert "ANSWER: 0" in answer
        assert "status: REFUSED" in await dig(server, "NAPTR", "example.org")
        assert "e164.arpa." in await dig(server, "SOA", "e164.arpa")
