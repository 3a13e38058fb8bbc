"""What all sections of the settings share: their base class, durations, lists, bounds."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)?", re.ASCII)
_UNITS = {None: 1, "s": 1, "m": 60, "h": 3600, "d": 86400}

LONGEST = 10 * 365 * 86400.0
"""Seconds; keeps every time in milliseconds within 64 bits."""
MOST = 1_000_000_000
"""Largest ceiling on messages: what the database can count to, with room to spare."""


def seconds(value: object) -> object:
    """`"2h"`, `"30m"`, `"10s"`, `"1d"` or a number of seconds -> seconds."""
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError('expected seconds or a duration such as "30s", "15m", "2h", "1d"')
        return float(match.group(1)) * _UNITS[match.group(2)]
    return value


def text_list(value: object) -> object:
    """A list, or comma-separated text as environment variables have it."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


Seconds = Annotated[float, BeforeValidator(seconds), Field(ge=0, le=LONGEST)]
TextList = Annotated[tuple[str, ...], BeforeValidator(text_list)]


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
