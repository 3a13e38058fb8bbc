"""A running server and an HTTP client with its key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from enum_backend.testing import RunningServer, running_server

RECORDS = {
    "enum:4.3.2.1.5.5.5.5.1.4.1.e164.arpa": {
        "voice": "sip:alice@pbx.example",
        "sms": {
            "provider": "telnyx",
            "number": "+14155551234",
            "forward_to": "canary-forward@example.com",
        },
    },
    "enum:14155550101:0": "E2U+sip=100|10|!^(.*)$!sip:bob@pbx.example!\nTTL=600",
    "enum:14155550102:0": '{"voice": 7, "sms": "telnyx:+14155550102"}',
    "enum:14155550103:0": {"sms_provider": "telnyx", "sms_number": "+14155550104"},
    "enum:1234:0": "E2U+sip=100|10|!^.*$!sip:short@pbx.example!",
}


@pytest.fixture
async def server(storage_settings: dict[str, Any]) -> AsyncIterator[RunningServer]:
    async with running_server(RECORDS, settings=storage_settings) as running:
        yield running


@pytest.fixture
async def http(server: RunningServer) -> AsyncIterator[aiohttp.ClientSession]:
    """With a key of every scope."""
    async with aiohttp.ClientSession(server.http_url, headers=server.headers) as session:
        yield session


@pytest.fixture
async def anonymous(server: RunningServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.http_url) as session:
        yield session
