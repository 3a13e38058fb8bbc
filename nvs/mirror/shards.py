"""How names are listed in parts: by their first characters, further split where too many.

`name_filter` reads the node's whole name index for each call, so there should be
few, but its answer has to fit into memory. Patterns are plain enough for any
engine (the node's is boost::xpressive, which searches, and whose `^` and `$`
also match at line ends inside a name): what comes back is checked again, and a
name that is kept is never missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nvs.mirror.keys import MAX_OTHER_OCTETS
from nvs.mirror.kinds import NUMBERS
from nvs.names import ENUM_APEX

_META = frozenset(r"\.[]{}()*+?^$|")
_PRINTABLE = tuple(chr(code) for code in range(0x20, 0x7F))
_NUMBER_CHARACTERS = "0123456789.:" + "".join(sorted(set(ENUM_APEX) - set("0123456789.")))


def _beginnings(text: str) -> str:
    """A pattern for every beginning of a text, the empty one too."""
    return "".join(f"(?:{escaped(c)}" for c in text) + ")?" * len(text)


def escaped(text: str) -> str:
    """A text as a regular expression that matches just it."""
    return "".join("\\" + c if c in _META else c for c in text)


_VIABLE = re.compile(
    r"enum:(?:[0-9]{0,15}"
    r"|[0-9]{4,15}:(?:0|[1-9][0-9]{0,4})?"
    r"|(?:[0-9]\.){1,15}[0-9]?"
    rf"|(?:[0-9]\.){{4,15}}{_beginnings(ENUM_APEX)})",
    re.ASCII,
)
"""What the name of a number may begin with."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Names that one `name_filter` lists.

    Attributes:
        kind: see `Kinds.words`.
        prefix: what the names begin with.
        exact: only the one name that `prefix` is.
        skipped: only names that go on behind `prefix` as no number's name does;
            to be counted.
    """

    kind: str
    prefix: str
    exact: bool = False
    skipped: bool = False

    def key(self) -> bytes:
        """A text to keep it under."""
        mark = "s" if self.skipped else "e" if self.exact else "p"
        return f"{mark}{len(self.kind):03}{self.kind}{self.prefix}".encode("ascii")

    @classmethod
    def from_key(cls, key: bytes) -> Shard:
        """Inverse of `key`."""
        text = key.decode("ascii")
        end = 4 + int(text[1:4])
        return cls(text[4:end], text[end:], exact=text[0] == "e", skipped=text[0] == "s")

    def pattern(self) -> str:
        """The regular expression for `name_filter`."""
        pattern = "^" + escaped(self.prefix)
        if self.exact:
            return pattern + "$"
        if self.skipped:
            following = "".join(_following(self.prefix))
            return pattern + (f"[^{following}]" if following else ".")
        return pattern

    def split(self) -> Iterator[Shard]:
        """Smaller shards that list the same names together."""
        yield Shard(self.kind, self.prefix, exact=True)
        if self.kind != NUMBERS:
            if len(self.prefix) < MAX_OTHER_OCTETS:
                for character in _PRINTABLE:
                    yield Shard(self.kind, self.prefix + character)
            return
        for character in _following(self.prefix):
            yield Shard(self.kind, self.prefix + character)
        yield Shard(self.kind, self.prefix, skipped=True)


def first_shards(kind: str) -> Iterator[Shard]:
    """What lists a whole kind; numbers by their first digit from the start."""
    whole = Shard(kind, kind, exact=not kind.endswith(":"))
    if kind == NUMBERS:
        yield from whole.split()
    else:
        yield whole


def _following(prefix: str) -> list[str]:
    """The characters with which some number's name may go on."""
    return [c for c in _NUMBER_CHARACTERS if _VIABLE.fullmatch(prefix + c)]
