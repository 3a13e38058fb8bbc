"""The published JSON Schema of number records, loaded and compiled once.

`number-record.schema.json` is versioned by the last part of its `$id`: a
change that makes a valid record invalid gets a new number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import resources
from typing import Any, cast

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

SCHEMA_FILE = "number-record.schema.json"


@lru_cache(maxsize=1)
def schema_text() -> str:
    """The schema file as it is published."""
    return resources.files(__name__).joinpath(SCHEMA_FILE).read_text("utf-8")


@lru_cache(maxsize=1)
def validator() -> Validator:
    """A validator for number records (draft 2020-12); safe to share between threads."""
    schema = json.loads(schema_text())
    Draft202012Validator.check_schema(schema)
    derive = cast("Callable[..., type[Validator]]", extend)
    return derive(Draft202012Validator, {"pattern": _pattern})(schema)


def _pattern(
    _validator: Validator, pattern: str, instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    # In Python `$` also matches before a final line feed, in ECMA 262 it does not.
    # All patterns are our own and anchored, so the full match means the same.
    if isinstance(instance, str) and re.fullmatch(pattern, instance) is None:
        yield ValidationError("does not match")
