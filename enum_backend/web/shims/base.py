"""What an adapter is: it proves and reads one program's request, and answers in its words."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from enum_backend.errors import EnumBackendError, Unauthorized
from enum_backend.messaging.model import Accepted, MessageKind

REPEAT_SECONDS = 10.0
"""The same text to the same number within this time is one message."""
SIGNED_REPEAT_SECONDS = 600.0
"""The same for programs that sign: longer than a signature is taken, so that a request
that somebody recorded sends nothing when it is played again, unless the first one failed."""


class Loose(BaseModel):
    """Base of other programs' bodies: what we do not read is not ours to refuse."""

    model_config = ConfigDict(extra="ignore")


@dataclass(frozen=True, slots=True)
class ShimCall:
    """One request of a program.

    Attributes:
        headers: by lower-case name.
        query: each parameter once; empty for programs that send bodies.
        received_at: seconds since 1970.
        secret: of the token's settings, empty = none is set.
    """

    headers: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: float
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ShimSms:
    """What a program wants sent.

    Attributes:
        to: the number as the program writes it.
        text: its own text, None where it sends a code only.
        code: the code, if it says which it is; None = none, or somewhere in the text.
        kind: `MessageKind.CODE` or `ADMIN`.
        about: what it is, for the record of the route; never the code.
        international: digits without `+` are the whole number.
    """

    to: str = field(repr=False)
    text: str | None = field(default=None, repr=False)
    code: str | None = field(default=None, repr=False)
    kind: MessageKind = MessageKind.CODE
    about: str = ""
    international: bool = False


Reader = Callable[[ShimCall], ShimSms]
Answerer = Callable[[Accepted], web.Response]
Refuser = Callable[[EnumBackendError], web.Response | None]


def as_json(accepted: Accepted) -> web.Response:
    """The answer to programs that read the status only."""
    document: dict[str, Any] = {
        "success": True,
        "message_id": accepted.message_id,
        "status": accepted.status,
    }
    return web.json_response(document)


def as_problem(_: EnumBackendError) -> web.Response | None:
    """A problem document, as everywhere."""
    return None


@dataclass(frozen=True, slots=True)
class Program:
    """One adapter.

    Attributes:
        name: as it stands in the path.
        read: proves and reads a request; raises `Unauthorized` or `ValidationFailed`.
        refuse: an error in the program's own shape, None = a problem document.
        signs: its tokens need a secret; without one nothing is proven.
        check_secret: raises `ValueError` for what is no secret of this program.
        settings: what to enter in the program, shown with a new token.
    """

    name: str
    read: Reader
    answer: Answerer = as_json
    refuse: Refuser = as_problem
    method: Literal["GET", "POST"] = "POST"
    repeat_seconds: float = REPEAT_SECONDS
    signs: bool = False
    check_secret: Callable[[str], None] = lambda secret: None
    settings: str = ""


def same(given: str, wanted: str) -> bool:
    """Whether two secrets are equal, in constant time."""
    return hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), wanted.encode("utf-8", "surrogatepass")
    )


def not_proven() -> Unauthorized:
    """The one answer to whatever is wrong with a proof."""
    return Unauthorized("The request is not signed with this token's secret.")
