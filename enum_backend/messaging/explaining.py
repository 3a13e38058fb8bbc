"""What sending a message would do, decided by the same rules, without sending."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import Connection

from enum_backend.clock import now_ms
from enum_backend.errors import CostLimitExceeded, EnumBackendError, OptedOut, RedisUnavailable
from enum_backend.gateways.base import Cost
from enum_backend.messaging import limits
from enum_backend.messaging.accepting import AcceptRules
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.messaging.limits import ClientLimits, LimitState, NoClientLimits
from enum_backend.messaging.model import SendRequest
from enum_backend.messaging.policy import destinations, optouts
from enum_backend.messaging.policy.texts import check_text, prepared
from enum_backend.messaging.pricing import Pricing
from enum_backend.messaging.route import Route, Step
from enum_backend.messaging.routing import Router
from enum_backend.messaging.segments import (
    Replaced,
    Segmentation,
    forcing_ucs2,
    segment,
    transliterate,
)
from enum_backend.settings.policy import PolicySettings, TextSettings
from enum_backend.storage import Database


@dataclass(frozen=True, slots=True)
class PlainText:
    """A text with characters replaced, so that GSM-7 can carry it."""

    text: str
    replaced: Replaced
    segmentation: Segmentation


@dataclass(frozen=True, slots=True)
class TextPreview:
    """What becomes of a text.

    Attributes:
        segmentation: of the text as it would be sent.
        forcing: the characters that GSM-7 lacks, of the text as it was given.
        plain: what transliteration makes of it; None = nothing.
        is_plain: the plain text is the one that would be sent.
    """

    segmentation: Segmentation
    forcing: tuple[str, ...]
    plain: PlainText | None
    is_plain: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """What sending would do.

    Attributes:
        estimate: what the first gateway would charge, None where no price is known.
        limits: as they stand; without one that nobody can count now, which is a refusal.
        refusals: why it would not be accepted at all, if so.
    """

    route: Route
    text: TextPreview
    estimate: Cost | None
    limits: tuple[LimitState, ...]
    refusals: tuple[EnumBackendError, ...]


class Explainer:
    """Explains requests as `MessageService` would treat them.

    Args:
        rules, client_limits, pricing, policy, texts, test_numbers: as there.
    """

    def __init__(
        self,
        database: Database,
        router: Router,
        pool: GatewayPool,
        *,
        rules: AcceptRules,
        pricing: Pricing,
        policy: PolicySettings,
        texts: TextSettings,
        client_limits: ClientLimits | None = None,
        test_numbers: Collection[str] = (),
    ) -> None:
        self._database = database
        self._router = router
        self._pool = pool
        self._rules = rules
        self._pricing = pricing
        self._policy = policy
        self._texts = texts
        self._client_limits = client_limits or NoClientLimits()
        self._test_numbers = frozenset(test_numbers)

    async def explain(self, request: SendRequest) -> Explanation:
        """Every step of the decision, the cost and what is left of the limits.

        Raises:
            EnumBackendError: no route can be chosen at all. Policy, opt-outs and limits
                are shown, not enforced.
        """
        route = await self._router.choose(request, preview=True)
        if {request.to, route.destination} & self._test_numbers:
            return Explanation(route.simulated(), self._preview(request), None, (), ())
        text = self._preview(request, route.planned[0])
        route, refusals = await self._permitted(request, route)
        refusals = [*self._at_once(request), *refusals]
        estimate = self._pricing.estimate(
            route.planned[0], route.destination, text.segmentation.segments
        )
        states = await self._limit_states(request, route, estimate)
        own = await self._client_state(request)
        if isinstance(own, LimitState):
            states.insert(0, own)
        elif own is not None:
            refusals.append(own)
        refusals += [_refusal(state) for state in states if state.retry_after > 0]
        return Explanation(route, text, estimate, tuple(states), tuple(refusals))

    def _at_once(self, request: SendRequest) -> list[EnumBackendError]:
        """What refuses the message wherever it goes: the mode, a text that cannot be sent."""
        refusals: list[EnumBackendError] = []
        try:
            self._pool.require_sending()
        except EnumBackendError as refused:
            refusals.append(refused)
        try:
            check_text(request.text or "no text was asked about")
        except EnumBackendError as refused:
            refusals.append(refused)
        return refusals

    def _preview(self, request: SendRequest, gateway: str = "") -> TextPreview:
        sent, _ = prepared(request, self._texts)
        text, replaced = transliterate(request.text, letters=self._texts.transliterate_letters)
        changed = text != request.text
        return TextPreview(
            segmentation=segment(self._pricing.text(gateway, sent.text)),
            forcing=forcing_ucs2(request.text),
            plain=PlainText(text, replaced, segment(text)) if changed else None,
            is_plain=changed and sent.text == text,
        )

    async def _permitted(
        self, request: SendRequest, route: Route
    ) -> tuple[Route, list[EnumBackendError]]:
        """The route with the steps `policy` and `opt-out`, and what they refuse."""
        tenant = request.client.tenant
        refused = destinations.refusal(route.destination, self._policy, tenant)
        why = refused.message if refused else "the destination may be sent to"
        policy = Step("policy", refused is not None, why)
        (screened,) = await self._database.read(lambda c: optouts.screen(c, [(tenant, route)]))
        refusals = [refused] if refused else []
        if isinstance(screened, OptedOut):
            opt_out = Step("opt-out", True, screened.message)
            refusals.append(screened)
        else:
            left_out = [name for name in route.planned if name not in screened.planned]
            why = f"opted out of the numbers of {', '.join(left_out)}: left out"
            opt_out = Step("opt-out", bool(left_out), why if left_out else "no opt-out applies")
            route = screened
        return replace(route, steps=(*route.steps, policy, opt_out)), refusals

    async def _limit_states(
        self, request: SendRequest, route: Route, estimate: Cost | None
    ) -> list[LimitState]:
        amount = estimate.amount if estimate else Decimal(0)

        def work(connection: Connection) -> list[LimitState]:
            now = now_ms()
            ceilings = self._rules.ceilings(connection, [request])
            return [
                *limits.recipient_states(connection, self._rules.limits, route.destination, now),
                *limits.spend_states(connection, ceilings, amount, now),
            ]

        return await self._database.read(work)

    async def _client_state(self, request: SendRequest) -> LimitState | RedisUnavailable | None:
        """The caller's own ceiling; why it would refuse, where nobody knows how it stands."""
        client = request.client
        try:
            return await self._client_limits.state(client.id, client.per_minute, client.limit_name)
        except RedisUnavailable as error:
            why = f"{client.limit_name}: cannot be counted now: Redis cannot be reached."
            return RedisUnavailable(why, retry_after=error.retry_after)


def _refusal(state: LimitState) -> EnumBackendError:
    """What a ceiling that is reached answers."""
    if state.name.startswith("daily_cost"):
        return CostLimitExceeded(f"The daily spend limit of {state.limit} USD is reached.")
    return limits.reached(state.name, int(state.limit), state.window, state.retry_after)
