"""Enumservices: the `E2U+type:subtype` field of an ENUM record (RFC 6116 section 3.4.3)."""

from __future__ import annotations

import re

from nvs.naptr_text import InvalidNaptr, check_text, shown

SERVICE_BY_SCHEME = {
    "sip": "E2U+sip",  # RFC 3764
    "sips": "E2U+sip",  # RFC 3764
    "tel": "E2U+voice:tel",  # RFC 4415
    "h323": "E2U+h323",  # RFC 3762
    "mailto": "E2U+email:mailto",  # RFC 4355
    "xmpp": "E2U+xmpp",  # RFC 4979
    "http": "E2U+web:http",  # RFC 4002
    "https": "E2U+web:https",  # RFC 4002
}

REGISTERED_SERVICES = frozenset(
    {
        "acct",
        "email:mailto",
        "ems:mailto",
        "ems:tel",
        "fax:tel",
        "ft:ftp",
        "h323",
        "iax",
        "ical-access:http",
        "ical-access:https",
        "ical-sched:mailto",
        "ifax:mailto",
        "im",
        "mms:mailto",
        "mms:tel",
        "pres",
        "pstn:sip",
        "pstn:tel",
        "sip",
        "sms:mailto",
        "sms:tel",
        "unifmsg:http",
        "unifmsg:https",
        "unifmsg:sip",
        "unifmsg:sips",
        "vcard",
        "videomsg:http",
        "videomsg:https",
        "videomsg:sip",
        "videomsg:sips",
        "voice:tel",
        "voicemsg:http",
        "voicemsg:https",
        "voicemsg:sip",
        "voicemsg:sips",
        "voicemsg:tel",
        "vpim:ldap",
        "vpim:mailto",
        "web:http",
        "web:https",
        "xmpp",
    }
)
"""IANA's enumservice registrations; `x-` types are experimental (RFC 6117)."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):[!-~]", re.ASCII)
_SERVICE_WORD = re.compile(r"[A-Za-z0-9-]{1,32}", re.ASCII)


def scheme_of(uri: str) -> str:
    """`SIP:a@b` -> `sip`.

    Raises:
        InvalidNaptr: nothing like `scheme:something`.
    """
    match = _SCHEME.match(uri)
    if match is None:
        raise InvalidNaptr(f"uri: {shown(uri)} has no scheme, expected one such as sip:user@host")
    return match.group(1).lower()


def service_for_uri(uri: str) -> str:
    """The registered enumservice of a URI's scheme: `sip:a@b` -> `E2U+sip`.

    Raises:
        InvalidNaptr: no scheme, or a scheme without one obvious service.
    """
    scheme = scheme_of(uri)
    service = SERVICE_BY_SCHEME.get(scheme)
    if service is None:
        raise InvalidNaptr(
            f"service: none follows from scheme {shown(scheme)}, name one (for example under"
            " 'services')"
        )
    return service


def split_services(text: str) -> tuple[str, ...]:
    """`E2U+sip+sms:tel` -> (`E2U+sip`, `E2U+sms:tel`), case kept (RFC 6116 section 3.4.3).

    Raises:
        InvalidNaptr: not `E2U+type[:subtype]...`; the message names the place.
    """
    check_text(text, "service")
    head, words = text[:3], text[3:]
    if head.upper() != "E2U":
        hint = ", not RFC 2916's old order" if text.upper().endswith("+E2U") else ""
        raise InvalidNaptr(f"service: {shown(text)} does not start with 'E2U+'{hint}")
    if not words:
        raise InvalidNaptr("service: names no service, expected 'E2U+type' such as 'E2U+sip'")
    if not words.startswith("+"):
        raise InvalidNaptr(f"service: {shown(words[0])} stands after 'E2U', expected '+'")
    services = words[1:].split("+")
    for service in services:
        for word in service.split(":"):
            if _SERVICE_WORD.fullmatch(word) is None:
                raise InvalidNaptr(
                    f"service: {shown(word)} in {shown(text)} is not 1 to 32 letters, digits or '-'"
                )
    return tuple(f"{head}+{service}" for service in services)
