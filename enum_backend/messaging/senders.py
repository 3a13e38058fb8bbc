"""Which numbers of ours a message may come from."""

from __future__ import annotations

from enum_backend.errors import Forbidden
from enum_backend.gateways.base import Gateway
from enum_backend.messaging.model import SendRequest


def sender_asked(request: SendRequest) -> str | None:
    """The number a request asks for; the first its client may use, if it may not use all.

    Raises:
        Forbidden: the client may not use the one it names.
    """
    allowed = request.client.senders
    if not allowed or request.sender in allowed:
        return request.sender
    if request.sender:
        raise Forbidden("This client may not send from that number.")
    return allowed[0]


def own_numbers(gateway: Gateway, tenant: str) -> tuple[str, ...]:
    """A gateway's numbers besides its `from`, without those bound to other tenants."""
    listed = dict.fromkeys((*gateway.options.numbers, *gateway.bindings))
    return tuple(number for number in listed if gateway.bindings.get(number, tenant) == tenant)


def senders_of(gateway: Gateway, tenant: str, asked: str | None) -> tuple[str, ...]:
    """What a recipient may see as the sender.

    Args:
        asked: the number that the gateway is told to send from; None = its own.

    Returns:
        One number; or, where the provider picks one, `gateway:NAME` and all it can
        pick from.
    """
    if asked is not None:
        return (asked,)
    if gateway.options.sender:
        return (gateway.options.sender,)
    return (picked_by(gateway.name), *own_numbers(gateway, tenant))


def picked_by(gateway: str) -> str:
    """How a sender is written that only the provider knows."""
    return f"gateway:{gateway}"
