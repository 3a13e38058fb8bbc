"""What the tools take: bounded, and refused without being repeated."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[
    str,
    Field(min_length=2, max_length=32, description="in E.164, such as +14155550134"),
]
LeasedNumber = Annotated[
    str,
    Field(min_length=2, max_length=32, description="number that get_phone_number gave you"),
]
Gateway = Annotated[
    str | None, Field(min_length=1, max_length=64, description="name of a gateway; default: routed")
]
From = Annotated[
    str | None,
    Field(min_length=1, max_length=32, alias="from", description="sender; default: the gateway's"),
]


class Arguments(BaseModel):
    """Nothing else is taken."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, hide_input_in_errors=True)


class GetPhoneNumber(Arguments):
    """`get_phone_number`"""

    passport_id: str = Field(
        min_length=1,
        max_length=128,
        description="your stable name for whom the number is; the same name gets the same number",
    )
    ttl: int | None = Field(
        None, ge=1, le=604_800, description="seconds; default and bounds are the server's"
    )
    service: str | None = Field(
        None, min_length=1, max_length=64, description="one of the owner's services, where listed"
    )


class WaitForSms(Arguments):
    """`wait_for_sms`"""

    phone_number: LeasedNumber
    timeout: int = Field(30_000, ge=1_000, le=300_000, description="milliseconds")
    sender: str | None = Field(
        None, min_length=1, max_length=64, description="only from this number or name, whole"
    )
    contains: str | None = Field(
        None, min_length=1, max_length=200, description="only texts with these characters in them"
    )
    after: str | None = Field(
        None,
        min_length=1,
        max_length=40,
        description="id of the last message you have; default: the first one no wait has had",
    )


class ExtractOtp(Arguments):
    """`extract_otp_from_sms`"""

    sms_body: str = Field(max_length=10_000, description="text of one message")


class ReleasePhoneNumber(Arguments):
    """`release_phone_number`"""

    phone_number: LeasedNumber


class ListNumbers(Arguments):
    """`list_numbers`"""


class GetMessages(Arguments):
    """`get_messages`"""

    phone_number: LeasedNumber
    after: str | None = Field(
        None, min_length=1, max_length=40, description="`next` or `position` of an earlier page"
    )
    limit: int = Field(20, ge=1, le=100)


class SendSms(Arguments):
    """`send_sms`"""

    to: Number
    message: str = Field(min_length=1, max_length=1600)
    sender: From = None
    gateway: Gateway = None
    client_reference: str | None = Field(
        None,
        min_length=1,
        max_length=180,
        description="your own id of this message: a repeat with it sends nothing",
    )


class LookupNumber(Arguments):
    """`lookup_number`"""

    phone_number: Number


class ExplainRoute(Arguments):
    """`explain_route`"""

    phone_number: Number
    message: str | None = Field(None, min_length=1, max_length=1600)
    sender: From = None
    gateway: Gateway = None
