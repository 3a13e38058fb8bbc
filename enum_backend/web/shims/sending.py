"""From what a program wants sent to a message of its token."""

from __future__ import annotations

from enum_backend.messaging.model import Client, MessageKind, SendRequest
from enum_backend.phone import normalize
from enum_backend.settings import Settings
from enum_backend.shim_templates import DEFAULT_TEMPLATE, fill
from enum_backend.shim_tokens import ShimToken
from enum_backend.web.shims.base import ShimSms


def token_client(token: ShimToken, settings: Settings) -> Client:
    """The client that a shim token stands for."""
    options = token.options
    per_minute = options.per_minute
    return Client(
        token.client_id,
        token.tenant,
        settings.limits.shim_per_minute if per_minute is None else per_minute,
        limit_name="shim_per_minute",
        per_hour=options.per_hour or 0,
        per_day=options.per_day or 0,
    )


def request_of(
    token: ShimToken, sms: ShimSms, settings: Settings, *, repeat_seconds: float, field: str
) -> SendRequest:
    """The message to accept; texts of shims are never kept.

    Args:
        field: what errors call the number.

    Raises:
        InvalidPhoneFormat: no SMS can be sent to the number.
    """
    options = token.options
    typed = sms.to.strip()
    if sms.international and typed.isdecimal():
        typed = f"+{typed}"
    return SendRequest(
        to=normalize(typed, options.region or settings.default_region, field=field),
        text=text_of(token, sms),
        client=token_client(token, settings),
        sender=options.sender,
        gateway=options.gateway,
        is_code=sms.kind is MessageKind.CODE,
        kind=sms.kind,
        erase_text=True,
        about=sms.about,
        repeat_window=repeat_seconds,
    )


def text_of(token: ShimToken, sms: ShimSms) -> str:
    """The token's template filled, where the code is known; else the program's own text."""
    app = token.options.app or token.server
    code, template = sms.code, token.options.template
    if code is None or (sms.text is not None and template is None):
        return sms.text or ""
    own = sms.text
    if own is None:
        own = fill(DEFAULT_TEMPLATE, app=app, code=code, text="")
    return own if template is None else fill(template, app=app, code=code, text=own)
