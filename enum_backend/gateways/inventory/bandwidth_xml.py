"""The XML of Bandwidth's numbers API: built without templates, read without entities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml.ElementTree import fromstring

from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.gateways.http_replies import Reply, provider_text, status_error

READING = {"Accept": "application/xml"}
WRITING = {**READING, "Content-Type": "application/xml; charset=utf-8"}

Content: TypeAlias = "str | list[tuple[str, Content]]"


class NotXml(ValueError):
    """A reply is no XML, or XML with a document type or entities."""


def build(name: str, content: Content) -> bytes:
    """A document: an element's content is its text, or its children in order."""
    root = Element(name)
    _fill(root, content)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def parse(body: bytes) -> Element:
    """The root element.

    Raises:
        NotXml: document types and entities included (they could read files
            and fill the memory).
    """
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, ValueError, LookupError) as error:
        raise NotXml(type(error).__name__) from None
    return root


def elements(root: Element, *path: str) -> Iterator[Element]:
    """Every element that `path` leads to, at any depth, in any name space."""
    first, *rest = path
    for element in root.iter():
        if _name(element) == first:
            yield from _below(element, rest)


def text(root: Element, *path: str) -> str:
    """The text of the first such element, empty if there is none."""
    return next(((e.text or "").strip() for e in elements(root, *path)), "")


def refusal(reply: Reply, hide: tuple[str, ...] = ()) -> GatewayError:
    """The error that a reply with an XML explanation becomes."""
    code, words = "", ""
    try:
        root = parse(reply.body)
    except NotXml:
        pass
    else:
        code = text(root, "Error", "Code") or text(root, "ResponseStatus", "ErrorCode")
        words = text(root, "Error", "Description") or text(root, "ResponseStatus", "Description")
    return status_error(
        reply,
        provider_code=code if re.fullmatch(r"[0-9A-Za-z_.-]{1,40}", code) else None,
        detail=provider_text(words, hide=hide),
    )


def understood(reply: Reply, *, changed: bool = False) -> Element:
    """The document of a 2xx.

    Args:
        changed: the request changed something, so that an unreadable reply is ambiguous.

    Raises:
        GatewayError: refused, or the reply is no XML.
    """
    if reply.status >= 300:
        raise refusal(reply)
    try:
        return parse(reply.body)
    except NotXml as error:
        raise GatewayError(
            Reason.UNKNOWN, f"the reply is no XML ({error})", ambiguous=changed
        ) from None


def _fill(parent: Element, content: Content) -> None:
    if isinstance(content, str):
        parent.text = content
        return
    for name, inner in content:
        _fill(SubElement(parent, name), inner)


def _below(element: Element, path: list[str]) -> Iterator[Element]:
    if not path:
        yield element
        return
    for child in element:
        if _name(child) == path[0]:
            yield from _below(child, path[1:])


def _name(element: Element) -> str:
    # Comments and processing instructions have functions for tags.
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
