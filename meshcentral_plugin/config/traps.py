"""What makes MeshCentral fail open, or shut its own users out, without saying so.

Observed on a real server, or read in its code (1.1.55).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from meshcentral_plugin.config.findings import ConfigFinding, error, note, show_path
from meshcentral_plugin.config.sms import BROKEN, sms_problems

CERT = "cert-without-dot"
SMS_OFF = "sms2factor-off"
ORIGIN = "origin-mismatch"
PROXY = "trusted-proxy-all"
TWO_FACTOR_OFF = "two-factor-off"
TRAPS = (CERT, BROKEN, SMS_OFF, ORIGIN, PROXY, TWO_FACTOR_OFF)

_EVERYONE = {"all", "any", "*", "true"}
_HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")


def trap_problems(document: Mapping[str, Any], url: str = "") -> Iterator[ConfigFinding]:
    """Every trap the document walks into.

    Args:
        document: a config.json, names in their real case.
        url: where browsers open MeshCentral; empty = not known.
    """
    settings = _object(document.get("settings"))
    domains = dict(_domains(document))
    yield from _name(settings)
    if "sms" in document:
        yield from sms_problems(document["sms"])
    yield from _two_factor(settings, domains)
    yield from _origins(settings.get("cert"), domains, url)
    yield from _proxies(settings)


def _name(settings: Mapping[str, Any]) -> Iterator[ConfigFinding]:
    cert = settings.get("cert")
    name = _common_name(cert)
    reason = "MeshCentral then runs in LAN mode with two-factor login switched off"
    fix = "set settings.cert to the full host name, such as mesh.example.org"
    if not name:
        yield error("settings.cert", f"is not set; {reason}", fix, CERT)
    elif "." not in name.strip("."):
        yield error("settings.cert", f"is a name without a dot; {reason}", fix, CERT)
    elif _HOST.fullmatch(name) is None:
        yield error("settings.cert", "expected a host name, without scheme and path", fix)


def _common_name(cert: Any) -> str:
    """The host of `NAME[,COUNTRY,ORGANIZATION]`; of `*.NAME` it takes NAME."""
    return cert.partition(",")[0].strip().removeprefix("*.") if isinstance(cert, str) else ""


def _two_factor(
    settings: Mapping[str, Any], domains: Mapping[tuple[str, ...], Mapping[str, Any]]
) -> Iterator[ConfigFinding]:
    if settings.get("no2FactorAuth") is True:
        message = "switches two-factor login off for everyone"
        yield error("settings.no2FactorAuth", message, "remove it", TWO_FACTOR_OFF)
    for path, domain in domains.items():
        rules = _object(domain.get("passwordRequirements"))
        where = (*path, "passwordRequirements")
        if rules.get("sms2factor") is False:
            yield _sms_off(show_path((*where, "sms2factor")), rules.get("force2factor") is True)
        if everyone(rules.get("skip2factor")):
            message = "every address skips the second factor"
            name = show_path((*where, "skip2factor"))
            yield error(name, message, "name the addresses that may skip it", TWO_FACTOR_OFF)


def _sms_off(path: str, forced: bool) -> ConfigFinding:
    reason = "is false: users whose only second factor is SMS log in with the password alone"
    if forced:
        more = "; force2factor has the web page ask them for another factor, and nothing else"
        return note(path, reason + more)
    fix = "remove it, or set force2factor to true beside it: the web page then asks for another"
    return error(path, reason, fix, SMS_OFF)


def _origins(
    cert: Any, domains: Mapping[tuple[str, ...], Mapping[str, Any]], url: str
) -> Iterator[ConfigFinding]:
    accepted = {path: _accepted(cert, domain) for path, domain in domains.items()}
    host = _host_of(url)
    if host and not any(hosts is None or host in hosts for hosts in accepted.values()):
        yield _mismatch("domains", host)
    for path, domain in domains.items():
        behind, hosts = _host_of(domain.get("certUrl")), accepted[path]
        if behind and hosts is not None and behind not in hosts and not _is_address(behind):
            yield _mismatch(show_path((*path, "certUrl")), behind)


def _mismatch(path: str, host: str) -> ConfigFinding:
    return error(
        path,
        f"browsers that open {host[:80]} get `Invalid origin in HTTP request`:"
        " MeshCentral takes the host of settings.cert only",
        "set settings.cert to it, or list every name browsers use in"
        f' domains[""].allowedOrigin, {host[:80]} among them',
        ORIGIN,
    )


def _accepted(cert: Any, domain: Mapping[str, Any]) -> set[str] | None:
    """Host names a domain takes as origin; None = any. A list stands instead of its own name."""
    allowed = domain.get("allowedOrigin")
    if allowed is True or domain.get("trustedCert") is False:
        return None
    names = allowed if isinstance(allowed, list) else [domain.get("dns") or _common_name(cert)]
    return {name.lower() for name in names if isinstance(name, str)}


def _proxies(settings: Mapping[str, Any]) -> Iterator[ConfigFinding]:
    for name in ("trustedProxy", "tlsOffload"):
        if everyone(settings.get(name)):
            yield error(
                f"settings.{name}",
                "trusts everyone: any caller names the address it comes from, which defeats"
                " the limits on wrong passwords and every address rule",
                "name the addresses of your proxies, such as 127.0.0.1",
                PROXY,
            )
    if settings.get("tlsOffload") is True:
        message = "believes the X-Forwarded-For of any caller; better name your proxies"
        yield note("settings.tlsOffload", message)


def everyone(value: Any) -> bool:
    """Whether a list of addresses, or its text, takes in every address of a family."""
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list):
        return False
    v4: list[IPv4Network] = []
    v6: list[IPv6Network] = []
    for word in (str(item).strip().lower() for item in words):
        if word in _EVERYONE:
            return True
        try:
            network = ip_network(word, strict=False)
        except ValueError:
            continue
        if isinstance(network, IPv4Network):
            v4.append(network)
        else:
            v6.append(network)
    return any(network.prefixlen == 0 for network in collapse_addresses(v4)) or any(
        network.prefixlen == 0 for network in collapse_addresses(v6)
    )


def _domains(
    document: Mapping[str, Any],
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Each domain with what it takes from `domaindefaults`; the unnamed one always exists."""
    defaults = _object(document.get("domaindefaults"))
    for name, domain in {"": {}, **_object(document.get("domains"))}.items():
        yield ("domains", name), {**defaults, **_object(domain)}


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _host_of(url: Any) -> str:
    try:
        return (urlsplit(url).hostname or "") if isinstance(url, str) else ""
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
