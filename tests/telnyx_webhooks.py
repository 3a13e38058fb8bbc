"""Webhooks as Telnyx signs them: Ed25519 over `<timestamp>|<raw body>`."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

OURS = "+14155550100"
PATH = "/sms/webhook/telnyx"


class TelnyxSigner:
    """An account.

    Attributes:
        public_key: as the gateway's settings want it.
    """

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public_key = b64encode(public).decode()

    def settings(self, base_url: str) -> str:
        """TOML of the gateway, its number included."""
        return (
            f'[gateways.telnyx]\napi_key = "KEYtest"\nfrom = "{OURS}"\n'
            f'public_key = "{self.public_key}"\nbase_url = "{base_url}"\n'
        )

    def received(self, sender: str, text: str) -> bytes:
        """Body of an event: a message of an id of its own came for `OURS`."""
        payload = {
            "id": str(uuid4()),
            "record_type": "message",
            "direction": "inbound",
            "type": "SMS",
            "from": {"phone_number": sender},
            "to": [{"phone_number": OURS, "status": "webhook_delivered"}],
            "text": text,
            "parts": 1,
            "received_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        event = {"event_type": "message.received", "id": str(uuid4()), "payload": payload}
        return json.dumps({"data": event}).encode()

    def headers(self, body: bytes) -> dict[str, str]:
        """What proves a body, now."""
        stamp = str(int(time.time()))
        signature = self._key.sign(stamp.encode() + b"|" + body)
        return {
            "telnyx-timestamp": stamp,
            "telnyx-signature-ed25519": b64encode(signature).decode(),
            "Content-Type": "application/json",
        }
