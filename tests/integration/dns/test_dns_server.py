from __future__ import annotations

import asyncio
import os
import shutil
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import dns.asyncquery
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest
import structlog

from enum_backend.dns import server as server_module
from enum_backend.dns.responder import Responder
from enum_backend.dns.server import DnsServer
from enum_backend.dns.udp import UdpEndpoint
from enum_backend.dns.zone import Zone
from nvs.number_record import Service

NUMBER = "4.3.2.1.5.5.5.5.1.4.1.e164.arpa."
SLOW = "1.1.1.0.5.5.5.5.1.4.1.e164.arpa."
FAILING = "9.9.9.9.5.5.5.5.1.4.1.e164.arpa."
NOTHING = "9.e164.arpa."
CANONICAL = [
    '100 10 "u" "E2U+sip" "!^.*$!sip:+14155551234@pbx.example!" .',
    '100 20 "u" "E2U+sms:tel" "!^.*$!tel:+14155551234!" .',
]


def query(name: str = NUMBER, qtype: str = "NAPTR", **options: Any) -> dns.message.Message:
    return dns.message.make_query(name, qtype, **options)


async def udp(server: DnsServer, message: dns.message.Message) -> dns.message.Message:
    return await dns.asyncquery.udp(message, server.host, timeout=5, port=server.port)


async def tcp(server: DnsServer, message: dns.message.Message) -> dns.message.Message:
    return await dns.asyncquery.tcp(message, server.host, timeout=5, port=server.port)


