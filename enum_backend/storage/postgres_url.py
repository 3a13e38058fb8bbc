"""How to reach a PostgreSQL server: the URL as libpq takes it, and the settings of a session."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

CONNECT_SECONDS = 5.0
"""Longest wait for a connection."""
STATEMENT_SECONDS = 15.0
"""Longest time of one statement, waiting for locks included; the server ends it then."""
IDLE_SECONDS = 5.0
"""Longest time between two statements of a transaction; the server ends the connection then."""

_LIBPQ_ONLY = frozenset(
    {
        "channel_binding",
        "client_encoding",
        "connect_timeout",
        "fallback_application_name",
        "gssencmode",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "requiressl",
        "sslcompression",
        "sslsni",
        "tcp_user_timeout",
    }
)
"""Parameters of libpq's URLs that the driver would hand to the server, which refuses them.

<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS>
"""

_SESSION = {
    "application_name": "enum-backend",
    "statement_timeout": f"{STATEMENT_SECONDS:.0f}s",
    # A transaction waits for nothing but the server. A process that is stopped in the middle
    # must not keep the others out for longer.
    "idle_in_transaction_session_timeout": f"{IDLE_SECONDS:.0f}s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    # What is answered as accepted must outlive the server, whatever its default is.
    "synchronous_commit": "on",
    "jit": "off",
    "TimeZone": "UTC",
}
"""What each session sets; parameters of the URL win."""


async def connect(url: str, **session: str) -> asyncpg.Connection[Any]:
    """A connection of its own.

    Args:
        url: `postgresql://` or `postgres://`, with libpq's parameters (`sslmode`, ...);
            several hosts are tried in turn. A parameter that is none of libpq's is a
            setting of the session, `?search_path=sms`.
        session: settings of this session, over all others.

    Raises:
        OSError, asyncpg.PostgresError, asyncpg.InterfaceError: it cannot be reached, or
            refuses us.
    """
    parts = urlsplit(url)
    given = [(key, value) for key, value in parse_qsl(parts.query) if key not in _LIBPQ_ONLY]
    own = _SESSION.keys() - dict(given)
    return await asyncpg.connect(
        urlunsplit(("postgresql", parts.netloc, parts.path, urlencode(given), "")),
        timeout=CONNECT_SECONDS,
        server_settings={key: _SESSION[key] for key in own} | session,
    )
