"""What BIND's tools make of a NAPTR regexp: `dig` throws the whole packet away for a bad one.

EmerDNS sends regexps as the value states them. BIND checks each one while it
reads a packet, and answers "bad packet: syntax error" for all of it, so that a
single record hides the others (seen with EmerDNS 0.8.6 and dig 9.18).

Source: BIND 9, lib/dns/rdata.c (`txt_valid_regex`) and lib/isc/regex.c. Patterns
are compiled by google-re2 as POSIX expressions, which is near to BIND's own check.
"""

from __future__ import annotations

from nvs.naptr_text import InvalidNaptr
from nvs.substitution import group_count

_DIGITS = frozenset("123456789")
_NO_DELIMITER = frozenset("0123456789\\i\0")


def bind_refuses(regexp: str) -> str | None:
    """Why `dig` would reject a packet with this regexp, None where it would not.

    Args:
        regexp: as it stands in the record; an empty one is allowed.
    """
    if not regexp:
        return None
    delimiter = regexp[0]
    if delimiter in _NO_DELIMITER:
        return f"starts with {delimiter!a}, which is no delimiter"
    pattern, flags = "", ""
    references: set[str] = set()
    part = 0
    characters = iter(regexp[1:])
    for character in characters:
        if character == delimiter:
            part += 1
            if part > 2:
                return "has more than three delimiters"
        elif part == 2:
            flags += character
        else:
            escaped = ""
            if character == "\\":
                escaped = next(characters, "")
                if not escaped:
                    return "ends with a backslash"
            if part == 0:
                pattern += character + escaped
            elif escaped:
                references.add(escaped)
    if part < 2:
        return f"has {part + 1} delimiters instead of three"
    if flags.strip("i"):
        return "has a flag other than 'i'"
    return _references(pattern, references)


def _references(pattern: str, references: set[str]) -> str | None:
    try:
        groups = group_count(pattern)
    except InvalidNaptr:
        return "has a pattern that does not compile"
    if "0" in references:
        return "refers to group 0"
    greatest = max((int(text) for text in references & _DIGITS), default=0)
    return f"refers to group {greatest} of {groups}" if greatest > groups else None
