"""MeshCentral's own schema (JSON Schema draft-04), when the user has it.

It is not in MeshCentral's package; its repository has it as
meshcentral-config-schema.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator
from jsonschema.exceptions import SchemaError, ValidationError

from enum_backend.errors import wrong_field
from meshcentral_plugin.config.findings import ConfigFinding, error, show_path


def read_schema(path: Path) -> dict[str, Any]:
    """The schema in a file.

    Raises:
        ValidationFailed: it cannot be read, or is not a draft-04 schema of an object.
    """
    try:
        schema = json.loads(path.read_text("utf-8-sig"))
    except OSError as problem:
        raise wrong_field("schema", f"{path}: {problem.strerror}") from None
    except ValueError:
        raise wrong_field("schema", f"{path}: is not JSON") from None
    try:
        Draft4Validator.check_schema(schema)
    except SchemaError:
        schema = None
    if not isinstance(schema, dict) or "properties" not in schema:
        raise wrong_field("schema", f"{path}: is not a draft-04 schema with properties")
    return schema


def schema_problems(
    document: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[ConfigFinding]:
    """What the schema refuses; the values themselves are not shown."""
    validator = Draft4Validator(schema, format_checker=Draft4Validator.FORMAT_CHECKER)
    for problem in sorted(validator.iter_errors(document), key=lambda item: list(item.path)):
        yield error(show_path(list(problem.path)), f"MeshCentral's schema: {_expected(problem)}")


def _expected(problem: ValidationError) -> str:
    rule: Any = problem.validator
    wanted: Any = problem.validator_value
    present: Any = problem.instance
    if rule == "required":
        lacking = [name for name in wanted if name not in present]
        return f"lacks {', '.join(lacking)}"
    if rule in {"oneOf", "anyOf"}:
        return "fits none of the forms that are allowed here"
    if rule in {"type", "enum", "format", "pattern", "minimum", "maximum"}:
        shown = " or ".join(map(str, wanted)) if isinstance(wanted, list) else wanted
        return f"expected {rule} {shown}"
    return f"{rule} is not satisfied"
