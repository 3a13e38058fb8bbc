"""The settings every gateway has, and how wrong ones are reported."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)

from enum_backend.errors import FieldError


class GatewayOptionsError(Exception):
    """A gateway's settings cannot be used; `errors` name each key."""

    def __init__(self, provider: str, errors: list[FieldError]) -> None:
        self.provider = provider
        self.errors = errors
        super().__init__(f"{provider}: " + "; ".join(f"{e.field}: {e.message}" for e in errors))


def _header_safe(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value().strip()
    if not value.isascii() or any(character < "!" or character > "~" for character in value):
        raise ValueError("holds blanks, control characters or letters outside ASCII")
    return SecretStr(value)


Credential = Annotated[SecretStr, AfterValidator(_header_safe)]
"""A secret that travels in an HTTP header: visible ASCII; blanks around it (the
newline at the end of a secret file) are dropped."""


def _web_address(value: str) -> str:
    value = value.strip()
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and parts.hostname is not None
    except ValueError:
        usable = False
    if value and not usable:
        raise ValueError("must be an http:// or https:// address")
    return value


WebAddress = Annotated[str, AfterValidator(_web_address)]
"""An absolute HTTP address, or nothing."""


class GatewayOptions(BaseModel):
    """Settings every gateway has; providers subclass it and add theirs.

    Secrets are `Credential` (or `SecretStr`), so that no `repr` shows them.
    `from` is written `sender` in Python. A field that a gateway cannot work
    without is declared `Credential = SecretStr("")` and named in
    `Gateway.required`, so that a half-set gateway is reported as incomplete,
    not as malformed.
    """

    # hide_input_in_errors: a rejected value may be a secret, also in a chained exception.
    model_config = ConfigDict(
        extra="forbid", populate_by_name=True, frozen=True, hide_input_in_errors=True
    )

    sender: str = Field(default="", alias="from", description="number or name messages come from")
    numbers: tuple[str, ...] = Field(
        default=(), description="further numbers of ours at this provider"
    )
    area_code: str = Field(
        default="", description="area code that searches for numbers at home use by default"
    )
    tenant: str = Field(default="", description="tenant that owns the gateway, empty = shared")
    base_url: str = Field(
        default="", description="replaces scheme and host of the provider's address"
    )
    timeout: float = Field(default=20.0, gt=0, le=120, description="seconds for a whole request")
    per_second: float = Field(
        default=0.0,
        ge=0,
        le=10_000,
        description="messages a second at most, all processes together; 0 = no limit",
    )
    sender_pause: float = Field(
        default=0.0, ge=0, le=86400, description="seconds between two messages of one sender"
    )
    ambiguous: Literal["unknown", "resend"] = Field(
        default="unknown", description="what to do when nobody knows whether a message was sent"
    )
    text_prefix: str = Field(
        default="",
        max_length=160,
        description="what the account puts before every text (trial accounts); counted in segments",
    )
    price: Decimal | None = Field(
        default=None, ge=0, description="estimated cost of one segment, in USD"
    )

    @field_validator("base_url")
    @classmethod
    def _only_an_origin(cls, value: str) -> str:
        if not value:
            return value
        try:
            parts = urlsplit(value.strip())
            # The port is parsed, and refused, only when it is asked for.
            usable = parts.hostname is not None and parts.port != 0
        except ValueError:
            usable = False
        if not usable or parts.scheme not in {"http", "https"}:
            raise ValueError("must be http://host[:port] or https://host[:port]")
        if parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError("replaces scheme, host and port only: no user, path or query")
        return f"{parts.scheme}://{parts.netloc}"


def options_errors(error: ValidationError, model: type[GatewayOptions]) -> list[FieldError]:
    """Each wrong key by its name in the settings file; no message holds a value."""
    return [
        FieldError(".".join(str(part) for part in item["loc"]), _message(item, model))
        for item in error.errors(include_input=False, include_url=False)
    ]


def _message(item: Mapping[str, Any], model: type[GatewayOptions]) -> str:
    if item["type"] != "extra_forbidden":
        return str(item["msg"]).removeprefix("Value error, ")
    known = [field.alias or name for name, field in model.model_fields.items()]
    near = get_close_matches(str(item["loc"][-1]), known, n=1)
    return "unknown option" + (f", did you mean {near[0]!r}?" if near else "")
