"""Webhooks of providers declared in settings; one address for messages and reports."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from enum_backend.gateways.base import ProviderStatus, Reason
from enum_backend.gateways.digits import number_of
from enum_backend.gateways.http import HttpGateway
from enum_backend.gateways.http_finding import Find, Page, at, refusal
from enum_backend.gateways.http_options import HttpMessage, HttpReport
from enum_backend.gateways.webhooks.base import (
    DeliveryReport,
    Event,
    Ignored,
    InboundSms,
    Malformed,
    NotReady,
    Webhook,
    WebhookAnswer,
    WebhookRequest,
)
from enum_backend.gateways.webhooks.http_proof import check, instant
from enum_backend.gateways.webhooks.json_events import json_body, kind_of, words

_BAD_ENDS = frozenset({ProviderStatus.FAILED, ProviderStatus.UNDELIVERED, ProviderStatus.CANCELED})


ID_LIMIT, SENDER_LIMIT, NUMBER_LIMIT = 128, 32, 16
"""Characters; where a declared path leads, anything may stand. A longer sender, such as the
address of a mail gateway, is cut: the message counts."""


class HttpWebhook(Webhook[HttpGateway]):
    """Proven and read as `inbound` declares."""

    provider = "http"
    challenge = 'Basic realm="callbacks", charset="UTF-8"'

    def claims(self, request: WebhookRequest) -> Sequence[str]:
        """Both numbers of a message: one of them is ours."""
        try:
            events = self.parse(request)
        except Malformed:
            return []
        messages = [event for event in events if isinstance(event, InboundSms)]
        return [number for sms in messages for number in (sms.to, sms.sender)]

    async def verify(self, request: WebhookRequest) -> None:
        """Prove the call as `inbound.verify` says.

        Raises:
            Forged: it is not proven, or the proof does not cover what would be read.
            NotReady: the gateway takes no webhooks, or its secret is not set.
        """
        declared = self.gateway.options.inbound
        if declared is None:
            raise NotReady("inbound is not set")
        check(declared, request, self.gateway.name)

    def parse(self, request: WebhookRequest) -> list[Event]:
        """The messages and reports of a call.

        Items that lack what is declared are ignored beside good ones: a refusal
        would lose those.

        Raises:
            Malformed: nothing in it is what is declared.
        """
        declared = self.gateway.options.inbound
        if declared is None:
            return [Ignored("inbound")]
        events: list[Event] = []
        broken: Malformed | None = None
        for kind in (declared.message, declared.report):
            if kind is None or not _fits(kind, request):
                continue
            for page in _items(kind, request):
                try:
                    events.append(_event(kind, page))
                except Malformed as error:
                    broken = error
        if broken is not None:
            if not events:
                raise broken
            events.append(Ignored("malformed"))
        return events or [Ignored("undeclared")]

    def answer(self, events: Sequence[Event]) -> WebhookAnswer:
        """What `inbound.answer` says."""
        del events
        declared = self.gateway.options.inbound
        if declared is None:
            return WebhookAnswer()
        return WebhookAnswer(200, declared.answer, declared.answer_type)


def _fits(kind: HttpMessage | HttpReport, request: WebhookRequest) -> bool:
    if kind.source == "query":
        return request.method == "GET"
    is_form = request.headers.get("content-type", "").startswith(
        "application/x-www-form-urlencoded"
    )
    return request.method != "GET" and is_form == (kind.source == "form")


def _items(kind: HttpMessage | HttpReport, request: WebhookRequest) -> Iterator[Page]:
    """One page per item that is of this kind."""
    value: Any
    if kind.source == "json":
        value = json_body(request)
    else:
        value = dict(request.form if kind.source == "form" else request.query)
    if kind.each:
        value = at(value, kind.each)
    for item in value if isinstance(value, list) else [value]:
        page = Page(headers=request.headers, value=item)
        if not isinstance(item, dict):
            raise Malformed("an item is no object")
        if kind.when is None or kind.when.search(page):
            yield page


def _event(kind: HttpMessage | HttpReport, page: Page) -> Event:
    return _message(kind, page) if isinstance(kind, HttpMessage) else _report(kind, page)


def _message(kind: HttpMessage, page: Page) -> InboundSms:
    named = _found(kind.sender, page), _found(kind.to, page)
    sender, receiver = number_of(named[0])[:SENDER_LIMIT], number_of(named[1])
    message_id, time = _found(kind.id, page), _found(kind.time, page)
    text = _found(kind.text, page)
    if not sender or not receiver or not (message_id or time):
        raise Malformed("a message lacks from, to, or both id and time")
    if len(message_id) > ID_LIMIT or len(receiver) > NUMBER_LIMIT:
        raise Malformed("a message's id or to is too long to be one")
    segments = _found(kind.segments, page)
    content = "\n".join((*named, time, text))
    return InboundSms(
        dedupe_key=message_id or sha256(content.encode()).hexdigest(),
        provider_message_id=message_id or None,
        sender=sender,
        to=receiver,
        text=text,
        sent_at=instant(time),
        segments=int(segments) if re.fullmatch(r"[1-9][0-9]{0,3}", segments, re.ASCII) else None,
    )


def _report(kind: HttpReport, page: Page) -> Event:
    message_id, word = _found(kind.id, page), _found(kind.status, page)
    if not message_id or not word or len(message_id) > ID_LIMIT:
        raise Malformed("a report lacks id or status, or its id is too long to be one")
    known = {name.lower(): status for name, status in kind.statuses.items()}
    status = known.get(word.lower())
    if status is None:
        return Ignored(f"status:{kind_of(word)}")
    error = refusal(kind, page)
    bad = status in _BAD_ENDS
    return DeliveryReport(
        dedupe_key=f"{message_id}:{word.lower()}",
        provider_message_id=message_id,
        status=status,
        final=bad or status is ProviderStatus.DELIVERED,
        own_id=_found(kind.own_id, page) or None,
        reason=(error.reason or Reason.UNKNOWN) if bad else None,
        provider_code=words(error.code) or None,
        occurred_at=instant(_found(kind.time, page)),
    )


def _found(find: Find | None, page: Page) -> str:
    return words(find.search(page)) if find is not None else ""
