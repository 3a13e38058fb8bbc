"""What every provider's webhook must do; each one's tests inherit it.

class TestExampleWebhook(WebhookCases):
    gateway_class = ExampleGateway
    webhook_class = ExampleWebhook
    options = {"api_key": "canary-1", "from": "+15550100001"}
    rotated = {**options, "api_key": "canary-2", "previous_api_key": "canary-1"}
    other = {"api_key": "canary-3", "from": "+15550100001"}
    keyless = {"from": "+15550100001"}
    keys = {"current": "canary-1", "new": "canary-2", "other": "canary-3"}
    signature_headers = ("x-example-signature",)
    claimed = ("+15550100001",)
    inbound = b'{"id": "1", "from": ..., "text": "CANARY"}'
    message = InboundSms(...)
    reports = {ProviderStatus.SENT: b"...", ProviderStatus.DELIVERED: b"..."}
    unknown = b'{"type": "news"}'
    malformed = (b"", b"[]")
    sdk = "example"

    def signed(self, payload, key="current", at=NOW):
        ...  # by the official SDK
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from enum_backend.gateways import Gateway, ProviderStatus
from enum_backend.gateways.webhooks.base import (
    DeliveryReport,
    Forged,
    Ignored,
    InboundSms,
    Malformed,
    NonceStore,
    NotReady,
    Webhook,
    WebhookAnswer,
    WebhookRequest,
)

NOW = 1_795_233_600.0
"""Seconds since 1970 at which the tests' calls arrive."""

PUBLIC_URL = "https://sms.example.org"


