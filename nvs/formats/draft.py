"""What a format reader collects before anything is checked, and how it becomes a `ParsedEntry`.

Readers only find the pieces. Whether a service can be published, and with
which order and preference, is decided here once for all formats. The raw
pieces stay available, because `nvs.lint` tells what clients make of *them*.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from nvs.enumservice import service_for_uri, split_services
from nvs.names import digits_of_nvs_name
from nvs.naptr_text import InvalidNaptr
from nvs.number_record import (
    DEFAULT_TTL,
    ParsedEntry,
    Problem,
    Service,
    Signature,
    SmsRoute,
)
from nvs.substitution import Published, canonical_regexp, normalise_regexp

MAX_SERVICES = 64
"""Services read of one value, so that an RRset always fits into a DNS message over TCP."""

MAX_PROBLEMS = 100
"""Problems kept of one value; the last one then says how many more there were."""

MAX_RANK = 65535
"""Greatest order and preference (16 bits, RFC 3403 section 4.1)."""

DEFAULT_ORDER = 100
PREFERENCE_STEP = 10


@dataclass(frozen=True, slots=True)
class Candidate:
    """One service as the value states it: a `uri` or a `regexp`, neither checked.

    `service` None means: the one that follows from the URI's scheme. `cut` is
    what stood behind the regexp's first blank in an ENUMER line.
    """

    field: str
    service: str | None
    regexp: str | None = None
    uri: str | None = None
    order: int | None = None
    preference: int | None = None
    cut: str = ""


@dataclass(slots=True)
class Draft:
    """Everything one value says.

    Attributes:
        problems: what was dropped, and why.
        notes: what was read in spite of something odd; they end up behind the problems.
    """

    format: str = "unknown"
    candidates: list[Candidate] = field(default_factory=list)
    sms: SmsRoute | None = None
    ttl: int | None = None
    signatures: list[Signature] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)

    def problem(self, where: str, message: str) -> None:
        """Something at `where` is not used."""
        self.problems.append(Problem(where, message))

    def note(self, where: str, message: str) -> None:
        """Something at `where` is used, though not as it stands."""
        self.notes.append(Problem(where, message))


def finish(name: str, draft: Draft, default_ttl: int = DEFAULT_TTL) -> ParsedEntry:
    """Check every candidate and make the entry; a bad one never takes others with it."""
    digits = digits_of_nvs_name(name)
    services: list[Service] = []
    followers: set[int] = set()
    unread = draft.candidates[MAX_SERVICES : MAX_SERVICES + 1]
    for candidate in draft.candidates[:MAX_SERVICES]:
        try:
            found = _services(candidate, digits, draft)
        except InvalidNaptr as error:
            draft.problem(candidate.field, str(error))
            continue
        if len(services) + len(found) > MAX_SERVICES:
            unread = [candidate]
            break
        followers.update(range(len(services) + 1, len(services) + len(found)))
        services.extend(found)
    for candidate in unread:
        draft.problem(
            candidate.field, f"more than {MAX_SERVICES} services, this and the rest are unread"
        )
    ttl = default_ttl if draft.ttl is None else draft.ttl
    return ParsedEntry(
        name=name,
        format=draft.format,
        services=_with_places(services, followers),
        sms=draft.sms,
        ttl=ttl,
        signatures=tuple(draft.signatures),
        problems=_limited([*draft.problems, *draft.notes]),
    )


def free_preference(taken: Iterable[tuple[int, int]], order: int, start: int, step: int) -> int:
    """The first preference from `start` in steps of `step` whose (order, preference) is free.

    Where none is left the greatest one is shared: better a tie than a lost service.
    """
    used = {preference for at, preference in taken if at == order}
    return next((p for p in range(start, MAX_RANK + 1, step) if p not in used), MAX_RANK)


def _services(candidate: Candidate, digits: str | None, draft: Draft) -> list[Service]:
    if candidate.regexp is not None:
        done = normalise_regexp(candidate.regexp, digits)
    else:
        uri = candidate.uri or ""
        done = Published(canonical_regexp(uri), uri, uri)
    if candidate.service is not None:
        names = split_services(candidate.service)
    else:
        names = (service_for_uri(done.replacement),)
    for note in done.notes:
        draft.note(candidate.field, note)
    if len(names) > 1:
        draft.note(
            candidate.field,
            f"service: compound, split into {', '.join(names)} (one service a record)",
        )
    order, preference = candidate.order, candidate.preference
    if order is None and preference is not None:
        order = DEFAULT_ORDER
    return [Service(name, done.regexp, done.uri, order, preference) for name in names]


def _with_places(services: list[Service], followers: set[int]) -> tuple[Service, ...]:
    """Give followers of a split their own preference, and a preference to who has an order only.

    All explicit places are taken first, so that nobody explicit is moved.
    """
    taken = {
        (service.order, service.preference)
        for place, service in enumerate(services)
        if place not in followers and service.order is not None and service.preference is not None
    }
    done = []
    for place, service in enumerate(services):
        order, preference = service.order, service.preference
        if order is not None and (preference is None or place in followers):
            start, step = (PREFERENCE_STEP,) * 2 if preference is None else (preference + 1, 1)
            preference = free_preference(taken, order, start, step)
            taken.add((order, preference))
        done.append(replace(service, order=order, preference=preference))
    return tuple(done)


def _limited(problems: list[Problem]) -> tuple[Problem, ...]:
    if len(problems) > MAX_PROBLEMS:
        more = len(problems) - MAX_PROBLEMS + 1
        problems = [*problems[: MAX_PROBLEMS - 1], Problem("$", f"{more} more problems")]
    return tuple(problems)
