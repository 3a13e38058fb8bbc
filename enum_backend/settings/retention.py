"""Settings of how long things are kept."""

from __future__ import annotations

from pydantic import Field, field_validator

from enum_backend.settings.base import Section

CENTURY_DAYS = 36_500


class RetentionSettings(Section):
    """Days that messages are kept; 0 = for ever."""

    bodies_days: int = Field(
        30, ge=0, le=CENTURY_DAYS, description="days the text of a message is kept, 0 = for ever"
    )
    rows_days: int = Field(
        365, ge=0, le=CENTURY_DAYS, description="days all else about a message is kept, at least 2"
    )

    @field_validator("rows_days")
    @classmethod
    def _a_day_counts(cls, days: int) -> int:
        if days == 1:
            raise ValueError("expected 0 or at least 2: limits and repeats look back a day")
        return days
