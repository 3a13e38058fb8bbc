"""NVS names as LMDB keys, in the order of the numbers' digits.

| name | key |
|---|---|
| `enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa` | `14155551234!` |
| `enum:14155551234:7` | `14155551234#` and 7 as two octets, big end first |
| every other kept name, e.g. `ver:enum` | `=ver:enum` |

`!` and `#` sort before digits, so a number stands before those that it is a
prefix of, and all names of one number stand together in reading order. Keys
stay below LMDB's limit of 511 octets, because longer names are not kept.
"""

from __future__ import annotations

from nvs.names import ENUM_APEX, ENUM_PREFIX, digits_of_nvs_name, enumer_index
from nvs.record_index import MAX_ENUMER_INDEX

E164_MARK = b"!"
ENUMER_MARK = b"#"
NUMBER_END = b"$"
"""Sorts behind every key of a number, before those of longer numbers."""
OTHER_MARK = b"="

MAX_OTHER_OCTETS = 255
"""Longest name that is no number's; the template of a revocation list is shorter (EmerDNS)."""


def number_key(name: str) -> bytes | None:
    """The key of a canonical enum name that EmerDNS would read, None for every other name."""
    digits = digits_of_nvs_name(name)
    if digits is None:
        return None
    index = enumer_index(name)
    if index is None:
        return digits.encode() + E164_MARK
    if index > MAX_ENUMER_INDEX:
        return None
    return digits.encode() + ENUMER_MARK + index.to_bytes(2, "big")


def other_key(name: str) -> bytes:
    """The key of a name that is no number's."""
    return OTHER_MARK + name.encode("ascii")


def name_of(key: bytes) -> str:
    """The name of a key, inverse of `number_key` and `other_key`."""
    if key.startswith(OTHER_MARK):
        return key[1:].decode("ascii")
    if key.endswith(E164_MARK) and ENUMER_MARK not in key:
        return f"{ENUM_PREFIX}{'.'.join(key[-2::-1].decode('ascii'))}.{ENUM_APEX}"
    return f"{ENUM_PREFIX}{key[:-3].decode('ascii')}:{int.from_bytes(key[-2:], 'big')}"


def digits_of(key: bytes) -> bytes | None:
    """The number's digits, None for names that are no number's."""
    if key.startswith(OTHER_MARK):
        return None
    if key.endswith(E164_MARK) and ENUMER_MARK not in key:
        return key[:-1]
    return key[:-3]
