"""Settings of a gateway of Android phones, and what they come to.

[gateways.office]
provider = "android"
phones = [
  { url = "http://192.0.2.10:8080", username = "sms", password = "...", number = "+15550100001" },
  { url = "http://192.0.2.11:8080", username = "sms", password = "...", device_id = "abc",
    sims = [{ slot = 1, number = "+15550100002" }, { slot = 2, number = "+15550100003" }] },
]
"""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from enum_backend.gateways.options import GatewayOptions, WebAddress

CLOUD_URL = "https://api.sms-gate.app/3rdparty/v1"

Auth = Literal["basic", "jwt"]


def _api_address(value: str) -> str:
    parts = urlsplit(value)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("must have no user, query or fragment")
    return value.rstrip("/")


def _slot_alone(value: object) -> object:
    return {"slot": value} if type(value) is int else value


def _stripped(value: SecretStr) -> SecretStr:
    return SecretStr(value.get_secret_value().strip())


ApiAddress = Annotated[WebAddress, AfterValidator(_api_address)]
"""Base of the API: all before `/messages`."""

Secret = Annotated[SecretStr, AfterValidator(_stripped)]
"""A secret of any characters; blanks around it (the newline of a secret file) are dropped."""

DeviceId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,21}$")]
Number = Annotated[str, StringConstraints(pattern=r"^(\+[1-9][0-9]{3,14})?$")]
User = Annotated[str, StringConstraints(pattern=r"^[^:\x00-\x1f\x7f]*$", strip_whitespace=True)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class AndroidSim(_Table):
    """One SIM card; `sims = [1, 2]` is short for two without numbers."""

    slot: int | None = Field(
        default=None, ge=1, le=3, description="1-3, none = the phone's default"
    )
    number: Number = Field(default="", description="`+E.164` of the card")
    daily_limit: int | None = Field(
        default=None, ge=1, description="messages in 24 hours, none = as for the phone"
    )


class AndroidPhone(_Table):
    """One phone; what is not set here is as for the gateway."""

    url: ApiAddress = Field(default="", description="base of its API, such as http://host:8080")
    auth: Auth | None = Field(default=None, description="`basic` or `jwt`")
    username: User = Field(default="", description="user of the app, or of its server")
    password: Secret = Field(default=SecretStr(""), description="its password")
    device_id: DeviceId = Field(default="", description="id of the phone, as the app shows it")
    number: Number = Field(default="", description="`+E.164` of its only, or first, SIM card")
    sims: tuple[Annotated[AndroidSim, BeforeValidator(_slot_alone)], ...] = Field(
        default=(), description="its SIM cards, none = the default one"
    )
    daily_limit: int | None = Field(
        default=None, ge=1, description="messages of each SIM in 24 hours"
    )
    signing_key: Secret = Field(default=SecretStr(""), description="key of its webhooks")
    previous_signing_key: Secret = Field(
        default=SecretStr(""), description="key before a rotation; still taken"
    )

    @model_validator(mode="after")
    def _slots_differ(self) -> Self:
        slots = [sim.slot for sim in self.sims]
        if len(set(slots)) < len(slots):
            raise ValueError("two SIMs of a phone need different slots")
        return self

    def cards(self) -> tuple[AndroidSim, ...]:
        """Its SIM cards; the first has the phone's number unless it has its own."""
        first, *rest = self.sims or (AndroidSim(),)
        return (first.model_copy(update={"number": first.number or self.number}), *rest)

    def card(self, sim: AndroidSim) -> str:
        """What the messages of one of its cards are counted under.

        Follows the number, which moves with the card; else place and slot.
        """
        if sim.number:
            return sim.number
        place = "\n".join((self.url, self.username, self.device_id, str(sim.slot or 0)))
        return sha256(place.encode()).hexdigest()[:32]


class AndroidOptions(GatewayOptions):
    """Settings of one or more phones with the SMSGate app, reached directly or by a server.

    Without `phones` the gateway is one phone, or one cloud account.
    """

    url: ApiAddress = Field(
        default=CLOUD_URL,
        description="base of the API; private servers: https://host/api/3rdparty/v1",
    )
    auth: Auth = Field(
        default="basic", description="`jwt` = short-lived tokens got with the password"
    )
    username: User = Field(default="", description="user of the app, or of its server")
    password: Secret = Field(default=SecretStr(""), description="its password")
    device_id: DeviceId = Field(
        default="", description="which phone of the account, only without `phones`"
    )
    phones: tuple[AndroidPhone, ...] = Field(default=(), description="phones with their SIM cards")
    signing_key: Secret = Field(
        default=SecretStr(""), description="key of webhooks of phones that have none of their own"
    )
    previous_signing_key: Secret = Field(
        default=SecretStr(""), description="that key before a rotation; still taken"
    )
    passphrase: Secret = Field(
        default=SecretStr(""), description="encrypts text and number up to the phone; empty = off"
    )
    daily_limit: int = Field(default=100, ge=1, description="messages of each SIM in 24 hours")
    interval: float = Field(
        default=0.0, ge=0, le=3600, description="seconds between two messages of one SIM"
    )
    ttl: int = Field(
        default=86_400, description="seconds after which an unsent message is dropped, 0 = never"
    )
    priority: int = Field(
        default=0, ge=-128, le=127, description="100 and more passes the app's own limits"
    )
    skip_phone_validation: bool = Field(
        default=True, description="leave the check of numbers to us; the app's knows mobiles only"
    )
    device_active_within: int = Field(
        default=0, ge=0, description="server picks phones seen within so many hours, 0 = any"
    )

    @field_validator("ttl")
    @classmethod
    def _ttl_of_the_app(cls, value: int) -> int:
        if value != 0 and value < 5:
            raise ValueError("must be 0, or at least 5")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        devices = [phone.device_id for phone in self.phones if phone.device_id]
        numbers = [card.number for phone in self.phones for card in phone.cards() if card.number]
        if len(set(devices)) < len(devices):
            raise ValueError("phones need different device_id")
        if len(set(numbers)) < len(numbers):
            raise ValueError("SIMs need different numbers")
        if self.phones and self.sender and self.sender not in numbers:
            raise ValueError("from is none of the phones' numbers")
        return self

    def all_phones(self) -> tuple[AndroidPhone, ...]:
        """Each phone with everything that it takes from the gateway filled in."""
        alone = AndroidPhone.model_construct(device_id=self.device_id, number=self.sender)
        return tuple(
            phone.model_copy(
                update={
                    "url": phone.url or self.url or CLOUD_URL,
                    "auth": phone.auth or self.auth,
                    "username": phone.username or self.username,
                    "password": phone.password if _set(phone.password) else self.password,
                    "daily_limit": phone.daily_limit or self.daily_limit,
                }
            )
            for phone in self.phones or (alone,)
        )

    def webhook_keys(self, phone: AndroidPhone) -> tuple[str, ...]:
        """The keys that prove a phone's webhooks, now and before a rotation."""
        own = _set(phone.signing_key)
        holder = phone if own else self
        keys = (
            holder.signing_key.get_secret_value(),
            holder.previous_signing_key.get_secret_value(),
        )
        return tuple(filter(None, keys)) if keys[0] else ()


def _set(secret: SecretStr) -> bool:
    return bool(secret.get_secret_value())
