"""SMS Gateway for Android ("SMSGate"): https://docs.sms-gate.app/integration/api/"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, ClassVar

from enum_backend.gateways.android_api import AndroidApi, Phone
from enum_backend.gateways.android_cipher import encrypt
from enum_backend.gateways.android_errors import STATUSES, failure_of
from enum_backend.gateways.android_hooks import Hooks, register_all, standing
from enum_backend.gateways.android_options import AndroidOptions
from enum_backend.gateways.android_sims import Sim, SimRota
from enum_backend.gateways.base import (
    Capabilities,
    GatewayError,
    OutboundSms,
    ProviderStatus,
    Reason,
    SendResult,
    StatusResult,
)
from enum_backend.gateways.http_client import ApiGateway

QUEUE_LIMIT = "QueueLimitExceeded"
"""A server's word for a phone that has not fetched its messages for long."""

_OWN_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")


class AndroidGateway(ApiGateway):
    """Sends through phones: directly, by a private server, or by the cloud.

    Our message id is the app's own, and it refuses the same id a second time.
    That holds for one phone (or account) only, so a message that a phone may
    have is never given to another.

    Attributes:
        phones: in the order of the settings.
        rota: their SIM cards.
    """

    provider = "android"
    Options = AndroidOptions
    options: AndroidOptions
    required: ClassVar[tuple[str, ...]] = ("username", "password")
    capabilities: ClassVar[Capabilities] = Capabilities(
        idempotency="own_id",
        lookup_by_own_id=True,
        status_query=True,
        delivery_reports=True,
        inbound=True,
        max_characters=65_535,
    )

    def __init__(self, name: str | None = None, **options: Any) -> None:
        super().__init__(name, **options)
        apis: dict[tuple[str, ...], AndroidApi] = {}
        sims: list[Sim] = []
        self.phones: list[Phone] = []
        for place, phone in enumerate(self.options.all_phones()):
            password = phone.password.get_secret_value()
            account = (phone.url, str(phone.auth), phone.username, password)
            api = apis.setdefault(account, AndroidApi(self.http, self.address, phone))
            cards = phone.cards()
            numbers = {card.slot: card.number for card in cards if card.number}
            keys = self.options.webhook_keys(phone)
            self.phones.append(Phone(phone.device_id, api, numbers, keys))
            limit = phone.daily_limit or self.options.daily_limit
            sims += [
                Sim(phone.card(c), place, c.slot, c.number, c.daily_limit or limit) for c in cards
            ]
        self.rota = SimRota(sims, self.options.interval)
        cards_numbers = (sim.number for sim in sims if sim.number)
        numbers_of_ours = tuple(dict.fromkeys((*self.options.numbers, *cards_numbers)))
        self.options = self.options.model_copy(update={"numbers": numbers_of_ours})

    def missing(self) -> list[str]:
        """`username` and `password`, unless each phone has its own."""
        phones = self.options.all_phones()
        lacks = {
            "username": not all(phone.username for phone in phones),
            "password": not all(phone.password.get_secret_value() for phone in phones),
        }
        return [key for key in self.required if lacks[key]]

    def has_account(self, account: str) -> bool:
        """Whether `account` is the id of one of the phones."""
        return bool(account) and any(phone.device_id == account for phone in self.phones)

    async def send(self, sms: OutboundSms) -> SendResult:
        """`POST /messages` to the phone whose SIM is next; to another if it cannot be reached.

        Raises:
            GatewayError: refused, failed or ambiguous; `duplicate` if the phone has
                the message already; `rate_limited` if no SIM may send now;
                `temporary_unavailable` if it is not known what they have sent.
        """
        self.check(sms)
        own_id = own_id_of(sms.message_id)
        sender = sms.sender or self.options.sender
        known = await self.rota.holder(own_id)
        payload = await self._payload(sms, own_id)
        away: dict[int, GatewayError] = {}
        while True:
            try:
                turn = await self.rota.take(own_id, sender, phone=known, not_phones=away)
            except GatewayError as error:
                # No phone is left that could be asked: what the first one said counts.
                raise next(iter(away.values()), error) from None
            try:
                return await self._hand_over(turn.sim, payload, (sms.text, sms.to, sender))
            except GatewayError as error:
                if error.ambiguous or _may_be_taken(error):
                    raise
                await self.rota.give_back(turn)
                if not _unreached(error):
                    raise
                away[turn.sim.phone] = error

    async def status(self, provider_message_id: str) -> StatusResult:
        """`GET /messages/{id}`, from the phone that has it.

        Raises:
            GatewayError: no phone has it, no answer, or a word we do not know.
        """
        found = await self._ask(provider_message_id)
        if found is None:
            raise GatewayError(Reason.INVALID_REQUEST, "no phone has the message")
        return outcome(found)

    async def find(self, message_id: str) -> StatusResult | None:
        """The same by our own id; None only if every phone that may have it says no.

        Raises:
            GatewayError: one of them does not answer.
        """
        found = await self._ask(own_id_of(message_id))
        return None if found is None else outcome(found)

    async def register_webhooks(self, url: str) -> list[str]:
        """Have every phone report to `url`; a repeat changes nothing.

        Ids follow from gateway, phone and event, so another URL replaces the first
        one. Phones take `https` only (or http://127.0.0.1).

        Args:
            url: `<public_base_url>/sms/webhook/android/<gateway>`.

        Returns:
            The ids of all registrations, old and new.

        Raises:
            GatewayError: a phone refused or did not answer; the others are done.
        """
        return await register_all(self.name, self.phones, url)

    async def webhooks(self, url: str) -> list[Hooks]:
        """Where every phone reports now, compared with `url`; changes nothing.

        Raises:
            GatewayError: a phone refused or did not answer.
        """
        return [await standing(phone, url) for phone in self.phones]

    async def _hand_over(
        self, sim: Sim, payload: Mapping[str, Any], hide: tuple[str, ...]
    ) -> SendResult:
        phone = self.phones[sim.phone]
        place = {"deviceId": phone.device_id or None, "simNumber": sim.slot}
        reply = await phone.api.call(
            "POST",
            "/messages",
            query=self._query(),
            json={**payload, **{key: value for key, value in place.items() if value}},
        )
        if reply.status >= 300:
            raise phone.api.refusal(reply, hide=hide)
        body = reply.json_object()
        message_id = body.get("id")
        if not isinstance(message_id, str) or not message_id:
            raise GatewayError(
                Reason.UNKNOWN, "accepted, but the reply has no message id", ambiguous=True
            )
        # A word not known here still belongs to an accepted message.
        status = STATUSES.get(str(body.get("state")), ProviderStatus.QUEUED)
        if status is ProviderStatus.FAILED:
            reason, code = failure_of(_first_error(body))
            raise GatewayError(reason, "the phone could not send", provider_code=code or "Failed")
        return SendResult(status, message_id)

    async def _payload(self, sms: OutboundSms, own_id: str) -> dict[str, Any]:
        text, to = sms.text, sms.to
        passphrase = self.options.passphrase.get_secret_value()
        if passphrase:
            text, to = await asyncio.to_thread(
                lambda: (encrypt(passphrase, sms.text), encrypt(passphrase, sms.to))
            )
        payload: dict[str, Any] = {
            "id": own_id,
            "textMessage": {"text": text},
            "phoneNumbers": [to],
            "withDeliveryReport": True,
            "isEncrypted": bool(passphrase),
            "priority": self.options.priority,
        }
        if self.options.ttl:
            payload["ttl"] = self.options.ttl
        return payload

    def _query(self) -> dict[str, str]:
        query = {}
        if self.options.skip_phone_validation:
            query["skipPhoneValidation"] = "true"
        if self.options.device_active_within:
            query["deviceActiveWithin"] = str(self.options.device_active_within)
        return query

    async def _ask(self, own_id: str) -> Mapping[str, Any] | None:
        """The message from the phone that got it; from all, if that is not known any more."""
        place = await self.rota.holder(own_id)
        phones = self.phones if place is None else [self.phones[place]]
        unsure: GatewayError | None = None
        for api in dict.fromkeys(phone.api for phone in phones):
            try:
                found = await api.message(own_id)
            except GatewayError as error:
                unsure = error
            else:
                if found is not None:
                    return found
        if unsure is not None:
            raise unsure
        return None


