"""Settings of what may be sent to whom: countries, number types, keywords, texts, alerts."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import phonenumbers
from pydantic import AfterValidator, Field, SecretStr, field_validator

from enum_backend.settings.base import Seconds, Section, TextList
from enum_backend.settings.deliveries import webhook_address, webhook_secret
from enum_backend.settings.smtp import mail_address

NO_COUNTRY = "001"
"""Numbers of no country: satellite phones, international toll-free and the like."""

_PREFIX = re.compile(r"\+[0-9]{1,15}", re.ASCII)


def _countries(countries: tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(country.upper() for country in countries)
    for country in found:
        if country not in phonenumbers.SUPPORTED_REGIONS and country != NO_COUNTRY:
            raise ValueError(
                f"expected countries of ISO 3166 such as GB (or {NO_COUNTRY}), got {country[:8]!r}"
            )
    return found


def _prefixes(prefixes: tuple[str, ...]) -> tuple[str, ...]:
    for prefix in prefixes:
        if _PREFIX.fullmatch(prefix) is None:
            raise ValueError(f"expected prefixes such as +1415555, got {prefix[:20]!r}")
    return prefixes


Countries = Annotated[TextList, AfterValidator(_countries)]
Prefixes = Annotated[TextList, AfterValidator(_prefixes)]

NUMBER_TYPES = (
    "mobile",
    "landline",
    "fixed_or_mobile",
    "voip",
    "toll_free",
    "premium",
    "shared_cost",
    "personal",
    "pager",
    "uan",
    "voicemail",
    "unknown",
)
"""What `enum_backend.gateways.inventory.base.LineType` knows; a test compares the two."""

Strategy = Literal["priority", "least_cost", "round_robin"]
"""How a chain is ordered: as declared, cheapest first, or in turn."""


class TenantPolicy(Section):
    """What one tenant may do, within what the deployment may."""

    tenant: str = Field(min_length=1, max_length=64, description="whose messages")
    countries: Countries = Field(min_length=1, description="countries it may send to")


class PolicySettings(Section):
    """Where messages may go at all."""

    countries: Countries = Field(
        (), description="countries that may be sent to (ISO 3166), empty = all"
    )
    blocked_types: TextList = Field(
        ("premium", "shared_cost"),
        description="number types never sent to, as `numbers classify` names them",
    )
    allow: Prefixes = Field(
        (), description="number prefixes sent to whatever their country and type"
    )
    tenants: tuple[TenantPolicy, ...] = Field((), description="narrower country lists of tenants")

    @field_validator("blocked_types")
    @classmethod
    def _types(cls, types: tuple[str, ...]) -> tuple[str, ...]:
        for word in types:
            if word not in NUMBER_TYPES:
                raise ValueError(f"expected some of {', '.join(NUMBER_TYPES)}; got {word[:20]!r}")
        return types


class KeywordTexts(Section):
    """What handsets are answered; an empty text is the one of the word list."""

    stop_text: str = Field("", max_length=320, description="answer to the first STOP")
    start_text: str = Field("", max_length=320, description="answer to START after a STOP")
    help_text: str = Field(
        "", max_length=320, description="answer to HELP: who you are, whom to ask"
    )


class CountryKeywords(KeywordTexts):
    """Words and answers for the handsets of one country, beside those of the word list."""

    country: str = Field(description="country of the handset, ISO 3166")
    stop: TextList = Field((), description="further words that mean STOP")
    start: TextList = Field((), description="further words that mean START")
    help: TextList = Field((), description="further words that mean HELP")

    @field_validator("country")
    @classmethod
    def _known(cls, country: str) -> str:
        return _countries((country,))[0]


class KeywordSettings(KeywordTexts):
    """STOP, START and HELP from handsets."""

    enabled: bool = Field(True, description="act on STOP, START and HELP that handsets send")
    answer: bool = Field(True, description="answer them; false = only act")
    file: str = Field("", description="word list (TOML), empty = config/keywords.toml")
    help_interval: Seconds = Field(
        3600.0, description="least time between two HELP answers to one handset"
    )
    quiet_gateways: TextList = Field(
        (), description="gateways whose provider answers keywords itself, without telling us"
    )
    countries: tuple[CountryKeywords, ...] = Field((), description="words and answers by country")


class TextSettings(Section):
    """What may be done to a text before it is sent."""

    transliterate: bool = Field(
        False, description="replace typographic characters that alone force UCS-2"
    )
    transliterate_letters: bool = Field(
        False, description="then also letters with marks that GSM-7 lacks, such as ą and č"
    )


class AlertSettings(Section):
    """Who is told that a daily spend limit is near."""

    email: TextList = Field((), max_length=4, description="mail addresses; needs smtp")
    webhook: SecretStr = Field(SecretStr(""), description="web address that gets a POST")
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="its Standard Webhooks secret: whsec_..., or 32 characters"
    )

    @field_validator("email")
    @classmethod
    def _mail(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(mail_address(address) for address in addresses)

    @field_validator("webhook")
    @classmethod
    def _address(cls, url: SecretStr) -> SecretStr:
        return webhook_address(url)

    @field_validator("webhook_secret")
    @classmethod
    def _secret(cls, secret: SecretStr) -> SecretStr:
        return webhook_secret(secret)
