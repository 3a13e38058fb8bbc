"""What an operator declares of a provider that has no code here."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from enum_backend.gateways.base import Credential, GatewayOptions, ProviderStatus
from enum_backend.gateways.http_finding import Declared, ErrorTable, Find
from enum_backend.gateways.templates import (
    Escape,
    Template,
    UrlTemplate,
    in_form,
    in_header,
    in_json,
    in_xml,
    unchanged,
)

PLACEHOLDERS = ("to", "phone", "to_digits", "from", "from_digits", "text", "message", "id")
"""`phone` is `to` and `message` is `text`, as in the provider `url`; `digits` are without `+`."""

ESCAPES: Mapping[str, tuple[Escape, str]] = {
    "json": (in_json, "application/json"),
    "form": (in_form, "application/x-www-form-urlencoded"),
    "xml": (in_xml, "application/xml; charset=utf-8"),
    "text": (unchanged, "text/plain; charset=utf-8"),
}
"""`body_type` -> how values are escaped, `Content-Type`."""

_HEADER_PART = re.compile(r"\{\{(header:[A-Za-z0-9-]+)\}\}")
_FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class HttpMessage(Declared):
    """Where the fields of a received message are."""

    source: Literal["json", "form", "query"] = Field(default="json", description="what holds them")
    each: str = Field(default="", description="path of a list with one message per item")
    when: Find | None = Field(default=None, description="there only if this is a message")
    id: Find | None = Field(default=None, description="the provider's id, equal for repeats")
    sender: Find = Field(alias="from", description="who sent it")
    to: Find = Field(description="our number")
    text: Find = Field(description="its text")
    time: Find | None = Field(default=None, description="RFC 3339 or Unix time")
    segments: Find | None = Field(default=None, description="how many parts it had")

    @model_validator(mode="after")
    def _repeats_are_known(self) -> Self:
        if self.id is None and self.time is None:
            raise ValueError("wants id or time: without both no repeat can be told apart")
        return self


class HttpReport(ErrorTable):
    """Where the fields of a delivery report are."""

    source: Literal["json", "form", "query"] = Field(default="json", description="what holds them")
    each: str = Field(default="", description="path of a list with one report per item")
    when: Find | None = Field(default=None, description="there only if this is a report")
    id: Find = Field(description="the provider's id, as the answer to the send held it")
    own_id: Find | None = Field(default=None, description="our {{id}}, where it comes back")
    status: Find = Field(description="how far the message got, in the provider's word")
    statuses: dict[str, ProviderStatus] = Field(
        min_length=1, description="the provider's word -> ours; others are ignored"
    )
    time: Find | None = Field(default=None, description="RFC 3339 or Unix time")


class HttpInbound(Declared):
    """Webhooks: how a call is proven, and what it says."""

    verify: Literal["hmac", "basic", "token", "none"] = Field(
        description='what proves a call; "none" believes anybody who knows the address'
    )
    secret: SecretStr = Field(default=SecretStr(""), description="HMAC key or token")
    previous_secret: SecretStr = Field(
        default=SecretStr(""), description="also valid, during a rotation"
    )
    secret_encoding: Literal["text", "hex", "base64"] = Field(
        default="text", description="how an HMAC key is written"
    )
    user: str = Field(default="", description="of Basic authentication")
    password: SecretStr = Field(default=SecretStr(""), description="of Basic authentication")
    previous_password: SecretStr = Field(
        default=SecretStr(""), description="also valid, during a rotation"
    )
    place: Literal["header", "query", "path"] = Field(
        default="header", description="where a token is; in the path it is the last part"
    )
    name: str = Field(default="", description="the header or parameter with signature or token")
    prefix: str = Field(default="", description="what stands before it: `sha256=`, `Bearer `")
    algorithm: Literal["sha1", "sha256", "sha384", "sha512"] = Field(
        default="sha256", description="of an HMAC"
    )
    encoding: Literal["hex", "base64"] = Field(default="hex", description="of an HMAC")
    signed: str = Field(
        default="{{body}}", description="what is signed: {{body}} {{url}} {{method}} {{header:X}}"
    )
    timestamp: str = Field(default="", description="a signed header with the time of the call")
    window: float = Field(
        default=300.0, gt=0, le=86400, description="seconds that time may differ from ours"
    )
    message: HttpMessage | None = Field(default=None, description="received messages")
    report: HttpReport | None = Field(default=None, description="delivery reports")
    answer: str = Field(default="", description="body the provider wants to read")
    answer_type: Annotated[str, Field(pattern=r"^[a-z]+/[a-z0-9.+-]+$")] = Field(
        default="text/plain", description="its type"
    )

    @model_validator(mode="after")
    def _something_comes_in(self) -> Self:
        if self.message is None and self.report is None:
            raise ValueError("wants message, report or both")
        kinds = [kind for kind in (self.message, self.report) if kind is not None]
        if len({kind.source for kind in kinds}) < len(kinds) and not all(k.when for k in kinds):
            raise ValueError("message and report of one source want `when`, to be told apart")
        return self

    @model_validator(mode="after")
    def _proof_is_complete(self) -> Self:
        named = self.verify == "hmac" or (self.verify == "token" and self.place != "path")
        if named and not _FIELD_NAME.fullmatch(self.name):
            raise ValueError("name: wants the header or parameter that holds the proof")
        if self.verify == "hmac":
            self._check_signed()
        return self

    def _check_signed(self) -> None:
        if self.place != "header":
            raise ValueError("place: a signature is in a header")
        names = self.signed_template.names
        if self.timestamp and f"header:{self.timestamp.lower()}" not in names:
            raise ValueError("timestamp: is not among what is signed")
        for mapping in (self.message, self.report):
            if mapping is None:
                continue
            needed = "url" if mapping.source == "query" else "body"
            if needed not in names:
                raise ValueError(f"signed: does not cover what is read: lacks {{{{{needed}}}}}")
        for secret in (self.secret, self.previous_secret):
            self.key_of(secret)

    @property
    def signed_template(self) -> Template:
        """`signed`, to be filled with octets as Latin-1."""
        text = _HEADER_PART.sub(lambda found: found[0].lower(), self.signed)
        headers = sorted(set(_HEADER_PART.findall(text)))
        return Template(
            text,
            ("body", "url", "method", *headers),
            unchanged,
            lambda piece: piece.encode().decode("latin-1"),
        )

    def key_of(self, secret: SecretStr) -> bytes:
        """The octets of an HMAC key.

        Raises:
            ValueError: it is not written as `secret_encoding` says.
        """
        text = secret.get_secret_value()
        try:
            return _decoded(text, self.secret_encoding)
        except ValueError:
            raise ValueError("secret: is not written as secret_encoding says") from None


class HttpOptions(ErrorTable, GatewayOptions):
    """Settings of a provider declared by its requests and replies."""

    method: Literal["GET", "POST", "PUT"] = Field(default="POST", description="HTTP method")
    url: SecretStr = Field(
        default=SecretStr(""), description="address; {{placeholders}} behind the host name"
    )
    headers: dict[str, SecretStr] = Field(default={}, description="name -> value")
    body: SecretStr = Field(default=SecretStr(""), description="what is sent")
    body_type: Literal["json", "form", "xml", "text"] = Field(
        default="json", description="how values in the body are escaped, and its Content-Type"
    )
    user: str = Field(default="", description="of Basic authentication")
    password: Credential = Field(default=SecretStr(""), description="of Basic authentication")
    expected_statuses: tuple[Annotated[int, Field(ge=200, le=299)], ...] = Field(
        default=(200, 201, 202), min_length=1, description="HTTP statuses of a message taken"
    )
    success: Find | None = Field(
        default=None, description="must be there in the reply, beside the status"
    )
    id: Find | None = Field(default=None, description="the provider's id in the reply")
    segments: Find | None = Field(default=None, description="number of parts in the reply")
    cost: Find | None = Field(default=None, description="what it cost, in the reply")
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(
        default="USD", description="currency of `cost`"
    )
    retry_after: str = Field(
        default="", description="header that says when to try again, beside Retry-After"
    )
    max_characters: int | None = Field(default=None, gt=0, description="longest text it takes")
    inbound: HttpInbound | None = Field(default=None, description="webhooks, see below")

    @field_validator("url")
    @classmethod
    def _usable_url(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            UrlTemplate(value.get_secret_value(), PLACEHOLDERS)
        return value

    @field_validator("headers")
    @classmethod
    def _usable_headers(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, text in value.items():
            if not _FIELD_NAME.fullmatch(name):
                raise ValueError("a header's name is letters, digits and hyphens")
            try:
                Template(text.get_secret_value(), PLACEHOLDERS, in_header, in_header)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return value

    @model_validator(mode="after")
    def _usable_body(self) -> Self:
        names = self.body_template.names
        if self.body_type == "json" and self.body.get_secret_value():
            try:
                json.loads(self.body_template.fill(dict.fromkeys(PLACEHOLDERS, 'x"\n')))
            except ValueError:
                raise ValueError(
                    "body: is no JSON; placeholders stand between double quotes"
                ) from None
        for text in self.headers.values():
            names |= Template(text.get_secret_value(), PLACEHOLDERS, in_header).names
        if self.url.get_secret_value():
            names |= UrlTemplate(self.url.get_secret_value(), PLACEHOLDERS).names
            if not names & {"to", "phone", "to_digits"} or not names & {"text", "message"}:
                raise ValueError("url, headers and body: lack {{to}} or {{text}}")
        if self.method == "GET" and self.body.get_secret_value():
            raise ValueError("body: a GET has none")
        return self

    @property
    def body_template(self) -> Template:
        """`body`, escaping as `body_type` says."""
        return Template(self.body.get_secret_value(), PLACEHOLDERS, ESCAPES[self.body_type][0])


def _decoded(text: str, encoding: str) -> bytes:
    if encoding == "text":
        return text.encode()
    if encoding == "hex":
        return bytes.fromhex(text)
    return b64decode(text, validate=True)
