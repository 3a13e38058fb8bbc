"""What a text of MeshCentral is: a phone check, a login, or an administrator's own words.

MeshCentral says nothing of it, so it is read from the text: our texts (`sms_texts`), else
the words of its own texts, as far as they are known here. What matches neither and holds
six digits is taken for a code all the same: the mistake then costs a short validity
instead of a code that is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from enum_backend.messaging.model import MessageKind
from meshcentral_plugin.sms_texts import TEXTS

Purpose = Literal["validation", "login", "code", "admin"]

MAX_TITLE = 200
_CODE = re.compile(r"(?<![0-9])[0-9]{6}(?![0-9])", re.ASCII)
_BUILT_IN: Final[tuple[tuple[Purpose, str], ...]] = (
    # The words of MeshCentral 1.1.55 around title and code.
    ("validation", "verification code is"),
    ("validation", "Bestätigungscode lautet"),
    ("validation", "le code de vérification est"),
    ("validation", "El código de verificación"),
    ("validation", "il codice di verifica è"),
    ("validation", "verificatie code is"),
    ("validation", "код подтверждения"),
    ("validation", "ověřovací kód je"),
    ("validation", "vahvistuskoodi on"),
    ("validation", "doğrulama kodu"),
    ("validation", "確認コード"),
    ("validation", "인증 코드는"),
    ("validation", "验证码是"),
    ("login", "access token is"),
    ("login", "Zugriffstoken ist"),
    ("login", "le jeton d'accès est"),
    ("login", "token de acceso es"),
    ("login", "token di accesso è"),
    ("login", "Toegangs token is"),
    ("login", "токен доступа"),
    ("login", "přístupový token je"),
    ("login", "erişim jetonu"),
    ("login", "アクセストークンは"),
    ("login", "액세스 토큰은"),
    ("login", "访问令牌是"),
)
_ABOUT: Final = {
    "validation": "MeshCentral's check of a phone number",
    "login": "a login code of MeshCentral",
    "code": "a text of MeshCentral with six digits: taken for a code",
    "admin": "a text that an administrator of MeshCentral wrote",
}


@dataclass(frozen=True, slots=True)
class Recognised:
    """One text; `code` where it is known which digits it is."""

    purpose: Purpose
    code: str | None = field(default=None, repr=False)

    @property
    def kind(self) -> MessageKind:
        """What it is for the rest of us."""
        return MessageKind.ADMIN if self.purpose == "admin" else MessageKind.CODE

    @property
    def about(self) -> str:
        """One phrase for the record of its route; never the code."""
        return _ABOUT[self.purpose]


def recognise(text: str) -> Recognised:
    """The purpose of a text.

    >>> recognise("MeshCentral access token is: 048291").purpose
    'login'
    """
    line = " ".join(text.split())
    for purpose, pattern in _OURS:
        if found := pattern.fullmatch(line):
            return Recognised(purpose, found["code"])
    codes = _CODE.findall(line)
    if not codes:
        return Recognised("admin")
    if len(codes) > 1 or len(line) > 2 * MAX_TITLE:
        return Recognised("code")
    for purpose, words in _BUILT_IN:
        if words in line and line.endswith(codes[0]):
            return Recognised(purpose, codes[0])
    return Recognised("code", codes[0])


def _pattern(template: str) -> re.Pattern[str]:
    written = re.escape(template)
    title, code = re.escape("[[0]]"), re.escape("[[1]]")
    written = written.replace(title, f".{{1,{MAX_TITLE}}}")
    return re.compile(written.replace(code, "(?P<code>[0-9]{6})"), re.ASCII)


_LINES: Final[tuple[Purpose, Purpose]] = ("validation", "login")
_OURS: Final[tuple[tuple[Purpose, re.Pattern[str]], ...]] = tuple(
    (purpose, _pattern(template))
    for lines in TEXTS.values()
    for purpose, template in zip(_LINES, lines, strict=True)
)
