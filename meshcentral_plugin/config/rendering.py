"""A config.json from a template."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from meshcentral_plugin.config.document import parse, to_text, without_comments
from meshcentral_plugin.config.findings import ConfigFinding, Kind, error, note
from meshcentral_plugin.config.options import Options, merged, own_sections, sections_of_schema
from meshcentral_plugin.config.placeholders import fill
from meshcentral_plugin.config.schema import schema_problems
from meshcentral_plugin.config.traps import trap_problems
from meshcentral_plugin.config.wrong_names import translate

REQUIRED = ("settings", "domains")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A configuration and what was found on the way to it.

    Attributes:
        template: the template with its variables, before anything was put right.
        document: the configuration; only to be used while `errors` is empty.
        limits: `per_hour` and `per_day` that our shim token is to have.
    """

    template: dict[str, Any] = field(repr=False)
    document: dict[str, Any] = field(repr=False)
    findings: tuple[ConfigFinding, ...]
    limits: Mapping[str, int]

    @property
    def text(self) -> str:
        """The file; the same for the same input."""
        return to_text(self.document)

    @property
    def errors(self) -> list[ConfigFinding]:
        """What must be put right first."""
        return [finding for finding in self.findings if finding.kind is Kind.ERROR]

    @property
    def translated(self) -> list[ConfigFinding]:
        """Wrong names that were replaced."""
        return [finding for finding in self.findings if finding.kind is Kind.TRANSLATED]


def render(
    template: str,
    variables: Mapping[str, str],
    *,
    shim_url: str = "",
    schema: Mapping[str, Any] | None = None,
    allow: Collection[str] = (),
    url: str = "",
) -> Rendered:
    """Fill a template, put wrong names right, and examine the result.

    Args:
        template: JSON with `${VAR}` and `${VAR:-default}`.
        variables: their values.
        shim_url: value of `sms.url` that sends MeshCentral's SMS through our shim;
            empty = the template's own `sms` section stays.
        schema: MeshCentral's own schema (draft-04), to validate against as well.
        allow: traps (`traps.TRAPS`) that are known and meant.
        url: where browsers open MeshCentral; empty = not known.

    Raises:
        ValidationFailed: variables are missing, or the result is not JSON.
    """
    before = without_comments(parse(fill(template, variables), "template"))
    done = translate(before, shim=bool(shim_url))
    document, findings = done.document, done.findings
    if shim_url:
        if "sms" in document:
            findings.append(note("sms", "is replaced: SMS go through enum-backend"))
        document["sms"] = {"provider": "url", "url": shim_url}
    findings.extend(examine(document, schema=schema, allow=allow, url=url))
    return Rendered(before, document, tuple(findings), done.limits)


def examine(
    document: Mapping[str, Any],
    *,
    schema: Mapping[str, Any] | None = None,
    allow: Collection[str] = (),
    url: str = "",
) -> Iterator[ConfigFinding]:
    """Everything that is wrong with a configuration as it stands; arguments as of `render`."""
    for name in REQUIRED:
        if name not in document:
            yield error(name, "is missing", f'add "{name}"')
    yield from options(schema).problems(document)
    for trap in trap_problems(document, url):
        if trap.trap and trap.trap in allow:
            yield replace(trap, kind=Kind.NOTE, message=f"allowed: {trap.message}", fix="")
        else:
            yield trap
    if "sms" not in document:
        yield note("sms", "is not there: MeshCentral sends no SMS")
    if schema is not None:
        yield from schema_problems(document, schema)


def options(schema: Mapping[str, Any] | None = None) -> Options:
    """The options MeshCentral has; those of a newer schema too."""
    own = own_sections()
    return Options(merged(own, sections_of_schema(schema)) if schema is not None else own)
