"""A message that is routed and measured, and not stored yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from enum_backend.gateways.base import Cost
from enum_backend.messaging.model import SendRequest, to_micros
from enum_backend.messaging.route import Route
from enum_backend.messaging.segments import Segmentation
from enum_backend.numbers import spending


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that is routed and measured, ready to be stored.

    Attributes:
        body: seals the text for a given message id; None = it is made when it leaves.
        request_hash: keyed hash of what makes two requests the same.
        repeat_hash: keyed hash of client, destination and text, or None.
        estimate: expected cost, None where no price is known.
        valid_until: milliseconds; not handed to a provider after it.
    """

    request: SendRequest
    route: Route
    segmentation: Segmentation
    body: Callable[[str], bytes | None]
    request_hash: bytes
    repeat_hash: bytes | None
    estimate: Cost | None
    is_test: bool
    valid_until: int

    @property
    def idempotency_key(self) -> tuple[str, str] | None:
        """(client, key), if the caller gave one."""
        return idempotency_key(self.request)

    @property
    def micros(self) -> int:
        """What it counts against the ceilings on money, millionths of a US dollar."""
        return to_micros(self.estimate)[0] or 0

    @property
    def scopes(self) -> tuple[str, ...]:
        """Where its cost counts."""
        return spending.scopes(self.request.client.tenant, self.request.client.id)


def idempotency_key(request: SendRequest) -> tuple[str, str] | None:
    """(client, key) of a request that has one."""
    if request.idempotency_key:
        return request.client.id, f"key:{request.idempotency_key}"
    return (
        (request.client.id, f"ref:{request.client_reference}") if request.client_reference else None
    )
