"""What makes MeshCentral fail open is refused, with the reason and the fix."""

from __future__ import annotations

from typing import Any

import pytest

from meshcentral_plugin.config import TRAPS, Kind
from tests.unit.meshcentral.configurations import GOOD, changed, made

CASES: list[tuple[str, str, Any]] = [
    ("cert-without-dot", "settings/cert", "localhost"),
    ("cert-without-dot", "settings/cert", "localhost."),
    ("cert-without-dot", "settings/cert", ""),
    ("cert-without-dot", "settings/cert", "localhost,DE,Example Org."),
    ("cert-without-dot", "settings/cert", "*.localhost"),
    ("sms-broken", "sms", {"provider": "plivo", "id": "FAKE", "from": "+15551230000"}),
    ("sms2factor-off", "domains//passwordRequirements", {"sms2factor": False}),
    ("sms2factor-off", "domains/other/passwordRequirements", {"sms2factor": False}),
    ("origin-mismatch", "domains//certUrl", "https://www.example.org:8443/"),
    ("trusted-proxy-all", "settings/trustedProxy", "0.0.0.0/0"),
    ("trusted-proxy-all", "settings/trustedProxy", "127.0.0.1, ::/0"),
    ("trusted-proxy-all", "settings/trustedProxy", "all"),
    ("trusted-proxy-all", "settings/trustedProxy", "*"),
    ("trusted-proxy-all", "settings/trustedProxy", ["10.0.0.1", "0.0.0.0/0"]),
    ("trusted-proxy-all", "settings/trustedProxy", "0.0.0.0/1,128.0.0.0/1"),
    ("trusted-proxy-all", "settings/tlsOffload", "0.0.0.0/0"),
    ("two-factor-off", "settings/no2FactorAuth", True),
    ("two-factor-off", "domains//passwordRequirements", {"skip2factor": "0.0.0.0/0"}),
]


@pytest.mark.parametrize(("trap", "path", "value"), CASES)
def test_traps_are_errors_unless_allowed(trap: str, path: str, value: Any) -> None:
    document = changed(path, value)
    (found,) = made(document).errors
    assert found.trap == trap
    assert found.message
    assert found.fix
    others = [name for name in TRAPS if name != trap]
    assert made(document, allow=others).errors == [found]
    allowed = made(document, allow=[trap])
    assert allowed.errors == []
    (told,) = [finding for finding in allowed.findings if finding.trap]
    assert told.kind is Kind.NOTE
    assert told.message == f"allowed: {found.message}"


def test_every_trap_has_a_case() -> None:
    assert {trap for trap, _, _ in CASES} == set(TRAPS)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("settings/cert", "192.0.2.1"),
        ("settings/cert", "MESH.example.org"),
        ("settings/cert", "*.example.org,DE,Example Org"),
        ("settings/LANonly", True),
        ("domains//trustedCert", False),
        ("domains//passwordRequirements", {"sms2factor": False, "force2factor": True}),
        ("domains//passwordRequirements", {"skip2factor": "10.0.0.0/8"}),
        ("domains//certUrl", "https://192.0.2.7/"),
        ("domains//certUrl", "https://[2001:db8::1]/"),
        ("domains//certUrl", "https://[broken/"),
        ("domains//allowedOrigin", True),
        ("settings/trustedProxy", "127.0.0.1,proxy.example,CloudFlare"),
        ("settings/trustedProxy", "0.0.0.0/1,192.0.2.0/24,::1"),
        ("settings/tlsOffload", True),
    ],
)
def test_what_is_no_trap(path: str, value: Any) -> None:
    assert made(changed(path, value)).errors == []


def test_a_missing_name() -> None:
    document = changed("settings", {})
    (found,) = made(document).errors
    assert found.trap == "cert-without-dot"
    assert "is not set" in found.message


@pytest.mark.parametrize(
    "cert", ["https://mesh.example.org", "mesh.example.org:443", "a b.example"]
)
def test_a_name_that_is_none(cert: str) -> None:
    (found,) = made(changed("settings/cert", cert)).errors
    assert (found.path, found.trap) == ("settings.cert", "")


def test_the_host_that_browsers_use() -> None:
    assert made(GOOD, url="https://mesh.example.org:8443/x").errors == []
    (found,) = made(GOOD, url="https://other.example.org/").errors
    assert found.trap == "origin-mismatch"
    assert "other.example.org" in found.fix
    for path, value in [
        ("domains//allowedOrigin", ["other.example.org"]),
        ("domains//allowedOrigin", True),
        ("domains/customer/dns", "other.example.org"),
    ]:
        assert made(changed(path, value), url="https://OTHER.example.org/").errors == []


def test_a_list_of_origins_stands_instead_of_the_name() -> None:
    document = changed("domains//allowedOrigin", ["other.example.org"])
    (found,) = made(document, url="https://mesh.example.org/").errors
    assert found.trap == "origin-mismatch"
    assert made(changed("domains//trustedCert", False), url="https://x.example/").errors == []


def test_an_offload_that_believes_anyone_is_told() -> None:
    (found,) = made(changed("settings/tlsOffload", True)).findings
    assert (found.kind, found.path) == (Kind.NOTE, "settings.tlsOffload")


def test_sms_login_off_and_another_factor_forced() -> None:
    rules = {"sms2factor": False, "force2factor": True}
    (found,) = made(changed("domains//passwordRequirements", rules)).findings
    assert (found.kind, found.trap) == (Kind.NOTE, "")
    assert "password alone" in found.message


def test_defaults_reach_every_domain() -> None:
    document = changed("domaindefaults", {"passwordRequirements": {"sms2factor": False}})
    document["domains"]["own"] = {"passwordRequirements": {"min": 8}}
    paths = [finding.path for finding in made(document).errors]
    assert paths == ['domains[""].passwordRequirements.sms2factor']
