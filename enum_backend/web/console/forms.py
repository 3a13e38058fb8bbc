"""What a page was given: a posted form or the filters of its address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar, get_origin
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import BaseModel, SecretStr, ValidationError

from enum_backend.errors import EnumBackendError, ValidationFailed
from enum_backend.web.json_bodies import validation_failed

M = TypeVar("M", bound=BaseModel)

MAX_FIELDS = 200
FORM = "application/x-www-form-urlencoded"


class Form:
    """Fields as typed, and what is wrong with them, so that a page can show both again.

    Attributes:
        problem: what is wrong with the whole, if no field is to blame.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)
        self._errors: dict[str, str] = {}
        self.problem = ""

    @classmethod
    def of(cls, **values: str) -> Form:
        """A form that is shown filled in."""
        return cls(values.items())

    def get(self, name: str, default: str = "") -> str:
        """The value of a field as it was typed."""
        return self._values.get(name, [default])[-1]

    def all(self, name: str) -> list[str]:
        """The values of a field that can be given several times."""
        return self._values.get(name, [])

    def has(self, name: str) -> bool:
        """Whether a box is ticked, or a button was pressed."""
        return name in self._values

    def filled(self) -> Mapping[str, str]:
        """Name -> value of what is not empty."""
        return {name: values[-1] for name, values in self._values.items() if values[-1].strip()}

    def error(self, name: str) -> str:
        """What is wrong with a field; empty = nothing."""
        return self._errors.get(name, "")

    @property
    def is_refused(self) -> bool:
        """Whether anything is wrong."""
        return bool(self._errors or self.problem)

    def read(self, model: type[M]) -> M:
        """The fields that a model has; an empty one counts as not given.

        Blanks around a value are dropped, except in a `SecretStr`.

        Raises:
            ValidationFailed: names the fields.
        """
        given: dict[str, str | list[str]] = {}
        for name, field in model.model_fields.items():
            key = field.alias or name
            values = [value for value in self.all(key) if value.strip()]
            if field.annotation is not SecretStr:
                values = [value.strip() for value in values]
            if values:
                given[key] = values if get_origin(field.annotation) is list else values[-1]
        try:
            return model.model_validate(given, strict=False)
        except ValidationError as error:
            raise validation_failed(error) from None

    def refuse(self, error: EnumBackendError, **renamed: str) -> None:
        """Take up what is wrong.

        Args:
            renamed: field of the error -> field of the form, where they differ.
        """
        for item in error.errors:
            name = renamed.get(item.field, item.field)
            self._errors[name] = item.message
        if not error.errors or not any(name in self._values for name in self._errors):
            self.problem = error.message


async def read_form(request: web.Request) -> Form:
    """The posted form.

    Raises:
        ValidationFailed: it is none, or no Unicode text.
    """
    if request.content_type != FORM:
        raise ValidationFailed(f"Expected a form ({FORM}).")
    return Form(_pairs((await request.read()).decode("latin-1")))


def read_filters(request: web.Request) -> Form:
    """The query of a page's address.

    Raises:
        ValidationFailed: it is no Unicode text.
    """
    return Form(_pairs(request.rel_url.raw_query_string))


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(
            text,
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:  # UnicodeDecodeError is one
        raise ValidationFailed("The form has too many fields, or is not UTF-8.") from None
    if any("\x00" in part for pair in pairs for part in pair):
        raise ValidationFailed("The form holds a NUL character.")
    return [(name, value.replace("\r\n", "\n")) for name, value in pairs]
