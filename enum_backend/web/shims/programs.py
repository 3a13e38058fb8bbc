"""The programs that have an adapter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from enum_backend.errors import wrong_field
from enum_backend.web.shims.authentik import AUTHENTIK
from enum_backend.web.shims.base import Program
from enum_backend.web.shims.logto import LOGTO
from enum_backend.web.shims.nextcloud import NEXTCLOUD
from enum_backend.web.shims.supabase import SUPABASE
from enum_backend.web.shims.zitadel import ZITADEL

PROGRAMS: Final[Mapping[str, Program]] = {
    program.name: program for program in (SUPABASE, ZITADEL, LOGTO, AUTHENTIK, NEXTCLOUD)
}


def program_of(name: str) -> Program:
    """The adapter of that name.

    Raises:
        ValidationFailed: there is none.
    """
    if (program := PROGRAMS.get(name)) is None:
        raise wrong_field("program", f"expected one of {', '.join(PROGRAMS)}")
    return program


def check_secret(program: Program, changes: Mapping[str, Any]) -> None:
    """Refuse a secret that the program could not have.

    Raises:
        ValidationFailed: it is none, or none is given where one is needed.
    """
    if "secret" not in changes:
        return
    secret = changes["secret"] or ""
    if not secret and program.signs:
        raise wrong_field("secret", f"{program.name} signs: its secret is needed")
    try:
        if secret:
            program.check_secret(secret)
    except ValueError as error:
        raise wrong_field("secret", str(error)) from None


def shim_url(base_url: str, program: str, token: str) -> str:
    """What is entered in the program."""
    return f"{base_url}/shim/{program}/{token}"
