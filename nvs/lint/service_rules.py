"""Rules about one service as the value states it (peers' clients, by what trips them)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from nvs.enumservice import REGISTERED_SERVICES, split_services
from nvs.formats.draft import Candidate
from nvs.lint.model import (
    ASTERISK,
    EMERDNS,
    EVERYONE,
    FREESWITCH,
    KAMAILIO,
    Examined,
    Hit,
    Rule,
    Severity,
)
from nvs.naptr_text import MAX_TEXT_OCTETS, InvalidNaptr
from nvs.substitution import (
    Substitution,
    back_references,
    matches,
    normalise_regexp,
    split_substitution,
)


def _each(
    check: Callable[[Candidate, Examined], str | None],
) -> Callable[[Sequence[Examined]], Iterator[Hit]]:
    def run(group: Sequence[Examined]) -> Iterator[Hit]:
        for entry in group:
            for candidate in entry.draft.candidates:
                if message := check(candidate, entry):
                    yield entry.name, candidate.field, message

    return run


def _parts(candidate: Candidate) -> Substitution | None:
    try:
        return split_substitution(candidate.regexp or "")
    except InvalidNaptr:
        return None


def _compound_service(candidate: Candidate, _entry: Examined) -> str | None:
    if (candidate.service or "").count("+") < 2:
        return None
    return (
        "service: compound; Kamailio's default and FreeSWITCH's routes match whole fields,"
        " so give each service a record of its own"
    )


def _delimiter(candidate: Candidate, _entry: Examined) -> str | None:
    parts = _parts(candidate)
    if parts is None or parts.delimiter == "!":
        return None
    return "regexp: the delimiter is not '!', the only one Kamailio and FreeSWITCH know"


def _trailing_flag(candidate: Candidate, _entry: Examined) -> str | None:
    parts = _parts(candidate)
    if parts is None or not parts.flags:
        return None
    return "regexp: has a flag behind the last delimiter; Asterisk refuses such a record"


def _back_reference(candidate: Candidate, _entry: Examined) -> str | None:
    parts = _parts(candidate)
    try:
        if parts is None or not back_references(parts.replacement):
            return None
    except InvalidNaptr:
        return None
    return (
        "regexp: has a back-reference, which FreeSWITCH reads as '$$1';"
        " write the number out in the URI"
    )


def _pattern_backslash(candidate: Candidate, _entry: Examined) -> str | None:
    parts = _parts(candidate)
    if parts is None or "\\" not in parts.pattern:
        return None
    return "regexp: FreeSWITCH turns every backslash of the pattern into '$'; use '^.*$'"


def _blank(candidate: Candidate, _entry: Examined) -> str | None:
    if not candidate.cut and not re.search(r"[ \t]", candidate.regexp or ""):
        return None
    return "regexp: EmerDNS ends it at the first blank, and FreeSWITCH splits fields there"


def _too_long(candidate: Candidate, _entry: Examined) -> str | None:
    size = len(candidate.regexp or "")
    if size <= MAX_TEXT_OCTETS:
        return None
    return f"regexp: has {size} octets; over {MAX_TEXT_OCTETS} EmerDNS sends a broken packet"


def _short_regexp(candidate: Candidate, _entry: Examined) -> str | None:
    if candidate.regexp is None or len(candidate.regexp) >= 7:
        return None
    return "regexp: Asterisk refuses one of fewer than 7 characters"


def _service_case(candidate: Candidate, _entry: Examined) -> str | None:
    head = (candidate.service or "E2U")[:3]
    if head.upper() != "E2U" or head in ("E2U", "e2u"):
        return None
    return f"service: Asterisk knows 'E2U+' and 'e2u+' only, not '{head}+'"


def _unregistered_service(candidate: Candidate, _entry: Examined) -> str | None:
    try:
        services = split_services(candidate.service or "E2U+sip")
    except InvalidNaptr:
        return None
    for service in services:
        kind = service[4:].lower()
        if kind not in REGISTERED_SERVICES and not kind.startswith("x-"):
            return f"service: {kind!r} is not registered with IANA, and not experimental (x-...)"
    return None


def _no_match(candidate: Candidate, entry: Examined) -> str | None:
    if candidate.regexp is None or entry.digits is None:
        return None
    try:
        pattern = split_substitution(normalise_regexp(candidate.regexp, entry.digits).regexp)
    except InvalidNaptr:
        return None
    if matches(pattern.pattern, entry.digits):
        return None
    return f"regexp: the pattern does not match +{entry.digits}"


SERVICE_RULES: tuple[Rule, ...] = (
    Rule("too-long", Severity.ERROR, EVERYONE, _each(_too_long)),
    Rule("compound-service", Severity.WARNING, (KAMAILIO, FREESWITCH), _each(_compound_service)),
    Rule("delimiter", Severity.WARNING, (KAMAILIO, FREESWITCH), _each(_delimiter)),
    Rule("trailing-flag", Severity.WARNING, (ASTERISK,), _each(_trailing_flag)),
    Rule("back-reference", Severity.WARNING, (FREESWITCH,), _each(_back_reference)),
    Rule("pattern-backslash", Severity.WARNING, (FREESWITCH,), _each(_pattern_backslash)),
    Rule("blank", Severity.WARNING, (EMERDNS, FREESWITCH), _each(_blank)),
    Rule("short-regexp", Severity.WARNING, (ASTERISK,), _each(_short_regexp)),
    Rule("service-case", Severity.WARNING, (ASTERISK,), _each(_service_case)),
    Rule("unregistered-service", Severity.WARNING, (), _each(_unregistered_service)),
    Rule("no-match", Severity.WARNING, EVERYONE, _each(_no_match)),
)
