"""Values that stand for a secret without being one: `${VAR}`, `<token>`, `example`, `xxxx`."""

from __future__ import annotations

import re
from typing import Final

VARIABLE: Final = re.compile(r"\$\{[^}\n]*\}|\{\{[^}\n]*\}\}|<[A-Za-z][\w .-]{0,60}>")
"""What another program fills in; a default (`${VAR:-default}`) belongs to it."""

_REFERENCE = re.compile(
    r"\$[A-Za-z_]\w*|\$\(.*\)"  # shell
    r"|%\w+%|%\(\w+\)s"  # Windows, Python
    r"|\{\w*\}"  # str.format
    r"|[A-Z]+(?:_[A-Z]+)+"  # the name of a variable
)
_WORD = re.compile(
    r"example|placeholder|change[-_ ]?(?:me|this)|your[-_ ]|replace[-_ ]|dummy|fake|canary|redacted"
    r"|\.\.\.|…",
    re.IGNORECASE,
)
_FILLER: Final = frozenset("xX*.-_#")


def without_variables(text: str) -> str:
    """The text with every `${VAR}`, `{{name}}` and `<name>` taken out."""
    return VARIABLE.sub("", text)


def is_placeholder(value: str) -> bool:
    """Whether a value is plainly not a secret.

    It is when nothing is left without its variables, when it is the name of
    one, when it says itself that it is an example, or when one filling
    character (`xxxx`, `****`) makes up all of it but its prefix (`ACxxxx`).
    """
    value = value.strip()
    bare = without_variables(value)
    if bare != value and not any(character.isalnum() for character in bare):
        return True
    if _REFERENCE.fullmatch(value) or _WORD.search(value):
        return True
    rest = set(value[3:]) or set(value)
    return len(rest) == 1 and rest <= _FILLER
