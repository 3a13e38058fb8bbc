"""How Vonage proves its calls: a signature among the parameters, or a JWT.

https://developer.vonage.com/en/getting-started/concepts/signing-messages,
https://developer.vonage.com/en/getting-started/concepts/webhooks
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Any, Literal

import jwt

from enum_backend.gateways.webhooks.base import Forged, NotReady, WebhookRequest

Method = Literal["md5hash", "md5", "sha1", "sha256", "sha512"]


def signature(parameters: Mapping[str, str], secret: str, method: Method) -> str:
    """`sig` in lower-case hex over all other parameters.

    Args:
        method: MD5 of text and secret, or HMAC with that hash.
    """
    text = "".join(
        f"&{name}={re.sub('[&=]', '_', value)}"
        for name, value in sorted(parameters.items())
        if name != "sig"
    )
    octets, key = text.encode("utf-8", "surrogatepass"), secret.encode()
    if method == "md5hash":
        # The provider's choice; only whoever knows the secret can make one either way.
        return hashlib.md5(octets + key, usedforsecurity=False).hexdigest()
    return hmac_digest(key, octets, method).hex()


def check_parameters(
    pairs: list[tuple[str, str]],
    secrets: list[str],
    method: Method,
    now: float,
    window: float,
) -> None:
    """Prove parameters by their `sig` and `timestamp`.

    TRAP: `&` and `=` in values are signed as `_`, in names as they are. A name
    that holds one could swallow its neighbours, and of two equal names only one
    is signed: such calls are refused.

    Raises:
        Forged: not signed by any of `secrets`, or `timestamp` is out of the window.
    """
    parameters = dict(pairs)
    if len(parameters) != len(pairs) or any(re.search("[&=]", name) for name in parameters):
        raise Forged("a parameter's name comes twice or holds & or =")
    given = parameters.get("sig", "").lower().encode("utf-8", "surrogatepass")
    valid = False
    for secret in secrets:
        valid |= compare_digest(signature(parameters, secret, method).encode(), given)
    if not valid:
        raise Forged("sig is none of the account's")
    stamp = parameters.get("timestamp", "")
    if not re.fullmatch(r"[0-9]{1,12}", stamp, re.ASCII):
        raise Forged("timestamp is no Unix time")
    if abs(now - int(stamp)) > window:
        raise Forged("timestamp is out of the window")


def check_token(
    request: WebhookRequest, secrets: list[str], accounts: Mapping[str, str], window: float
) -> None:
    """Prove a body by the JWT (HS256) in `Authorization`.

    The token has no `exp`, and its signature covers no more than the token: hash
    of the body and age are compared here.

    Args:
        accounts: claims that must be as given, where the token has them: a
            secret may be shared by accounts.

    Raises:
        Forged: not signed by any of `secrets`, for another account or body, or too old.
        NotReady: there is no header. Vonage says that this can happen on a fault
            of its own, and repeats only what is answered with 5xx.
    """
    header = request.headers.get("authorization")
    if header is None:
        raise NotReady("the call is not signed")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise Forged("Authorization is no bearer token")
    claims = _claims(token.strip(), secrets)
    found = hashlib.sha256(request.body).hexdigest().encode()
    given = str(claims.get("payload_hash")).lower().encode("utf-8", "surrogatepass")
    if not compare_digest(found, given):
        raise Forged("payload_hash is not the body's")
    for name, ours in accounts.items():
        if ours and claims.get(name, ours) != ours:
            raise Forged(f"{name} is another's")
    issued = claims.get("iat")
    if isinstance(issued, bool) or not isinstance(issued, int | float):
        raise Forged("iat is no time")
    if not abs(request.received_at - issued) <= window:
        raise Forged("iat is out of the window")


def unproven_claims(request: WebhookRequest) -> Mapping[str, Any]:
    """What a token says before anybody checked it; empty if it is unreadable."""
    try:
        token = request.headers.get("authorization", "").partition(" ")[2]
        return jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        return {}


def _claims(token: str, secrets: list[str]) -> Mapping[str, Any]:
    for secret in secrets:
        try:
            # Time is compared with the arrival, not with the clock, by the caller.
            return jwt.decode(
                token,
                secret,
                algorithms=["HS256"],
                options={"verify_iat": False, "verify_aud": False},
            )
        except (jwt.PyJWTError, ValueError, RecursionError):
            continue
    raise Forged("the token is not signed by the account")