class MemoryNonces(NonceStore):
    """A nonce store that forgets nothing."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], str] = {}
        self.keep: list[float] = []

    async def first_use(self, gateway: str, nonce: str, body_hash: str, keep: float) -> bool:
        self.keep.append(keep)
        return self.seen.setdefault((gateway, nonce), body_hash) == body_hash


class WebhookCases:
    """Inherit, fill in the attributes, get the tests."""

    gateway_class: ClassVar[type[Gateway]]
    webhook_class: ClassVar[type[Webhook[Any]]]
    options: ClassVar[Mapping[str, Any]]
    """Complete settings, with the key `current`."""
    rotated: ClassVar[Mapping[str, Any]] = {}
    """The same during a rotation: the keys `current` and `new` are valid; {} if there is no key."""
    other: ClassVar[Mapping[str, Any]]
    """A gateway of the same provider, with the key `other`."""
    keyless: ClassVar[Mapping[str, Any]]
    """Settings that lack what proves a call."""
    keys: ClassVar[Mapping[str, Any]]
    """The keys `current`, `new` and `other`, as `signed` wants them; texts may never be shown."""
    signature_headers: ClassVar[tuple[str, ...]] = ()
    """Headers, in lower case, that hold the proof."""
    bound_headers: ClassVar[tuple[str, ...]] = ()
    """Further headers that the proof covers (a time, a nonce)."""
    covers_body: ClassVar[bool] = True
    covers_url: ClassVar[bool] = False
    signs_time: ClassVar[bool] = False
    uses_nonce: ClassVar[bool] = False
    claimed: ClassVar[tuple[str, ...]]
    """What `claims` reads from `inbound`, at least."""
    inbound: ClassVar[bytes]
    """The payload of a received message; its text holds `CANARY`."""
    message: ClassVar[InboundSms]
    """What it means."""
    reports: ClassVar[Mapping[ProviderStatus, bytes]]
    """Reports of one message in the order in which they happened; {} if there are none."""
    unknown: ClassVar[bytes] = b""
    """A proven event nobody knows; empty if the provider has only one kind."""
    malformed: ClassVar[tuple[bytes, ...]]
    """Proven payloads that are not what is documented."""
    expected_answer: ClassVar[WebhookAnswer] = WebhookAnswer()
    sdk: ClassVar[str] = ""
    """Module of the official SDK that makes the signatures."""

    def signed(self, payload: bytes, key: str = "current", at: float = NOW) -> WebhookRequest:
        """The call that carries `payload`, sent and received at `at`, proven by `keys[key]`."""
        raise NotImplementedError

    def unproven(self, request: WebhookRequest) -> WebhookRequest:
        """The call without its proof."""
        kept = {k: v for k, v in request.headers.items() if k not in self.signature_headers}
        return replace(request, headers=kept)

    def misproven(self, request: WebhookRequest, proof: str) -> WebhookRequest:
        """The call with another proof."""
        return replace(
            request, headers={**request.headers, **dict.fromkeys(self.signature_headers, proof)}
        )

    def proofs(self, request: WebhookRequest) -> list[str]:
        """The proofs of a call as text: what may not be shown."""
        return [request.headers[k] for k in self.signature_headers if k in request.headers]

    def tampered(self, request: WebhookRequest) -> WebhookRequest:
        """The call with another text and the old proof."""
        return replace(request, body=request.body.replace(b"CANARY", b"FORGED"))

    @pytest.fixture(autouse=True)
    def _needs_sdk(self) -> None:
        if self.sdk:
            pytest.importorskip(self.sdk, reason=f"signatures are made by the SDK {self.sdk!r}")

    def webhook(self, options: Mapping[str, Any] | None = None) -> Webhook[Any]:
        """The webhook of a gateway with `options`."""
        gateway = self.gateway_class(**(self.options if options is None else options))
        return self.webhook_class(gateway, MemoryNonces())

    async def is_forged(
        self, request: WebhookRequest, options: Mapping[str, Any] | None = None
    ) -> None:
        """Assert that the call is refused as a forgery, and that the refusal tells no secret."""
        with pytest.raises(Forged) as caught:
            await self.webhook(options).verify(request)
        shown = f"{caught.value} {caught.value!r}"
        hidden = [k for k in self.keys.values() if isinstance(k, str)] + self.proofs(request)
        assert not [text for text in hidden if len(text) > 3 and text in shown]

    # Proof.

    async def test_genuine_call(self) -> None:
        webhook = self.webhook()
        for payload in (self.inbound, *self.reports.values()):
            await webhook.verify(self.signed(payload))

    async def test_missing_signature(self) -> None:
        await self.is_forged(self.unproven(self.signed(self.inbound)))

    @pytest.mark.parametrize(
        "proof", ["", " ", "x", "AAAA", "a.b.c", "=" * 44, "A" * 5000, "é", "\udcff", "0", "null"]
    )
    async def test_bad_signature(self, proof: str) -> None:
        await self.is_forged(self.misproven(self.signed(self.inbound), proof))

    async def test_changed_signature(self) -> None:
        request = self.signed(self.inbound)
        for proof in self.proofs(request):
            middle = len(proof) // 2
            other = "B" if proof[middle] != "B" else "C"
            await self.is_forged(
                self.misproven(request, f"{proof[:middle]}{other}{proof[middle + 1 :]}")
            )

    async def test_signature_of_another_call(self) -> None:
        if not self.covers_body:
            pytest.skip("the provider does not sign the body")
        forged = self.tampered(self.signed(self.inbound))
        assert forged != self.signed(self.inbound)
        await self.is_forged(forged)

    async def test_changed_header(self) -> None:
        request = self.signed(self.inbound)
        for name in self.bound_headers:
            for value in ("", "1", f"{request.headers[name]}0", "é"):
                await self.is_forged(replace(request, headers={**request.headers, name: value}))
            kept = {k: v for k, v in request.headers.items() if k != name}
            await self.is_forged(replace(request, headers=kept))

    async def test_changed_address(self) -> None:
        if not self.covers_url:
            pytest.skip("the provider does not sign the address")
        request = self.signed(self.inbound)
        for url in (request.url.replace("/sms/", "/SMS/"), request.url.replace("sms.", "evil.")):
            await self.is_forged(replace(request, url=url))

    async def test_stale_call(self) -> None:
        if not self.signs_time:
            pytest.skip("the provider signs no time")
        window = self.webhook_class.replay_window
        request = self.signed(self.inbound)
        await self.webhook().verify(replace(request, received_at=NOW + window - 5))
        await self.is_forged(replace(request, received_at=NOW + window + 5))
        await self.is_forged(replace(request, received_at=NOW - window - 5))

    async def test_replayed_nonce(self) -> None:
        if not self.uses_nonce:
            pytest.skip("the provider signs no nonce")
        webhook = self.webhook()
        request = self.signed(self.inbound)
        await webhook.verify(request)
        await webhook.verify(request)  # the provider's own repeat
        with pytest.raises(Forged):
            await webhook.verify(self.tampered(request))

    async def test_nonce_is_not_used_up_by_a_forgery(self) -> None:
        if not self.uses_nonce:
            pytest.skip("the provider signs no nonce")
        webhook = self.webhook()
        request = self.signed(self.inbound)
        with pytest.raises(Forged):
            await webhook.verify(self.misproven(self.tampered(request), "AAAA"))
        await webhook.verify(request)

    async def test_no_nonce_store(self) -> None:
        if not self.uses_nonce:
            pytest.skip("the provider signs no nonce")
        gateway = self.gateway_class(**self.options)
        with pytest.raises(NotReady):
            await self.webhook_class(gateway).verify(self.signed(self.inbound))

    async def test_rotated_key(self) -> None:
        if not self.rotated:
            pytest.skip("the provider has no key that could be rotated")
        for key in ("current", "new"):
            await self.webhook(self.rotated).verify(self.signed(self.inbound, key))
        await self.is_forged(self.signed(self.inbound, "other"), self.rotated)
        await self.is_forged(self.signed(self.inbound, "new"))

    async def test_key_of_another_gateway(self) -> None:
        request = self.signed(self.inbound, "other")
        await self.webhook(self.other).verify(request)
        await self.is_forged(request)
        await self.is_forged(self.signed(self.inbound), self.other)

    async def test_no_key_is_our_own_trouble(self) -> None:
        with pytest.raises(NotReady):
            await self.webhook(self.keyless).verify(self.signed(self.inbound))
        for name in self.signature_headers:  # ... and the empty key proves nothing
            empty = replace(self.signed(self.inbound), headers={name: ""})
            with pytest.raises((NotReady, Forged)):
                await self.webhook(self.keyless).verify(empty)

    # Meaning.

    def parsed(self, payload: bytes) -> list[Any]:
        """The events of a proven payload."""
        return list(self.webhook().parse(self.signed(payload)))

    def test_claims(self) -> None:
        assert set(self.claimed) <= set(self.webhook().claims(self.signed(self.inbound)))

    @pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[", b"{}", b"null", b"a=b", b"[[1]]"])
    def test_claims_never_raise(self, body: bytes) -> None:
        request = self.signed(self.inbound)
        for headers in (request.headers, {}):
            broken = replace(request, body=body, headers=headers, url=f"{PUBLIC_URL}/?%ff=%")
            assert all(isinstance(claim, str) for claim in self.webhook().claims(broken))

    def test_inbound_message(self) -> None:
        assert self.parsed(self.inbound) == [self.message]
        assert "CANARY" not in repr(self.parsed(self.inbound))

    def test_duplicates_have_one_key(self) -> None:
        for payload in (self.inbound, *self.reports.values()):
            first = self.webhook().parse(self.signed(payload))
            again = self.webhook().parse(self.signed(payload, at=NOW + 60))
            keys = [event.dedupe_key for event in first if not isinstance(event, Ignored)]
            assert keys
            assert keys == [event.dedupe_key for event in again if not isinstance(event, Ignored)]

    def test_reports_in_any_order(self) -> None:
        if not self.reports:
            pytest.skip("the provider has no delivery reports")
        webhook = self.webhook()
        seen = {
            status: webhook.parse(self.signed(payload))
            for status, payload in reversed(self.reports.items())
        }
        events = [event for (event,) in seen.values()]
        assert all(isinstance(event, DeliveryReport) for event in events)
        assert {s: e.status for s, (e,) in seen.items()} == {s: s for s in self.reports}
        assert len({event.provider_message_id for event in events}) == 1
        assert len({event.dedupe_key for event in events}) == len(events)
        if ProviderStatus.DELIVERED in seen:
            assert seen[ProviderStatus.DELIVERED][0].final

    def test_unknown_event(self) -> None:
        if not self.unknown:
            pytest.skip("the provider has one kind of event")
        (event,) = self.parsed(self.unknown)
        assert isinstance(event, Ignored)
        assert event.kind
        assert len(event.kind) <= 80
        assert event.kind.isprintable()

    def test_malformed_body(self) -> None:
        for payload in self.malformed:
            with pytest.raises(Malformed) as caught:
                self.parsed(payload)
            assert "CANARY" not in str(caught.value), payload

    def test_answer(self) -> None:
        for payload in (self.inbound, *self.reports.values()):
            assert self.webhook().answer(self.parsed(payload)) == self.expected_answer
        assert 200 <= self.webhook().answer([Ignored("news")]).status < 300

    def test_capabilities_are_declared(self) -> None:
        capabilities = self.gateway_class.capabilities
        assert capabilities.inbound
        assert capabilities.delivery_reports == bool(self.reports)
        assert self.webhook_class.provider == self.gateway_class.provider
