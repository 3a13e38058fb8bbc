"""Which gateways carry a message, in which order, to which number, and why.

The first rule that applies chooses: the request, the recipient's record, the
sender's record or inventory, the longest prefix, the default chain. Records
select among configured gateways; they never introduce one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from enum_backend.errors import (
    FieldError,
    GatewayNotConfigured,
    NvsUnavailableError,
    ValidationFailed,
)
from enum_backend.gateways.base import Gateway
from enum_backend.messaging.gateways import SIMULATOR, GatewayPool
from enum_backend.messaging.model import SendRequest
from enum_backend.phone import is_valid
from enum_backend.settings.models import PrefixRoute
from nvs.directory import Directory
from nvs.errors import InvalidNumber, NvsUnavailable
from nvs.number_record import NumberRecord, SmsRoute, TrustLevel


@dataclass(frozen=True, slots=True)
class Step:
    """One routing rule and what came of it."""

    rule: str
    applied: bool
    why: str


@dataclass(frozen=True, slots=True)
class Route:
    """The decision.

    Attributes:
        destination: `+E.164` the SMS goes to.
        chain: gateway names, first to last; what is stored and dispatched.
        planned: the same for `live` mode, shown by explain.
        sender_gateway: the gateway that may use the request's sender.
    """

    destination: str
    chain: tuple[str, ...]
    planned: tuple[str, ...]
    steps: tuple[Step, ...]
    sender_gateway: str | None = None

    def simulated(self) -> Route:
        """The same decision, carried by the simulator: for test numbers."""
        step = Step("test number", True, "test numbers are never sent to: the simulator carries it")
        return replace(self, chain=(SIMULATOR,), steps=(*self.steps, step))


@dataclass(slots=True)
class _Choice:
    """What the rules have found so far."""

    request: SendRequest
    destination: str
    head: tuple[str, ...] = ()
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
    """

    def __init__(
        self,
        directory: Directory,
        pool: GatewayPool,
        *,
        fallback: bool = True,
        prefixes: Sequence[PrefixRoute] = (),
    ) -> None:
        self._directory = directory
        self._pool = pool
        self._fallback = fallback
        self._prefixes = sorted(prefixes, key=lambda route: len(route.prefix), reverse=True)

    async def choose(self, request: SendRequest) -> Route:
        """The route of a request.

        Raises:
            GatewayNotConfigured: the request names a gateway that is not there,
                or no rule finds one.
            CredentialsMissing: the named gateway is half-set.
            NvsUnavailableError: the recipient's record decides and cannot be
                read (messages with a code go on without it).
            ValidationFailed: `from` is no number of any gateway.
        """
        choice = _Choice(request, request.to)
        self._by_request(choice)
        await self._by_recipient(choice)
        await self._by_sender(choice)
        self._by_prefix(choice)
        planned = self._chain(choice)
        simulated = self._pool.mode == "simulation"
        chain = (SIMULATOR,) if simulated else planned
        if not chain:
            raise GatewayNotConfigured("No usable gateway is configured for this message.")
        return Route(
            destination=choice.destination,
            chain=chain,
            planned=planned or chain,
            steps=tuple(choice.steps),
            sender_gateway=choice.sender_gateway,
        )

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
        sender = choice.request.sender
        if not sender:
            choice.step("sender", "the request names no sender")
            return
        gateway = self._pool.owner_of(sender, choice.request.client.tenant)
        why = f"the sender is a number of gateway {gateway.name}" if gateway else ""
        if gateway is None:
            gateway, why = await self._sender_record(sender, choice.request.client.tenant)
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
        tenant = choice.request.client.tenant
        for route in self._prefixes:
            matches = choice.destination.startswith(route.prefix)
            if matches and (chain := self._pool.serving(route.chain, tenant)):
                choice.step("prefix", f"{route.prefix} is the longest match", *chain)
                return
        choice.step("prefix", "no prefix route matches")

    def _chain(self, choice: _Choice) -> tuple[str, ...]:
        default = self._pool.default_chain(choice.request.client.tenant)
        if not choice.decided:
            choice.step("default", "no other rule applies", applied=True)
            return default
        if self._fallback and default:
            choice.steps.append(Step("default", False, "follows when an error allows failover"))
            return tuple(dict.fromkeys((*choice.head, *default)))
        choice.steps.append(Step("default", False, "not used"))
        return choice.head

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
