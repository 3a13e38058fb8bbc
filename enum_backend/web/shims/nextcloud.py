"""Nextcloud's "Two-Factor Gateway", SMS provider playSMS.

github.com/nextcloud/twofactor_gateway PlaySMS.php: GET URL`?app=ws&u=&h=&op=pv&to=&msg=`;
it is the one of its providers whose address can be set. The password `h` is the token's
secret. 2xx is success, nothing of the answer is read.
"""

from __future__ import annotations

import re

from pydantic import Field, ValidationError

from enum_backend.web.json_bodies import validation_failed
from enum_backend.web.shims.base import Loose, Program, ShimCall, ShimSms, not_proven, same

_CODE = re.compile(r"(?<![0-9])[0-9]{6}(?![0-9])", re.ASCII)


class _Query(Loose):
    to: str = Field(max_length=64)
    msg: str = Field(min_length=1, max_length=1600)
    h: str = Field("", max_length=512)


def read(call: ShimCall) -> ShimSms:
    """Nextcloud's own sentence with its code of six digits."""
    try:
        query = _Query.model_validate(dict(call.query))
    except ValidationError as error:
        raise validation_failed(error) from None
    if call.secret and not same(query.h, call.secret):
        raise not_proven()
    codes = _CODE.findall(query.msg)
    return ShimSms(
        to=query.to,
        text=query.msg,
        code=codes[0] if len(codes) == 1 else None,
        about="a message of Nextcloud's two-factor gateway",
    )


NEXTCLOUD = Program(
    "nextcloud",
    read,
    method="GET",
    settings="occ twofactorauth:gateway:configure sms: PlaySMS, this URL, any user, "
    "password = the token's secret",
)
