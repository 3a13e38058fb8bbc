"""Every provider's webhook, by the provider's word."""

from __future__ import annotations

from typing import Any

from enum_backend.gateways.webhooks.android import AndroidWebhook
from enum_backend.gateways.webhooks.bandwidth import BandwidthWebhook
from enum_backend.gateways.webhooks.base import Webhook
from enum_backend.gateways.webhooks.http import HttpWebhook
from enum_backend.gateways.webhooks.plivo import PlivoWebhook
from enum_backend.gateways.webhooks.telnyx import TelnyxWebhook
from enum_backend.gateways.webhooks.twilio import TwilioWebhook
from enum_backend.gateways.webhooks.voipms import VoipmsWebhook
from enum_backend.gateways.webhooks.vonage import VonageWebhook

WEBHOOKS: dict[str, type[Webhook[Any]]] = {
    webhook.provider: webhook
    for webhook in (
        AndroidWebhook,
        BandwidthWebhook,
        PlivoWebhook,
        TelnyxWebhook,
        TwilioWebhook,
        HttpWebhook,
        VoipmsWebhook,
        VonageWebhook,
    )
}
