"""Who is signed in: sessions by cookie (pages) or bearer token (API), and CSRF.

    session = await session_of(call)       # anyone signed in; checks CSRF
    actor = await require_admin(call)      # an admin's session, or an admin API key
    set_cookie(call, response, issued)     # after a login on a page

A cookie session that asks for a change (any method but GET and HEAD) must show its CSRF
token, in the header `X-CSRF-Token` or the form field `csrf`, and must come from one of
our own pages as far as the browser tells (`Origin`, else `Sec-Fetch-Site`). A bearer
token is not sent by browsers on their own and needs neither.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from enum_backend.access import ApiKey
from enum_backend.accounts import Admin
from enum_backend.accounts.model import Issued, Origin, Session, Via
from enum_backend.accounts.sessions import BEARER_PREFIX, Found
from enum_backend.errors import Forbidden, Unauthorized
from enum_backend.web.endpoints import KEY, Call, authenticate
from enum_backend.web.middleware import client_address

CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf"
DEVICE_SECONDS: Final = 365 * 86400

_SAFE: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_FOUND: Final = "enum_backend.session"
_RENEWED: Final = "enum_backend.session_renewed"
_FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts as an admin: somebody signed in, or an API key with the scope `admin`."""

    session: Session | None = None
    key: ApiKey | None = None

    @property
    def admin(self) -> Admin:
        """The same for the audit log."""
        if self.session is not None:
            return Admin(self.session.user.id, self.session.user.email)
        return Admin(self.key.id if self.key else "")


async def session_of(call: Call, via: Via | None = None) -> Session:
    """The session of a request; its cookie is renewed when it is time.

    Args:
        via: only of this kind.

    Raises:
        Unauthorized: nobody is signed in.
        Forbidden: a cookie session asks for a change without its CSRF token, or from
            another site.
    """
    session = await find_session(call, via)
    if session is None:
        raise Unauthorized("Log in first.")
    if session.via == "cookie" and call.request.method not in _SAFE:
        await check_same_site(call)
        await _check_csrf(call, session)
    return session


async def find_session(call: Call, via: Via | None = None) -> Session | None:
    """The session without a CSRF check, None = nobody is signed in; for GET pages."""
    bearer = _bearer(call.request)
    if bearer is not None:
        if via == "cookie" or not bearer.startswith(BEARER_PREFIX):
            return None
        return await call.services.accounts.sessions.find(bearer, "bearer")
    if via == "bearer":
        return None
    found = await _by_cookie(call)
    return None if found is None else found.session


async def require_admin(call: Call) -> Actor:
    """An admin.

    Raises:
        Unauthorized: nobody is signed in, and there is no API key.
        Forbidden: not an admin; or as `session_of`.
    """
    bearer = _bearer(call.request)
    if bearer is not None and not bearer.startswith(BEARER_PREFIX):
        key = await authenticate(call.request, call.services, needed=True)
        if key is None:
            raise Unauthorized
        call.request[KEY] = key
        if not key.may("admin"):
            raise Forbidden("This API key lacks the scope admin.")
        return Actor(key=key)
    session = await session_of(call)
    if not session.user.is_admin:
        raise Forbidden("Only admins may do that.")
    return Actor(session=session)


def set_cookie(call: Call, response: web.StreamResponse, issued: Issued) -> None:
    """Put the session of a login on a page into a cookie, and mark the browser as known."""
    _set_session(call, response, issued.token)
    set_device(call, response, issued.device)


def set_device(call: Call, response: web.StreamResponse, device: str) -> None:
    """Mark the client as one the account is used from; see `accounts.guard`."""
    if device:
        response.set_cookie(
            _name(call, "ebd"),
            device,
            max_age=DEVICE_SECONDS,
            path="/",
            secure=_is_https(call),
            httponly=True,
            samesite="Lax",
        )


def clear_cookie(call: Call, response: web.StreamResponse) -> None:
    """Forget the session in the browser; the device stays known."""
    call.request.pop(_RENEWED, None)
    response.del_cookie(
        _name(call, "ebs"), path="/", secure=_is_https(call), httponly=True, samesite="Lax"
    )


async def renew_cookies(request: web.Request, response: web.StreamResponse) -> None:
    """For `Application.on_response_prepare`: send the token that replaces an old one.

    aiohttp has put the response's own cookies into its headers by then.
    """
    renewed: tuple[Call, str] | None = request.get(_RENEWED)
    if renewed is not None:
        carrier = web.Response()
        _set_session(renewed[0], carrier, renewed[1])
        for cookie in carrier.cookies.values():
            response.headers.add(hdrs.SET_COOKIE, cookie.OutputString())


def origin_of(call: Call, via: Via = "bearer") -> Origin:
    """Where the request comes from, with its device cookie."""
    request = call.request
    return Origin(
        ip=client_address(request, call.services.settings.http.trusted_proxies),
        device=request.cookies.get(_name(call, "ebd"), ""),
        agent=_printable(request.headers.get(hdrs.USER_AGENT, "")),
        via=via,
    )


async def check_same_site(call: Call) -> None:
    """The request comes from one of our own pages, as far as the browser tells.

    By itself for forms without a session (login, first admin), so that another site
    cannot log a visitor in as somebody else.

    Raises:
        Forbidden: from another site.
    """
    request = call.request
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None:
        ours = {_origin(call.services.settings.public_base_url), f"//{request.host}"}
        if not {_origin(origin), f"//{urlsplit(origin).netloc}"} & (ours - {""}):
            raise Forbidden("The request comes from another site.")
    elif request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
        raise Forbidden("The request comes from another site.")


async def _check_csrf(call: Call, session: Session) -> None:
    request = call.request
    shown = request.headers.get(CSRF_HEADER, "")
    if not shown and request.content_type in _FORMS:
        field = (await request.post()).get(CSRF_FIELD, "")
        shown = field if isinstance(field, str) else ""
    if not hmac.compare_digest(shown.encode("utf-8", "replace"), session.csrf.encode("ascii")):
        raise Forbidden("The CSRF token is missing or wrong: load the page again.")


async def _by_cookie(call: Call) -> Found | None:
    """Looked up once a request."""
    request = call.request
    if _FOUND in request:
        known: Found | None = request[_FOUND]
        return known
    token = request.cookies.get(_name(call, "ebs"), "")
    sessions = call.services.accounts.sessions
    found = await sessions.look(token, "cookie") if token else None
    request[_FOUND] = found
    if found is not None and (new := await sessions.renew(found)) is not None:
        request[_RENEWED] = (call, new)
    return found


def _set_session(call: Call, response: web.StreamResponse, token: str) -> None:
    response.set_cookie(
        _name(call, "ebs"),
        token,
        max_age=int(call.services.settings.accounts.session_life),
        path="/",
        secure=_is_https(call),
        httponly=True,
        samesite="Lax",
    )


def _name(call: Call, name: str) -> str:
    """`__Host-`: browsers take it only over https, from this very host."""
    return f"__Host-{name}" if _is_https(call) else name


def _is_https(call: Call) -> bool:
    return call.services.settings.public_base_url.startswith("https:")


def _bearer(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _printable(text: str) -> str:
    return "".join(character for character in text[:120] if character.isprintable())
