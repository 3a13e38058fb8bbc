"""Signature claims `ver:name|base64[,ver:name|base64...]`, in ENUMER's `SIG=` and JSON's `sig`.

A claim is only split and decoded here. Whether it holds is another question:
it covers nothing but the NVS name (see `nvs.trust`).
"""

from __future__ import annotations

import base64
import binascii
import re

from nvs.formats.draft import Draft
from nvs.naptr_text import shown
from nvs.number_record import Signature

_VERIFIER = re.compile(r"[!-~]{1,512}", re.ASCII)


def read_signatures(text: str, where: str, what: str, draft: Draft) -> None:
    """Add each well-formed claim; a bad one is a problem and leaves the others alone."""
    for claim in text.split(","):
        verifier, bar, signature = (part.strip() for part in claim.partition("|"))
        if not bar or _VERIFIER.fullmatch(verifier) is None:
            draft.problem(where, f"{what}: {shown(claim)} is not 'ver:name|base64'")
        elif " " in signature and not _is_base64(signature):
            draft.problem(
                where,
                f"{what}: a blank stands in the signature; E2U and TTL need lines of their own",
            )
        elif not _is_base64(signature):
            draft.problem(where, f"{what}: {shown(signature)} is not base64")
        else:
            draft.signatures.append(Signature(verifier, signature))


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text.encode("ascii", "replace"), validate=True))
    except binascii.Error:
        return False
