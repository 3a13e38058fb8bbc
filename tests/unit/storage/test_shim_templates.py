from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enum_backend.errors import ValidationFailed
from enum_backend.shim_templates import DEFAULT_TEMPLATE, check_template, fill


@pytest.mark.parametrize(
    "template", [DEFAULT_TEMPLATE, "{text}\n\n@mesh.example #{code}", "{code}", "{ {code}"]
)
def test_taken(template: str) -> None:
    check_template(template)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("no code", "{code} or {text}"),
        ("{app}", "{code} or {text}"),
        ("{code} {name}", "got {name}"),
        ("{code} {}", "got {}"),
        ("{code}" + "x" * 475, "has 481 characters"),
        ("{code}\x00", "NUL"),
        ("{code}\ud800", "surrogate"),
    ],
)
def test_refused(template: str, why: str) -> None:
    with pytest.raises(ValidationFailed, match="template") as caught:
        check_template(template)
    assert why in caught.value.message


@given(st.text(), st.text(), st.text())
def test_values_are_never_read_as_templates(app: str, code: str, text: str) -> None:
    filled = fill("{app}|{code}|{text}", app=app, code=code, text=text)
    assert filled == f"{app}|{code}|{text}"
