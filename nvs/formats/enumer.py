"""Format 1: Emercoin ENUMER lines, read as EmerDNS reads them.

    E2U+sip=100|10|!^(.*)$!sip:a@b!
    TTL=600
    SIG=ver:x|base64[,ver:y|base64]

Lines end at LF or CR. The first three letters, in any case, say what a line
is; other lines are ignored. Blanks around `=` and `|` do not count, and the
regexp ends at the first blank, because EmerDNS reads `%u | %u | %s`. Orders and
preferences are taken modulo 65536.

One thing differs on purpose: what would make a broken DNS packet is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from nvs.formats.draft import Candidate, Draft
from nvs.formats.signatures import read_signatures
from nvs.naptr_text import shown

MAX_TTL = 2**31 - 1
"""Seconds, RFC 2181 section 8."""

_BLANKS = " \t\v\f"
_BLANK_RUN = re.compile(r"[ \t\v\f]+")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_UNSIGNED = re.compile(r"([+-]?)([0-9]+)")
_LEADING_DIGITS = re.compile(r"[0-9]+")


def looks_like_enumer(value: bytes) -> bool:
    """Whether any line starts like one of ENUMER's, leading blanks forgiven."""
    return any(_kind(line.lstrip()) for line in _LINE_END.split(value))


def read_enumer(value: bytes, draft: Draft) -> None:
    """Collect every line that says something; a bad line leaves the others alone."""
    draft.format = "enumer"
    for index, raw in enumerate(_LINE_END.split(value), start=1):
        where = f"line {index}"
        kind = _kind(raw)
        if kind is None:
            _ignored(raw, where, draft)
            continue
        try:
            line = raw.decode()
        except UnicodeDecodeError as error:
            draft.problem(where, f"is not UTF-8 from octet {error.start + 1} on, line ignored")
            continue
        _READERS[kind](line, where, draft)


def _kind(line: bytes) -> bytes | None:
    kind = line[:3].upper()
    return kind if kind in _READERS else None


def _ignored(raw: bytes, where: str, draft: Draft) -> None:
    text = raw.strip()
    if not text or text[:1] in b"#;":
        return
    if _kind(text):
        draft.problem(where, "starts with a blank, so EmerDNS ignores it, and so do we")
    else:
        draft.problem(where, f"{shown(raw)[1:]} is no E2U, TTL or SIG line, ignored")


def _service_line(line: str, where: str, draft: Draft) -> None:
    service, equals, rest = line.partition("=")
    if not equals:
        draft.problem(where, "service: no '=' follows, expected E2U+type=ORDER|PREFERENCE|REGEXP")
        return
    fields = rest.split("|", 2)
    numbers = []
    for what, text in zip(("order", "preference"), fields, strict=False):
        number = _unsigned(text, what, where, draft)
        if number is None:
            return
        numbers.append(number)
    if len(fields) < 3:
        draft.problem(where, "regexp: missing, expected E2U+type=ORDER|PREFERENCE|REGEXP")
        return
    regexp, *ignored = _BLANK_RUN.split(fields[2].strip(_BLANKS), maxsplit=1)
    if ignored:
        draft.note(where, f"regexp: ends at its first blank, {shown(ignored[0])} is ignored")
    draft.candidates.append(
        Candidate(
            field=where,
            service=service.rstrip(_BLANKS),
            regexp=regexp,
            order=numbers[0],
            preference=numbers[1],
            cut="".join(ignored),
        )
    )


def _unsigned(text: str, what: str, where: str, draft: Draft) -> int | None:
    """What C's `%u` followed by a cut to 16 bits makes of it."""
    text = text.strip(_BLANKS)
    match = _UNSIGNED.fullmatch(text)
    if match is None:
        draft.problem(where, f"{what}: {shown(text)} is no number, expected 0 to 65535")
        return None
    sign, digits = match.groups()
    digits = digits.lstrip("0") or "0"
    number = min(int(digits), 2**64 - 1) if len(digits) <= 20 else 2**64 - 1
    # strtoul: a sign is applied after reading, except where the digits overflowed.
    if sign == "-" and number < 2**64 - 1:
        number = -number
    place = number % 65536
    if str(place) != text:
        draft.note(where, f"{what}: {shown(text)} is read as {place}, as EmerDNS does")
    return place


def _ttl_line(line: str, where: str, draft: Draft) -> None:
    _, equals, rest = line.partition("=")
    text = rest.strip(_BLANKS)
    match = _LEADING_DIGITS.match(text)
    # 20,000 digits must not reach int(); ten hold every legal TTL.
    digits = match.group().lstrip("0") or "0" if match else ""
    if not equals or not digits or len(digits) > 10 or int(digits) > MAX_TTL:
        draft.problem(where, f"TTL: {shown(text)} is not 0 to {MAX_TTL} seconds")
        return
    if match and match.end() < len(text):
        draft.note(where, f"TTL: {shown(text)} is read as {digits}, as EmerDNS does")
    draft.ttl = int(digits)


def _signature_line(line: str, where: str, draft: Draft) -> None:
    _, equals, rest = line.partition("=")
    if not equals:
        draft.problem(where, "SIG: no '=' follows, expected SIG=ver:name|base64")
        return
    read_signatures(rest, where, "SIG", draft)


_READERS: dict[bytes, Callable[[str, str, Draft], None]] = {
    b"E2U": _service_line,
    b"TTL": _ttl_line,
    b"SIG": _signature_line,
}
