"""SMS gateways: one configured account at one provider each.

Programs may use them without anything else of this package:

    registry = GatewayRegistry()
    registry.add("telnyx", TelnyxGateway(api_key=..., sender="+15550100001"))
    result = await registry.send("+15550100002", "Hello")
"""

from enum_backend.gateways.android import AndroidGateway
from enum_backend.gateways.bandwidth import BandwidthGateway
from enum_backend.gateways.base import (
    FAIL_OVER,
    RETRY_SAME_GATEWAY,
    Capabilities,
    Cost,
    Gateway,
    GatewayError,
    GatewayOptions,
    GatewayOptionsError,
    OutboundSms,
    ProviderStatus,
    Reason,
    SendResult,
    StatusResult,
)
from enum_backend.gateways.http import HttpGateway
from enum_backend.gateways.plivo import PlivoGateway
from enum_backend.gateways.providers import Provider, build_gateway
from enum_backend.gateways.registry import GatewayRegistry
from enum_backend.gateways.simulator import SimulatedSms, SimulatorGateway
from enum_backend.gateways.telnyx import TelnyxGateway
from enum_backend.gateways.twilio import TwilioGateway
from enum_backend.gateways.url import UrlGateway
from enum_backend.gateways.voipms import VoipmsGateway
from enum_backend.gateways.vonage import VonageGateway

__all__ = [
    "FAIL_OVER",
    "RETRY_SAME_GATEWAY",
    "AndroidGateway",
    "BandwidthGateway",
    "Capabilities",
    "Cost",
    "Gateway",
    "GatewayError",
    "GatewayOptions",
    "GatewayOptionsError",
    "GatewayRegistry",
    "HttpGateway",
    "OutboundSms",
    "PlivoGateway",
    "Provider",
    "ProviderStatus",
    "Reason",
    "SendResult",
    "SimulatedSms",
    "SimulatorGateway",
    "StatusResult",
    "TelnyxGateway",
    "TwilioGateway",
    "UrlGateway",
    "VoipmsGateway",
    "VonageGateway",
    "build_gateway",
]
