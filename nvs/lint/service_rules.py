"""Rules about one service as the value states it (peers' clients, by what trips them)."""

from __future__ import annotations

import re
from typing import ClassVar

from nvs.enumservice import REGISTERED_SERVICES, split_services
from nvs.formats.draft import Candidate
from nvs.lint.model import (
    ASTERISK,
    EMERDNS,
    EVERYONE,
    FREESWITCH,
    KAMAILIO,
    Examined,
    Rule,
    ServiceRule,
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


def parts_of(candidate: Candidate) -> Substitution | None:
    """The parts of a regexp that can be taken apart."""
    try:
        return split_substitution(candidate.regexp or "")
    except InvalidNaptr:
        return None


class _RegexpRule(ServiceRule):
    severity = Severity.WARNING
    field: ClassVar[str] = "regexp"


class TooLong(_RegexpRule):
    """A character-string holds 255 octets; EmerDNS lets its length byte overflow."""

    id = "too-long"
    severity = Severity.ERROR
    clients = EVERYONE
    reason = f"over {MAX_TEXT_OCTETS} EmerDNS sends a broken packet"

    def judge(self, candidate: Candidate, _entry: Examined) -> str | None:
        size = len(candidate.regexp or "")
        return f"has {size} octets" if size > MAX_TEXT_OCTETS else None


class CompoundService(ServiceRule):
    """`E2U+sip+sms:tel` in one record."""

    id = "compound-service"
    severity = Severity.WARNING
    field = "service"
    clients = (KAMAILIO, FREESWITCH)
    reason = (
        "Kamailio's default and FreeSWITCH's routes match whole fields,"
        " so give each service a record of its own"
    )

    def judge(self, candidate: Candidate, _entry: Examined) -> str | None:
        return "compound" if (candidate.service or "").count("+") > 1 else None


class Delimiter(_RegexpRule):
    """Anything but `!` between pattern and URI."""

    id = "delimiter"
    clients = (KAMAILIO, FREESWITCH)
    reason = "the only one Kamailio and FreeSWITCH know"

    def judge(self, candidate: Candidate, _entry: Examined) -> str | None:
        parts = parts_of(candidate)
        return "the delimiter is not '!'" if parts and parts.delimiter != "!" else None


class TrailingFlag(_RegexpRule):
    """`!...!...!i`."""

    id = "trailing-flag"
    clients = (ASTERISK,)
    reason = "Asterisk refuses such a record"

    def judge(self, candidate: Candidate, _entry: Examined) -> str | None:
        parts = parts_of(candidate)
        return "has a flag behind the last delimiter" if parts and parts.flags else None


class BackReference(_RegexpRule):
    r"""`sip:\1@b`."""

    id = "back-reference"
    clients = (FREESWITCH,)
    reason = "FreeSWITCH reads it as '$$1', so write the number out in the URI"

    def judge(self, candidate: Candidate, _entry: Examined) -> str | None:
        parts = parts_of(candidate)
        try:
            if parts is None or not back_references(parts.replacement):
                return None
        except InvalidNaptr:
            return None
        return "has a back-reference"


class PatternBackslash(_RegexpRule):
    r"""`^\+1.*$`."""

    id = "pattern-backslash"
    clients = (FREESWITCH,)
    reason = "FreeSWITCH turns every backslash into '$'; use '^.*$'"

    def judge(self, candidate: Candidate, _entry: Examined) -> str | None:
        parts = parts_of(candidate)
        return "the pattern has a backslash" if parts and "\\" in parts.pattern else None


class Blank(_RegexpRule):
    """A blank inside or behind the regexp."""

    id = "blank"
    clients = (EMERDNS, FREESWITCH)
    reason = "EmerDNS ends it at the first blank, and FreeSWITCH splits fields there"

    def judge(self, candidate: Candidate, _entry: Examined) -> str | None:
        blank = candidate.cut or re.search(r"[ \t]", candidate.regexp or "")
        return "has a blank" if blank else None


class ShortRegexp(_RegexpRule):
    """Fewer characters than Asterisk asks for."""

    id = "short-regexp"
    clients = (ASTERISK,)
    reason = "Asterisk refuses one of fewer than 7"

    def judge(self, candidate: Candidate, _entry: Examined) -> str | None:
        if candidate.regexp is None or len(candidate.regexp) >= 7:
            return None
        return f"has {len(candidate.regexp)} characters"


class ServiceCase(ServiceRule):
    """`E2u+sip`."""

    id = "service-case"
    severity = Severity.WARNING
    field = "service"
    clients = (ASTERISK,)
    reason = "Asterisk knows 'E2U+' and 'e2u+' only"

    def judge(self, candidate: Candidate, _entry: Examined) -> str | None:
        head = (candidate.service or "E2U")[:3]
        if head.upper() != "E2U" or head in ("E2U", "e2u"):
            return None
        return f"starts with '{head}'"


class UnregisteredService(ServiceRule):
    """A service IANA's list does not have."""

    id = "unregistered-service"
    severity = Severity.WARNING
    field = "service"
    reason = "clients look for those of IANA's list, or for experimental ones (x-...)"

    def judge(self, candidate: Candidate, _entry: Examined) -> str | None:
        try:
            services = split_services(candidate.service or "E2U+sip")
        except InvalidNaptr:
            return None
        for service in services:
            kind = service[4:].lower()
            if kind not in REGISTERED_SERVICES and not kind.startswith("x-"):
                return f"{kind!r} is not registered with IANA"
        return None


class NoMatch(_RegexpRule):
    """A pattern that excludes the very number."""

    id = "no-match"
    clients = EVERYONE
    reason = "so every client passes the record over"

    def judge(self, candidate: Candidate, entry: Examined) -> str | None:
        if candidate.regexp is None or entry.digits is None:
            return None
        try:
            done = split_substitution(normalise_regexp(candidate.regexp, entry.digits).regexp)
        except InvalidNaptr:
            return None
        if matches(done.pattern, entry.digits):
            return None
        return f"the pattern does not match +{entry.digits}"


SERVICE_RULES: tuple[Rule, ...] = (
    TooLong(),
    CompoundService(),
    Delimiter(),
    TrailingFlag(),
    BackReference(),
    PatternBackslash(),
    Blank(),
    ShortRegexp(),
    ServiceCase(),
    UnregisteredService(),
    NoMatch(),
)
