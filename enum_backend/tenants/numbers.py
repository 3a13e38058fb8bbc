"""A tenant's numbers, for whoever may bind them: what the API does, one call each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from enum_backend.audit.noting import Note, no_note
from enum_backend.clock import now_ms
from enum_backend.errors import EnumBackendError
from enum_backend.storage import Database, Sealer
from enum_backend.tenants import bindings, proofs
from enum_backend.tenants.bindings import Binding
from enum_backend.tenants.proofs import Pending

log = structlog.get_logger("enum_backend.tenants")

Send = Callable[[str], Awaitable[object]]
"""Sends a text to the number that is to be proven, as a message that holds a code."""

OnChange = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    """Nobody needs to know."""


@dataclass(frozen=True, slots=True)
class TenantNumbers:
    """Binds numbers, and takes them back; a `note` is called inside each transaction.

    Attributes:
        on_change: called after a binding was made or ended.
    """

    database: Database
    sealer: Sealer
    on_change: OnChange = _nothing

    async def of(self, tenant: str) -> list[Binding]:
        """The tenant's numbers, in order."""
        return await self.database.read(lambda c: bindings.bindings_of(c, tenant))

    async def bind(
        self, tenant: str, number: str, by: str, *, note: Note[Binding] = no_note
    ) -> Binding:
        """Give `+E.164` to a tenant, by an admin's word.

        Raises:
            ValidationFailed: there is no such tenant.
            NumberTaken: it is bound to another one.
        """
        wanted = Binding(number, tenant, "admin", by, now_ms())

        def work(connection: Connection) -> Binding:
            bound = bindings.bind(connection, wanted)
            note(connection, bound)
            return bound

        bound = await self.database.write(work)
        await self.on_change()
        log.info("number bound", tenant=tenant, proof="admin", by=by)
        return bound

    async def start(self, tenant: str, number: str, send: Send) -> Pending:
        """Send a code to `+E.164` that proves it, or the same code once more.

        A code counts from when its message is accepted: before, and if that fails or the
        process ends meanwhile, it is `CodeExpired`.

        Raises:
            ValidationFailed: bound already; or there is no such tenant.
            TooManyAttempts: the code that is on its way was guessed at too often.
            EnumBackendError: the message was not accepted.
        """
        pending, code = await self.database.write(
            lambda c: proofs.start(c, self.sealer, tenant, number, now_ms())
        )
        await send(f"{code} connects this number to an account. Ignore it unless you asked for it.")
        await self.database.write(lambda c: proofs.open_(c, pending))
        return pending

    async def confirm(
        self, tenant: str, number: str, code: str, by: str, *, note: Note[Binding] = no_note
    ) -> Binding:
        """Bind `+E.164` by the code that was sent to it.

        Raises:
            CodeInvalid, CodeExpired, TooManyAttempts: nothing is bound.
            NumberTaken: another tenant has it now.
        """
        wanted = Binding(number, tenant, "code", by, now_ms())

        def work(connection: Connection) -> Binding | EnumBackendError:
            bound = proofs.confirm(connection, self.sealer, wanted, code, now_ms())
            if isinstance(bound, Binding):
                note(connection, bound)
            return bound

        result = await self.database.write(work)
        if isinstance(result, EnumBackendError):
            raise result
        await self.on_change()
        log.info("number bound", tenant=tenant, proof="code", by=by)
        return result

    async def unbind(self, tenant: str, number: str, *, note: Note[Binding] = no_note) -> Binding:
        """Take a number from a tenant.

        Raises:
            NotFound: it is not this tenant's.
            ValidationFailed: it is of the inventory.
        """

        def work(connection: Connection) -> Binding:
            ended = bindings.unbind(connection, tenant, number)
            note(connection, ended)
            return ended

        ended = await self.database.write(work)
        await self.on_change()
        log.info("number unbound", tenant=tenant, proof=ended.proof)
        return ended
