"""What a text of MeshCentral is: a phone check, a login, or an administrator's own words.

MeshCentral says nothing of it, so it is read from the text: our texts (`sms_texts`), else
the words of its own texts, as far as they are known here. What matches neither and holds
six digits is taken for a code all the same: the mistake then costs a short validity
instead of a code that is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from enum_backend.messaging.model import MessageKind
from meshcentral_plugin.sms_texts import TEXTS

Purpose = Literal["validation", "login", "codeless", "code", "admin"]

MAX_TITLE = 200
_CODE = re.compile(r"(?<![0-9])[0-9]{6}(?![0-9])", re.ASCII)
_BUILT_IN: Final[Mapping[Purpose, tuple[str, ...]]] = {
    # Words of MeshCentral 1.1.55 around title and code; a language it lacks gets English.
    "validation": (
        "verification code is",
        "verifikacioni kod je",
        "El codi de verificació",
        "ověřovací kód je",
        "verifikations kode er",
        "Bestätigungscode lautet",
        "El código de verificación",
        "vahvistuskoodi on",
        "le code de vérification est",
        "सत्यापन कोड है",
        "ellenőrző kód",
        "il codice di verifica è",
        "確認コード",
        "인증된 코드는",
        "인증 코드는",
        "verificatie code is",
        "kod weryfikacyjny to",
        "código de verificação é",
        "код подтверждения",
        "verifieringskod är",
        "doğrulama kodu",
        "код підтвердження",
        "验证码是",
        "驗證碼是",
    ),
    "login": (
        "access token is",
        "pristupni token je",
        "El testimoni d'accés",
        "přístupový token je",
        "adgangs token er",
        "Zugriffstoken ist",
        "token de acceso",
        "pääsy koodi on",
        "le jeton d'accès est",
        "hozzáférés token",
        "token di accesso è",
        "アクセストークンは",
        "접근 토큰은",
        "액세스 토큰은",
        "Toegangs token is",
        "token dostępu to",
        "token de acesso é",
        "токен доступа",
        "åtkomsttoken är",
        "erişim anahtarı",
        "токен доступу",
        "访问令牌是",
        "訪問保安編碼是",
    ),
}
_UNFILLED: Final = "[[१]]"
"""MeshCentral's own Hindi login text ends with it: the place of a code that is not there."""
_ABOUT: Final = {
    "validation": "MeshCentral's check of a phone number",
    "login": "a login code of MeshCentral",
    "codeless": "a login text of MeshCentral without its code; `mesh texts` writes others",
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
        return Recognised("codeless" if line.endswith(_UNFILLED) else "admin")
    if len(codes) > 1 or len(line) > 2 * MAX_TITLE:
        return Recognised("code")
    for purpose, words in _BUILT_IN.items():
        if line.endswith(codes[0]) and any(word in line for word in words):
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
