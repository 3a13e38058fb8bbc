"""Texts of messages with a code, as a token's settings have them.

`Your {app} code is {code}`: `{code}` is the code, `{app}` the program's name,
`{text}` the program's own text, where it sends one.
"""

from __future__ import annotations

import re
from typing import Final

from enum_backend.errors import wrong_field
from enum_backend.unicode_text import is_unicode

DEFAULT_TEMPLATE: Final = "Your {app} code is {code}"
MAX_TEMPLATE: Final = 480
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_KNOWN = {"app", "code", "text"}


def check_template(template: str) -> None:
    """Refuse what cannot be filled.

    Raises:
        ValidationFailed: too long, an unknown placeholder, or neither code nor text in it.
    """
    names = set(_PLACEHOLDER.findall(template))
    why = ""
    if len(template) > MAX_TEMPLATE:
        why = f"has {len(template)} characters, at most {MAX_TEMPLATE} are kept"
    elif unknown := sorted(names - _KNOWN):
        why = f"expected {{app}}, {{code}} and {{text}}; got {{{unknown[0][:20]}}}"
    elif not names & {"code", "text"}:
        why = "expected {code} or {text} in it"
    elif "\x00" in template or not is_unicode(template):
        why = "holds a NUL or a lone surrogate"
    if why:
        raise wrong_field("template", why)


def fill(template: str, *, app: str, code: str, text: str) -> str:
    """The text of one message; a placeholder inside a value is left as it is."""
    values = {"app": app, "code": code, "text": text}
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)
