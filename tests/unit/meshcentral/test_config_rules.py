"""Real and wrong names, and types."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from meshcentral_plugin.config import Kind
from meshcentral_plugin.config.options import Options, own_sections, sections_of_schema
from tests.unit.meshcentral.configurations import GOOD, changed, made

LIMITS = (
    "MaxDevices",
    "MaxUserAccounts",
    "MaxUserSessions",
    "MaxAgentSessions",
    "MaxSingleUserSessions",
)


def test_our_table_knows_every_option_of_the_schema(schema: dict[str, Any]) -> None:
    own, theirs = own_sections(), sections_of_schema(schema)
    ours = {(section, name) for section, names in own.items() for name in names}
    real = {(section, name) for section, names in theirs.items() for name in names}
    assert real - ours == set()
    assert ours - real == {("settings/plugins", "list"), ("settings/plugins", "proxy")}
    for section, names in theirs.items():
        for name, letters in names.items():
            assert set(letters) <= set(own[section][name]), f"{section}/{name}"


def test_a_good_configuration(schema: dict[str, Any]) -> None:
    result = made(GOOD, schema=schema)
    assert result.findings == ()
    assert result.document == GOOD
    assert json.loads(result.text) == GOOD
    assert result.text == made(GOOD).text


@pytest.mark.parametrize(
    ("wrong", "value", "real", "expected"),
    [
        ("settings/exactPort", True, "settings/exactPorts", True),
        (
            "settings/trustedProxy",
            ["127.0.0.1", "p.example"],
            "settings/trustedProxy",
            "127.0.0.1,p.example",
        ),
        (
            "domains//passwordRequirements/disableSms2FA",
            False,
            "domains//passwordRequirements/sms2factor",
            True,
        ),
    ],
)
def test_wrong_names_are_translated(wrong: str, value: Any, real: str, expected: Any) -> None:
    result = made(changed(wrong, value))
    assert result.errors == []
    assert [finding.kind for finding in result.findings] == [Kind.TRANSLATED]
    assert result.findings[0].path == wrong.replace("domains//", 'domains[""].').replace("/", ".")
    assert result.document == changed(real, expected)


def test_disabled_sms_login_is_translated_and_then_a_trap() -> None:
    document = changed("domains//passwordRequirements/disableSms2FA", True)
    result = made(document)
    assert result.document["domains"][""]["passwordRequirements"] == {"sms2factor": False}
    assert [finding.trap for finding in result.errors] == ["sms2factor-off"]
    document["domains"][""]["passwordRequirements"]["force2factor"] = True
    assert made(document).errors == []


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        ("settings/allowLoginToken", False, bool),
        ("settings/WANonly", True, bool),
        ("settings/exactPorts", True, bool),
        ("settings/trustedProxy", "127.0.0.1,p.example,CloudFlare", str),
        ("settings/tlsOffload", True, (bool, str)),
        ("settings/tlsOffload", "127.0.0.1", (bool, str)),
        ("domains//newAccounts", False, bool),
        ("domains//ipkvm", True, bool),
        ("domains//certUrl", "https://mesh.example.org/", str),
        ("domains//limits", dict.fromkeys(LIMITS, 7), dict),
        ("domains//passwordRequirements", {"loginTokens": True, "sms2factor": True}, dict),
        ("settings/plugins", {"enabled": True, "list": ["x"], "proxy": "p"}, dict),
    ],
)
def test_real_names_are_taken(path: str, value: Any, kind: Any, schema: dict[str, Any]) -> None:
    result = made(changed(path, value), schema=schema)
    assert result.errors == result.translated == []
    assert result.document == changed(path, value)
    if not isinstance(0, kind):
        (found,) = made(changed(path, 0)).errors
        assert "expected" in found.message
        assert "got an integer" in found.message


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("settings/wanOnly", "settings.WANonly"),
        ("settings/tlsoffload", "settings.tlsOffload"),
        ("settings/ipkvm", "domains.*.ipkvm"),
        ("domains//ipKVM", "domains.*.ipkvm"),
        ("domains//certURL", "domains.*.certUrl"),
        ("domains//exactPorts", "settings.exactPorts"),
        ("certUrl", "domains.*.certUrl"),
        ("Settings", "settings"),
        ("domains//newAcounts", "domains.*.newAccounts"),
        ("domains//passwordRequirements/sms2Factor", "domains.*.passwordRequirements.sms2factor"),
        ("settings/plugins/Enabled", "settings.plugins.enabled"),
    ],
)
def test_unknown_names_are_refused_by_path(path: str, near: str) -> None:
    (found,) = made(changed(path, {})).errors
    assert found.path == path.replace("domains//", 'domains[""].').replace("/", ".")
    assert found.fix == f"use {near}"


def test_a_name_like_no_other() -> None:
    (found,) = made(changed("settings/xyzzy", 1)).errors
    assert (found.path, found.fix) == ("settings.xyzzy", "remove it")


def test_names_inside_lists_and_free_objects() -> None:
    document = changed(
        "settings/webrtcConfig", {"iceServers": [{"urls": "stun:s.example"}, {"url": "x"}]}
    )
    document["domains"][""]["httpHeaders"] = {"X-Any": "1"}
    document["domaindefaults"] = {"ipKVM": True}
    paths = [finding.path for finding in made(document).errors]
    assert paths == ["settings.webrtcConfig.iceServers[1].url", "domaindefaults.ipKVM"]


def test_comments_are_dropped(schema: dict[str, Any]) -> None:
    document = changed("domains//_title2", "x") | {"_comment": ["any"], "$schema": "s"}
    document["settings"]["webrtcConfig"] = {"iceServers": [{"urls": "stun:s.example", "_x": 1}]}
    result = made(document, schema=schema)
    assert result.errors == []
    assert "_" not in result.text.replace("domains", "")
    assert result.document["$schema"] == "s"


def test_a_wrong_name_that_contradicts_the_real_one() -> None:
    document = changed("settings/exactPort", True)
    document["settings"]["exactPorts"] = False
    assert [finding.path for finding in made(document).errors][:1] == ["settings.exactPort"]
    document = changed("domains//passwordRequirements", {"disableSms2FA": True, "sms2factor": True})
    assert "contradicts" in made(document).errors[0].message
    document = changed("domains//passwordRequirements", {"disableSms2FA": "yes"})
    assert "expected true or false" in made(document).errors[0].message


def test_nothing_of_the_wrong_shape_breaks_the_examination() -> None:
    for document in ({"settings": 1, "domains": []}, {"domains": {"": 1}, "settings": None}):
        assert made(document | {"domaindefaults": 1, "limits": 3}).errors
    assert {"settings", "domains"} <= {finding.path for finding in made({}).errors}


def test_options_of_a_newer_schema(schema: dict[str, Any]) -> None:
    newer = copy.deepcopy(schema)
    newer["properties"]["settings"]["properties"]["brandNew"] = {"type": "integer"}
    document = changed("settings/brandNew", 1)
    assert made(document).errors
    assert made(document, schema=newer).errors == []


def test_the_schema_is_asked_and_shows_no_values(schema: dict[str, Any]) -> None:
    smtp = {"host": "mail.example.org", "from": "not-a-mail-address", "port": 70000, "tls": True}
    document = changed("smtp", smtp)
    assert made(document).errors == []
    errors = made(document, schema=schema).errors
    assert {finding.path for finding in errors} == {"smtp.from", "smtp.port"}
    assert "70000" not in " ".join(finding.text() for finding in errors)
    document = changed("settings/webPush", {})
    (found,) = made(document, schema=schema).errors
    assert found.message == "MeshCentral's schema: lacks email"


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"oneOf": [{"required": ["x"]}, {"required": ["y"]}]}, "fits none of the forms"),
        ({"maxProperties": 1}, "maxProperties is not satisfied"),
        ({"properties": {"sms": {"type": ["array", "null"]}}}, "expected type array or null"),
    ],
)
def test_other_rules_of_a_schema(schema: dict[str, Any], message: str) -> None:
    (found,) = made(GOOD, schema={"properties": {}} | schema).errors
    assert message in found.message


def test_real_case() -> None:
    options = Options(own_sections())
    given = {"SETTINGS": {"wanonly": True, "x": 1}, "domains": {"A": {"LIMITS": {"maxdevices": 1}}}}
    given["domaindefaults"] = {"IPKVM": [1]}  # type: ignore[dict-item]
    assert options.real_case(given) == {
        "settings": {"WANonly": True, "x": 1},
        "domains": {"A": {"limits": {"MaxDevices": 1}}},
        "domaindefaults": {"ipkvm": [1]},
    }
