"""Loopback ports for programs that cannot choose one themselves."""

from __future__ import annotations

import socket


def free_ports(how_many: int) -> list[int]:
    """Different ports on which nobody listens now."""
    probes = [socket.socket() for _ in range(how_many)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports
