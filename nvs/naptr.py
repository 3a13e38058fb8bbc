"""The NAPTR RRset a number publishes, and its text form."""

from __future__ import annotations

from typing import Literal

from nvs.number_record import NumberRecord, Service, TrustLevel


def published(record: NumberRecord, publish: Literal["trusted", "all"]) -> tuple[Service, ...]:
    """The services DNS answers with, best first; none for an untrusted record unless `all`."""
    if publish != "all" and record.trust.level is TrustLevel.UNTRUSTED:
        return ()
    return tuple(sorted(record.services, key=lambda s: (s.order or 0, s.preference or 0)))


def to_text(service: Service) -> str:
    """NAPTR rdata as a master file has it: `100 10 "u" "E2U+sip" "!^.*$!sip:a@b!" .`

    Raises:
        ValueError: order or preference is not filled in yet.
    """
    if service.order is None or service.preference is None:
        raise ValueError(f"{service.service} has no order and preference yet")
    return (
        f'{service.order} {service.preference} "u" {_quoted(service.service)}'
        f" {_quoted(service.regexp)} ."
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
