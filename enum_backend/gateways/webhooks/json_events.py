"""Reading the JSON that providers post: proven calls still hold surprises."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from enum_backend.gateways.webhooks.base import Malformed, WebhookRequest


def json_body(request: WebhookRequest) -> Any:
    """The body, any JSON value.

    Raises:
        Malformed: it is no JSON.
    """
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"JSON: {type(error).__name__}") from None


def mapping(value: object) -> Mapping[str, Any]:
    """An object, empty if it is anything else."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """A list, empty if it is anything else."""
    return value if isinstance(value, list) else []


def words(value: object) -> str:
    """A text, empty if it is anything else.

    NUL and halves of surrogate pairs, which JSON can express and databases
    refuse, become U+FFFD: refusing the call would only have it repeated.
    """
    return (
        re.sub("[\0\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", value)
        if isinstance(value, str)
        else ""
    )


def moment(value: object) -> float | None:
    """RFC 3339 as seconds since 1970, None if it is anything else; UTC where no zone is given."""
    try:
        found = datetime.fromisoformat(words(value))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def kind_of(value: object) -> str:
    """An event's type, fit to be counted by."""
    return re.sub(r"[^A-Za-z0-9_.:-]", "_", words(value))[:64] or "nameless"
