"""The OpenAPI document, made from the declared endpoints and their models."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from enum_backend import __version__, errors
from enum_backend.web.endpoints import Endpoint

_REF = "#/components/schemas/{model}"
_SESSION = "Takes the token of a session (`POST /api/auth/login`), or its cookie."
_PARAMETER = re.compile(r"{(\w+)}")


def error_statuses() -> dict[str, int]:
    """Error code -> HTTP status, of every published error."""
    table: dict[str, int] = {}
    for item in vars(errors).values():
        if isinstance(item, type) and issubclass(item, errors.EnumBackendError):
            table.setdefault(item.error_code, item.status)
    return table


def openapi_document(endpoints: Sequence[Endpoint], server_url: str = "") -> dict[str, Any]:
    """OpenAPI 3.1 for everything that is not hidden."""
    shown = [endpoint for endpoint in endpoints if not endpoint.hidden]
    schemas = _Schemas(shown)
    paths: dict[str, Any] = {}
    for endpoint in shown:
        operation = _operation(endpoint, schemas)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "enum-backend",
            "version": __version__,
            "description": "ENUM answers and SMS routing from phone-number records.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM, **schemas.definitions},
            "securitySchemes": {
                "apiKey": {"type": "http", "scheme": "bearer"},
                "session": {"type": "http", "scheme": "bearer"},
            },
        },
    }
    if server_url:
        document["servers"] = [{"url": server_url}]
    return document


class _Schemas:
    """The models of all endpoints; two of one name get names of their own."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        models = dict.fromkeys(
            model
            for endpoint in endpoints
            for model in (endpoint.query, endpoint.body, endpoint.answer)
            if model is not None
        )
        self._references, found = models_json_schema(
            [(model, "validation") for model in models], ref_template=_REF
        )
        self._all: dict[str, Any] = found.get("$defs", {})
        queries = {self._name(item.query) for item in endpoints if item.query is not None}
        self.definitions = {
            name: schema for name, schema in self._all.items() if name not in queries
        }

    def reference(self, model: type[BaseModel]) -> dict[str, Any]:
        """Where the schema of a model stands."""
        return self._references[model, "validation"]

    def properties(self, model: type[BaseModel]) -> dict[str, Any]:
        """The schema itself."""
        schema: dict[str, Any] = self._all[self._name(model)]
        return schema

    def _name(self, model: type[BaseModel]) -> str:
        return str(self.reference(model)["$ref"]).rpartition("/")[2]


def _operation(endpoint: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    codes = set(endpoint.errors)
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": _operation_id(endpoint),
        "tags": [endpoint.path.split("/")[1] or "root"],
        "parameters": _parameters(endpoint, schemas),
    }
    if endpoint.scope is not None:
        operation["security"] = [{"apiKey": []}]
        own = ", or a token of the program's own" if endpoint.own_tokens else ""
        operation["description"] = f"Needs an API key with the scope `{endpoint.scope}`{own}."
        codes |= {"UNAUTHORIZED", "FORBIDDEN", "DATABASE_UNAVAILABLE"}
    elif not (endpoint.session or endpoint.own_tokens):
        codes |= {"UNAUTHORIZED", "DATABASE_UNAVAILABLE"}  # a key that is sent is checked
    if endpoint.session:
        operation.setdefault("security", []).append({"session": []})
        operation["description"] = " ".join(
            [*filter(None, [operation.get("description")]), _SESSION]
        )
        codes |= {"UNAUTHORIZED", "FORBIDDEN", "DATABASE_UNAVAILABLE"}
    if endpoint.body is not None:
        codes.add("VALIDATION_FAILED")
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas.reference(endpoint.body)}},
        }
    if endpoint.query is not None:
        codes.add("VALIDATION_FAILED")
    answer: dict[str, Any] = {"description": "Done"}
    if endpoint.answer is not None:
        answer["content"] = {"application/json": {"schema": schemas.reference(endpoint.answer)}}
    operation["responses"] = {str(endpoint.status): answer, **_error_responses(codes)}
    return operation


def _operation_id(endpoint: Endpoint) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", endpoint.path.lower()).strip("_")
    return f"{endpoint.method.lower()}_{words or 'root'}"


def _parameters(endpoint: Endpoint, schemas: _Schemas) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(endpoint.path)
    ]
    if endpoint.query is not None:
        schema = schemas.properties(endpoint.query)
        required = set(schema.get("required", ()))
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": item}
            for name, item in schema["properties"].items()
        ]
    return parameters


def _error_responses(codes: set[str]) -> dict[str, Any]:
    statuses = error_statuses()
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(statuses[code], []).append(code)
    content = {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}}
    return {
        str(status): {"description": ", ".join(names), "content": content}
        for status, names in sorted(by_status.items())
    }


_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem document",
    "required": ["type", "title", "status", "detail", "success", "error", "error_code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "success": {"const": False},
        "error": {"type": "string"},
        "error_code": {"type": "string"},
        "provider": {"type": ["string", "null"], "description": "of PROVIDER_ERROR"},
        "provider_code": {"type": ["string", "null"], "description": "of PROVIDER_ERROR"},
        "reason": {"type": "string", "description": "of PROVIDER_ERROR"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
