"""Which names are kept.

Always the numbers' names. Besides, `also` names what the program needs to read:
a text that ends in `:` is a prefix (`ver:`, `srl:`), any other is one exact name
(`enum:tollfree`). Names that are not printable ASCII, or longer than 255
octets, are nobody's.
"""

from __future__ import annotations

from nvs.mirror.keys import MAX_OTHER_OCTETS, number_key, other_key
from nvs.names import ENUM_PREFIX, MAX_NAME_OCTETS

NUMBERS = ENUM_PREFIX
"""The kind that every mirror keeps: canonical names of numbers."""


class Kinds:
    """What a mirror keeps; equal to another if it keeps the same."""

    def __init__(self, also: tuple[str, ...] = ()) -> None:
        """
        Raises:
            ValueError: a name or prefix is empty, not printable ASCII, or too long.
        """
        for text in also:
            if not _is_plain(text):
                raise ValueError(
                    f"also: {text[:60]!r} is not 1 to {MAX_OTHER_OCTETS} printable ASCII characters"
                )
        self._prefixes = tuple(text for text in also if text.endswith(":") and text != NUMBERS)
        self._exact = frozenset(text for text in also if not text.endswith(":"))

    @property
    def words(self) -> frozenset[str]:
        """Every kind by the text that asked for it, `enum:` for the numbers."""
        return frozenset({NUMBERS, *self._prefixes, *self._exact})

    def key(self, name: str) -> bytes | None:
        """The key under which a name is kept, None if it is not kept."""
        if len(name) <= MAX_NAME_OCTETS and (key := number_key(name)) is not None:
            return key
        if _is_plain(name) and (name in self._exact or name.startswith(self._prefixes)):
            return other_key(name)
        return None

    def key_of_octets(self, name: bytes) -> bytes | None:
        """The same for a name as it stands in a script."""
        if len(name) > MAX_OTHER_OCTETS or not name.isascii():
            return None
        return self.key(name.decode("ascii"))

    def kind_of(self, name: str) -> str | None:
        """The word of the kind that a name belongs to, None if it is not kept."""
        if number_key(name) is not None:
            return NUMBERS
        if name in self._exact:
            return name
        fitting = (prefix for prefix in self._prefixes if name.startswith(prefix))
        return next(fitting, None) if _is_plain(name) else None


def _is_plain(text: str) -> bool:
    return 0 < len(text) <= MAX_OTHER_OCTETS and text.isascii() and text.isprintable()
