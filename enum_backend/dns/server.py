"""The authoritative DNS server on its sockets: UDP and TCP on one port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol, Self

import dns.rcode
import structlog

from enum_backend.dns.tcp import TcpEndpoint
from enum_backend.dns.udp import UdpEndpoint
from enum_backend.dns.wire import Query, Transport, outcome, parse, render

OnAnswer = Callable[[str, str, str], None]
"""Called for every answer with transport, query type and response code, all bounded sets."""

_BIND_ATTEMPTS = 20
_RECEIVE_BUFFER = 1 << 20
_BACKLOG = 128

_log = structlog.get_logger("enum_backend.dns")


class WireResponder(Protocol):
    """What turns packets into answers; normally `responder.Responder`."""

    def respond(self, wire: bytes, *, transport: Transport) -> Awaitable[bytes | None]:
        """The answer's octets, or None for silence."""
        ...


class DnsServer:
    """Serves a responder on UDP and TCP; an async context manager, or `start` and `stop`.

    Args:
        responder: answers packets; whatever it raises becomes SERVFAIL.
        host: IPv4 or IPv6 address, or a name, of which the first address is
            taken. An IPv6 address serves IPv6 only. Name a concrete address on a
            machine with several: on a wildcard, UDP answers leave from the
            address the kernel picks.
        port: 0 picks one that is free for UDP and TCP.
        on_answer: for counters; `("udp", "NAPTR", "NOERROR")`.
        max_inflight: UDP look-ups at one time; queries beyond are dropped.
        max_connections: TCP connections at one time; further ones are closed.
        max_pipelined: unfinished queries on one TCP connection.
        idle_timeout: seconds without a whole query, or with an answer not taken.
        grace: seconds `stop` waits for answers under way.
    """

    def __init__(
        self,
        responder: WireResponder,
        host: str = "127.0.0.1",
        port: int = 5300,
        *,
        on_answer: OnAnswer | None = None,
        max_inflight: int = 1000,
        max_connections: int = 200,
        max_pipelined: int = 32,
        idle_timeout: float = 10.0,
        grace: float = 2.0,
    ) -> None:
        self._responder = responder
        self._host = host
        self._port = port
        self._on_answer = on_answer
        self._grace = grace
        self._udp = UdpEndpoint(partial(self._answer, "udp"), max_inflight)
        self._tcp = TcpEndpoint(
            partial(self._answer, "tcp"), max_connections, max_pipelined, idle_timeout
        )
        self._listener: asyncio.Server | None = None

    @property
    def host(self) -> str:
        """The address asked for."""
        return self._host

    @property
    def port(self) -> int:
        """The port in use; before `start` the one asked for."""
        return self._port

    @property
    def dropped(self) -> int:
        """UDP queries dropped and TCP connections refused for want of room."""
        return self._udp.dropped + self._tcp.refused

    async def start(self) -> None:
        """Bind both sockets and begin to answer. A server starts once.

        Raises:
            OSError: the address is not ours, or the port is taken.
        """
        loop = asyncio.get_running_loop()
        infos = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)
        family, _, _, _, address = infos[0]
        udp, tcp = _bind_both(family, str(address[0]), self._port)
        self._port = udp.getsockname()[1]
        await loop.create_datagram_endpoint(lambda: self._udp, sock=udp)
        self._listener = await asyncio.start_server(self._tcp.connected, sock=tcp, backlog=_BACKLOG)
        _log.info("dns.started", host=self._host, port=self._port)

    async def stop(self) -> None:
        """Take no more queries, answer those under way, close. Harmless if not started."""
        if self._listener is None:
            return
        listener, self._listener = self._listener, None
        listener.close()
        await asyncio.gather(self._udp.stop(self._grace), self._tcp.stop(self._grace))
        await listener.wait_closed()
        _log.info("dns.stopped", port=self._port)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _answer(self, transport: Transport, wire: bytes) -> bytes | None:
        try:
            answer = await self._responder.respond(wire, transport=transport)
        except Exception as error:
            _report("dns.answer_failed", error)
            query = parse(wire)
            answer = render(query, dns.rcode.SERVFAIL) if isinstance(query, Query) else None
        if answer is not None and self._on_answer is not None:
            try:
                self._on_answer(transport, *outcome(answer))
            except Exception as error:
                _report("dns.counter_failed", error)
        return answer


def _report(event: str, error: Exception) -> None:
    """Logs without text and packet: both may hold the phone number."""
    _log.warning(event, error=type(error).__name__)
    _log.debug(event, exc_info=error)


def _bind_both(family: int, address: str, port: int) -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket on the same port; with port 0, tries until one is free for both."""
    for attempt in range(_BIND_ATTEMPTS):
        udp = _bind(family, socket.SOCK_DGRAM, address, port)
        try:
            return udp, _bind(family, socket.SOCK_STREAM, address, udp.getsockname()[1])
        except OSError:
            udp.close()
            if port or attempt == _BIND_ATTEMPTS - 1:
                raise
    raise AssertionError  # pragma: no cover


def _bind(family: int, kind: int, address: str, port: int) -> socket.socket:
    sock = socket.socket(family, kind)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:  # a port in TIME_WAIT is no obstacle to a restart
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        sock.bind((address, port))
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
