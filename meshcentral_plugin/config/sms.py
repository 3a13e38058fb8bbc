"""The `sms` section: what each of MeshCentral's providers needs.

Read in MeshCentral's meshsms.js: there are four providers, every option is text and
required. A section that lacks one is a single line in the log: MeshCentral runs on
without SMS, and whoever has no other second factor logs in with the password alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from meshcentral_plugin.config.findings import ConfigFinding, error

PROVIDERS = {
    "twilio": ("sid", "auth", "from"),
    "plivo": ("id", "token", "from"),
    "telnyx": ("apikey", "from"),
    "url": ("url",),
}
PLACEHOLDERS = ("{{phone}}", "{{message}}")
BROKEN = "sms-broken"
_REASON = (
    "; MeshCentral would run without SMS and let users whose only second factor is SMS"
    " in with the password alone"
)


def sms_problems(sms: Any) -> Iterator[ConfigFinding]:
    """Everything that would keep MeshCentral from using the section, and unknown names."""
    if not isinstance(sms, dict):
        yield _broken("sms", "expected an object")
        return
    provider = sms.get("provider")
    if not isinstance(provider, str) or provider not in PROVIDERS:
        yield _broken("sms.provider", f"expected one of {', '.join(PROVIDERS)}")
        return
    needed = PROVIDERS[provider]
    for name in sms:
        if name != "provider" and name not in needed:
            near = get_close_matches(name.lower(), needed, n=1, cutoff=0.5)
            fix = f"use sms.{near[0]}" if near else f"remove it; it has {', '.join(needed)}"
            yield error(f"sms.{name[:60]}", f"provider {provider} has no such option", fix)
    for name in needed:
        value = sms.get(name)
        if not isinstance(value, str) or not value.strip():
            state = "is missing" if name not in sms else "expected text that is not empty"
            yield _broken(f"sms.{name}", f"provider {provider}: {state}")
        elif name == "url":
            yield from _url_problems(value)


def _url_problems(url: str) -> Iterator[ConfigFinding]:
    if url == "console":
        yield _broken("sms.url", "`console` prints codes to the server's output, it sends nothing")
        return
    if not url.lower().startswith(("http://", "https://")):
        yield _broken("sms.url", "must start with http:// or https://")
    for placeholder in PLACEHOLDERS:
        if placeholder not in url:
            yield _broken("sms.url", f"lacks {placeholder}, spelled exactly so")
    if "@" in url.partition("://")[2].partition("/")[0].partition("?")[0]:
        fix = "put the secret into the path or the query"
        yield error("sms.url", "MeshCentral drops user:password@ from it", fix)


def _broken(path: str, message: str) -> ConfigFinding:
    return error(path, message + _REASON, "complete the section", trap=BROKEN)
