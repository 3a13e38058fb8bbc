"""Calling addresses that others chose, without becoming their way into our network.

A URL of a record, a tenant or a caller may name anything, and a name may lead to
one address when it is checked and to another when it is called (DNS rebinding). So
the address itself is judged, and at the last moment: where the socket is made.
Redirects are never followed, and no proxy of the environment is used.

What is public follows the IANA special-purpose registries:
https://www.iana.org/assignments/iana-ipv4-special-registry/ and
https://www.iana.org/assignments/iana-ipv6-special-registry/
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from typing import Any, Final

import aiohttp
from yarl import URL

MAX_URL_CHARACTERS = 2048
KEEP_ALIVE = 15.0
"""Seconds an idle connection is kept."""
DNS_SECONDS = 10
CONNECTIONS = 512

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NOT_PUBLIC_V4: Final = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
"""The only unicast space handed out so far; loopback, private and multicast lie outside."""
_NOT_PUBLIC_V6: Final = tuple(
    ipaddress.IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
_HOLDS_V4: Final = tuple(ipaddress.IPv6Network(text) for text in ("::ffff:0:0/96", "64:ff9b::/96"))
"""IPv4 behind IPv6: mapped addresses (RFC 4291) and the well-known NAT64 prefix (RFC 6052)."""


class RefusedUrl(ValueError):
    """A URL that is not called; the text says why and never holds the URL."""


class RefusedAddress(OSError):
    """A name led to an address that is not called."""

    def __init__(self) -> None:
        super().__init__("the address is not public")


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public Internet."""
    address = _inner(address)
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _NOT_PUBLIC_V6)


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, else itself."""
    if isinstance(address, ipaddress.IPv6Address) and any(address in net for net in _HOLDS_V4):
        return ipaddress.IPv4Address(address.packed[-4:])
    return address


class Egress:
    """A way out that leads to public addresses, and to what the operator allows besides.

    Args:
        allow: host names, addresses and networks (`hooks.lan`, `10.1.0.0/16`) that
            may be called although they are not public, and by plain HTTP.

    Raises:
        ValueError: an entry of `allow` is none of these.
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._hosts, self._networks = parse_allowed(allow)
        self._guarded: aiohttp.ClientSession | None = None
        self._free: aiohttp.ClientSession | None = None

    def check(self, text: str) -> URL:
        """The URL as it may be called; where its name leads is judged at the connect.

        Raises:
            RefusedUrl: not `https://` (allowed hosts: `http://` as well), with a user
                or a port below 1024 other than 443, or an address that is not public.
        """
        if len(text) > MAX_URL_CHARACTERS or not text.isprintable() or " " in text:
            raise RefusedUrl("is longer than 2048 characters, or holds blanks")
        try:
            url = URL(text)
            host, port = url.host or "", url.port
        except (ValueError, TypeError):
            raise RefusedUrl("is no URL") from None
        address = _address(host)
        allowed = self._is_allowed_host(host) or (address is not None and self._may_call(address))
        if not host or url.scheme not in ({"http", "https"} if allowed else {"https"}):
            raise RefusedUrl("does not begin with https://")
        if url.user is not None or url.password is not None:
            raise RefusedUrl("holds a user or a password")
        if not allowed and port != 443 and (port or 0) < 1024:
            raise RefusedUrl("names a port of another service")
        if address is not None and not (allowed or is_public(address)):
            raise RefusedUrl("names an address that is not public")
        return url.with_fragment(None)

    def session(self, url: URL, *, trusted: bool = False) -> aiohttp.ClientSession:
        """The session to call a checked URL with; connections are kept and shared.

        Pass `allow_redirects=False` to every request.

        Args:
            trusted: the operator's own settings name the URL; it may lead anywhere.
        """
        if trusted or self._is_allowed_host(url.host or ""):
            if self._free is None:
                self._free = _session(socket_factory=None)
            return self._free
        if self._guarded is None:
            self._guarded = _session(socket_factory=self._socket)
        return self._guarded

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        sessions, self._guarded, self._free = (self._guarded, self._free), None, None
        for session in sessions:
            if session is not None:
                await session.close()

    def _socket(self, found: tuple[Any, ...]) -> socket.socket:
        """A socket for an address that a name led to, or that stood in the URL.

        Raises:
            RefusedAddress: it is neither public nor allowed.
        """
        family, kind, protocol, _, place = found
        address = _address(place[0])
        if address is None or not (is_public(address) or self._may_call(address)):
            raise RefusedAddress
        return socket.socket(family, kind, protocol)

    def _is_allowed_host(self, host: str) -> bool:
        return host.rstrip(".").lower() in self._hosts

    def _may_call(self, address: Address) -> bool:
        inner = _inner(address)
        return any(address in network or inner in network for network in self._networks)


def parse_allowed(entries: Iterable[str]) -> tuple[frozenset[str], tuple[Network, ...]]:
    """Host names, and networks.

    Raises:
        ValueError: an entry is neither.
    """
    hosts: set[str] = set()
    networks: list[Network] = []
    for entry in entries:
        text = entry.strip().rstrip(".").lower()
        try:
            networks.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            if not _is_name(text):
                raise ValueError(
                    f"expected host names, addresses or networks, got {entry[:60]!r}"
                ) from None
            hosts.add(text)
    return frozenset(hosts), tuple(networks)


def _is_name(text: str) -> bool:
    labels = text.split(".")
    return len(text) <= 253 and all(
        0 < len(label) <= 63
        and label.isascii()
        and label.replace("-", "").replace("_", "").isalnum()
        and not label.startswith("-")
        for label in labels
    )


def _address(host: str) -> Address | None:
    """The address that a host of a URL or a socket is, without its zone."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _session(**options: Any) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE, ttl_dns_cache=DNS_SECONDS, **options
        ),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "enum-backend", "Accept-Encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=None),
        trust_env=False,
    )