def own_id_of(message_id: str) -> str:
    """Our message id as the app takes it: at most 36 plain characters."""
    if _OWN_ID.fullmatch(message_id):
        return message_id
    return sha256(message_id.encode("utf-8", "surrogatepass")).hexdigest()[:36]


def outcome(body: Mapping[str, Any]) -> StatusResult:
    """What a message says of itself.

    Raises:
        GatewayError: a state that we do not know.
    """
    status = STATUSES.get(str(body.get("state")))
    if status is None:
        raise GatewayError(Reason.UNKNOWN, "the reply holds no state that we know")
    if status is not ProviderStatus.FAILED:
        return StatusResult(status)
    reason, code = failure_of(_first_error(body))
    return StatusResult(status, reason, code)


def _first_error(body: Mapping[str, Any]) -> str:
    recipients = body.get("recipients")
    for recipient in recipients if isinstance(recipients, list) else ():
        error = recipient.get("error") if isinstance(recipient, dict) else None
        if isinstance(error, str) and error:
            return error
    return ""


def _unreached(error: GatewayError) -> bool:
    """Whether the phone surely has nothing, so that another one may be asked."""
    surely = (None, QUEUE_LIMIT)
    return error.reason is Reason.TEMPORARY_UNAVAILABLE and error.provider_code in surely


def _may_be_taken(error: GatewayError) -> bool:
    """Whether the answer leaves a chance that this phone has the message."""
    if error.reason is Reason.DUPLICATE:
        return True
    return error.reason is Reason.TEMPORARY_UNAVAILABLE and not _unreached(error)
