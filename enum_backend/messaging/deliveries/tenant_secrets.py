"""The webhook secret of each tenant, for addresses that have none of their own."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from enum_backend.standard_webhooks import PREFIX
from enum_backend.storage import Sealer


class TenantSecrets:
    """Secrets of the settings; a tenant without one gets one that follows from the server key.

    Args:
        configured: tenant -> its secrets, the valid one first.
    """

    def __init__(self, sealer: Sealer, configured: Mapping[str, tuple[str, ...]]) -> None:
        self._sealer = sealer
        self._secrets = dict(configured)

    def of(self, tenant: str) -> tuple[str, ...]:
        """The secrets to sign with; never empty."""
        found = self._secrets.get(tenant)
        if not found:
            key = self._sealer.digest("webhook secret", tenant)
            found = self._secrets[tenant] = (PREFIX + base64.b64encode(key).decode(),)
        return found
