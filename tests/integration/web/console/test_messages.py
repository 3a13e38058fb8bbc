"""Messages in the console: lists, details, what can still be done, and writing one."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from enum_backend.gateways.base import GatewayError, Reason
from enum_backend.messaging import list_pages
from enum_backend.web.console import messages
from tests.integration.web.test_inbound_flow import running
from tests.unit.messaging.deliveries.hook_server import hook_server

from .conftest import Browser, until

TO = "+14155550101"
HOSTILE = "<script>alert(1)</script>&\"'"


async def send(browser: Browser, text: str = HOSTILE, **fields: Any) -> str:
    """A message written in the console; its id."""
    await browser.get("/send")
    seen = await browser.post("/send", **{"to": TO, "message": text, **fields})
    assert "The message is accepted." in seen.text, seen.words
    return seen.url.rpartition("/")[2]


async def test_a_message_from_writing_to_its_end(anywhere: Browser) -> None:
    message_id = await send(anywhere)
    (sms,) = await anywhere.server.wait_for_messages(seconds=30)
    assert (sms.to, sms.text) == (TO, HOSTILE)
    seen = await until(anywhere, f"/messages/{message_id}", "delivered")
    assert "Why this route" in seen.text
    assert "no other rule applies" in seen.words
    assert "sim_" in seen.text  # the provider's id of the attempt
    assert HOSTILE not in html.unescape(seen.text)
    listed = await anywhere.get("/messages")
    assert message_id in listed.text
    events = (await anywhere.server.services.audit.page(limit=50)).entries
    (event,) = [entry for entry in events if entry.event_type == "MESSAGE_SENT"]
    assert event.metadata["messageId"] == message_id


async def test_lists_go_back_from_the_newest(
    anywhere: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "PER_PAGE", 2)
    sent = [await send(anywhere, f"number {number}") for number in range(5)]
    found: list[str] = []
    path = "/messages"
    while path:
        seen = await anywhere.get(path)
        found += re.findall(r'<tr id="(msg_\w+)"', seen.text)
        following = re.search(r'rel="next" href="([^"]+)"', seen.text)
        path = f"/messages{html.unescape(following[1])}" if following else ""
    assert found == sent[::-1]


async def test_filters(admin: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await send(admin)
    other = await send(admin, to="+14155550102")
    await until(admin, f"/messages/{other}", "delivered")

    async def ids(query: str) -> list[str]:
        seen = await admin.get(f"/messages?{query}")
        assert seen.status == 200, seen.words
        return re.findall(r'<tr id="(msg_\w+)"', seen.text)

    assert await ids("number=(415)+555-0101") == [first]
    assert await ids("direction=outbound&status=delivered&gateway=simulator") == [other, first]
    assert await ids("status=failed") == []
    assert await ids("gateway=elsewhere") == []
    assert await ids("direction=inbound") == []
    assert await ids("tenant=default&since=2020-01-01T00:00") == [other, first]
    assert await ids("until=2020-01-01T00:00:30") == []
    monkeypatch.setattr(list_pages, "WINDOW", 1)
    assert await ids("until=2020-01-01T00:00") == []


async def test_a_wrong_filter_is_named(admin: Browser) -> None:
    for wrong in ("number=nonsense", "status=lost", "since=yesterday", "direction=sideways"):
        seen = await admin.get(f"/messages?{wrong}")
        assert seen.status == 422
        assert f'id="{wrong.partition("=")[0]}-error"' in seen.text
    assert (await admin.get("/messages?after=nonsense")).status == 422


async def test_a_message_that_failed_is_sent_again(admin: Browser) -> None:
    admin.server.simulator.fail_next(GatewayError(Reason.INVALID_NUMBER, "<b>no such</b>"))
    message_id = await send(admin)
    path = f"/messages/{message_id}"
    failed = await until(admin, path, "Send again")
    assert "&lt;b&gt;no such&lt;/b&gt;" in failed.text
    asked = await admin.get(f"{path}/retry")
    assert "Send this message once more" in asked.words
    assert "The message is queued again." in (await admin.post(f"{path}/retry")).text
    await admin.server.wait_for_messages(seconds=30)
    await until(admin, path, "delivered")
    assert "only a message that did not arrive" in (await admin.post(f"{path}/retry")).text
    assert "can be canceled" in (await admin.post(f"{path}/cancel")).text


async def test_a_message_is_canceled_before_its_time(admin: Browser) -> None:
    message_id = await send(admin, send_at=_tomorrow())
    path = f"/messages/{message_id}"
    assert "Sent not before" in (await admin.get(path)).text
    assert "Stop this message" in (await admin.get(f"{path}/cancel")).text
    seen = await admin.post(f"{path}/cancel")
    assert "The message is canceled." in seen.text
    assert "canceled" in seen.words


async def test_the_preview_sends_nothing(admin: Browser) -> None:
    await admin.get("/send")
    alone = await admin.post("/send/preview", to="", message="ü" * 3)
    assert "GSM-7" in alone.words
    assert "<html" not in alone.text
    whole = await admin.post("/send", to=TO, message="snow ☃", preview="yes")
    assert "UCS-2" in whole.words
    assert "☃" in whole.words
    assert "Why this route" in whole.text
    wrong = await admin.post("/send/preview", to="nonsense", message="x")
    assert "may hold digits" in wrong.words
    assert admin.server.messages == []


async def test_what_is_refused_stays_in_the_form(admin: Browser) -> None:
    await admin.get("/send")
    seen = await admin.post("/send", to="12", message="<b>kept</b>")
    assert seen.status == 422
    assert 'id="to-error"' in seen.text
    assert "&lt;b&gt;kept&lt;/b&gt;" in seen.text
    empty = await admin.post("/send", to=TO, message="")
    assert 'id="message-error"' in empty.text
    late = await admin.post("/send", to=TO, message="x", send_at="2020-01-01T00:00")
    assert 'id="send_at-error"' in late.text


async def test_a_form_sent_twice_is_one_message(admin: Browser) -> None:
    form = await admin.get("/send")
    fields = {"to": TO, "message": "once", "once": form.hidden("once")}
    first = await admin.post("/send", **fields)
    again = await admin.post("/send", **fields)
    assert first.url == again.url
    other = await admin.post("/send", **fields | {"message": "another"})
    assert other.status == 409
    assert other.hidden("once") != fields["once"]


async def test_a_message_that_came_in_and_its_deliveries() -> None:
    async with hook_server() as hook, running(deliveries={"webhook_url": hook.url}) as world:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(world.server.http_url, cookie_jar=jar) as http:
            admin = Browser(world.server, http)
            await admin.become_admin()
            await world.receive(HOSTILE)
            await world.until("delivered")
            (row,) = re.findall(r'<tr id="(in_\w+)"', (await admin.get("/messages")).text)
            seen = await admin.get(f"/messages/{row}")
            assert (
                html.escape(HOSTILE).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
                in seen.text
            )
            assert "webhook" in seen.words
            found = re.search(r'action="/admin(/messages/[^"]+/replay)"', seen.text)
            assert found is not None
            again = await admin.post(found[1])
            assert "The delivery is made again." in again.text
            await hook.called(2, seconds=30)
            assert (await admin.post(f"/messages/{row}/deliveries/dlv_none/replay")).status == 404
            assert (await admin.get(f"/messages/{row}/retry")).status == 404


def _tomorrow() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
