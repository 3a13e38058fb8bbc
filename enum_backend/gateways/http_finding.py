"""Finding a value in what a provider sent, as an operator describes it in settings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

import re2
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from enum_backend.gateways.base import Reason

_PATH = re.compile(r"(\$\.?)?([^.\[\]$]+|\[[0-9]+\])?(\.[^.\[\]]+|\[[0-9]+\])*")
_STEP = re.compile(r"[^.\[\]]+")
_MISSING = object()


class Declared(BaseModel):
    """A table of an operator's settings; a rejected value may be a secret, so none is shown."""

    model_config = ConfigDict(
        extra="forbid", populate_by_name=True, frozen=True, hide_input_in_errors=True
    )


def _re2(pattern: str) -> str:
    try:
        compiled(pattern)
    except re2.error:
        raise ValueError("is no RE2 expression") from None
    return pattern


Pattern = Annotated[str, AfterValidator(_re2)]
"""A regular expression that takes linear time on whatever a stranger sends."""


def compiled(pattern: str) -> Any:
    """The RE2 expression, found anywhere in a text."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options=options)


@dataclass(frozen=True)
class Page:
    """What is searched.

    Attributes:
        text: the whole of it.
        value: its JSON, or the fields of a form; `parsed` makes it from `text`.
        headers: names in lower case.
    """

    text: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    value: Any = field(default=_MISSING, repr=False)

    @cached_property
    def parsed(self) -> Any:
        """The JSON value, None for what is no JSON."""
        if self.value is not _MISSING:
            return self.value
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None


class Find(Declared):
    """Where a value stands: `"results.0.id"` is short for `{json = "results.0.id"}`.

    With neither `json` nor `header` the whole body is searched by `regex`.
    """

    path: str = Field(
        default="", alias="json", description="names and indices: a.b.0.c; in forms the field's"
    )
    header: str = Field(default="", description="a header instead")
    regex: Pattern = Field(
        default="", description="RE2; its first group, or all it matches, is the value"
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"json": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_place(self) -> Find:
        if self.path and self.header:
            raise ValueError("wants json or header, not both")
        if not (self.path or self.header or self.regex):
            raise ValueError("wants json, header or regex")
        if not _PATH.fullmatch(self.path):
            raise ValueError("json: write names and indices with dots between them: a.b.0.c")
        return self

    def search(self, page: Page) -> str:
        """The value as text; empty if it is not there, or is no text, number or boolean."""
        if self.header:
            text = page.headers.get(self.header.lower(), "")
        elif self.path:
            text = scalar(at(page.parsed, self.path))
        else:
            text = page.text
        if not self.regex:
            return text.strip() if self.header else text
        found = compiled(self.regex).search(text)
        if not found:
            return ""
        return str((found.group(1) if found.re.groups else found.group(0)) or "")


def at(value: Any, path: str) -> Any:
    """What stands at a path, None if nothing does; the empty path and `$` are the whole.

    A name with dots in it, as forms have them, is found as it is.
    """
    if isinstance(value, dict) and path in value:
        return value[path]
    for step in _STEP.findall(path.removeprefix("$")):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and re.fullmatch(r"[0-9]{1,6}", step, re.ASCII):
            value = value[int(step)] if int(step) < len(value) else None
        else:
            return None
    return value


def scalar(value: Any) -> str:
    """A text, number or boolean as text, anything else as nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


class ErrorTable(Declared):
    """What a provider's codes and words mean."""

    error_code: Find | None = Field(default=None, description="where the provider's own code is")
    error_text: Find | None = Field(default=None, description="where its explanation is")
    error_codes: dict[str, Reason] = Field(default={}, description="code -> reason")
    error_texts: dict[Pattern, Reason] = Field(
        default={}, description="RE2 within the explanation -> reason; the first that fits"
    )


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was found of an error; `reason` is None if the table does not know it."""

    reason: Reason | None
    code: str = field(repr=False)
    text: str = field(repr=False)


def refusal(table: ErrorTable, page: Page) -> Refusal:
    """Read an error by the table."""
    code = table.error_code.search(page)[:64] if table.error_code else ""
    text = table.error_text.search(page) if table.error_text else ""
    reason = table.error_codes.get(code)
    if reason is None and text:
        for pattern, known in table.error_texts.items():
            if compiled(pattern).search(text):
                reason = known
                break
    return Refusal(reason, code, text)
