"""Which gateways carry a message, in which order, to which number, and why.

The first rule that applies chooses: the request, the recipient's record, the
sender's record or inventory, the longest prefix, the default chain. Records
select among configured gateways; they never introduce one. Then the chain is put
in order (`arrangement`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from enum_backend.errors import (
    FieldError,
    Forbidden,
    GatewayNotConfigured,
    NvsUnavailableError,
    ValidationFailed,
)
from enum_backend.gateways.base import Gateway
from enum_backend.messaging.arrangement import Arranged, Arranger, Wanted
from enum_backend.messaging.gateways import SIMULATOR, GatewayPool
from enum_backend.messaging.model import MessageKind, SendRequest
from enum_backend.messaging.policy.sticky import StickySenders
from enum_backend.messaging.pricing import Pricing
from enum_backend.messaging.route import Route, Step
from enum_backend.messaging.senders import sender_asked, senders_of
from enum_backend.messaging.strategies import Strategies
from enum_backend.phone import is_valid
from enum_backend.settings.models import PrefixRoute
from enum_backend.settings.policy import Strategy
from nvs.directory import Directory
from nvs.errors import InvalidNumber, NvsUnavailable
from nvs.number_record import NumberRecord, SmsRoute, TrustLevel

__all__ = ["Route", "Router", "Step"]


@dataclass(slots=True)
class _Choice:
    """What the rules have found so far."""

    request: SendRequest
    destination: str
    sender: str | None
    head: tuple[str, ...] = ()
    strategy: Strategy | None = None
    sender_gateway: str | None = None
    decided: bool = False
    steps: list[Step] = field(default_factory=list)

    def step(self, rule: str, why: str, *chain: str, applied: bool = False) -> None:
        applies = applied or bool(chain)
        self.steps.append(Step(rule, applies, why))
        if applies:
            self.head = chain
            self.decided = True

    def step_skipped(self, rule: str) -> None:
        self.steps.append(Step(rule, False, "an earlier rule applies"))


class Router:
    """Chooses routes; reads records, stores nothing.

    Args:
        fallback: whether the default chain follows rules 1 to 4.
        prefixes: chains by prefix, in any order; the longest match wins.
        strategy: of the default chain, and of prefixes without their own.
        sticky: see `Arranger`.
        known: what recipients know of us; None = nothing is remembered.
        pricing: for the strategy `least_cost`.
    """

    def __init__(
        self,
        directory: Directory,
        pool: GatewayPool,
        *,
        fallback: bool = True,
        prefixes: Sequence[PrefixRoute] = (),
        strategy: Strategy = "priority",
        sticky: bool | None = None,
        known: StickySenders | None = None,
        pricing: Pricing | None = None,
    ) -> None:
        self._directory = directory
        self._pool = pool
        self._fallback = fallback
        self._prefixes = sorted(prefixes, key=lambda route: len(route.prefix), reverse=True)
        self._strategy = strategy
        strategies = Strategies((pricing or Pricing(pool)).segment)
        self._arranger = Arranger(pool, strategies, sticky=sticky, known=known)

    async def choose(self, request: SendRequest, *, preview: bool = False) -> Route:
        """The route of a request.

        Args:
            preview: nothing will be sent: no gateway's turn is taken.

        Raises:
            Forbidden: the client may not send from `from`.
            GatewayNotConfigured: the request names a gateway that is not there,
                or no rule finds one.
            CredentialsMissing: the named gateway is half-set.
            NvsUnavailableError: the recipient's record decides and cannot be
                read (messages with a code go on without it).
            ValidationFailed: `from` is no number of any gateway.
        """
        choice = _Choice(request, request.to, sender_asked(request))
        self._by_request(choice)
        await self._by_recipient(choice)
        await self._by_sender(choice)
        self._by_prefix(choice)
        arranged = await self._arranged(choice, take_turn=not preview)
        planned = self._with_own_senders(choice, arranged)
        chain = (SIMULATOR,) if self._pool.mode == "simulation" else planned
        if not chain:
            raise GatewayNotConfigured(
                "No usable gateway with a number of this tenant is configured for this message."
                if arranged.chain
                else "No usable gateway is configured for this message."
            )
        return Route(
            destination=choice.destination,
            chain=chain,
            planned=planned or chain,
            steps=(*choice.steps, *(Step(*said) for said in arranged.steps)),
            sender_gateway=choice.sender_gateway,
            sender=arranged.sender,
            senders=self._senders(choice, planned, arranged.sender),
            decisive=arranged.decisive,
            knows=arranged.knows,
            learns=arranged.learns,
        )

    async def sender_gateway(self, sender: str, tenant: str) -> tuple[Gateway | None, str]:
        """The gateway through which a tenant may send from `sender`, and why; None = none.

        Raises:
            NvsUnavailableError: the sender's record decides and cannot be read.
        """
        if gateway := self._pool.owner_of(sender, tenant):
            return gateway, f"the sender is a number of gateway {gateway.name}"
        return await self._sender_record(sender, tenant)

    def _with_own_senders(self, choice: _Choice, arranged: Arranged) -> tuple[str, ...]:
        """The chain without gateways whose own number is another tenant's.

        Answers, and a STOP, would go to that tenant.
        """
        if arranged.sender is not None:
            return arranged.chain
        tenant = choice.request.client.tenant
        own = tuple(name for name in arranged.chain if self._pool.sends_for(name, tenant))
        if left_out := [name for name in arranged.chain if name not in own]:
            if choice.request.gateway in left_out:
                raise Forbidden("That gateway's number is another tenant's: name one of yours.")
            why = f"the number of {', '.join(left_out)} is another tenant's: left out"
            choice.steps.append(Step("own sender", True, why))
        return own

    def _by_request(self, choice: _Choice) -> None:
        name = choice.request.gateway
        if not name:
            choice.step("request", "the request names no gateway")
            return
        if self._pool.mode == "simulation" and name == SIMULATOR:
            choice.step("request", "the request names the simulator", applied=True)
            return
        gateway = self._pool.usable(name, choice.request.client.tenant)
        choice.step("request", f"the request names gateway {gateway.name}", gateway.name)

    async def _by_recipient(self, choice: _Choice) -> None:
        if choice.decided:
            choice.step_skipped("record")
            return
        record = await self._record(choice)
        if record is None:
            return
        sms = _route_of(record)
        if sms is None:
            choice.step("record", _why_not(record))
            return
        named = sms.gateway
        gateway = self._select(named, sms.number, record.trust.tenant)
        target = choice.request.to if choice.request.is_code else sms.number or choice.request.to
        if gateway is None and self._pool.mode != "simulation":
            choice.step("record", f"the record names {named}, which is not configured here")
            return
        if not is_valid(target):
            choice.step("record", f"the record names {target}, which no SMS can be sent to")
            return
        redirect = "" if target == choice.request.to else f" and the number {target}"
        if gateway is None:
            why = f"the record names {named}{redirect}; simulation mode: the simulator carries it"
            choice.step("record", why, applied=True)
        else:
            why = f"the record names {named}{redirect}: gateway {gateway.name}"
            choice.step("record", why, gateway.name)
        choice.destination = target

    async def _record(self, choice: _Choice) -> NumberRecord | None:
        try:
            record = await self._directory.record(choice.request.to)
        except NvsUnavailable as error:
            if choice.request.is_code:
                choice.step("record", "the record cannot be read now; a code does not wait for it")
                return None
            raise NvsUnavailableError(f"The recipient's record cannot be read: {error}") from error
        if record is None:
            choice.step("record", "the recipient has no record")
        return record

    async def _by_sender(self, choice: _Choice) -> None:
        sender = choice.sender
        if not sender:
            choice.step("sender", "the request names no sender")
            return
        gateway, why = await self.sender_gateway(sender, choice.request.client.tenant)
        if gateway is None and self._pool.mode != "simulation":
            message = "is not a number of any gateway you may use"
            raise ValidationFailed(f"from: {message}", errors=[FieldError("from", message)])
        choice.sender_gateway = gateway.name if gateway else None
        if choice.decided:
            choice.step_skipped("sender")
        elif gateway is None:
            choice.step("sender", "no gateway owns the sender")
        else:
            choice.step("sender", why, gateway.name)

    async def _sender_record(self, sender: str, tenant: str) -> tuple[Gateway | None, str]:
        """The gateway that the sender number's own record names, for its tenant only."""
        if not sender.startswith("+"):
            return None, ""
        try:
            record = await self._directory.record(sender)
        except InvalidNumber:
            return None, ""
        except NvsUnavailable as error:
            raise NvsUnavailableError(f"The sender's record cannot be read: {error}") from error
        sms = _route_of(record) if record is not None else None
        if record is None or sms is None or sms.number != sender:
            return None, ""
        if record.trust.tenant not in (None, tenant):
            return None, ""
        return self._select(sms.gateway, sender, tenant), f"the sender's record names {sms.gateway}"

    def _by_prefix(self, choice: _Choice) -> None:
        if choice.decided:
            choice.step_skipped("prefix")
            return
        tenant, idle = choice.request.client.tenant, ""
        for route in self._prefixes:
            if not choice.destination.startswith(route.prefix):
                continue
            if chain := self._pool.serving(route.chain, tenant):
                choice.strategy = route.strategy or self._strategy
                choice.step("prefix", f"{route.prefix} is the longest match{idle}", *chain)
                return
            idle += f"; {route.prefix} matches too, but none of its gateways is usable"
        choice.step("prefix", f"no prefix route matches{idle}")

    async def _arranged(self, choice: _Choice, *, take_turn: bool) -> Arranged:
        default = self._pool.default_chain(choice.request.client.tenant)
        chain, rest = choice.head, default
        if not choice.decided:
            choice.step("default", "no other rule applies", applied=True)
            choice.strategy = self._strategy
            chain, rest = default, ()
        elif self._fallback and default and choice.request.kind is not MessageKind.REPLY:
            choice.steps.append(Step("default", False, "follows when an error allows failover"))
        else:
            choice.steps.append(Step("default", False, "not used"))
            rest = ()
        wanted = Wanted(
            tenant=choice.request.client.tenant,
            destination=choice.destination,
            chain=self._allowed(choice, chain),
            rest=self._allowed(choice, rest),
            strategy=choice.strategy,
            sender=choice.sender,
            usual=None if choice.request.kind is MessageKind.REPLY else self._strategy,
        )
        return await self._arranger.arrange(wanted, take_turn=take_turn)

    def _allowed(self, choice: _Choice, chain: tuple[str, ...]) -> tuple[str, ...]:
        """Of a client that may send from some numbers only: the gateways that can."""
        if not choice.request.client.senders:
            return chain
        able = tuple(name for name in chain if self._may_use(choice, name, choice.sender))
        if choice.request.gateway in set(chain) - set(able):
            raise Forbidden("The numbers this client may send from are not of that gateway.")
        return able

    def _may_use(self, choice: _Choice, name: str, sender: str | None) -> bool:
        gateway = self._pool.registry.get(name)
        if gateway is None or sender is None:
            return False
        return gateway.owns(sender) or choice.sender_gateway == name

    def _senders(
        self, choice: _Choice, planned: tuple[str, ...], sender: str | None
    ) -> dict[str, tuple[str, ...]]:
        """Gateway -> what the recipient may see; the simulator stands for the first one."""
        tenant = choice.request.client.tenant
        found = {
            name: senders_of(
                gateway, tenant, sender if self._may_use(choice, name, sender) else None
            )
            for name in planned
            if (gateway := self._pool.registry.get(name)) is not None
        }
        first = found.get(planned[0]) if planned else None
        return found | {SIMULATOR: first or ((sender,) if sender else ())}

    def _select(self, word: str, number: str | None, tenant: str | None) -> Gateway | None:
        return self._pool.registry.select(word, number=number, tenant=tenant)


def _route_of(record: NumberRecord) -> SmsRoute | None:
    """The SMS route of a record that may choose a gateway."""
    return record.sms if record.trust.level >= TrustLevel.OPERATOR else None


def _why_not(record: NumberRecord) -> str:
    if record.trust.level < TrustLevel.OPERATOR:
        level = record.trust.level.word
        return f"the record is {level} and routes nothing: {record.trust.reason}"
    return "the record names no SMS route"
