"""What is recorded, and how it is read again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from enum_backend.clock import rfc3339

Value = str | int | bool | None

MAX_DESCRIPTION: Final = 500
MAX_VALUE: Final = 500
MAX_METADATA: Final = 32

_EVENT_TYPE = re.compile(r"[A-Z][A-Z0-9_]{2,63}", re.ASCII)
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}", re.ASCII)


class Severity(StrEnum):
    """LOW: routine. MEDIUM: changes what others may do. HIGH: look at it."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something that happened.

    Attributes:
        event_type: upper-case words, `TENANT_CREATED`.
        description: one sentence; whole numbers, e-mail addresses and the personal values
            of `metadata` in it are kept under pseudonyms too. Never a code, token or text
            of a message.
        user_id: whose account it is about, or who did it.
        metadata: camelCase names: `adminId` (a user's or an API key's id), `adminEmail`,
            `targetUserId`, `targetUserEmail`, `email`, `phoneNumber`, `ip`, `keyId`,
            `tenant`, ... At most 32; texts are cut at 500 characters.

    Raises:
        ValueError: the type, or a name in `metadata`, is malformed: a programmer's mistake.
    """

    event_type: str
    severity: Severity
    description: str
    user_id: str | None = None
    metadata: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if _EVENT_TYPE.fullmatch(self.event_type) is None:
            raise ValueError(f"{self.event_type!r} is no event type")
        wrong = [key for key in self.metadata if _KEY.fullmatch(key) is None]
        if wrong or len(self.metadata) > MAX_METADATA:
            raise ValueError(f"metadata: {wrong or 'too many values'}")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry as it is read: what is not erased stands there in full.

    Attributes:
        id: `aud_` and 20 hexadecimal digits.
        seq: its place in the chain, from 1 on; None = not sealed yet.
        created_at: milliseconds.
    """

    id: str
    seq: int | None
    event_type: str
    severity: Severity
    description: str
    user_id: str | None
    metadata: Mapping[str, Value]
    created_at: int

    @property
    def document(self) -> dict[str, Any]:
        """It as JSON."""
        return {
            "id": self.id,
            "seq": self.seq,
            "eventType": self.event_type,
            "severity": self.severity.value,
            "description": self.description,
            "userId": self.user_id,
            "metadata": dict(self.metadata),
            "createdAt": rfc3339(self.created_at),
        }


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some entries; `next` goes on behind them, None = there are no more for now."""

    entries: tuple[AuditEntry, ...]
    next: int | None
