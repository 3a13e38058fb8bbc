"""VoIP.ms: REST API v1 (https://voip.ms/m/apidocs.php, account needed)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from enum_backend.gateways.base import (
    Capabilities,
    GatewayError,
    GatewayOptions,
    OutboundSms,
    ProviderStatus,
    Reason,
    SendResult,
    StatusResult,
)
from enum_backend.gateways.http_client import ApiGateway
from enum_backend.gateways.http_replies import status_error
from enum_backend.gateways.reading import objects
from enum_backend.gateways.voipms_errors import reason_of
from enum_backend.gateways.voipms_text import OCTETS, split_octets

API_URL = "https://voip.ms/api/v1/rest.php"

MAX_PARTS = 10
"""Single messages that one text may become."""

MIN_TOKEN = 16

_WORD = re.compile(r"[a-z0-9_-]{1,64}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _stripped(value: SecretStr) -> SecretStr:
    return SecretStr(value.get_secret_value().strip())


def _unguessable(value: SecretStr) -> SecretStr:
    token = value.get_secret_value().strip()
    if token and not re.fullmatch(rf"[A-Za-z0-9_-]{{{MIN_TOKEN},128}}", token):
        raise ValueError(f"must be {MIN_TOKEN}-128 of A-Z a-z 0-9 _ -")
    return SecretStr(token)


Token = Annotated[SecretStr, AfterValidator(_unguessable)]


class VoipmsOptions(GatewayOptions):
    """Settings of a VoIP.ms account; our address must be among those it lets in."""

    username: str = Field(default="", description="e-mail address of the account")
    password: Annotated[SecretStr, AfterValidator(_stripped)] = Field(
        default=SecretStr(""), description="API password, not that of the account"
    )
    inbound_token: Token = Field(
        default=SecretStr(""), description="random text in the callback URL, as nothing is signed"
    )
    previous_inbound_token: Token = Field(
        default=SecretStr(""), description="text before a rotation; still taken"
    )
    pop: Annotated[str, StringConstraints(pattern=r"^[0-9]*$")] = Field(
        default="", description="server (`server_pop`) of bought numbers; needed to buy"
    )
    routing: Annotated[str, StringConstraints(pattern=r"^[a-z]+:[^\x00-\x20]*$")] = Field(
        default="none:", description="where calls to bought numbers go"
    )
    billing: Literal["per_minute", "flat"] = Field(
        default="per_minute", description="how calls to bought numbers are billed"
    )


class VoipmsGateway(ApiGateway):
    """Sends through VoIP.ms, between numbers of the US and Canada.

    One request carries 160 octets, so a longer text goes out as several messages,
    in order, each after the one before was taken. The account's password travels
    in the body of a POST, never in a URL.
    """

    provider = "voipms"
    Options = VoipmsOptions
    options: VoipmsOptions
    required: ClassVar[tuple[str, ...]] = ("username", "password", "from")
    capabilities: ClassVar[Capabilities] = Capabilities(
        status_query=True,
        inbound=True,
        numbers=True,
        balance=True,
        max_characters=OCTETS * MAX_PARTS,
    )

    async def send(self, sms: OutboundSms) -> SendResult:
        """`sendSMS`, once per part.

        Returns:
            `sent`, which is final; the ids of the parts, joined by commas.

        Raises:
            GatewayError: refused, failed or ambiguous. Once a part was taken every
                failure is ambiguous: a repeat would send that part twice.
        """
        self.check(sms)
        did = nanp(sms.sender or self.options.sender, Reason.INVALID_SENDER)
        dst = nanp(sms.to, Reason.INVALID_NUMBER)
        parts = split_octets(sms.text)
        if len(parts) > MAX_PARTS:
            raise GatewayError(
                Reason.INVALID_REQUEST, f"the text makes more than {MAX_PARTS} parts"
            )
        ids: list[str] = []
        for number, part in enumerate(parts, 1):
            try:
                ids.append(await self._send_part(did, dst, part, again=number > 1))
            except GatewayError as error:
                if number == 1:
                    raise
                raise GatewayError(
                    Reason.UNKNOWN,
                    f"part {number} of {len(parts)} failed after the others were sent: {error}",
                    provider_code=error.provider_code,
                    ambiguous=True,
                ) from None
        return SendResult(
            ProviderStatus.SENT, ",".join(filter(None, ids)) or None, segments=len(parts)
        )

    async def status(self, provider_message_id: str) -> StatusResult:
        """`getSMS` of every part: `sent` is all that it can say.

        Raises:
            GatewayError: a part is not listed, or no answer.
        """
        for part_id in provider_message_id.split(","):
            if not _ID.fullmatch(part_id):
                raise GatewayError(Reason.INVALID_REQUEST, "no id of VoIP.ms")
            body = await self.call("getSMS", {"sms": part_id}, repeatable=True, empty=("no_sms",))
            listed = body.get("sms")
            ids = [str(item.get("id")) for item in objects(listed) if str(item.get("type")) == "0"]
            if part_id not in ids:
                raise GatewayError(Reason.INVALID_REQUEST, "the message is not listed")
        return StatusResult(ProviderStatus.SENT)

    async def call(
        self,
        method: str,
        parameters: Mapping[str, str],
        *,
        repeatable: bool = False,
        empty: Iterable[str] = (),
    ) -> Mapping[str, Any]:
        """Any method of the API.

        Args:
            repeatable: a query that changes nothing.
            empty: values of `status` that mean "nothing found", which is no error.

        Returns:
            The reply; empty for one of `empty`.

        Raises:
            GatewayError: by HTTP status, else by `status`; ambiguous if the reply
                of a request that changes something cannot be read.
        """
        options = self.options
        password = options.password.get_secret_value()
        if not options.username or not password:
            raise GatewayError(Reason.AUTH_FAILED, "settings lack username or password")
        reply = await self.http.request(
            "POST",
            self.address(API_URL),
            headers={"Accept": "application/json"},
            data={
                "api_username": options.username,
                "api_password": password,
                "method": method,
                "content_type": "json",
                **parameters,
            },
            repeatable=repeatable,
        )
        if reply.status >= 300:
            raise status_error(reply)
        body = reply.json_object()
        word = body.get("status")
        if not isinstance(word, str) or not word:
            raise GatewayError(Reason.UNKNOWN, "the reply has no status", ambiguous=not repeatable)
        if word in empty:
            return {}
        if word != "success":
            code = word if _WORD.fullmatch(word) else None
            raise GatewayError(reason_of(word), code or "refused", provider_code=code)
        return body

    async def _send_part(self, did: str, dst: str, text: str, *, again: bool) -> str:
        """The id of one message, empty if the reply has none.

        Args:
            again: try a second time if the service surely was not reached; a message
                that is half sent is worth it.
        """
        parameters = {"did": did, "dst": dst, "message": text}
        try:
            body = await self.call("sendSMS", parameters)
        except GatewayError as error:
            if not again or error.ambiguous or error.reason is not Reason.TEMPORARY_UNAVAILABLE:
                raise
            body = await self.call("sendSMS", parameters)
        part_id = str(body.get("sms"))
        return part_id if _ID.fullmatch(part_id) and part_id != "None" else ""


def nanp(number: str, reason: Reason) -> str:
    """The 10 digits of `+1...`, as VoIP.ms writes numbers.

    Raises:
        GatewayError: `reason`, it is anything else.
    """
    if not re.fullmatch(r"\+1[2-9][0-9]{9}", number):
        raise GatewayError(reason, "VoIP.ms takes numbers of the US and Canada only")
    return number[2:]


def e164(digits: str) -> str:
    """`+E.164` for 10 digits, or 11 that begin with 1; short codes and names as they are."""
    found = re.fullmatch(r"\+?1?([2-9][0-9]{9})", digits, re.ASCII)
    return f"+1{found[1]}" if found else digits
