"""Any provider with an HTTP API, declared in settings: no code.

What `url` does with one GET, this does with a method, headers and a body of the
operator's own, and with answers, errors and webhooks described by where their
values stand. For providers worth more than that, see docs/how-to/add-a-gateway.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import ClassVar

from pydantic import SecretStr
from yarl import URL

from enum_backend.gateways.base import (
    Capabilities,
    Cost,
    GatewayError,
    OutboundSms,
    ProviderStatus,
    Reason,
    SendResult,
)
from enum_backend.gateways.http_client import ApiGateway, basic_auth
from enum_backend.gateways.http_finding import Find, Page, refusal
from enum_backend.gateways.http_options import ESCAPES, PLACEHOLDERS, HttpOptions
from enum_backend.gateways.http_replies import Reply, provider_text, proxy_timeout, status_error
from enum_backend.gateways.http_wire import Wire
from enum_backend.gateways.templates import Template, UrlTemplate, in_header

_WORD = re.compile(r"[^\s\"'=&/?:,{}<>]{6,}")


class HttpGateway(ApiGateway):
    """Sends by one request made from templates.

    A repeat is never safe, as nothing is known of the receiver: a request
    without an answer, and a success that is not recognised, stay ambiguous.
    """

    provider = "http"
    Options = HttpOptions
    options: HttpOptions
    required: ClassVar[tuple[str, ...]] = ("url",)
    lower = Wire
    # Inbound messages and reports as far as `inbound` declares them.
    capabilities: ClassVar[Capabilities] = Capabilities(delivery_reports=True, inbound=True)

    def missing(self) -> list[str]:
        """`url`, and `from` if a template asks for a sender."""
        lacks = super().missing()
        if not lacks and not self.options.sender and self._names & {"from", "from_digits"}:
            lacks.append("from")
        return lacks

    def check(self, sms: OutboundSms) -> None:
        """As everywhere, with the length limit of the settings."""
        super().check(sms)
        limit = self.options.max_characters
        if limit is not None and len(sms.text) > limit:
            raise GatewayError(Reason.INVALID_REQUEST, f"the text is longer than {limit}")

    async def send(self, sms: OutboundSms) -> SendResult:
        """Send the declared request.

        Raises:
            GatewayError: by the declared errors, else by HTTP status. Ambiguous
                for 504, with which a proxy says that it does not know either (RFC
                9110 section 15.6.5), and for a 2xx that is neither a declared
                success nor a declared error.
        """
        self.check(sms)
        reply = await self._request(sms)
        page = _page(reply)
        options = self.options
        taken = reply.status in options.expected_statuses and (
            options.success is None or bool(options.success.search(page))
        )
        if not taken:
            raise self._error(reply, page, sms)
        provider_id = _found(options.id, page)
        if options.id is not None and not provider_id:
            raise GatewayError(
                Reason.UNKNOWN, "accepted, but the reply has no message id", ambiguous=True
            )
        reported = options.inbound is not None and options.inbound.report is not None
        segments = _found(options.segments, page)
        return SendResult(
            ProviderStatus.QUEUED if reported else ProviderStatus.SENT,
            provider_id or None,
            int(segments) if re.fullmatch(r"[1-9][0-9]{0,3}", segments, re.ASCII) else None,
            self._cost(page),
        )

    async def _request(self, sms: OutboundSms) -> Reply:
        options = self.options
        try:
            url, headers, body = self._filled(sms)
            problem = ""
        except UnicodeEncodeError:
            problem = "a value holds half of a surrogate pair"
        except ValueError as error:
            problem = f"a value {error}"
        # Raised out here: the first exception's text may hold the value.
        if problem:
            raise GatewayError(Reason.INVALID_REQUEST, problem)
        return await self.http.request(
            options.method,
            url,
            headers=headers,
            data=body,
            # Without a declared id or rule the status alone is the answer.
            want_body=any((options.success, options.id)),
        )

    def _filled(self, sms: OutboundSms) -> tuple[URL, dict[str, str], bytes | None]:
        sender = sms.sender or self.options.sender
        values = {
            **dict.fromkeys(("to", "phone"), sms.to),
            "to_digits": sms.to.removeprefix("+"),
            "from": sender,
            "from_digits": sender.removeprefix("+"),
            **dict.fromkeys(("text", "message"), sms.text),
            "id": sms.message_id,
        }
        url = self._url.fill(self.options.base_url, values)
        headers = {name: template.fill(values) for name, template in self._headers.items()}
        given = {name.lower() for name in headers}
        if self.options.user and "authorization" not in given:
            password = self.options.password.get_secret_value()
            headers["Authorization"] = basic_auth(self.options.user, password)
        if not self.options.body.get_secret_value():
            return url, headers, None
        if "content-type" not in given:
            headers["Content-Type"] = ESCAPES[self.options.body_type][1]
        return url, headers, self._body.fill(values).encode()

    def _error(self, reply: Reply, page: Page, sms: OutboundSms) -> GatewayError:
        found = refusal(self.options, page)
        if unanswered := proxy_timeout(reply, found.reason):
            return unanswered
        hide = (sms.text, sms.to, sms.to.removeprefix("+"), sms.sender or "", *self._secrets())
        detail = provider_text(found.text, hide)
        if not detail and reply.status < 300:
            detail = "not the declared success"
        return status_error(
            reply,
            reason=found.reason,
            provider_code=provider_text(found.code, hide) if len(found.code) > 12 else found.code,
            detail=detail,
            reset_header=self.options.retry_after,
        )

    def _cost(self, page: Page) -> Cost | None:
        try:
            amount = abs(Decimal(_found(self.options.cost, page)))
        except InvalidOperation:
            return None
        return Cost(amount, self.options.currency) if amount.is_finite() else None

    def _secrets(self) -> Iterator[str]:
        """Every longer word of the templates: nobody says which of them are secret."""
        options = self.options
        texts: Iterable[SecretStr] = (options.url, options.body, *options.headers.values())
        for text in texts:
            yield from _WORD.findall(text.get_secret_value())
        yield options.password.get_secret_value()

    @cached_property
    def _url(self) -> UrlTemplate:
        return UrlTemplate(self.options.url.get_secret_value(), PLACEHOLDERS)

    @cached_property
    def _headers(self) -> dict[str, Template]:
        return {
            name: Template(text.get_secret_value(), PLACEHOLDERS, in_header, in_header)
            for name, text in self.options.headers.items()
        }

    @cached_property
    def _body(self) -> Template:
        return self.options.body_template

    @cached_property
    def _names(self) -> frozenset[str]:
        return self._url.names.union(
            self._body.names, *(template.names for template in self._headers.values())
        )


def _page(reply: Reply) -> Page:
    headers = {name.lower(): value for name, value in reply.headers.items()}
    return Page(reply.body.decode("utf-8", "replace"), headers)


def _found(find: Find | None, page: Page) -> str:
    return find.search(page) if find is not None else ""
