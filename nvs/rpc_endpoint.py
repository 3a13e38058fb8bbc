"""Where the node listens and how to prove ourselves there.

Kept apart from the client so that one small class holds the password, and
nothing else ever sees more than the finished `Authorization` header.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from nvs.errors import NvsUnavailable, RpcAuthError

DEFAULT_PORT = 6662
"""Emercoin's RPC port on main, test and regtest alike."""

DEFAULT_COOKIE = "~/.emercoin/.cookie"
"""Where `emercoind` writes its cookie on the main chain."""

_MAX_COOKIE_OCTETS = 4096
_URL_SHAPE = (
    "nvs.rpc.url: not http[s]://[user:password@]host[:port][/path] "
    "(percent-encode special characters of the password)"
)


@dataclass(frozen=True, slots=True)
class RpcEndpoint:
    """One node's address and credentials; the password is in no `repr`.

    Attributes:
        scheme: `http`, or `https` for a node behind a TLS proxy.
        path: `/`, or `/wallet/<name>`.
        user, password: None where the cookie file is used.
        cookie_file: holds `user:password`, written anew at each node start.
    """

    host: str
    port: int = DEFAULT_PORT
    scheme: str = "http"
    path: str = "/"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    cookie_file: Path | None = None

    @classmethod
    def parse(cls, url: str, cookie_file: str = "") -> RpcEndpoint:
        """`http://user:p%40ss@127.0.0.1:6662` -> an endpoint.

        A cookie file given by name wins over the URL's user and password;
        with neither, Emercoin's own cookie file in the home directory is used.

        Raises:
            ValueError: not such a URL (the text never shows the URL, which
                may hold a password).
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError(_URL_SHAPE) from None
        if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
            raise ValueError(_URL_SHAPE)
        user, password, cookie = None, None, None
        if not cookie_file and parts.username is not None:
            user, password = unquote(parts.username), unquote(parts.password or "")
        else:
            cookie = Path(cookie_file or DEFAULT_COOKIE).expanduser()
        return cls(
            host=host,
            port=DEFAULT_PORT if port is None else port,
            scheme=parts.scheme,
            path=parts.path or "/",
            user=user,
            password=password,
            cookie_file=cookie,
        )

    @property
    def address(self) -> str:
        """`127.0.0.1:6662`, for messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def authorization(self) -> str:
        """The HTTP Basic header, the cookie read afresh each time.

        Raises:
            NvsUnavailable: no cookie file, so most likely no running node.
            RpcAuthError: a cookie file that cannot be used.
        """
        if self.cookie_file is None:
            pair = f"{self.user or ''}:{self.password or ''}".encode()
        else:
            pair = self._read_cookie(self.cookie_file)
        return "Basic " + base64.b64encode(pair).decode("ascii")

    @staticmethod
    def _read_cookie(path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                cookie = file.read(_MAX_COOKIE_OCTETS).strip()
        except FileNotFoundError:
            raise NvsUnavailable(
                f"{path}: the node's cookie file is not there, is the node running?"
            ) from None
        except OSError as exc:
            raise RpcAuthError(
                f"{path}: the node's cookie file cannot be read: {exc.strerror}"
            ) from None
        if b":" not in cookie:
            raise RpcAuthError(f"{path}: the node's cookie file holds no user:password")
        return cookie
