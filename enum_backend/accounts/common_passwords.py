"""Passwords that everybody tries first, of eight characters and more, and shapes of them.

Shorter ones the length refuses. The list holds stems: digits around one do not make it
better, so `Password123` is refused by `password`.
"""

from __future__ import annotations

import re
import string
from typing import Final

_WORDS: Final = """
    password passwort passw0rd p4ssword p4ssw0rd pa55word kennwort motdepasse contrasena
    contraseña senha parola salasana wachtwoord haslo heslo jelszo losenord adgangskode
    passphrase letmein letmeinnow welcome welcomeback willkommen bienvenue bemvindo
    iloveyou iloveu ilovegod lovelove loveyou sunshine princess football baseball
    basketball superman batman spiderman ironman starwars pokemon dragon monkey
    master shadow michael jennifer jordan charlie thomas jessica michelle
    daniel andrew joshua ashley nicole hannah william matthew anthony robert
    qwerty qwertyui qwertyuiop qwertz qwertzui qwertzuiop azerty azertyuiop asdfgh
    asdfghjk asdfghjkl zxcvbn zxcvbnm yxcvbnm qazwsx qazwsxedc wsxedc
    abc abcd abcdef abcdefg abcdefgh trustno trustnoone whatever nothing secret
    topsecret changeme changeit changethis default admin administrator adminadmin
    root rootroot toor guest guestguest user username testtest test testing tester temp
    temporary computer internet server service support system network
    samsung google facebook microsoft apple android emercoin bitcoin blockchain
    enum enumbackend meshcentral telephone cellphone mobile hello helloworld
    freedom whatsup access login loginlogin enter mustang corvette ferrari porsche
    mercedes liverpool chelsea arsenal barcelona realmadrid juventus
    yankees cowboys lakers steelers chocolate cookie cookies butterfly flower
    flowers rainbow summer winter spring autumn january february march
    april june july august september october november december monday
    tuesday wednesday thursday friday saturday sunday london paris berlin
    moscow newyork america canada germany france
    jesus jesuschrist christ heaven angel angels blessed family mother father
    killer hunter ranger soccer hockey tigger pepper ginger buster maggie
    maverick phoenix silver golden diamond purple orange banana cheese
"""
_STEMS: Final = frozenset(_WORDS.split())
_ROWS: Final = (
    string.ascii_lowercase,
    "0123456789",
    "1234567890",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
)
_DIGITS: Final = re.compile(r"^[0-9]+|[0-9]+$")


def is_common(password: str) -> bool:
    """Whether guessing programs have it among their first tries."""
    text = password.casefold()
    if text in _STEMS or _DIGITS.sub("", text) in _STEMS:
        return True
    return _repeats(text) or any(text in row * 2 or text in row[::-1] * 2 for row in _ROWS)


def _repeats(text: str) -> bool:
    """`aaaaaaaa`, `12121212`, `abcabcabc`: one to three characters over and over."""
    return any(
        text == (text[:size] * len(text))[: len(text)] for size in range(1, min(4, len(text)))
    )
