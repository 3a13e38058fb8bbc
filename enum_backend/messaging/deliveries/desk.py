"""What admins can do about deliveries and the addresses they go to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Connection

from enum_backend.audit.noting import Note, no_note
from enum_backend.clock import now_ms
from enum_backend.egress import Egress, RefusedUrl
from enum_backend.errors import wrong_field
from enum_backend.messaging.deliveries import endpoints, letters
from enum_backend.messaging.deliveries.endpoints import SETTINGS, Endpoint
from enum_backend.messaging.deliveries.letters import Letter
from enum_backend.messaging.deliveries.model import Kind, State
from enum_backend.messaging.deliveries.tenant_secrets import TenantSecrets
from enum_backend.settings.smtp import mail_address
from enum_backend.standard_webhooks import check_secret, new_secret
from enum_backend.storage import Database, Sealer
from enum_backend.tenants import store


class DeliveryDesk:
    """Lists, replays, endpoints; a `note` is called inside the transaction of a change.

    Args:
        validity: seconds a replayed delivery is tried.
        on_queued: wakes the workers.
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        egress: Egress,
        tenant_secrets: TenantSecrets,
        *,
        validity: float,
        on_queued: Callable[[], None],
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._egress = egress
        self._secrets = tenant_secrets
        self._validity_ms = int(validity * 1000)
        self._on_queued = on_queued

    async def page(
        self,
        *,
        tenant: str | None = None,
        state: State | None = None,
        inbox_id: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[Letter]:
        """Deliveries, newest first; see `letters.page`."""
        return await self._database.read(
            lambda connection: letters.page(
                connection,
                tenant=tenant,
                state=state,
                inbox_id=inbox_id,
                before=before,
                limit=limit,
            )
        )

    async def replay(self, delivery_id: str, *, note: Note[Letter] = no_note) -> Letter:
        """Make a delivery again.

        Raises:
            NotFound: there is none of that id.
            ValidationFailed: its tenant is deleted.
        """

        def work(connection: Connection) -> Letter:
            store.hold(connection)
            letter = letters.replay(
                connection,
                delivery_id,
                tenant=None,
                now=now_ms(),
                validity_ms=self._validity_ms,
            )
            if store.is_deleted(connection, letter.tenant):
                raise wrong_field("tenant", f"{letter.tenant} is deleted: it gets nothing any more")
            note(connection, letter)
            return letter

        found = await self._database.write(work)
        self._on_queued()
        return found

    async def replay_dead(self, tenant: str | None) -> int:
        """Make every dead letter again, of one tenant or of all there are; returns how many."""

        def work(connection: Connection) -> int:
            store.hold(connection)
            return letters.replay_dead(
                connection, tenant=tenant, now=now_ms(), validity_ms=self._validity_ms
            )

        count = 0
        while made := await self._database.write(work):
            count += made
            self._on_queued()
            if made < letters.MAX_REPLAYED:
                break
        return count

    async def endpoints(self, tenant: str | None) -> list[Endpoint]:
        """The endpoints of one tenant, or of all."""
        return await self._database.read(lambda c: endpoints.of_tenant(c, tenant))

    async def add(
        self,
        tenant: str,
        kind: Kind,
        address: str,
        failover_url: str | None = None,
        secret: str | None = None,
        *,
        note: Note[Endpoint] = no_note,
    ) -> tuple[Endpoint, str | None]:
        """A new endpoint, and its secret if it is a webhook: `secret`, or a random one.

        Raises:
            ValidationFailed: no such tenant, an address that cannot be used or is there
                already, or a secret that is none.
        """
        self._check(kind, address, failover_url)
        signed = _checked(secret or new_secret()) if kind is Kind.WEBHOOK else None
        endpoint = Endpoint(endpoints.new_id(), tenant, kind, address, failover_url)

        def work(connection: Connection) -> Endpoint:
            store.require(connection, tenant)
            endpoints.add(connection, self._sealer, endpoint, signed, now_ms())
            return _noted(connection, endpoint.id, note)

        return await self._database.write(work), signed

    async def change(
        self,
        endpoint_id: str,
        *,
        address: str | None = None,
        failover_url: str | None = None,
        enabled: bool | None = None,
        note: Note[Endpoint] = no_note,
    ) -> Endpoint:
        """Change an endpoint; None leaves a thing as it is, an empty `failover_url` ends it.

        Raises:
            NotFound: there is none of that id.
            ValidationFailed: an address that cannot be used, or that the settings decide about.
        """

        def work(connection: Connection) -> Endpoint:
            found, now = endpoints.find(connection, endpoint_id, None), now_ms()
            if address is not None or failover_url is not None:
                moved = replace(
                    found,
                    address=found.address if address is None else address,
                    failover_url=(
                        found.failover_url if failover_url is None else failover_url or None
                    ),
                )
                if found.source == SETTINGS:
                    raise wrong_field("address", "stands in the settings: change it there")
                self._check(found.kind, moved.address, moved.failover_url)
                endpoints.move(connection, endpoint_id, moved.address, moved.failover_url, now)
            if enabled is not None:
                endpoints.set_enabled(connection, endpoint_id, enabled=enabled, now=now)
            return _noted(connection, endpoint_id, note)

        changed = await self._database.write(work)
        self._on_queued()
        return changed

    async def rotate(
        self, endpoint_id: str, secret: str | None = None, *, note: Note[Endpoint] = no_note
    ) -> str:
        """A new secret of a webhook; the one before it signs as well until `end_rotation`.

        Raises:
            NotFound: there is none of that id.
            ValidationFailed: a secret that is none, or an endpoint that has none.
        """
        new = _checked(secret or new_secret())

        def work(connection: Connection) -> None:
            found = endpoints.find(connection, endpoint_id, None)
            if not found.has_secret:
                raise wrong_field("id", "has no secret of its own: its tenant's is in the settings")
            endpoints.rotate(connection, self._sealer, endpoint_id, new, now_ms())
            note(connection, found)

        await self._database.write(work)
        return new

    async def end_rotation(self, endpoint_id: str, *, note: Note[Endpoint] = no_note) -> None:
        """Sign with the new secret only.

        Raises:
            NotFound: there is none of that id.
        """

        def work(connection: Connection) -> None:
            note(connection, endpoints.find(connection, endpoint_id, None))
            endpoints.end_rotation(connection, endpoint_id, now_ms())

        await self._database.write(work)

    async def remove(self, endpoint_id: str, *, note: Note[Endpoint] = no_note) -> None:
        """Forget an endpoint; what waits for it becomes dead letters at once.

        Raises:
            NotFound: there is none of that id.
            ValidationFailed: it stands in the settings.
        """

        def work(connection: Connection) -> None:
            found = endpoints.find(connection, endpoint_id, None)
            if found.source == SETTINGS:
                raise wrong_field("id", "stands in the settings: remove it there")
            endpoints.remove(connection, endpoint_id, now_ms())
            note(connection, found)

        await self._database.write(work)
        self._on_queued()

    async def secret_of(self, tenant: str) -> str:
        """What a tenant's addresses without a secret of their own verify with.

        Raises:
            ValidationFailed: there is no such tenant.
        """
        if await self._database.read(lambda connection: store.find(connection, tenant)) is None:
            raise wrong_field("tenant", f"there is no tenant {tenant[:64]!r}")
        return self._secrets.of(tenant)[0]

    def _check(self, kind: Kind, address: str, failover_url: str | None) -> None:
        if kind is Kind.WEBHOOK:
            self._check_url("address", address)
            if failover_url:
                self._check_url("failover_url", failover_url)
        elif failover_url:
            raise wrong_field("failover_url", "only a webhook has one")
        elif kind is Kind.EMAIL:
            try:
                mail_address(address)
            except ValueError as error:
                raise wrong_field("address", str(error)) from None

    def _check_url(self, field: str, url: str) -> None:
        try:
            self._egress.check(url)
        except RefusedUrl as error:
            raise wrong_field(field, str(error)) from None


def _noted(connection: Connection, endpoint_id: str, note: Note[Endpoint]) -> Endpoint:
    found = endpoints.find(connection, endpoint_id, None)
    note(connection, found)
    return found


def _checked(secret: str) -> str:
    try:
        check_secret(secret)
    except ValueError as error:
        raise wrong_field("secret", str(error)) from None
    return secret
