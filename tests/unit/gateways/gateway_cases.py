"""What every provider behind an HTTP API must do; each one's tests inherit it.

class TestExampleCases(GatewayCases):
    gateway_class = ExampleGateway
    options = {"api_key": "canary-key", "from": "+15550100001"}
    secrets = ("canary-key",)
    accepted = Answer.json({"id": "1"})
    malformed = (b"", b"[]")

    def sender_of(self, request):
        return request.json()["from"]
"""

from __future__ import annotations

import asyncio
import logging
import socket
import traceback
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, ClassVar

import pytest

from enum_backend.gateways import (
    Gateway,
    GatewayError,
    GatewayOptionsError,
    OutboundSms,
    Reason,
    SendResult,
)
from enum_backend.gateways.http_client import BODY_LIMIT
from tests.unit.gateways.wire_server import Answer, WireRequest, WireServer, closed_port

TO = "+15550100002"
OTHER_SENDER = "+15550100009"
TEXT = "canary text & 98765"


def sms(**changes: Any) -> OutboundSms:
    """A message whose number and text are easy to find where they must not be."""
    return OutboundSms(**{"message_id": "msg_1", "to": TO, "text": TEXT, **changes})


class GatewayCases:
    """Inherit, fill in the attributes, get the tests."""

    gateway_class: ClassVar[type[Gateway]]
    options: ClassVar[Mapping[str, Any]]
    """Complete settings, without `base_url` and `timeout`."""
    secrets: ClassVar[tuple[str, ...]]
    """Texts within `options` that nobody may ever read."""
    accepted: ClassVar[Answer]
    """The provider's answer to a message it takes."""
    malformed: ClassVar[tuple[bytes, ...]] = ()
    """Bodies with the status of success that tell nothing; () if the body does not matter."""

    def sender_of(self, request: WireRequest) -> str:
        """The sender that a request names."""
        raise NotImplementedError

    @asynccontextmanager
    async def gateway(self, base_url: str, **more: Any) -> AsyncIterator[Any]:
        """The provider's gateway, pointed at a local server."""
        options = {**self.options, "base_url": base_url, "timeout": 5, **more}
        gateway = self.gateway_class(**options)
        try:
            yield gateway
        finally:
            await gateway.close()

    async def refused(self, base_url: str, **more: Any) -> GatewayError:
        """The error that sending one message ends with."""
        async with self.gateway(base_url, **more) as gateway:
            with pytest.raises(GatewayError) as caught:
                await asyncio.wait_for(gateway.send(sms()), 10)
        return caught.value

    async def test_accepted(self, wire: WireServer) -> None:
        wire.answers = [self.accepted]
        async with self.gateway(wire.url) as gateway:
            assert gateway.missing() == []
            result = await gateway.send(sms())
        assert isinstance(result, SendResult)
        assert len(wire.requests) == 1

    async def test_own_sender_unless_the_request_names_one(self, wire: WireServer) -> None:
        wire.answers = [self.accepted]
        async with self.gateway(wire.url, **{"from": "+15550100001"}) as gateway:
            await gateway.send(sms())
            await gateway.send(sms(sender=OTHER_SENDER))
        assert [self.sender_of(r) for r in wire.requests] == ["+15550100001", OTHER_SENDER]

    async def test_connection_is_reused_and_reopened_after_close(self, wire: WireServer) -> None:
        wire.answers = [self.accepted]
        async with self.gateway(wire.url) as gateway:
            await gateway.send(sms())
            await gateway.send(sms())
            assert wire.connections == 1
            await gateway.close()
            await gateway.send(sms())
        assert wire.connections == 2

    async def test_no_cookies_are_kept(self, wire: WireServer) -> None:
        plain = self.accepted
        wire.answers = [
            Answer(plain.status, plain.body, {**plain.headers, "Set-Cookie": "a=b; Path=/"}),
            plain,
        ]
        async with self.gateway(wire.url.replace("127.0.0.1", "localhost")) as gateway:
            await gateway.send(sms())
            await gateway.send(sms())
        assert "cookie" not in wire.requests[1].headers

    async def test_no_proxy_from_the_environment(
        self, wire: WireServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
        wire.answers = [self.accepted]
        async with self.gateway(wire.url) as gateway:
            await gateway.send(sms())

    # Before the request was written: harmless.

    def _is_harmless(self, error: GatewayError) -> None:
        assert (error.reason, error.ambiguous) == (Reason.TEMPORARY_UNAVAILABLE, False)

    async def test_connection_refused(self) -> None:
        self._is_harmless(await self.refused(f"http://127.0.0.1:{closed_port()}"))

    async def test_name_not_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def nothing(*_: object, **__: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "unknown name")

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", nothing)
        self._is_harmless(await self.refused("http://gateway.invalid"))

    async def test_timeout_before_the_request_is_written(self) -> None:
        # A server that is silent in the TLS handshake.
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            self._is_harmless(await self.refused(f"https://127.0.0.1:{port}", timeout=0.2))

    async def test_untrusted_certificate(self, untrusted_wire: WireServer) -> None:
        self._is_harmless(await self.refused(untrusted_wire.url))
        assert untrusted_wire.requests == []

    # After it was written: nobody knows, and it must not be sent again.

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(action="stall"),
            Answer(action="reset"),
            Answer(action="hang up"),
            Answer(raw=b"nonsense\r\n\r\n", action="answer and close"),
            Answer(raw=b"HTTP/1.1 200 OK\r\nContent-L", action="answer and close"),
        ],
        ids=["time-out", "reset", "disconnect", "not HTTP", "broken head"],
    )
    async def test_no_answer_is_ambiguous_and_sent_once(
        self, wire: WireServer, answer: Answer
    ) -> None:
        wire.answers = [answer, self.accepted]
        error = await self.refused(wire.url, timeout=0.3)
        assert (error.reason, error.ambiguous) == (Reason.UNKNOWN, True)
        await asyncio.sleep(0.05)
        assert len(wire.requests) == 1

    @pytest.mark.parametrize("action", ["reset", "hang up"])
    async def test_drop_of_a_reused_connection_is_not_repeated(
        self, wire: WireServer, action: Any
    ) -> None:
        wire.answers = [self.accepted, Answer(action=action), self.accepted]
        async with self.gateway(wire.url) as gateway:
            await gateway.send(sms())
            with pytest.raises(GatewayError) as caught:
                await gateway.send(sms(message_id="msg_2"))
        assert caught.value.ambiguous
        await asyncio.sleep(0.05)
        assert (len(wire.requests), wire.connections) == (2, 1)

    async def test_connection_closed_by_the_server_is_replaced(self, wire: WireServer) -> None:
        closing = Answer(
            self.accepted.status, self.accepted.body, self.accepted.headers, "answer and close"
        )
        wire.answers = [closing, self.accepted]
        async with self.gateway(wire.url) as gateway:
            await gateway.send(sms())
            await asyncio.sleep(0.05)
            await gateway.send(sms())
        assert (len(wire.requests), wire.connections) == (2, 2)

    async def test_unreadable_success_is_ambiguous(self, wire: WireServer) -> None:
        broken = b"HTTP/1.1 %d X\r\nContent-Length: 999\r\n\r\n{" % self.accepted.status
        answers = [
            *(Answer(self.accepted.status, body) for body in self.malformed),
            Answer(raw=broken, action="answer and close"),
            Answer(self.accepted.status, b" " * (BODY_LIMIT + 1)),
        ]
        for answer in answers if self.malformed else ():
            wire.answers = [answer]
            error = await self.refused(wire.url)
            assert (error.reason, error.ambiguous) == (Reason.UNKNOWN, True), answer.body[:40]

    # The provider answered.

    async def test_rate_limited(self, wire: WireServer) -> None:
        wire.answers = [Answer(429, headers={"Retry-After": "7"})]
        error = await self.refused(wire.url)
        assert (error.reason, error.ambiguous) == (Reason.RATE_LIMITED, False)
        assert error.retry_after == 7

    async def test_rate_limited_until_a_date(self, wire: WireServer) -> None:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
        wire.answers = [Answer(429, headers={"Retry-After": date})]
        error = await self.refused(wire.url)
        assert error.retry_after == pytest.approx(60, abs=5)

    @pytest.mark.parametrize("status", [500, 502, 503])
    async def test_server_trouble(self, wire: WireServer, status: int) -> None:
        wire.answers = [Answer(status, b"<html>oops</html>")]
        self._is_harmless(await self.refused(wire.url))
        assert len(wire.requests) == 1

    async def test_refusal_is_one_even_if_its_body_breaks_off(self, wire: WireServer) -> None:
        head = b"HTTP/1.1 503 X\r\nContent-Length: 999\r\n\r\n{"
        wire.answers = [Answer(raw=head, action="answer and close")]
        self._is_harmless(await self.refused(wire.url))
        wire.answers = [Answer(raw=head)]  # ... or never ends
        self._is_harmless(await self.refused(wire.url, timeout=0.3))

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_redirect_is_not_followed(self, wire: WireServer, status: int) -> None:
        wire.answers = [Answer(status, headers={"Location": "/elsewhere"}), self.accepted]
        error = await self.refused(wire.url)
        assert not error.ambiguous
        assert error.provider_code == str(status)
        assert len(wire.requests) == 1

    # Settings and secrets.

    def test_half_set_options_are_named(self) -> None:
        for key in self.gateway_class.required:
            rest = {name: value for name, value in self.options.items() if name != key}
            assert self.gateway_class(**rest).missing() == [key]
            assert self.gateway_class(**rest, **{key: ""}).missing() == [key]

    async def test_half_set_gateway_does_not_send(self, wire: WireServer) -> None:
        key = self.gateway_class.required[0]
        error = await self.refused(wire.url, **{key: ""})
        assert error.reason is Reason.AUTH_FAILED
        assert key in error.detail
        assert wire.requests == []

    def test_unknown_option_is_named(self) -> None:
        with pytest.raises(GatewayOptionsError, match=r"timeuot: unknown option.*'timeout'"):
            self.gateway_class(**self.options, timeuot=3)

    @pytest.mark.parametrize("text", ["", "half \ud83d of a pair"])
    async def test_text_that_cannot_be_sent(self, wire: WireServer, text: str) -> None:
        async with self.gateway(wire.url) as gateway:
            with pytest.raises(GatewayError) as caught:
                await gateway.send(sms(text=text))
        assert caught.value.reason is Reason.INVALID_REQUEST
        assert wire.requests == []

    async def test_secrets_are_never_shown(
        self, wire: WireServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        echo = f"{self.secrets} {TEXT} {TO}".encode()
        seen: list[str] = []
        for answer in (
            self.accepted,
            Answer(400, echo),
            Answer(500, echo),
            Answer(302, headers={"Location": "/x"}),
            Answer(action="reset"),
        ):
            wire.answers = [answer]
            seen += await self._traces(wire.url)
        seen += await self._traces(f"http://127.0.0.1:{closed_port()}")
        gateway = self.gateway_class(**self.options)
        seen += [repr(gateway), str(gateway), repr(gateway.options), str(gateway.options)]
        for readable in (*seen, caplog.text):
            for secret in (*self.secrets, TEXT, "98765"):
                assert secret not in readable
        for readable in seen[:-4]:
            assert TO not in readable
            assert TO[1:] not in readable

    async def _traces(self, base_url: str) -> list[str]:
        async with self.gateway(base_url) as gateway:
            try:
                return [repr(await gateway.send(sms()))]
            except GatewayError as error:
                lines = traceback.format_exception(error, chain=True)
                return [str(error), repr(error), error.detail, "".join(lines)]
