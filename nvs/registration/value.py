"""From what somebody wants a number to do to the value that says so.

Two formats are written. JSON, in the shortest of the documented shapes:

    {"voice":"sip:alice@domain.com","sms":"telnyx:+14155551234"}
    {"voice":["sip:a@b","sip:c@d"],"services":{"email:mailto":"mailto:x@y"},
     "sms":{"provider":"telnyx","number":"+14155551234","forward_to":"x@y"},
     "ttl":600,"sig":"ver:x|base64"}

and Emercoin's own ENUMER lines, which EmerDNS reads too:

    SIG=ver:x|base64
    E2U+sip=100|10|!^.*$!sip:alice@domain.com!
    E2U+sms:tel=100|20|!^.*$!tel:+14155551234!
    TTL=600
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from nvs.directory import assemble
from nvs.formats.enumer import MAX_TTL
from nvs.lint import Finding, Severity
from nvs.names import enumer_nvs_name, to_nvs_digits
from nvs.number_record import Entry, Reading
from nvs.registration.errors import InvalidRegistration
from nvs.trust import TrustPolicy

_SMS = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,63}):\+?([0-9]{4,15})", re.ASCII)
_SERVICE = re.compile(r"[A-Za-z0-9:+-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class WantedRecord:
    """What a number's record shall say.

    Attributes:
        voice: URIs (or ENUM regexps that start with `!`), best first.
        sms: `<gateway or provider>:<number>`, such as `telnyx:+14155551234`.
        forward_to: where inbound messages go: mail addresses, numbers, URLs. Needs `sms`.
        services: `(enumservice, URI)` pairs, such as `("email:mailto", "mailto:x@y")`.
        ttl: seconds; None leaves the format's default.

    Raises:
        InvalidRegistration: nothing is wanted, or a field has not its shape. URIs
            and services are judged by the linter, once the value is made.
    """

    voice: tuple[str, ...] = ()
    sms: str | None = None
    forward_to: tuple[str, ...] = ()
    services: tuple[tuple[str, str], ...] = ()
    ttl: int | None = None

    def __post_init__(self) -> None:
        if not (self.voice or self.sms or self.services):
            raise InvalidRegistration("voice", "nothing is wanted: give voice, sms or a service")
        if self.sms is not None and _SMS.fullmatch(self.sms) is None:
            raise InvalidRegistration(
                "sms", "expected <gateway>:<number> such as telnyx:+14155551234"
            )
        if self.forward_to and self.sms is None:
            raise InvalidRegistration("forward_to", "needs sms, which says whose messages they are")
        for service, _ in self.services:
            if _SERVICE.fullmatch(service) is None:
                raise InvalidRegistration(
                    "service", "expected <enumservice>=<URI> such as email:mailto=mailto:x@y"
                )
        if self.ttl is not None and not 0 <= self.ttl <= MAX_TTL:
            raise InvalidRegistration("ttl", f"{self.ttl} is not 0 to {MAX_TTL} seconds")


def json_value(wanted: WantedRecord, signature: str = "") -> bytes:
    """The value as compact JSON, keys in the documented order.

    Args:
        signature: `ver:name|base64`, the claim of `sig`.

    Raises:
        InvalidRegistration: text that is no UTF-8.
    """
    document: dict[str, Any] = {}
    if wanted.voice:
        document["voice"] = _one_or_list(wanted.voice)
    if wanted.services:
        services: dict[str, list[str]] = {}
        for service, uri in wanted.services:
            services.setdefault(service, []).append(uri)
        document["services"] = {key: _one_or_list(uris) for key, uris in services.items()}
    if wanted.sms is not None:
        document["sms"] = _sms(wanted.sms, wanted.forward_to)
    if wanted.ttl is not None:
        document["ttl"] = wanted.ttl
    if signature:
        document["sig"] = signature
    return octets(json.dumps(document, ensure_ascii=False, separators=(",", ":")))


def enumer_value(
    wanted: WantedRecord, number: str, index: int, signature: str = ""
) -> tuple[bytes, tuple[Finding, ...]]:
    """The value as ENUMER lines, and what they cannot say.

    Orders and preferences are ours (100, and 10, 20, 30 ...), back-references of
    simple patterns are written out.

    Raises:
        InvalidRegistration: a service cannot be published, or `forward_to` is
            wanted, for which there is no line.
    """
    if wanted.forward_to:
        raise InvalidRegistration(
            "forward_to", "cannot be said in ENUMER lines; use the format json, or leave it out"
        )
    name = enumer_nvs_name(number, index)
    entry = Entry(name, json_value(wanted))
    record = assemble(Reading(to_nvs_digits(number), (entry,), "memory"), TrustPolicy())
    assert record is not None  # noqa: S101 - there is one entry
    for problem in record.entries[0].parsed.problems:
        raise InvalidRegistration(problem.field, problem.message)
    lines = [f"SIG={signature}"] if signature else []
    lines += [
        f"{item.service}={item.order}|{item.preference}|{item.regexp}" for item in record.services
    ]
    lines += [] if wanted.ttl is None else [f"TTL={wanted.ttl}"]
    return octets("\n".join(lines)), _lost(wanted, name)


def octets(text: str) -> bytes:
    """Text as it goes to the chain.

    Raises:
        InvalidRegistration: it holds half of a surrogate pair, so it was no UTF-8.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidRegistration("value", "is not UTF-8") from None


def _lost(wanted: WantedRecord, name: str) -> tuple[Finding, ...]:
    if wanted.sms is None:
        return ()
    gateway = wanted.sms.partition(":")[0]
    message = (
        f"sms: ENUMER lines cannot say that {gateway} carries the messages;"
        " only E2U+sms:tel is written, and no SMS is routed by it"
    )
    return (Finding("sms-route-lost", Severity.WARNING, name, "sms", message),)


def _sms(route: str, forward_to: tuple[str, ...]) -> str | dict[str, Any]:
    gateway, _, number = route.partition(":")
    number = "+" + number.removeprefix("+")
    if not forward_to:
        return f"{gateway}:{number}"
    return {"provider": gateway, "number": number, "forward_to": _one_or_list(forward_to)}


def _one_or_list(texts: tuple[str, ...] | list[str]) -> str | list[str]:
    return texts[0] if len(texts) == 1 else list(texts)
