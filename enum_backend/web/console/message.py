"""`/admin/messages/{message_id}`: one message, every attempt, and what can still be done."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from enum_backend.audit.model import Severity
from enum_backend.errors import EnumBackendError, NotFound
from enum_backend.messaging import history
from enum_backend.messaging.history import History
from enum_backend.messaging.listed import ListedMessage
from enum_backend.messaging.lists import ShownMessage
from enum_backend.messaging.model import MessageState
from enum_backend.messaging.replay import ENDED
from enum_backend.web.console.page import Page
from enum_backend.web.console.view import View

CANCELABLE: Final = frozenset({MessageState.SCHEDULED, MessageState.QUEUED})


async def detail(view: View) -> web.Response:
    """`GET /admin/messages/{message_id}`"""
    shown = await _shown(view)
    message = shown.message
    if message.direction == "inbound":
        return await _inbound(view, shown)
    return view.render(
        "message.html",
        message=message,
        history=await _history(view, message),
        can_cancel=message.status in CANCELABLE,
        can_retry=message.status in ENDED,
    )


async def _inbound(view: View, shown: ShownMessage) -> web.Response:
    deliveries = await view.services.deliveries.page(inbox_id=shown.message.id)
    return view.render(
        "message_in.html",
        title="Message that came in",
        message=shown.message,
        text=shown.text,
        deliveries=deliveries,
    )


async def ask_cancel(view: View) -> web.Response:
    """`GET /admin/messages/{message_id}/cancel`"""
    message = await _outbound(view)
    return _confirm(
        view,
        message,
        what="Stop this message before a gateway is asked to send it?",
        button="Cancel the message",
        action="cancel",
    )


async def cancel(view: View) -> web.Response:
    """`POST /admin/messages/{message_id}/cancel`"""
    message = await _outbound(view)
    path = f"/messages/{message.id}"
    try:
        await view.services.messages.cancel(message.id, message.tenant or "")
    except EnumBackendError as error:
        return view.go(path, error.message, kind="bad")
    await view.audit(
        "MESSAGE_CANCELED", "An admin canceled a message.", Severity.LOW, messageId=message.id
    )
    return view.go(path, "The message is canceled.")


async def ask_retry(view: View) -> web.Response:
    """`GET /admin/messages/{message_id}/retry`"""
    message = await _outbound(view)
    what = "Send this message once more, by its first gateway on?"
    if message.status == MessageState.UNKNOWN:
        what += " Nobody knows whether it arrived: the recipient may get it twice."
    return _confirm(view, message, what=what, button="Send again", action="retry")


async def retry(view: View) -> web.Response:
    """`POST /admin/messages/{message_id}/retry`"""
    message = await _outbound(view)
    path = f"/messages/{message.id}"
    try:
        await view.services.messages.retry(message.id, message.tenant or "")
    except EnumBackendError as error:
        return view.go(path, error.message, kind="bad")
    await view.audit(
        "MESSAGE_RETRIED", "An admin sent a message again.", Severity.LOW, messageId=message.id
    )
    return view.go(path, "The message is queued again.")


async def replay(view: View) -> web.Response:
    """`POST /admin/messages/{message_id}/deliveries/{delivery_id}/replay`"""
    message = (await _shown(view)).message
    delivery_id = view.part("delivery_id")
    letters = await view.services.deliveries.page(inbox_id=message.id)
    if delivery_id not in {letter.delivery_id for letter in letters}:
        raise NotFound("There is no delivery of that id.")
    await view.services.deliveries.replay(delivery_id)
    await view.audit(
        "DELIVERY_REPLAYED", "An admin made a delivery again.", Severity.LOW, deliveryId=delivery_id
    )
    return view.go(f"/messages/{message.id}", "The delivery is made again.")


async def _shown(view: View) -> ShownMessage:
    return await view.services.lists.one(view.viewer, view.part("message_id"))


async def _outbound(view: View) -> ListedMessage:
    message = (await _shown(view)).message
    if message.direction != "outbound":
        raise NotFound("Nothing of that kind can be done about a message that came in.")
    return message


async def _history(view: View, message: ListedMessage) -> History:
    found = await view.services.database.read(
        lambda connection: history.of_message(connection, message.id)
    )
    if found is None:
        raise NotFound("There is no message of that id.")
    return found


def _confirm(
    view: View, message: ListedMessage, *, what: str, button: str, action: str
) -> web.Response:
    return view.confirm(
        what=what,
        button=button,
        action=f"/messages/{message.id}/{action}",
        back=f"/messages/{message.id}",
        facts=[
            ("To", message.to),
            ("Status", message.status),
            ("Gateway", message.gateway),
        ],
    )


PAGES = (
    Page("GET", "/messages/{message_id}", detail, "Message that went out", menu="/messages"),
    Page("GET", "/messages/{message_id}/cancel", ask_cancel, "Cancel", menu="/messages"),
    Page("POST", "/messages/{message_id}/cancel", cancel, "Cancel", menu="/messages"),
    Page("GET", "/messages/{message_id}/retry", ask_retry, "Send again", menu="/messages"),
    Page("POST", "/messages/{message_id}/retry", retry, "Send again", menu="/messages"),
    Page(
        "POST",
        "/messages/{message_id}/deliveries/{delivery_id}/replay",
        replay,
        "Deliver again",
        menu="/messages",
    ),
)
