"""`${VAR}` and `${VAR:-default}` in a JSON template.

MeshCentral substitutes nothing in its config.json, so the values are put in before.
Inside quotes a value becomes JSON text, whatever it holds; outside quotes it must be
a number, true, false or null. The default applies when the variable is unset or empty,
as in a shell; `$${` stands for a plain `${`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from enum_backend.errors import FieldError, ValidationFailed

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-((?:\\.|[^}\\])*))?\}", re.DOTALL)
_TOKEN = re.compile(r'\$\$\{|\$\{|\\.|"', re.DOTALL)
_SCALAR = re.compile(
    r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null", re.ASCII
)
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def fill(template: str, variables: Mapping[str, str]) -> str:
    """The template with its placeholders replaced; values are not looked into again.

    Raises:
        ValidationFailed: everything that is wrong at once: variables that are missing
            or cannot stand where they are used, and what is not a placeholder.
    """
    errors: dict[FieldError, None] = {}
    text = "".join(_pieces(template, variables, errors))
    if errors:
        sentence = "; ".join(f"{wrong.field}: {wrong.message}" for wrong in errors)
        raise ValidationFailed(sentence, errors=list(errors))
    return text


def _pieces(
    template: str, variables: Mapping[str, str], errors: dict[FieldError, None]
) -> Iterator[str]:
    at, quoted = 0, False
    while (token := _TOKEN.search(template, at)) is not None:
        yield template[at : token.start()]
        at = token.end()
        if token[0] == "${":
            placeholder = _PLACEHOLDER.match(template, token.start())
            line = template.count("\n", 0, token.start()) + 1
            if placeholder is None:
                wrong = "expected ${NAME} or ${NAME:-default}; a plain ${ is written $${"
                errors[FieldError(f"line {line}", wrong)] = None
                continue
            at = placeholder.end()
            try:
                yield _value(placeholder, variables, quoted)
            except ValueError as error:
                errors[FieldError(placeholder[1], str(error))] = None
        elif token[0] == "$${":
            yield "${"
        else:
            quoted ^= token[0] == '"'
            yield token[0]
    yield template[at:]


def _value(placeholder: re.Match[str], variables: Mapping[str, str], quoted: bool) -> str:
    name, default = placeholder.groups()
    value = variables.get(name)
    if not value and default is not None:
        if "${" in default:
            raise ValueError("a default cannot hold another placeholder")
        if quoted:
            return default
        value = default
    if value is None:
        raise ValueError("is not set")
    return json_text(value) if quoted else _scalar(value)


def json_text(value: str) -> str:
    """The value between JSON's quotes (RFC 8259 section 7).

    Raises:
        ValueError: not UTF-8 text.
    """
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("is not UTF-8 text") from None
    return "".join(
        _ESCAPES.get(letter) or (f"\\u{ord(letter):04x}" if letter < " " else letter)
        for letter in value
    )


def _scalar(value: str) -> str:
    text = value.strip()
    if text.lower() in {"true", "false", "null"}:
        text = text.lower()
    if _SCALAR.fullmatch(text) is None:
        raise ValueError(
            "stands outside quotes, so it must be a number, true or false;"
            " put quotes around the placeholder for text"
        )
    return text
