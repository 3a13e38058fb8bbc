"""Which names a verifier has taken its word back for.

A verifier's value may say `SRL=<nbits>|<template>`: the names it revoked stand in
lists of their own, spread over 2^nbits buckets. The bucket of a name follows
from a hash of it, and the template with the bucket in it is the list's name.

Source: Emercoin 0.8.6, emcdns.cpp (CheckEnumSig). Two things differ on purpose:
a line that cannot be read is a problem instead of "nothing is revoked", and a
list is searched for the whole name, so that `enum:...:1` is not hit by `:10`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_BITS = 30
MAX_TEMPLATE = 255
"""Characters, so shorter than EmerDNS' buffer of 256."""

MAX_LISTS = 4
"""SRL lines read of one verifier; EmerDNS reads one."""

_FIRST_HASH = 0x5555
_LINE_END = re.compile(r"[\r\n]")
_BITS = re.compile(r"[0-9]{1,3}", re.ASCII)
_TEMPLATE = re.compile(r"[!-$&-~]+|[!-$&-~]*%(?:0[0-9]{0,2})?[diouxX][!-$&-~]*", re.ASCII)


class InvalidSrl(ValueError):
    """An SRL line cannot be followed, so nobody knows what is revoked."""


@dataclass(frozen=True, slots=True)
class RevocationLists:
    """One SRL line: `SRL=2|srl:second-%02x`.

    Attributes:
        bits: 0 to 30, there are 2^bits lists.
        template: one `%d %i %o %u %x %X`, perhaps with a width (`%02x`); without
            any it is the name of the only list.
    """

    bits: int
    template: str

    def list_of(self, name: str) -> str:
        """The NVS name of the list that would hold `name`."""
        if "%" not in self.template:
            return self.template
        bucket = bucket_hash(name) & (1 << self.bits) - 1
        return self.template % bucket


def bucket_hash(name: str) -> int:
    """32 bits: h = h * 33 + octet, starting with 0x5555."""
    value = _FIRST_HASH
    for octet in name.encode():
        value = value * 33 + octet & 0xFFFFFFFF
    return value


def revocation_lists(value: bytes) -> tuple[RevocationLists, ...]:
    """The SRL lines of a verifier's value; most have none.

    Like other ENUMER lines they are known by their first three letters in any
    case. `SRL=` without anything behind it is no list.

    Raises:
        InvalidSrl: a line that says SRL and cannot be followed, or more than four.
    """
    lines = _LINE_END.split(value.decode("utf-8", "replace"))
    read = [_read(line) for line in lines if line[:3].upper() == "SRL"]
    found = [lists for lists in read if lists is not None]
    if len(found) > MAX_LISTS:
        raise InvalidSrl(f"its record has {len(found)} SRL lines, at most {MAX_LISTS} are read")
    return tuple(found)


def names_in(value: bytes, name: str) -> bool:
    """Whether a revocation list names exactly `name`.

    Anything but a letter or digit may stand around it (blanks, commas, quotes,
    line ends). A longer name that begins or ends the same is another name.
    """
    whole = rb"(?<![0-9A-Za-z])%b(?![0-9A-Za-z]|[-._:][0-9A-Za-z])" % re.escape(name.encode())
    return re.search(whole, value) is not None


def _read(line: str) -> RevocationLists | None:
    _, equals, rest = line.partition("=")
    if not equals:
        raise InvalidSrl("its SRL line has no '='")
    if not rest.strip():
        return None
    bits, bar, template = (part.strip() for part in rest.partition("|"))
    if not bar or _BITS.fullmatch(bits) is None or int(bits) > MAX_BITS:
        raise InvalidSrl(f"its SRL line does not start with 0 to {MAX_BITS} bits and '|'")
    if len(template) > MAX_TEMPLATE or _TEMPLATE.fullmatch(template) is None:
        raise InvalidSrl("its SRL line has no template with at most one %d, %i, %o, %u, %x or %X")
    return RevocationLists(int(bits), template)
