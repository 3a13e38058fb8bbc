"""Option names that circulate but are not MeshCentral's, and what stands for them.

MeshCentral ignores them in silence: a limit that is no limit, a two-factor switch
that switches nothing, an `sms` section without credentials.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from meshcentral_plugin.config.findings import ConfigFinding, Step, error, show_path, translated

SMS_NAMES = {
    "plivo": {"auth_id": "id", "auth_token": "token"},
    "telnyx": {"api_key": "apikey"},
}
LIMIT_NAMES = {"maxSMSPerHour": "per_hour", "maxSMSPerDay": "per_day"}


@dataclass(slots=True)
class Translation:
    """A document with the real names.

    Attributes:
        limits: what stood under `maxSMSPerHour` and `maxSMSPerDay`, as `per_hour` and
            `per_day`; the lowest where several domains have one.
    """

    document: dict[str, Any]
    findings: list[ConfigFinding] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)


def translate(document: dict[str, Any], *, shim: bool) -> Translation:
    """Replace the wrong names; the document given stays as it is.

    Args:
        shim: whether MeshCentral's SMS go through our shim, which has the limits
            MeshCentral lacks.
    """
    done = Translation(deepcopy(document))
    _sms(done)
    _settings(done)
    for path, domain in _domains(done.document):
        _password_rules(done, path, domain)
    for path, owner in (((), done.document), *_limit_owners(done.document)):
        _limits(done, path, owner, shim=shim)
    return done


def _sms(done: Translation) -> None:
    sms = done.document.get("sms")
    if not isinstance(sms, dict) or not isinstance(sms.get("provider"), str):
        return
    for wrong, real in SMS_NAMES.get(sms["provider"], {}).items():
        _rename(done, ("sms",), sms, wrong, real)


def _settings(done: Translation) -> None:
    settings = done.document.get("settings")
    if not isinstance(settings, dict):
        return
    _rename(done, ("settings",), settings, "exactPort", "exactPorts")
    proxies = settings.get("trustedProxy")
    if isinstance(proxies, list) and all(isinstance(proxy, str) for proxy in proxies):
        settings["trustedProxy"] = ",".join(proxy.strip() for proxy in proxies)
        message = "is text with commas between the addresses, not a list"
        done.findings.append(translated("settings.trustedProxy", message))


def _password_rules(done: Translation, path: tuple[Step, ...], domain: dict[str, Any]) -> None:
    rules = domain.get("passwordRequirements")
    if not isinstance(rules, dict) or "disableSms2FA" not in rules:
        return
    here = (*path, "passwordRequirements")
    where = show_path((*here, "disableSms2FA"))
    off = rules["disableSms2FA"]
    if not isinstance(off, bool):
        done.findings.append(error(where, "expected true or false", "use sms2factor"))
        return
    if rules.get("sms2factor", not off) is off:
        done.findings.append(error(where, "contradicts sms2factor", "remove it"))
        return
    _replace(rules, "disableSms2FA", "sms2factor", not off)
    message = f"MeshCentral has sms2factor, the other way round: {str(not off).lower()}"
    done.findings.append(translated(where, message))


def _limits(
    done: Translation, path: tuple[Step, ...], owner: dict[str, Any], *, shim: bool
) -> None:
    limits = owner.get("limits")
    if not isinstance(limits, dict):
        return
    for wrong, real in LIMIT_NAMES.items():
        if wrong not in limits:
            continue
        where = show_path((*path, "limits", wrong))
        value = limits[wrong]
        if not shim:
            fix = "make the configuration with --via enum-backend, whose shim limits them"
            done.findings.append(error(where, "MeshCentral cannot limit SMS", fix))
        elif isinstance(value, bool) or not isinstance(value, int) or value < 1:
            done.findings.append(error(where, "expected an integer above 0"))
        else:
            done.limits[real] = min(value, done.limits.get(real, value))
            message = f"MeshCentral cannot limit SMS; it becomes {real} of the shim token"
            done.findings.append(translated(where, message))
        del limits[wrong]
    if not limits:
        del owner["limits"]


def _rename(
    done: Translation, path: tuple[Step, ...], owner: dict[str, Any], wrong: str, real: str
) -> None:
    if wrong not in owner:
        return
    where = show_path((*path, wrong))
    if real in owner and owner[real] != owner[wrong]:
        done.findings.append(error(where, f"contradicts {real}", "remove it"))
        return
    _replace(owner, wrong, real, owner[wrong])
    done.findings.append(translated(where, f"MeshCentral's name is {show_path((*path, real))}"))


def _replace(owner: dict[str, Any], wrong: str, real: str, value: Any) -> None:
    """Put the value under the real name, at the place of the wrong one."""
    items = [(real if name == wrong else name, item) for name, item in owner.items()]
    owner.clear()
    owner.update(items)
    owner[real] = value


def _domains(document: dict[str, Any]) -> Iterator[tuple[tuple[Step, ...], dict[str, Any]]]:
    defaults, domains = document.get("domaindefaults"), document.get("domains")
    if isinstance(defaults, dict):
        yield ("domaindefaults",), defaults
    for name, domain in domains.items() if isinstance(domains, dict) else ():
        if isinstance(domain, dict):
            yield ("domains", name), domain


def _limit_owners(document: dict[str, Any]) -> Iterator[tuple[tuple[Step, ...], dict[str, Any]]]:
    settings = document.get("settings")
    if isinstance(settings, dict):
        yield ("settings",), settings
    yield from _domains(document)
