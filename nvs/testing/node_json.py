r"""JSON as Emercoin Core 0.8 reads and writes it, which is not quite JSON.

Strings are octets. A request's raw octets pass through, its `\uXXXX` become ONE
octet each. A single reply holds raw octets (so it may be invalid UTF-8); a
batch reply writes every octet >= 0x80 as `\u00XX` in upper-case hex.
Observed on Emercoin Core 0.8.6, regtest.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn


class Number(str):
    """A number exactly as it stood in the request, so that an `id` comes back the same."""

    __slots__ = ()


_SHORT = {
    0x08: b"\\b",
    0x09: b"\\t",
    0x0A: b"\\n",
    0x0C: b"\\f",
    0x0D: b"\\r",
    0x22: b'\\"',
    0x5C: b"\\\\",
}


def _escapes(*, batch: bool) -> tuple[bytes, ...]:
    """What each of the 256 octets is written as."""
    table = []
    for octet in range(256):
        if octet in _SHORT:
            table.append(_SHORT[octet])
        elif batch and octet >= 0x7F:
            table.append(b"\\u%04X" % octet)
        elif octet < 0x20 or octet == 0x7F:
            table.append(b"\\u%04x" % octet)
        else:
            table.append(bytes([octet]))
    return tuple(table)


_HARMLESS = re.compile(rb"[ !#-\[\]-~]*")
"""Octets that are written as they are, always."""

_SINGLE = _escapes(batch=False)
_BATCH = _escapes(batch=True)


def read_json(body: bytes) -> Any:
    """A request's body; strings become `bytes`, numbers `Number`, keys `str` of latin-1.

    Raises:
        ValueError: not JSON.
    """
    try:
        content = json.loads(
            body.decode("latin-1"), parse_int=Number, parse_float=Number, parse_constant=_refuse
        )
        return _to_octets(content)
    except RecursionError:
        raise ValueError("nested too deep") from None


def write_json(value: Any, *, batch: bool = False) -> bytes:
    """A reply without blanks; `str` must be ASCII, `bytes` may be anything."""
    if isinstance(value, bytes):
        if _HARMLESS.fullmatch(value):
            return b'"' + value + b'"'
        table = _BATCH if batch else _SINGLE
        return b'"' + b"".join([table[octet] for octet in value]) + b'"'
    if value is None:
        return b"null"
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int | Number):
        return str(value).encode("ascii")
    if isinstance(value, str):
        return write_json(value.encode("ascii"), batch=batch)
    if isinstance(value, dict):
        pairs = (
            write_json(key.encode("latin-1"), batch=batch) + b":" + write_json(item, batch=batch)
            for key, item in value.items()
        )
        return b"{" + b",".join(pairs) + b"}"
    return b"[" + b",".join(write_json(item, batch=batch) for item in value) + b"]"


def _to_octets(value: Any) -> Any:
    if isinstance(value, Number):
        return value
    if isinstance(value, str):
        return _one_octet_each(value)
    if isinstance(value, list):
        return [_to_octets(item) for item in value]
    if isinstance(value, dict):
        return {
            _one_octet_each(key).decode("latin-1"): _to_octets(item) for key, item in value.items()
        }
    return value


def _one_octet_each(text: str) -> bytes:
    """Raw octets came in as latin-1; escapes above are cut, surrogate pairs half by half."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        pass
    units = text.encode("utf-16-le", "surrogatepass")
    return units[::2]


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)
