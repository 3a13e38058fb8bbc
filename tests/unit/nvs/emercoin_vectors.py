"""Names, addresses and signatures made by an Emercoin 0.8.6 node on regtest, and helpers.

The node answered `verifymessage` with true, or published the record, for each of these
signatures; the mainnet one is the sample of Emercoin's ENUMER page.
"""

from __future__ import annotations

LEGACY = "mqZYo461aC5KbPjHA7JYEfDQRn2bQ5UB5p"
SEGWIT = "emrt1qqfs0deear45kgtuxx0k4tgllg66ury4uf667mm"
EXPIRING = "mr7griwbkf2Ttxm8pyzU2D9YT7LcD6bhtt"
MAINNET = "EV7NKcpy7hiLmKL2ZBuCgMoDLTPjsyELyw"

SECOND_VALUE = b"second verifier, with SRL\nSRL=2|srl:second-%02x"

NAME = "enum:17771234567:0"
SIGNATURE = (
    "IBH/Uno3m8swEiACTnWrU3k6lgcp1cREe1N8UgbRa0wIby4Wc5jDJVOeJeVgCy3eY8RfX51O8IoRQHBwRzOnfxE="
)

SIGNED = [
    (LEGACY, NAME, SIGNATURE),
    (
        LEGACY,
        "enum:17771234567:1",
        "IA11GN7VLBGzA6sMRb5TLIJJFgTOQNlUGzHj2GQhrhz6FyI5nKrbygtgJdy+c3CoQEm+7UFgK0R6M/tNZvmOEfU=",
    ),
    (
        LEGACY,
        "enum:17771234567:3",
        "H+3DCFQEyrMZL3vEZeBFpG6sTVACtNXHfGYQGd+7boBRbcQjHlr/hD/aacpWIkwxvWS3EWB1PGyY2YXUhesw73U=",
    ),
    (
        SEGWIT,
        "enum:17770000004:0",
        "H2AabebQV+vZTrve/mflqoBNbDtOngcuav3xD7vJsXy/VIIjCtxoDA48b+Pvl2J9ogTziinwiEiik2VdOW+lvQ4=",
    ),
    (
        SEGWIT,
        "enum:17770000011:0",
        "H0Eh/gjkzy7tc8Gl2rDyhI99250s/zWVROqDMc539WKoNrfAAP+bwPm2vkyKZ73KdFnKCcmC3FCK+vgmBqVjUvY=",
    ),
    (
        SEGWIT,
        "enum:17770000011:1",
        "ILgq9gIolHvAAjUBHnZWOZjEEPGSc524cMm3X4abUWwuWmPK9VeHoBG7aTw9Z9ijaoeCx7bXSYnlLIII4oi0UYI=",
    ),
    (
        EXPIRING,
        "enum:15558880000:0",
        "IM9qwOJNyI32rZlE9YO1D1phjKNApPcGcuOm2RhHKbElAYSmZBz1CeHKPg0m+GM1ufxjyN4DN5EuoOdLRyNa5l8=",
    ),
]

WRONG_NAME = "enum:17770000002:0"
WRONG_SIGNATURE = (
    "H9sIF/NCYuPEZnb9EenENPzBCJZ1Dzc/Upi8C1GuuJ7GdRH2yjR0sFMrkBnEfD4IFk0ID0FOds/GCKLGWnTXR+A="
)
"""Made by LEGACY's key over another name; the node left its record out."""


def signature_of(name: str) -> str:
    """The signature over one of the names above."""
    return next(signature for _, signed, signature in SIGNED if signed == name)


def signed_value(*claims: str, uri: str = "sip:a@b.example") -> bytes:
    """An ENUMER value with `SIG` claims: `ver:enum|base64`."""
    return f"SIG={','.join(claims)}\nE2U+sip=100|10|!^.*$!{uri}!\n".encode()
