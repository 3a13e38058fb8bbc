"""The protocol server: lists the tools, checks arguments, turns refusals into tool errors."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import structlog
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from mcp.server.lowlevel import Server
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.shared.exceptions import McpError
from mcp.types import (
    INVALID_PARAMS,
    CallToolResult,
    ErrorData,
    GetPromptResult,
    Prompt,
    Resource,
    TextContent,
    Tool,
)
from pydantic import AnyUrl, ValidationError

from enum_backend import __version__
from enum_backend.agents.mcp import guide
from enum_backend.agents.mcp.api import Api, ApiRefused
from enum_backend.agents.mcp.catalogue import OFFERS
from enum_backend.agents.mcp.steps import TRY_LATER, after_refusal
from enum_backend.agents.mcp.tools import Progress, Tools, no_progress

MAX_WAITS: Final = 20
"""Waits of one key at once in this process."""
PER_MINUTE: Final = 240
"""Tool calls of one key in a minute; the API has its own limits."""

log = structlog.get_logger("enum_backend.mcp")

_BY_NAME: Final = {offer.name: offer for offer in OFFERS}


class AgentServer:
    """Answers the protocol for callers with keys.

    Args:
        key: the key of the request that is being answered.

    Attributes:
        protocol: what a transport runs.
    """

    def __init__(self, api: Api, key: Callable[[], str], *, per_minute: int = PER_MINUTE) -> None:
        self._api = api
        self._key = key
        self._waits: Counter[str] = Counter()
        self._calls = FixedWindowRateLimiter(MemoryStorage())
        self._per_minute = RateLimitItemPerMinute(per_minute)
        self.protocol: Server[Any, Any] = Server(
            "enum-backend", version=__version__, instructions=guide.INSTRUCTIONS
        )
        server: Any = self.protocol  # its decorators are not typed
        server.list_tools()(self._list_tools)
        server.call_tool(validate_input=False)(self._call_tool)
        server.list_resources()(self._list_resources)
        server.read_resource()(self._read_resource)
        server.list_prompts()(self._list_prompts)
        server.get_prompt()(self._get_prompt)

    async def _list_tools(self) -> list[Tool]:
        return [offer.tool() for offer in OFFERS]

    async def _call_tool(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        offer = _BY_NAME.get(name)
        if offer is None:
            return _refusal("There is no such tool.", "NOT_FOUND", "Call a tool of the list.")
        try:
            wanted = offer.arguments.model_validate(arguments)
        except ValidationError as error:
            return _refusal(
                _fields(error), "VALIDATION_FAILED", "Correct what is named and call again."
            )
        key = self._key()
        try:
            self._count(key)
            with self._wait(key) if name == "wait_for_sms" else contextlib.nullcontext():
                tools = Tools(self._api, key, self._progress())
                answer = await getattr(tools, name)(wanted)
        except ApiRefused as refused:
            log.info("tool refused", tool=name, error_code=refused.code)
            return _refusal(refused.sentence, refused.code, after_refusal(refused))
        except Exception as error:
            # Its message may hold what a stranger wrote.
            log.error("tool failed", tool=name, error=type(error).__name__)
            return _refusal("The tool failed.", "FAILED", TRY_LATER)
        return _result(answer)

    def _count(self, key: str) -> None:
        if not self._calls.hit(self._per_minute, key):
            raise ApiRefused("Too many calls in a minute.", "RATE_LIMIT_EXCEEDED")

    @contextlib.contextmanager
    def _wait(self, key: str) -> Iterator[None]:
        if self._waits[key] >= MAX_WAITS:
            sentence = f"You wait {MAX_WAITS} times at once already."
            raise ApiRefused(sentence, "RATE_LIMIT_EXCEEDED")
        self._waits[key] += 1
        try:
            yield
        finally:
            self._waits[key] -= 1
            if not self._waits[key]:
                del self._waits[key]

    def _progress(self) -> Progress:
        context = self.protocol.request_context
        token = context.meta.progressToken if context.meta is not None else None
        if token is None:
            return no_progress

        async def tell(passed: float, whole: float) -> None:
            await context.session.send_progress_notification(
                token, passed, whole, related_request_id=str(context.request_id)
            )

        return tell

    async def _list_resources(self) -> list[Resource]:
        return list(guide.RESOURCES)

    async def _read_resource(self, uri: AnyUrl) -> Iterable[ReadResourceContents]:
        try:
            text, media_type = await guide.read(self._api, self._key(), str(uri))
        except ApiRefused as refused:
            raise McpError(ErrorData(code=INVALID_PARAMS, message=refused.sentence)) from None
        except ValueError as error:
            raise McpError(ErrorData(code=INVALID_PARAMS, message=str(error))) from None
        return [ReadResourceContents(content=text, mime_type=media_type)]

    async def _list_prompts(self) -> list[Prompt]:
        return list(guide.PROMPTS)

    async def _get_prompt(self, name: str, arguments: dict[str, str] | None) -> GetPromptResult:
        try:
            return guide.prompt(name, arguments or {})
        except ValueError as error:
            raise McpError(ErrorData(code=INVALID_PARAMS, message=str(error))) from None


def _result(answer: dict[str, Any], *, failed: bool = False) -> CallToolResult:
    text = json.dumps(answer, ensure_ascii=False)
    return CallToolResult(
        content=[TextContent(type="text", text=text)], structuredContent=answer, isError=failed
    )


def _refusal(sentence: str, code: str, next_step: str) -> CallToolResult:
    return _result(
        {"success": False, "error": sentence, "error_code": code, "next_step": next_step},
        failed=True,
    )


def _fields(error: ValidationError) -> str:
    """Which arguments are wrong and why; never what they were."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in found)
