"""The gateways as they are set: complete, plausible, in the chain, reachable by their providers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterator
from urllib.parse import urlsplit

from pydantic import SecretStr

from enum_backend.doctor.model import Finding, note, ok, problem, warning
from enum_backend.errors import SettingsError
from enum_backend.gateways.base import Gateway
from enum_backend.gateways.providers import webhook_kinds
from enum_backend.gateways.webhooks.base import Forged, Malformed, NotReady, WebhookRequest
from enum_backend.messaging.gateways import GatewayPool
from enum_backend.numbers.currency import USD
from enum_backend.settings import Settings
from enum_backend.setup.numbers import build_prices

_NUMBER = re.compile(r"\+[1-9][0-9]{3,14}")
_DIGITS_ONLY = re.compile(r"[0-9 ().-]{7,}")


def mode(pool: GatewayPool, settings: Settings) -> Iterator[Finding]:
    """What happens to a message."""
    why = "set" if settings.mode else "derived from the gateways"
    if pool.mode == "live":
        yield ok("mode", f"live ({why})")
    elif pool.mode == "simulation":
        yield warning(
            "mode",
            f"simulation ({why}): nothing is really sent",
            "configure a gateway" if settings.mode is None else 'set mode = "live"',
        )
    else:
        half_set = pool.disabled_because or "every gateway is half-set"
        yield problem("mode", f"disabled ({why}): {half_set}", "complete a gateway, or set mode")


def gateways(pool: GatewayPool) -> Iterator[Finding]:
    """That each is complete, and its numbers are written as numbers."""
    if not len(pool.registry):
        yield note("gateways", "none is configured", "add [gateways.telnyx] or set TELNYX_API_KEY")
    for gateway in pool.registry:
        check = f"gateway {gateway.name}"
        if lacks := gateway.missing():
            yield warning(
                check,
                f"half-set ({gateway.provider}): lacks {', '.join(lacks)}",
                f"set them under [gateways.{gateway.name}], or remove the gateway",
            )
        else:
            yield ok(check, f"complete ({gateway.provider})")
        yield from _numbers(gateway)


def chain(pool: GatewayPool) -> Iterator[Finding]:
    """That somebody carries what no rule decides."""
    usable = pool.default_chain("default")
    if usable:
        yield ok("default chain", " -> ".join(usable))
    elif pool.mode == "live":
        yield problem(
            "default chain",
            "no usable gateway serves the tenant default",
            "name complete gateways in routing.default",
        )
    if skipped := [name for name in pool.default if name not in usable]:
        yield warning(
            "default chain",
            f"passed over: {', '.join(skipped)}",
            "complete these gateways, or take them out of routing.default",
        )


def webhook_address(pool: GatewayPool, settings: Settings) -> Iterator[Finding]:
    """That providers can reach us."""
    if not any(gateway.capabilities.inbound for gateway in pool.registry):
        return
    url = settings.public_base_url
    fix = "set public_base_url to the https address of this server"
    if not url:
        yield warning("webhooks", "public_base_url is not set: nothing can come in", fix)
        return
    parts = urlsplit(url)
    if parts.scheme != "https":
        yield warning("webhooks", "public_base_url is not https", fix)
    elif _is_local(parts.hostname or ""):
        yield warning("webhooks", "public_base_url is an address that no provider can reach", fix)
    else:
        yield ok("webhooks", f"{url}/sms/webhook/PROVIDER/GATEWAY")


async def webhook_keys(pool: GatewayPool) -> list[Finding]:
    """That each gateway can tell its provider's calls from forgeries."""
    findings = []
    for gateway in pool.registry:
        kind = webhook_kinds().get(gateway.provider)
        if kind is None or not gateway.capabilities.inbound:
            continue
        check = f"gateway {gateway.name}: webhooks"
        probe = WebhookRequest("POST", "https://probe.invalid/", {}, b"")
        try:
            await kind(gateway, None).verify(probe)
        except NotReady as error:
            fix = f"set it under [gateways.{gateway.name}]; until then nothing comes in"
            findings.append(warning(check, f"no call can be proven: {error}", fix))
        except (Forged, Malformed):
            findings.append(ok(check, "calls are proven; an unsigned one was refused"))
        else:
            fix = f"choose a verification under [gateways.{gateway.name}]"
            findings.append(warning(check, "calls are taken without any proof", fix))
    return findings


def currencies(pool: GatewayPool, settings: Settings) -> Iterator[Finding]:
    """That what is charged in other currencies can be counted."""
    try:
        rates = build_prices(settings).rates
    except SettingsError:
        return  # said of the price list already
    for gateway in pool.registry:
        currency = getattr(gateway.options, "currency", USD)
        if currency == USD:
            continue
        check = f"gateway {gateway.name}: currency"
        rate = rates.dollars(currency)
        if rate is None:
            yield warning(
                check,
                f"what it charges in {currency} does not count against limits.daily_cost",
                f"add {currency} to [rates.usd] of prices_file",
            )
        else:
            yield ok(check, f"1 {currency} counts as {rate} USD (as of {rates.as_of})")


def formats(pool: GatewayPool, accepted: Collection[str]) -> Iterator[Finding]:
    """That credentials look like the provider's.

    Args:
        accepted: `gateway NAME: login` of those the provider has just accepted.
    """
    for gateway in pool.registry:
        if login_check(gateway) not in accepted:
            yield from _formats(gateway)


def login_check(gateway: Gateway) -> str:
    """What the finding about a gateway's credentials is called."""
    return f"gateway {gateway.name}: login"


def _formats(gateway: Gateway) -> Iterator[Finding]:
    for key, (pattern, shape) in gateway.credential_formats.items():
        value = getattr(gateway.options, key, "")
        text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        if text and not re.fullmatch(pattern, text, re.ASCII):
            yield warning(
                f"gateway {gateway.name}: {key}",
                f"does not look like one of {gateway.provider}: expected {shape}",
                f"copy it again from {gateway.provider}'s console",
            )


def _numbers(gateway: Gateway) -> Iterator[Finding]:
    for number in (gateway.options.sender, *gateway.options.numbers):
        if not _NUMBER.fullmatch(number) and _DIGITS_ONLY.fullmatch(number):
            yield warning(
                f"gateway {gateway.name}: from",
                "a number is not written as + and digits",
                f"write {number[:1]}... as +COUNTRY CODE and digits",
            )


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith((".local", ".internal", ".localhost")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host
