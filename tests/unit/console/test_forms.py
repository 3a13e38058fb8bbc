"""Forms as typed, and what is wrong with them."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, Field, SecretStr

from enum_backend.errors import Forbidden, ValidationFailed, wrong_field
from enum_backend.web.console.entry import destination
from enum_backend.web.console.forms import Form


class Asked(BaseModel):
    name: str = Field(max_length=5)
    number: int = 7
    secret: SecretStr = SecretStr("")
    scopes: list[str] = Field(default_factory=list)
    ticked: bool = False


def test_fields_become_a_model() -> None:
    pairs = [
        ("name", " ann "),
        ("number", "  "),
        ("secret", " two  blanks "),
        ("scopes", "a"),
        ("scopes", "b"),
        ("ticked", "on"),
        ("csrf", "x"),
    ]
    form = Form(pairs)
    asked = form.read(Asked)
    assert (asked.name, asked.number, asked.ticked) == ("ann", 7, True)
    assert asked.secret.get_secret_value() == " two  blanks "
    assert asked.scopes == ["a", "b"]
    assert form.all("scopes") == ["a", "b"]
    assert form.get("name") == " ann "
    assert form.get("other", "none") == "none"
    assert form.has("csrf")
    assert not form.has("other")
    assert "number" not in form.filled()


def test_what_is_wrong_stands_at_its_field() -> None:
    form = Form.of(name="too long a name", number="x")
    with pytest.raises(ValidationFailed) as refused:
        form.read(Asked)
    form.refuse(refused.value)
    assert form.error("name")
    assert form.error("number")
    assert not form.error("secret")
    assert form.problem == ""
    assert form.is_refused


def test_fields_of_others_are_renamed_and_the_rest_is_said_of_the_whole() -> None:
    form = Form.of(phone="x")
    form.refuse(wrong_field("phoneNumber", "is wrong"), phoneNumber="phone")
    assert (form.error("phone"), form.problem) == ("is wrong", "")
    form = Form.of(phone="x")
    form.refuse(wrong_field("elsewhere", "is wrong"))
    assert form.problem == "elsewhere: is wrong"
    form = Form()
    form.refuse(Forbidden("Not you."))
    assert form.problem == "Not you."


@pytest.mark.parametrize("path", ["", "/users", "/messages?number=%2B1", "/a/b-c_d.e"])
def test_destinations(path: str) -> None:
    assert destination(path) == path


@pytest.mark.parametrize("path", ["//evil", "users", "/\\evil", "/a//b", "/a\r\nb", "http://x"])
def test_no_destinations(path: str) -> None:
    assert destination(path) == ""
