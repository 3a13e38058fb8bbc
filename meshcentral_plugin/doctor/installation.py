"""What is wrong with a config.json that MeshCentral runs on."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from enum_backend.api_client import ApiClient, NoServer
from enum_backend.doctor.model import Finding, Report, note, ok, problem, warning
from enum_backend.errors import ValidationFailed
from meshcentral_plugin.config import ConfigFinding, Kind, examine
from meshcentral_plugin.config.document import parse, read_text, without_comments
from meshcentral_plugin.config.rendering import options
from meshcentral_plugin.config.wrong_names import translate
from meshcentral_plugin.doctor.live import examine_live
from meshcentral_plugin.doctor.shim import examine_shim

CHECK = "config.json"
SECONDS = 10.0


async def examine_installation(
    path: Path, *, url: str = "", to: str = "", allow: Collection[str] = ()
) -> Report:
    """Examine MeshCentral's configuration, ask it and the shim, and send a test message.

    Names may be in any case, as MeshCentral takes them. Values are not shown.

    Args:
        path: MeshCentral's config.json.
        url: where browsers open MeshCentral; or where this machine reaches our server,
            when the name in `sms.url` is known inside a private network only.
        to: number that gets one message; empty = none is sent.
        allow: traps that are known and meant.
    """
    try:
        document = parse(read_text(path, CHECK), CHECK)
    except ValidationFailed as error:
        fix = "MeshCentral does not start on it; correct the file"
        return Report((problem(CHECK, error.message.removeprefix(f"{CHECK}: "), fix),))
    real = options().real_case(without_comments(document))
    ours = bool(url) and await _is_ours(url)
    findings = list(_configuration(real, url="" if ours else url, allow=allow))
    if url and not ours:
        findings.append(await examine_live(url))
    findings += [item async for item in examine_shim(real.get("sms"), url if ours else "", to)]
    return Report(tuple(findings))


def _configuration(
    document: dict[str, Any], *, url: str, allow: Collection[str]
) -> Iterator[Finding]:
    wrong = {finding.path: finding for finding in translate(document, shim=True).findings}
    found = list(examine(document, url=url, allow=allow))
    for finding in wrong.values():
        fix = "use the real name; `enum-backend mesh config` puts it right"
        yield warning(finding.path, finding.message, finding.fix or fix)
    for finding in found:
        if finding.path not in wrong or finding.trap:
            yield _finding(finding)
    if not any(finding.trap and finding.kind is Kind.ERROR for finding in found):
        yield ok(CHECK, "nothing in it makes MeshCentral fail open")
    if any("${" in text for text in _texts(document)):
        message = "holds ${...}, which MeshCentral does not replace"
        yield warning(CHECK, message, "fill the template with `enum-backend mesh config`")


def _finding(found: ConfigFinding) -> Finding:
    check = found.path or CHECK
    if found.kind is Kind.NOTE:
        return note(check, found.message)
    if found.trap:
        return problem(check, f"{found.message} [{found.trap}]", found.fix)
    return warning(check, found.message, found.fix or "correct it")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


async def _is_ours(url: str) -> bool:
    try:
        answer = await ApiClient(url.rstrip("/"), seconds=SECONDS).request("GET", "/livez")
    except NoServer:
        return False
    return answer.status == 200 and answer.document.get("status") == "alive"