@asynccontextmanager
async def connection(
    server: DnsServer,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def framed(message: dns.message.Message) -> bytes:
    wire = message.to_wire()
    return struct.pack("!H", len(wire)) + wire


async def read_answer(reader: asyncio.StreamReader) -> dns.message.Message:
    async with asyncio.timeout(5):
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        return dns.message.from_wire(await reader.readexactly(length))


async def read_end(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(5):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def until(condition: Callable[[], bool]) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + 5
    while not condition():
        assert loop.time() < end
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("ask", [udp, tcp])
async def test_answers(server: DnsServer, answers: list[tuple[str, str, str]], ask: Any) -> None:
    answer = await ask(server, query())
    assert [rdata.to_text() for rdata in answer.answer[0]] == CANONICAL
    assert answer.flags & dns.flags.AA
    assert (await ask(server, query("e164.arpa.", "SOA"))).answer[0][0].serial == 42
    assert (await ask(server, query(NOTHING, "A"))).rcode() == dns.rcode.NXDOMAIN
    assert (await ask(server, query(FAILING))).rcode() == dns.rcode.SERVFAIL
    assert (await ask(server, query("example.com", "NS"))).rcode() == dns.rcode.REFUSED
    assert answers == [
        (ask.__name__, "NAPTR", "NOERROR"),
        (ask.__name__, "SOA", "NOERROR"),
        (ask.__name__, "other", "NXDOMAIN"),
        (ask.__name__, "NAPTR", "SERVFAIL"),
        (ask.__name__, "NS", "REFUSED"),
    ]


async def test_a_plain_blocking_client(server: DnsServer) -> None:
    answer = await asyncio.to_thread(
        dns.query.udp, query(), server.host, timeout=5, port=server.port
    )
    assert len(answer.answer[0]) == 2


async def test_truncated_answers_come_whole_by_tcp(server: DnsServer, directory: Any) -> None:
    directory.services = tuple(
        Service("E2U+sip", f"!^.*$!sip:{n:0100}@b!", None, 100, n) for n in range(100)
    )
    assert (await udp(server, query(use_edns=0))).flags & dns.flags.TC
    answer, by_tcp = await dns.asyncquery.udp_with_fallback(
        query(), server.host, timeout=5, port=server.port
    )
    assert by_tcp
    assert len(answer.answer[0]) == 100


async def test_garbage_does_not_disturb(server: DnsServer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((server.host, server.port))
        for packet in (b"", b"x", bytes(11), b"\0\0\x80" + bytes(9), bytes(12), os.urandom(1000)):
            sock.send(packet)
    assert (await udp(server, query())).rcode() == dns.rcode.NOERROR


@pytest.mark.parametrize("host", ["::1", "127.0.0.1", "localhost"])
async def test_addresses(directory: Any, host: str) -> None:
    if host == "::1" and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    responder = Responder(directory, [Zone("e164.arpa")])
    async with DnsServer(responder, host, 0) as server:
        address = socket.getaddrinfo(host, None)[0][4][0]
        for ask in (dns.asyncquery.udp, dns.asyncquery.tcp):
            answer = await ask(query(), address, timeout=5, port=server.port)
            assert answer.rcode() == dns.rcode.NOERROR


# --- sockets and life cycle ------------------------------------------------------------


async def test_a_taken_port_is_an_error(server: DnsServer, directory: Any) -> None:
    other = DnsServer(Responder(directory, []), port=server.port)
    with pytest.raises(OSError, match="in use"):
        await other.start()
    await other.stop()


async def test_a_port_taken_for_tcp_only_is_an_error(directory: Any) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(OSError, match="in use"),
    ):
        await DnsServer(Responder(directory, []), port=taken.getsockname()[1]).start()


async def test_port_0_tries_again_until_both_are_free(
    directory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = server_module._bind, [1, 2]

    def bind(family: int, kind: int, address: str, port: int) -> socket.socket:
        if kind == socket.SOCK_STREAM and failures:
            failures.pop()
            raise OSError("taken")
        return real(family, kind, address, port)

    monkeypatch.setattr(server_module, "_bind", bind)
    async with DnsServer(Responder(directory, [Zone("e164.arpa")]), port=0) as server:
        assert not failures
        assert (await tcp(server, query())).answer


async def test_stop_answers_what_was_begun(server: DnsServer, directory: Any) -> None:
    asked = [asyncio.create_task(ask(server, query(SLOW))) for ask in (udp, tcp)]
    await until(lambda: directory.waiting == 2)
    stopping = asyncio.create_task(server.stop())
    await asyncio.sleep(0.02)
    directory.gate.set()
    for answer in await asyncio.gather(*asked):
        assert answer.rcode() == dns.rcode.NXDOMAIN
    await asyncio.wait_for(stopping, 5)
    with pytest.raises(OSError, match=r"refused|failed"):
        await asyncio.open_connection(server.host, server.port)
    await server.stop()


async def test_stop_does_not_wait_for_ever(directory: Any) -> None:
    server = DnsServer(Responder(directory, [Zone("e164.arpa")]), port=0, grace=0.05)
    await server.start()
    async with connection(server) as (reader, writer), connection(server) as (idle, _):
        writer.write(framed(query(SLOW)))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(query(SLOW).to_wire(), (server.host, server.port))
            await until(lambda: directory.waiting == 2)
            await asyncio.wait_for(server.stop(), 5)
        assert await read_end(reader) == b""
        assert await read_end(idle) == b""


# --- faults and limits ---------------------------------------------------------------------


class Broken:
    def __init__(self) -> None:
        self.failing = True

    async def respond(self, wire: bytes, *, transport: str) -> bytes | None:
        if self.failing:
            raise RuntimeError("+14155551234")
        return wire[:2] + b"\x80\x05" + bytes(8)


@pytest.mark.parametrize("ask", [udp, tcp])
async def test_no_exception_kills_the_server(ask: Any) -> None:
    def on_answer(*_: str) -> None:
        raise ValueError("+14155551234")

    broken = Broken()
    async with DnsServer(broken, port=0, on_answer=on_answer) as server:
        with structlog.testing.capture_logs() as logs:
            assert (await ask(server, query())).rcode() == dns.rcode.SERVFAIL
            broken.failing = False
            assert (await ask(server, query())).rcode() == dns.rcode.REFUSED
            broken.failing = True
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.sendto(b"no query", (server.host, server.port))
                await until(lambda: len(logs) >= 8)
    said = [log for log in logs if log["log_level"] == "warning"]
    assert {log["event"] for log in said} == {"dns.answer_failed", "dns.counter_failed"}
    assert "1415" not in str(said)


async def test_udp_look_ups_are_bounded(directory: Any) -> None:
    responder = Responder(directory, [Zone("e164.arpa")])
    async with DnsServer(responder, port=0, max_inflight=3) as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for _ in range(10):
                sock.sendto(query(SLOW).to_wire(), (server.host, server.port))
            await until(lambda: server.dropped == 7)
            assert directory.waiting == 3
            directory.gate.set()
            assert (await udp(server, query())).answer


async def test_udp_waits_while_the_socket_is_full(server: DnsServer) -> None:
    server._udp.pause_writing()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(query().to_wire(), (server.host, server.port))
        await until(lambda: server.dropped == 1)
    server._udp.resume_writing()
    assert (await udp(server, query())).answer


async def test_udp_clients_that_left_are_no_matter(server: DnsServer, directory: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(query(SLOW).to_wire(), (server.host, server.port))
        await until(lambda: directory.waiting == 1)
    directory.gate.set()
    await asyncio.sleep(0.01)
    server._udp.error_received(ConnectionRefusedError())
    assert (await udp(server, query())).answer


async def test_udp_queries_from_port_0_are_ignored(server: DnsServer, directory: Any) -> None:
    server._udp.datagram_received(query(SLOW).to_wire(), ("127.0.0.1", 0))
    assert (await udp(server, query())).answer
    assert directory.waiting == 0


async def test_an_endpoint_that_never_had_a_socket_stops() -> None:
    async def answer(wire: bytes) -> bytes:
        return wire

    await UdpEndpoint(answer, 1).stop(0)


# --- TCP -------------------------------------------------------------------------------------


async def test_pipelined_queries_are_answered_as_they_are_ready(
    server: DnsServer, directory: Any
) -> None:
    slow, fast = query(SLOW), [query(NUMBER) for _ in range(5)]
    async with connection(server) as (reader, writer):
        writer.write(framed(slow) + b"".join(map(framed, fast)))
        assert {(await read_answer(reader)).id for _ in fast} == {m.id for m in fast}
        directory.gate.set()
        assert (await read_answer(reader)).id == slow.id


async def test_a_query_may_come_in_pieces(server: DnsServer) -> None:
    async with connection(server) as (reader, writer):
        for octet in framed(query()):
            writer.write(bytes((octet,)))
            await writer.drain()
            await asyncio.sleep(0)
        assert (await read_answer(reader)).answer


async def test_a_half_closed_connection_gets_its_answers(server: DnsServer, directory: Any) -> None:
    async with connection(server) as (reader, writer):
        writer.write(framed(query(SLOW)))
        writer.write_eof()
        await until(lambda: directory.waiting == 1)
        directory.gate.set()
        assert (await read_answer(reader)).rcode() == dns.rcode.NXDOMAIN
        assert await read_end(reader) == b""


@pytest.mark.parametrize("junk", [b"\0\0", b"\0\x03abc", b"\0\x0c\0\0\x80" + bytes(9)])
async def test_what_is_no_query_closes_the_connection(server: DnsServer, junk: bytes) -> None:
    async with connection(server) as (reader, writer):
        writer.write(framed(query()))
        assert (await read_answer(reader)).answer
        writer.write(junk)
        assert await read_end(reader) == b""


@pytest.mark.parametrize("sent", [b"", b"\0", b"\0\x20abc"])
async def test_idle_connections_are_closed(directory: Any, sent: bytes) -> None:
    responder = Responder(directory, [Zone("e164.arpa")])
    async with (
        DnsServer(responder, port=0, idle_timeout=0.05) as server,
        connection(server) as (reader, writer),
    ):
        writer.write(sent)
        assert await read_end(reader) == b""


async def test_connections_are_bounded(directory: Any) -> None:
    responder = Responder(directory, [Zone("e164.arpa")])
    async with (
        DnsServer(responder, port=0, max_connections=2) as server,
        connection(server) as (first, writer),
    ):
        async with connection(server) as (second, second_writer):
            for reader, out in ((first, writer), (second, second_writer)):
                out.write(framed(query()))
                assert (await read_answer(reader)).answer
            async with connection(server) as (third, _):
                assert await read_end(third) == b""
            assert server.dropped == 1
        await until(lambda: len(server._tcp._tasks) < 2)
        assert (await tcp(server, query())).answer


async def test_queries_on_a_connection_are_bounded(directory: Any) -> None:
    responder = Responder(directory, [Zone("e164.arpa")])
    async with (
        DnsServer(responder, port=0, max_pipelined=4) as server,
        connection(server) as (reader, writer),
    ):
        writer.write(b"".join(framed(query(SLOW)) for _ in range(10)))
        await until(lambda: directory.waiting == 4)
        await asyncio.sleep(0.05)
        assert directory.waiting == 4
        directory.gate.set()
        for _ in range(10):
            await read_answer(reader)


class Longwinded:
    answered = 0

    async def respond(self, wire: bytes, *, transport: str) -> bytes | None:
        self.answered += 1
        return wire[:2] + b"\x80\x00" + bytes(60_000)


async def test_slow_readers_are_cut_off() -> None:
    longwinded = Longwinded()
    async with DnsServer(longwinded, port=0, max_pipelined=4, idle_timeout=0.2) as server:
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, (server.host, server.port))
            sock.send(framed(query()) * 500)
            await until(lambda: longwinded.answered > 0)
            await until(lambda: not server._tcp._tasks)  # given up, with nothing read here
            assert longwinded.answered < 500


async def test_a_client_that_resets_does_no_harm(server: DnsServer, directory: Any) -> None:
    async with connection(server) as (_, writer):
        writer.write(framed(query(SLOW)) * 3)
        await until(lambda: directory.waiting == 3)
        linger = struct.pack("ii", 1, 0)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    await asyncio.sleep(0.01)
    directory.gate.set()
    assert (await tcp(server, query())).answer


# --- dig -------------------------------------------------------------------------------------


async def dig(server: DnsServer, *arguments: str) -> str:
    program = shutil.which("dig")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("dig is not installed (package bind9-dnsutils)")
        pytest.skip("dig is not installed (package bind9-dnsutils)")
    process = await asyncio.create_subprocess_exec(
        program,
        f"@{server.host}",
        "-p",
        str(server.port),
        "+time=3",
        "+tries=1",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(10):
        output, _ = await process.communicate()
    return output.decode()


@pytest.mark.parametrize("how", ["+notcp", "+tcp"])
async def test_dig_prints_canonical_records(server: DnsServer, how: str) -> None:
    output = await dig(server, how, "+noall", "+answer", "NAPTR", NUMBER)
    lines = [" ".join(line.split()) for line in output.splitlines()]
    assert lines == [f"{NUMBER} 3600 IN NAPTR {record}" for record in CANONICAL]


@pytest.mark.parametrize(
    ("arguments", "status", "flags"),
    [
        (["NAPTR", NUMBER], "NOERROR", "qr aa rd"),
        (["+norec", "A", NUMBER], "NOERROR", "qr aa"),
        (["+cd", "NAPTR", NOTHING], "NXDOMAIN", "qr aa rd cd"),
        (["NAPTR", "5.5.5.1.4.1.e164.arpa"], "NOERROR", "qr aa rd"),
        (["SOA", "e164.arpa"], "NOERROR", "qr aa rd"),
        (["+notcp", "ANY", NUMBER], "NOERROR", "qr aa rd"),
        (["NAPTR", FAILING], "SERVFAIL", "qr rd"),
        (["NS", "example.com"], "REFUSED", "qr rd"),
        (["CH", "TXT", "version.bind"], "REFUSED", "qr rd"),
        (["+edns=1", "+noednsneg", "NAPTR", NUMBER], "BADVERS", "qr rd"),
        (["+ednsopt=100", "NAPTR", NUMBER], "NOERROR", "qr aa rd"),
        (["+ednsflags=0x40", "NAPTR", NUMBER], "NOERROR", "qr aa rd"),
        (["+opcode=15", "+header-only", "+noedns"], "NOTIMP", "qr rd"),
        (["+noedns", "+zflag", "NAPTR", NUMBER], "NOERROR", "qr aa rd"),
    ],
)
async def test_dig_conformance(
    server: DnsServer, arguments: list[str], status: str, flags: str
) -> None:
    output = await dig(server, *arguments)
    assert f"status: {status}," in output, output
    assert f";; flags: {flags};" in output, output
    assert "malformed" not in output.lower()
    assert "MBZ" not in output
