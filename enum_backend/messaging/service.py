"""Sending, as every entry point does it: route, check, commit, answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from enum_backend.access import ApiKey
from enum_backend.clock import now_ms
from enum_backend.errors import (
    EnumBackendError,
    FieldError,
    GatewayNotConfigured,
    NotFound,
    ValidationFailed,
)
from enum_backend.gateways.base import Cost, Reason
from enum_backend.messaging import accepting, outbox, outcomes, repeats, replay
from enum_backend.messaging.accepting import AcceptRules
from enum_backend.messaging.batches import Batcher
from enum_backend.messaging.changes import Change, apply, final
from enum_backend.messaging.drafts import Draft, idempotency_key
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.messaging.keyed_lock import KeyedLock
from enum_backend.messaging.leaving import WAITING
from enum_backend.messaging.limits import ClientLimits, NoClientLimits
from enum_backend.messaging.model import Accepted, Client, MessageState, MessageView, SendRequest
from enum_backend.messaging.policy import stopping
from enum_backend.messaging.policy.destinations import refusal
from enum_backend.messaging.policy.texts import check_text, prepared
from enum_backend.messaging.pricing import Pricing
from enum_backend.messaging.route import Step
from enum_backend.messaging.routing import Route, Router
from enum_backend.messaging.segments import segment
from enum_backend.settings.models import DispatchSettings, LimitSettings
from enum_backend.settings.policy import PolicySettings, TextSettings
from enum_backend.storage import Database, Sealer


class MessageService:
    """Accepts messages into the outbox and tells what became of them.

    Args:
        rules: what is checked inside the transaction that accepts.
        client_limits: the ceilings of callers, shared by every entry point.
        policy, texts: where messages may go, and what may be done to their text.
        pricing: estimates; None = what the gateways' own settings say.
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
        rules: AcceptRules,
        dispatch: DispatchSettings,
        client_limits: ClientLimits | None = None,
        test_numbers: Collection[str] = (),
        policy: PolicySettings | None = None,
        texts: TextSettings | None = None,
        pricing: Pricing | None = None,
        on_accepted: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._router = router
        self._pool = pool
        self._rules = rules
        self._client_limits = client_limits or NoClientLimits()
        self._accepting: Batcher[Draft, Accepted] = Batcher(
            database, self._accept, first=accepting.wait_for_turn
        )
        self._repeats = KeyedLock()
        self._dispatch = dispatch
        self._test_numbers = frozenset(test_numbers)
        self._policy = policy or PolicySettings()
        self._texts = texts or TextSettings()
        self._pricing = pricing or Pricing(pool)
        self._on_accepted = on_accepted

    async def send(self, request: SendRequest) -> Accepted:
        """Store a message for dispatch; returns after the commit.

        Raises:
            ValidationFailed: the text is empty, too long or not Unicode.
            Forbidden: a premium-rate or shared-cost number.
            EnumBackendError: refused by mode, routing or limits; nothing is stored.
        """
        check_text(request.text)
        # Repeats that come at the same time wait for the first: they take no place in a limit.
        repeats_of = idempotency_key(request) or self._repeat_hash(request)
        if repeats_of is None:
            return await self._send(request)
        async with self._repeats.hold(repeats_of):
            return await self._send(request)

    async def _send(self, request: SendRequest) -> Accepted:
        request_hash = self._request_hash(request)
        if (earlier := await self._earlier(request, request_hash)) is not None:
            return earlier
        self._pool.require_sending()
        request, _ = prepared(request, self._texts)
        draft = self._draft(request, await self._router.choose(request), request_hash)
        if (repeated := await self._repeated(draft)) is not None:
            return repeated
        if not draft.is_test:
            await self._check(draft)
        accepted = await self._accepting.put(draft)
        if not accepted.repeated:
            self._on_accepted()
        return accepted

    async def _check(self, draft: Draft) -> None:
        request = draft.request
        tenant = request.client.tenant
        if refused := refusal(draft.route.destination, self._policy, tenant):
            raise refused
        if not request.skip_rate_limit:
            client = request.client
            await self._client_limits.hit(client.id, client.per_minute, name=client.limit_name)

    async def _earlier(self, request: SendRequest, request_hash: bytes) -> Accepted | None:
        """What it repeats: answered whatever mode, route and limits are now."""
        repeat_hash = self._repeat_hash(request)
        if repeat_hash is None and idempotency_key(request) is None:
            return None
        return await self._database.read(
            lambda c: repeats.earlier(c, request, request_hash, repeat_hash, now_ms())
        )

    async def _repeated(self, draft: Draft) -> Accepted | None:
        """What a caller without keys repeats: it takes no place in its limits."""
        if draft.repeat_hash is None or draft.idempotency_key is not None:
            return None
        return await self._database.read(
            lambda connection: repeats.repeated(connection, draft, now_ms())
        )

    def _accept(
        self, connection: Connection, drafts: Sequence[Draft]
    ) -> list[Accepted | EnumBackendError]:
        return accepting.accept_many(connection, drafts, self._rules, now_ms())

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
        change = outcomes.reported(message_id, status)

        def work(connection: Connection) -> None:
            if status.reason is Reason.OPTED_OUT:
                stopping.stop_refused(connection, [message_id], now_ms())
            apply(connection, [change], now_ms())

        await self._database.write(work)
        return await self.status(message_id, tenant)

    async def cancel(self, message_id: str, tenant: str) -> MessageView:
        """Stop a message that waits to be sent.

        One that a provider may have from an earlier attempt is `unknown` then.

        Raises:
            NotFound: no such message in this tenant.
            ValidationFailed: it is on its way, or has ended.
        """
        await self.status(message_id, tenant)
        change = Change(message_id, WAITING, final(MessageState.CANCELED))
        states = await self._database.write(lambda c: apply(c, [change], now_ms()))
        view = await self.status(message_id, tenant)
        if states == [None]:
            message = f"is {view.status}: only scheduled and queued messages can be canceled"
            raise ValidationFailed(
                f"message_id: {message}", errors=[FieldError("message_id", message)]
            )
        return view

    async def retry(self, message_id: str, tenant: str) -> MessageView:
        """Send a message that has ended without arriving once more, by its first gateway on.

        An `unknown` one may have arrived: whoever asks for this takes the double upon himself.

        Raises:
            NotFound: no such message in this tenant.
            ValidationFailed: it has not ended so, or its text is erased.
            Forbidden: messages go there no more.
            RateLimitExceeded: the recipient's ceiling is reached.
            CostLimitExceeded: the day's spend is reached.
            SmsDisabled, CredentialsMissing: nothing can be sent now.
        """
        view = await self.status(message_id, tenant)
        self._pool.require_sending()
        is_test = bool({view.to, view.destination} & self._test_numbers)
        if not is_test and (refused := refusal(view.destination, self._policy, tenant)):
            raise refused
        order = replay.Order(
            message_id,
            valid_until=now_ms() + math.ceil(self._dispatch.validity * 1000),
            estimate=self._price,
        )
        refused = await self._database.write(
            lambda c: replay.requeue(c, order, self._rules, now_ms())
        )
        if refused:
            raise refused
        self._on_accepted()
        return await self.status(view.message_id, tenant)

    def _draft(self, request: SendRequest, route: Route, request_hash: bytes) -> Draft:
        is_test = bool({request.to, route.destination} & self._test_numbers)
        if is_test:
            route = route.simulated()
        if request.about:
            route = replace(route, steps=(Step("kind", True, request.about), *route.steps))
        measured = segment(self._pricing.text(route.chain[0], request.text))
        validity = self._dispatch.code_validity if request.is_code else self._dispatch.validity
        return Draft(
            request=request,
            route=route,
            segmentation=measured,
            body=lambda message_id: self._sealed(request, message_id),
            request_hash=request_hash,
            repeat_hash=self._repeat_hash(request),
            estimate=None if is_test else self._estimate(route, measured.segments),
            is_test=is_test,
            valid_until=(request.send_at or now_ms()) + math.ceil(validity * 1000),
        )

    def _sealed(self, request: SendRequest, message_id: str) -> bytes | None:
        return None if request.template else self._sealer.seal(request.text, message_id)

    def _repeat_hash(self, request: SendRequest) -> bytes | None:
        """What makes two requests without a key the same, within the repeat window."""
        if not request.repeat_window:
            return None
        return self._sealer.digest("repeat", request.client.id, request.to, request.text)

    def _request_hash(self, request: SendRequest) -> bytes:
        """What makes two requests with one idempotency key the same."""
        return self._sealer.digest(
            "request",
            request.to,
            request.text,
            request.sender or "",
            request.gateway or "",
            request.client_reference or "",
            str(request.send_at or ""),
            *(["transliterate"] if request.transliterate else []),
        )

    def _estimate(self, route: Route, segments: int) -> Cost | None:
        """What the first gateway of the chain would charge; a simulation costs nothing."""
        return self._price(route.chain[0], route.destination, segments)

    def _price(self, gateway: str, destination: str, segments: int) -> Cost | None:
        if self._pool.carrier(gateway) is None:
            return None
        return self._pricing.estimate(gateway, destination, segments)


def key_client(key: ApiKey, settings: LimitSettings) -> Client:
    """The client that an API key stands for."""
    per_minute = settings.per_client_minute if key.per_minute is None else key.per_minute
    return Client(f"key:{key.id}", key.tenant, per_minute, key.daily_cost, key.senders)
