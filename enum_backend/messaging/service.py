"""Sending, as every entry point does it: route, check, commit, answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import Connection

from enum_backend.clock import now_ms
from enum_backend.errors import (
    FieldError,
    Forbidden,
    GatewayNotConfigured,
    NotFound,
    ValidationFailed,
)
from enum_backend.gateways.base import Cost
from enum_backend.messaging import limits, outbox
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.messaging.limits import LimitState
from enum_backend.messaging.model import Accepted, Client, MessageView, SendRequest
from enum_backend.messaging.outbox import Draft
from enum_backend.messaging.routing import Route, Router, Step
from enum_backend.messaging.segments import Segmentation, segment
from enum_backend.numbers.offline import blocked_because
from enum_backend.numbers.prices import PriceList
from enum_backend.settings.models import DispatchSettings, LimitSettings
from enum_backend.storage import Database, Sealer

MAX_CHARACTERS = 1600
"""Longest text accepted: ten parts of GSM-7, what most providers take."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What sending would do, without sending."""

    route: Route
    segmentation: Segmentation
    estimate: Cost | None
    limits: tuple[LimitState, ...]


class MessageService:
    """Accepts messages into the outbox and tells what became of them.

    Args:
        prices: estimates for gateways that set no price; None = no estimate then.
        on_accepted: called after the commit of each new message (wakes the
            dispatcher).
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        router: Router,
        pool: GatewayPool,
        *,
        limit_settings: LimitSettings,
        dispatch: DispatchSettings,
        test_numbers: Collection[str] = (),
        prices: PriceList | None = None,
        on_accepted: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._router = router
        self._pool = pool
        self._limits = limit_settings
        self._dispatch = dispatch
        self._test_numbers = frozenset(test_numbers)
        self._prices = prices
        self._on_accepted = on_accepted

    async def send(self, request: SendRequest) -> Accepted:
        """Store a message for dispatch; returns after the commit.

        Raises:
            ValidationFailed: the text is empty, too long or not Unicode.
            Forbidden: a premium-rate or shared-cost number.
            EnumBackendError: refused by mode, routing or limits; nothing is stored.
        """
        _check_text(request.text)
        request_hash = self._request_hash(request)
        if earlier := await self._database.read(
            lambda connection: outbox.earlier(connection, request, request_hash)
        ):
            return earlier
        self._pool.require_sending()
        route = await self._router.choose(request)
        if why := self._blocked(request, route):
            raise Forbidden(f"Messages to {why} are never sent.")
        draft = self._draft(request, route)
        accepted = await self._database.write(
            lambda connection: outbox.accept(connection, draft, self._limits, now_ms())
        )
        if not accepted.repeated:
            self._on_accepted()
        return accepted

    async def explain(self, request: SendRequest) -> Explanation:
        """Every step of the decision, the cost and what is left of the limits.

        Raises:
            EnumBackendError: as `send`, but limits are shown, not enforced.
        """
        route, is_test = self._resolved(request, await self._router.choose(request))
        if why := self._blocked(request, route):
            step = Step("policy", True, f"messages to {why} are never sent")
            route = replace(route, steps=(*route.steps, step))
        measured = segment(request.text)
        estimate = None if is_test else self._estimate(route, measured)

        def work(connection: Connection) -> tuple[LimitState, ...]:
            if is_test:
                return ()
            now = now_ms()
            states = limits.message_limits(
                connection,
                self._limits,
                destination=route.destination,
                client=request.client.id,
                per_minute=request.client.per_minute,
                now=now,
            )
            amount = estimate.amount if estimate else Decimal(0)
            spend = limits.cost_limit(connection, self._limits, estimate=amount, now=now)
            return (*states, spend) if spend else tuple(states)

        return Explanation(route, measured, estimate, await self._database.read(work))

    async def status(
        self, message_id: str, tenant: str, *, refresh_from: str | None = None
    ) -> MessageView:
        """One message with its attempts.

        Args:
            refresh_from: name of the gateway that took it, to ask it now.

        Raises:
            NotFound: no such message in this tenant.
            GatewayNotConfigured: `refresh_from` did not carry it, or cannot be asked.
            GatewayError: the provider could not answer.
        """
        view = await self._database.read(lambda c: outbox.find(c, message_id, tenant))
        if view is None:
            raise NotFound("There is no message of that id.")
        if refresh_from is None:
            return view
        taken = [attempt for attempt in view.attempts if attempt.outcome == "accepted"]
        gateway = self._pool.carrier(refresh_from)
        if gateway is None or not taken or taken[-1].gateway != refresh_from:
            raise GatewayNotConfigured(f"Gateway {refresh_from[:64]!r} did not take this message.")
        provider_id = taken[-1].provider_message_id
        if not gateway.capabilities.status_query or provider_id is None:
            return view
        status = await gateway.status(provider_id)
        await self._database.write(lambda c: outbox.record_status(c, message_id, status, now_ms()))
        return await self.status(message_id, tenant)

    def _draft(self, request: SendRequest, route: Route) -> Draft:
        measured = segment(request.text)
        route, is_test = self._resolved(request, route)
        repeat_hash = None
        if request.repeat_window > 0:
            repeat_hash = self._sealer.digest(
                "repeat", request.client.id, route.destination, request.text
            )
        validity = self._dispatch.code_validity if request.is_code else self._dispatch.validity
        return Draft(
            request=request,
            route=route,
            segmentation=measured,
            body=lambda message_id: self._sealer.seal(request.text, message_id),
            request_hash=self._request_hash(request),
            repeat_hash=repeat_hash,
            estimate=None if is_test else self._estimate(route, measured),
            is_test=is_test,
            valid_until=now_ms() + math.ceil(validity * 1000),
        )

    def _resolved(self, request: SendRequest, route: Route) -> tuple[Route, bool]:
        """The route as it is stored, and whether it is a test number's."""
        is_test = self._is_test(request, route)
        return (route.simulated() if is_test else route), is_test

    def _is_test(self, request: SendRequest, route: Route) -> bool:
        return bool({request.to, route.destination} & self._test_numbers)

    def _blocked(self, request: SendRequest, route: Route) -> str:
        """What kind of number the destination is, if it is one we never send to."""
        return "" if self._is_test(request, route) else blocked_because(route.destination)

    def _request_hash(self, request: SendRequest) -> bytes:
        """What makes two requests with one idempotency key the same."""
        return self._sealer.digest(
            "request",
            request.to,
            request.text,
            request.sender or "",
            request.gateway or "",
            request.client_reference or "",
        )

    def _estimate(self, route: Route, measured: Segmentation) -> Cost | None:
        gateway = self._pool.carrier(route.chain[0])
        if gateway is None:
            return None
        if gateway.options.price is not None:
            return Cost(gateway.options.price * measured.segments)
        return self._prices.outbound(gateway.provider, measured.segments) if self._prices else None


def key_client(key_id: str, tenant: str, settings: LimitSettings) -> Client:
    """The client that an API key stands for."""
    return Client(f"key:{key_id}", tenant, settings.per_client_minute)


def _check_text(text: str) -> None:
    why = ""
    if not text:
        why = "is empty"
    elif len(text) > MAX_CHARACTERS:
        why = f"has {len(text)} characters, at most {MAX_CHARACTERS} are sent"
    elif "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        why = "holds a NUL or a lone surrogate"
    if why:
        raise ValidationFailed(f"message: {why}", errors=[FieldError("message", why)])
