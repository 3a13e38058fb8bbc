"""Reading, writing and comparing config.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enum_backend.errors import ValidationFailed
from meshcentral_plugin.config.document import parse, read_text, write
from meshcentral_plugin.config.masking import difference
from meshcentral_plugin.config.schema import read_schema


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is not JSON: line 1, column 2"),
        ("[]", "expected a JSON object"),
        ('{"a": 1, "a": 2}', "a stands twice"),
        ('{"a": NaN}', "NaN is not JSON"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_configuration(text: str, reason: str) -> None:
    with pytest.raises(ValidationFailed, match=reason):
        parse(text, "template")


def test_a_byte_order_mark_is_no_matter() -> None:
    assert parse("\ufeff{}", "template") == {}


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ValidationFailed, match="No such file"):
        read_text(tmp_path / "none", "template")
    (tmp_path / "latin").write_bytes(b"\xff")
    with pytest.raises(ValidationFailed, match="UTF-8"):
        read_text(tmp_path / "latin", "template")


@pytest.mark.parametrize("text", ["", "[]", '{"type": 7}', '{"type": "object"}'])
def test_schemas_that_are_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text(text)
    with pytest.raises(ValidationFailed, match="schema"):
        read_schema(path)
    with pytest.raises(ValidationFailed, match="No such file"):
        read_schema(tmp_path / "none")


def test_written_at_once_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("old")
    path.chmod(0o644)
    link = tmp_path / "link.json"
    link.symlink_to(path)
    write(link, "{}\n")
    assert path.read_text() == "{}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(item.name for item in tmp_path.iterdir()) == ["config.json", "link.json"]
    with pytest.raises(ValidationFailed, match="out: "):
        write(tmp_path / "none" / "config.json", "{}")


BEFORE: dict[str, Any] = {
    "settings": {
        "cert": "a.example",
        "sessionKey": "fake-one",
        "mongoDb": "mongodb://u:fake-two@h",
    },
    "sms": {"provider": "twilio", "sid": "ACfake", "auth": "fake-three", "from": "+15551230000"},
    "domains": {"": {"loginKey": ["fake-four"], "welcomeText": "a\u2028b"}},
}


def test_secrets_are_masked() -> None:
    after = json.loads(json.dumps(BEFORE).replace("a.example", "b.example"))
    after["sms"]["auth"] = "fake-five"
    after["domains"][""]["loginKey"] = ["fake-six", "fake-seven"]
    text = difference(BEFORE, after, "config.json")
    assert "fake" not in text
    assert '-    "cert": "a.example"' in text
    assert '+    "cert": "b.example"' in text
    assert '-    "auth": "******** (old)"' in text
    assert '+    "auth": "******** (new)"' in text
    assert '     "sessionKey": "********"' in text
    assert difference(BEFORE, BEFORE, "x") == ""
    assert "fake" not in difference({}, BEFORE, "x") + difference(BEFORE, {"sms": [1]}, "x")


@given(st.text("abc123$%&\"\\'", min_size=9))
def test_no_secret_survives(secret: str) -> None:
    after = {"smtp": {"pass": secret, "auth": {"clientSecret": [secret]}}, "sms": {"url": secret}}
    text = difference({"smtp": {"pass": "x"}}, after, "x")
    assert secret not in text
    assert json.dumps(secret)[1:-1] not in text
