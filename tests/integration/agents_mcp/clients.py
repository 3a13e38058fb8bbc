"""The official client, over both transports, to a server process of ours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from tests.serving import PROGRAM, START_SECONDS, environment


class Agent:
    """One client with its session."""

    def __init__(self, session: ClientSession) -> None:
        self.session = session

    async def __call__(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """What a tool answers, its refusals too; the text says the same as the structure."""
        result = await self.raw(tool, **arguments)
        assert result.structuredContent is not None
        (content,) = result.content
        assert json.loads(getattr(content, "text", "")) == result.structuredContent
        assert result.isError == ("error_code" in result.structuredContent)
        assert result.structuredContent["next_step"]
        return result.structuredContent

    async def raw(self, tool: str, **arguments: Any) -> CallToolResult:
        return await self.session.call_tool(tool, arguments)


@asynccontextmanager
async def over_stdio(folder: Path, url: str, key: str) -> AsyncIterator[Agent]:
    """`enum-backend mcp` as a child that speaks on its standard input and output."""
    variables = environment(ENUM_BACKEND_API_URL=url, ENUM_BACKEND_API_KEY=key)
    parameters = StdioServerParameters(
        command=PROGRAM[0], args=[*PROGRAM[1:], "mcp"], env=variables, cwd=folder
    )
    with (folder / "mcp.log").open("a") as log:
        async with (
            stdio_client(parameters, errlog=log) as (reader, writer),
            ClientSession(reader, writer) as session,
        ):
            await session.initialize()
            yield Agent(session)


@asynccontextmanager
async def http_server(folder: Path, url: str, *arguments: str) -> AsyncIterator[str]:
    """`enum-backend mcp --http` on a free port; its address."""
    with (folder / "mcp.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            *("mcp", "--http", "--port", "0", "--json", *arguments),
            cwd=folder,
            env=environment(ENUM_BACKEND_API_URL=url),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    try:
        assert process.stdout is not None
        lines = b""
        while not lines.endswith(b"}\n"):
            line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
            assert line, (folder / "mcp.log").read_text()
            lines += line
        yield json.loads(lines)["url"]
        process.terminate()
        await asyncio.wait_for(process.wait(), 30)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def over_http(address: str, key: str) -> AsyncIterator[Agent]:
    """A client of the HTTP transport with a key of its own."""
    async with (
        httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as client,
        streamable_http_client(address, http_client=client) as (reader, writer, _),
        ClientSession(reader, writer) as session,
    ):
        await session.initialize()
        yield Agent(session)
