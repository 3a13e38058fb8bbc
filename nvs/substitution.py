"""ENUM substitution expressions `!pattern!replacement!`, read from hostile input.

A pattern from the chain is never run by a backtracking engine: it is compiled,
and where it must be matched also run, by google-re2, with little memory.

Sources: RFC 3402 section 3.2 (expression), RFC 6116 section 3.4. They allow
more than clients understand; what is published follows the narrow form that
Kamailio, Asterisk and FreeSWITCH share.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import re2

from nvs.enumservice import scheme_of
from nvs.naptr_text import InvalidNaptr, check_text, shown

DELIMITER = "!"
MATCH_ALL = "^.*$"

_LETTER = re.compile(r"[A-Za-z]", re.ASCII)
_BACK_REFERENCE = re.compile(r"\\([1-9])", re.ASCII)

_PLUS = r"(?:\\\+\??|\[\+\]\??|\+)[0-9]{0,15}"
_SIMPLE = re.compile(rf"\^?(?:{_PLUS})?\((?:{_PLUS})?(?:\.[*+]|\[0-9\][*+]|\\d[*+])\)\$?", re.ASCII)
_BARE_PLUS = re.compile(r"(^|[\^(])\+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Substitution:
    """The parts of `!pattern!replacement!flags`, escapes left as they stand."""

    delimiter: str
    pattern: str
    replacement: str
    flags: str


@dataclass(frozen=True, slots=True)
class Published:
    """A regexp fit for publication.

    Attributes:
        regexp: at most 255 octets of printable ASCII, three `!`, no flags.
        uri: what a client arrives at, None where that depends on the pattern.
        replacement: the middle of the regexp as published, back-references included.
        notes: what was changed on the way, as sentences.
    """

    regexp: str
    uri: str | None
    replacement: str
    notes: tuple[str, ...] = ()


def split_substitution(text: str) -> Substitution:
    """`!^.*$!sip:a@b!` -> its parts (RFC 3402 section 3.2); any delimiter, `\\` escapes it.

    Raises:
        InvalidNaptr: empty, a delimiter the RFC does not allow, or not three delimiters.
    """
    if not text:
        raise InvalidNaptr("regexp: is empty")
    delimiter = text[0]
    if delimiter.isalnum() or delimiter == "\\":
        raise InvalidNaptr(f"regexp: starts with {shown(delimiter)}, expected the delimiter '!'")
    parts = [""]
    escaped = False
    for char in text[1:]:
        if char == delimiter and not escaped:
            parts.append("")
        else:
            parts[-1] += char
        escaped = char == "\\" and not escaped
    if len(parts) != 3:
        raise InvalidNaptr(
            f"regexp: has {len(parts)} delimiters {shown(delimiter)}, expected 3 as in"
            " '!pattern!replacement!'"
        )
    return Substitution(delimiter, *parts)


@lru_cache(maxsize=1024)
def group_count(pattern: str) -> int:
    """How many groups a pattern has, found by compiling it with google-re2.

    Compiled twice: as POSIX ERE, which is what the RFC and most clients have
    (so no `(?:...)`), and in RE2's own syntax, which FreeSWITCH's PCRE is near.

    Raises:
        InvalidNaptr: empty, not compilable, or needing too much memory.
    """
    if not pattern:
        raise InvalidNaptr("regexp: the pattern is empty, expected one such as '^.*$'")
    try:
        re2.compile(pattern, options=_options(posix=True))
        return int(re2.compile(pattern, options=_options(posix=False)).groups)
    except re2.error as error:
        cause = error.args[0] if error.args else b""
        text = cause.decode("ascii", "replace") if isinstance(cause, bytes) else str(cause)
        raise InvalidNaptr(f"regexp: the pattern does not compile: {shown(text)}") from None


def matches(pattern: str, digits: str) -> bool:
    """Whether a compilable pattern matches `+<digits>`, the string ENUM clients feed it."""
    return _search(pattern, digits) is not None


def back_references(replacement: str) -> frozenset[int]:
    """The groups a replacement refers to: `sip:\\1@b` -> {1}.

    Raises:
        InvalidNaptr: a backslash before anything but 1..9 (RFC 3402 has no `\\0`).
    """
    found = frozenset(int(digit) for digit in _BACK_REFERENCE.findall(replacement))
    rest = _BACK_REFERENCE.sub("", replacement)
    if "\\" in rest:
        raise InvalidNaptr(
            "regexp: a backslash in the replacement must be followed by 1..9 (a back-reference)"
        )
    return found


def normalise_regexp(text: str, digits: str | None) -> Published:
    """Turn a record's regexp into the form every client understands.

    Other delimiters become `!`, a flag without effect goes, back-references of
    simple patterns (`^(.*)$`, `^\\+?(.*)$`, ...) are replaced by the number. The
    rest stays as the record has it.

    Args:
        digits: the number, None where it is not known (nothing is expanded then).

    Raises:
        InvalidNaptr: it cannot be published; the message names the cause.
    """
    check_text(text, "regexp")
    parts = split_substitution(text)
    notes = []
    if parts.flags:
        parts = _without_flags(parts)
        notes.append("regexp: trailing flag dropped, it had no effect")
    if parts.delimiter != DELIMITER:
        parts = _with_common_delimiter(parts)
        notes.append("regexp: delimiter changed to '!', the only one Kamailio and FreeSWITCH know")
    elif text.count(DELIMITER) != 3:
        raise InvalidNaptr(
            "regexp: the delimiter '!' stands escaped inside, write %21 in the URI instead"
        )
    references = back_references(parts.replacement)
    if references and digits is not None and _SIMPLE.fullmatch(parts.pattern):
        expanded = _expand(parts, references, digits)
        return Published(canonical_regexp(expanded), expanded, expanded, tuple(notes))
    groups = group_count(parts.pattern)
    if references and max(references) > groups:
        raise InvalidNaptr(
            f"regexp: refers to group {max(references)}, the pattern has {groups} groups"
        )
    if not references:
        scheme_of(parts.replacement)
    regexp = f"!{parts.pattern}!{parts.replacement}!"
    uri = None if references else parts.replacement
    return Published(regexp, uri, parts.replacement, tuple(notes))


def canonical_regexp(uri: str) -> str:
    """`sip:a@b` -> `!^.*$!sip:a@b!`: every number arrives at this URI.

    Raises:
        InvalidNaptr: no scheme, a character that clients break on, or too long.
    """
    regexp = f"!{MATCH_ALL}!{uri}!"
    check_text(uri, "uri")
    scheme_of(uri)
    for char, advice in (("!", "%21"), ("\\", "%5C")):
        if char in uri:
            raise InvalidNaptr(f"uri: has {shown(char)} in it, write {advice}")
    check_text(regexp, "regexp")
    return regexp


def _options(*, posix: bool) -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 16
    options.posix_syntax = posix
    options.perl_classes = True
    return options


def _search(pattern: str, digits: str) -> re2._Match | None:
    return re2.compile(pattern, options=_options(posix=False)).search(f"+{digits}")


def _without_flags(parts: Substitution) -> Substitution:
    if parts.flags.lower() != "i":
        raise InvalidNaptr(f"regexp: flag {shown(parts.flags)} is unknown, expected none")
    if _LETTER.search(parts.pattern):
        raise InvalidNaptr(
            "regexp: the flag 'i' matters to this pattern, Asterisk refuses such a record"
        )
    return Substitution(parts.delimiter, parts.pattern, parts.replacement, "")


def _with_common_delimiter(parts: Substitution) -> Substitution:
    if DELIMITER in parts.pattern or DELIMITER in parts.replacement:
        raise InvalidNaptr(
            f"regexp: delimiter {shown(parts.delimiter)} cannot become '!', which stands inside"
        )
    escaped = "\\" + parts.delimiter
    return Substitution(
        DELIMITER,
        parts.pattern.replace(escaped, parts.delimiter),
        parts.replacement.replace(escaped, parts.delimiter),
        parts.flags,
    )


def _expand(parts: Substitution, references: frozenset[int], digits: str) -> str:
    if references != {1}:
        raise InvalidNaptr(f"regexp: refers to group {max(references)}, the pattern has 1 group")
    # RFC 2916's example left the leading plus unescaped, and records copy it.
    match = _search(_BARE_PLUS.sub(r"\1\\+", parts.pattern), digits)
    if match is None:
        raise InvalidNaptr(f"regexp: pattern {shown(parts.pattern)} cannot match +{digits}")
    return _BACK_REFERENCE.sub(lambda _: str(match.group(1)), parts.replacement)
