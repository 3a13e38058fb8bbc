"""Our requests against `provider-mock`, which validates them by the provider's API document.

The mock (`shared/tools/provider-mock` beside the checkout) needs node and npm and
installs itself on first use.

class TestExample(MockCases):
    mock = "example"
    gateway_class = ExampleGateway
    options = {"token": "test-token", "from": "+15550100001"}
    variants = ({}, {"pool": "p-1"})
    broken = ((NoRecipient, Reason.INVALID_REQUEST),)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest

from enum_backend.gateways import Gateway, GatewayError, OutboundSms, Reason
from tests.provider_mock import FIRST_START, provider_mock

SMS = OutboundSms("msg_1", "+15550100002", "Hello from the test: ä €")
SECONDS = 30


@pytest.mark.timeout(FIRST_START + 60)
class MockCases:
    """Inherit, fill in the attributes, get the tests."""

    mock: ClassVar[str]
    """What `provider-mock` calls the document."""
    gateway_class: ClassVar[type[Gateway]]
    options: ClassVar[Mapping[str, Any]]
    """Complete settings, without `base_url`."""
    variants: ClassVar[tuple[Mapping[str, Any], ...]] = ({},)
    """Further settings, each of which makes a request of another shape."""
    broken: ClassVar[tuple[tuple[type[Gateway], Reason], ...]]
    """Gateways that do it wrong, and what the mock's refusal becomes."""

    @pytest.fixture(scope="class")
    @classmethod
    def mock_url(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
        with provider_mock(cls.mock, tmp_path_factory.mktemp("mock") / "log.txt") as url:
            yield url

    @asynccontextmanager
    async def opened(
        self, mock_url: str, kind: type[Gateway] | None = None, **more: Any
    ) -> AsyncIterator[Any]:
        """A gateway that is pointed at the mock."""
        options = {**self.options, **more, "base_url": mock_url, "timeout": SECONDS}
        made = (kind or self.gateway_class)(**options)
        try:
            yield made
        finally:
            await made.close()

    @pytest.fixture
    async def gateway(self, mock_url: str) -> AsyncIterator[Any]:
        async with self.opened(mock_url) as gateway:
            yield gateway

    async def test_messages_are_accepted(self, mock_url: str) -> None:
        for more in self.variants:
            async with self.opened(mock_url, **more) as gateway:
                assert (await gateway.send(SMS)).provider_message_id, more

    async def test_broken_requests_are_refused(self, mock_url: str) -> None:
        for kind, reason in self.broken:
            async with self.opened(mock_url, kind) as gateway:
                with pytest.raises(GatewayError) as caught:
                    await gateway.send(SMS)
            assert (caught.value.reason, caught.value.ambiguous) == (reason, False), kind


async def status_of_a_message(gateway: Gateway) -> Any:
    """What the mock says of a message it took."""
    result = await gateway.send(SMS)
    assert result.provider_message_id
    return await gateway.status(result.provider_message_id)
