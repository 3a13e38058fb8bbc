"""The proofs an operator may choose for webhooks of the provider `http`."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from hmac import compare_digest
from hmac import digest as hmac_digest
from urllib.parse import unquote, urlsplit

from enum_backend.gateways.http_client import basic_auth
from enum_backend.gateways.http_options import HttpInbound
from enum_backend.gateways.webhooks.base import Forged, NotReady, WebhookRequest
from enum_backend.gateways.webhooks.json_events import moment


def check(declared: HttpInbound, request: WebhookRequest, gateway: str) -> None:
    """Prove a call in the declared way.

    Args:
        gateway: its name, by which an unproven call must be addressed.

    Raises:
        Forged: it is not proven, or its signed time is out of the window.
        NotReady: the secret is not set.
    """
    if declared.verify == "none":
        # Else it would vouch for calls to every gateway of this provider.
        if not urlsplit(request.url).path.endswith(f"/{gateway}"):
            raise Forged("an unproven call must name its gateway")
    else:
        _CHECKS[declared.verify](declared, request)


def _check_hmac(declared: HttpInbound, request: WebhookRequest) -> None:
    keys = [
        declared.key_of(secret)
        for secret in (declared.secret, declared.previous_secret)
        if secret.get_secret_value()
    ]
    if not keys:
        raise NotReady("inbound.secret is not set")
    given = _octets(request.headers.get(declared.name.lower(), ""))
    prefix = _octets(declared.prefix)
    if not given.startswith(prefix):
        raise Forged("there is no signature")
    given = given.removeprefix(prefix)
    signed = _signed(declared, request)
    valid = False
    for key in keys:
        mac = hmac_digest(key, signed, declared.algorithm)
        if declared.encoding == "hex":
            valid |= compare_digest(mac.hex().encode(), given.lower())
        else:
            valid |= compare_digest(b64encode(mac), given)
    if not valid:
        raise Forged("the signature is not made with the secret")
    if declared.timestamp:
        at = instant(request.headers.get(declared.timestamp.lower(), ""))
        if at is None or not abs(request.received_at - at) <= declared.window:
            raise Forged("the signed time is out of the window")


def _signed(declared: HttpInbound, request: WebhookRequest) -> bytes:
    """The octets that were signed.

    TRAP: of `body.nonce`, a reader cannot tell where the body ends. What stands
    between the parts may therefore not be in a header's value, else the end of
    the body could be moved into it.
    """
    template = declared.signed_template
    values = {
        "body": request.body.decode("latin-1"),
        "url": _octets(request.url).decode("latin-1"),
        "method": request.method,
    }
    between = [piece for piece in template.fixed if piece]
    for name in template.names.difference(values):
        value = request.headers.get(name.removeprefix("header:"), "")
        if not value or any(piece in value for piece in between):
            raise Forged("a signed header lacks, or holds what stands between the parts")
        values[name] = _octets(value).decode("latin-1")
    return template.fill(values).encode("latin-1")


def _check_basic(declared: HttpInbound, request: WebhookRequest) -> None:
    passwords = [
        text
        for secret in (declared.password, declared.previous_password)
        if (text := secret.get_secret_value())
    ]
    if not passwords or not declared.user:
        raise NotReady("inbound.user or inbound.password is not set")
    _, _, given = request.headers.get("authorization", "").partition(" ")
    valid = False
    for password in passwords:
        wanted = basic_auth(declared.user, password).partition(" ")[2]
        valid |= compare_digest(wanted.encode(), _octets(given.strip()))
    if not valid:
        raise Forged("user or password is wrong")


def _check_token(declared: HttpInbound, request: WebhookRequest) -> None:
    secrets = (declared.secret, declared.previous_secret)
    tokens = [text for text in (secret.get_secret_value() for secret in secrets) if text]
    if not tokens:
        raise NotReady("inbound.secret is not set")
    given = _GIVEN[declared.place](declared, request)
    valid = False
    for token in tokens:
        valid |= compare_digest(_octets(declared.prefix + token), _octets(given))
    if not valid:
        raise Forged("the token is wrong")


def _in_header(declared: HttpInbound, request: WebhookRequest) -> str:
    return request.headers.get(declared.name.lower(), "")


def _in_query(declared: HttpInbound, request: WebhookRequest) -> str:
    found = [value for name, value in request.query if name == declared.name]
    return found[0] if len(found) == 1 else ""


def _in_path(_: HttpInbound, request: WebhookRequest) -> str:
    return unquote(urlsplit(request.url).path.rpartition("/")[2])


_CHECKS: Mapping[str, Callable[[HttpInbound, WebhookRequest], None]] = {
    "hmac": _check_hmac,
    "basic": _check_basic,
    "token": _check_token,
}
_GIVEN: Mapping[str, Callable[[HttpInbound, WebhookRequest], str]] = {
    "header": _in_header,
    "query": _in_query,
    "path": _in_path,
}


def instant(text: str) -> float | None:
    """Seconds since 1970 of RFC 3339, or of Unix time in seconds or milliseconds."""
    if re.fullmatch(r"[0-9]{1,14}(\.[0-9]{1,9})?", text, re.ASCII):
        number = float(text)
        return number / 1000 if number >= 1e11 else number
    return moment(text)


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
