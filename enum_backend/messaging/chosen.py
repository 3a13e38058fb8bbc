"""Whether a tenant may name a sender or a gateway: asked before it is kept as a setting.

What passes can still fail later, when gateways or numbers have changed.
"""

from __future__ import annotations

from enum_backend.errors import CredentialsMissing, GatewayNotConfigured, wrong_field
from enum_backend.messaging.gateways import SIMULATOR, GatewayPool
from enum_backend.messaging.routing import Router


async def check_chosen(
    router: Router, pool: GatewayPool, tenant: str, *, sender: str | None, gateway: str | None
) -> None:
    """Refuse what each message that names it would be refused for.

    Raises:
        ValidationFailed: the tenant cannot send from `sender`, or through `gateway`.
        NvsUnavailableError: the sender's record would decide and cannot be read.
    """
    if gateway and not (gateway == SIMULATOR and pool.mode == "simulation"):
        try:
            pool.usable(gateway, tenant)
        except GatewayNotConfigured:
            raise wrong_field("gateway", "is not configured for this tenant") from None
        except CredentialsMissing as error:
            raise wrong_field("gateway", error.message) from None
        if not sender and not pool.sends_for(gateway, tenant):
            raise wrong_field("gateway", "its number is another tenant's: name a sender too")
    if sender and pool.mode != "simulation":
        owner, _ = await router.sender_gateway(sender, tenant)
        if owner is None:
            raise wrong_field("sender", "is not a number of any gateway that this tenant may use")
