"""Proof that a number is a tenant's: a code is sent to it, and comes back.

The code is derived from the server key, lives ten minutes, counts three attempts
before it compares, and works once. A repeat of the request within its life sends
the same code again and gives no further attempts.

A new code stays closed until its message is accepted. Were it open before, somebody
whose messages are refused could guess at the codes of any numbers.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from enum_backend.codes import derive_code, new_salt
from enum_backend.errors import (
    CodeExpired,
    CodeInvalid,
    EnumBackendError,
    TooManyAttempts,
    wrong_field,
)
from enum_backend.storage import Sealer
from enum_backend.storage.tables import binding_proofs
from enum_backend.tenants import store
from enum_backend.tenants.bindings import Binding, NumberTaken, bind, tenant_bound_to

LIFE_MS: Final = 600_000
MAX_ATTEMPTS: Final = 3
CLOSED: Final = 99
"""`attempts` of a code whose message is not accepted yet: nothing is compared with it."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A proof under way; `expires_at` in milliseconds."""

    id: str
    number: str
    tenant: str
    expires_at: int


def start(
    connection: Connection, sealer: Sealer, tenant: str, number: str, now: int
) -> tuple[Pending, str]:
    """A proof, closed until `open_` if it is new, and the code to send to the number.

    Raises:
        ValidationFailed: no such tenant; the number is bound to it already, or to
            another one (which is not told).
        TooManyAttempts: the proof under way has none left.
    """
    store.require(connection, tenant)
    owner = tenant_bound_to(connection, number)
    if owner == tenant:
        raise wrong_field("number", "is bound to you already")
    if owner is not None:
        raise NumberTaken
    connection.execute(delete(binding_proofs).where(binding_proofs.c.expires_at <= now))
    proof = _find(connection, tenant, number) or _insert(connection, tenant, number, now)
    if proof.attempts == CLOSED:
        proof = _renew(connection, proof, now)
    elif proof.attempts >= MAX_ATTEMPTS:
        raise TooManyAttempts
    return Pending(proof.id, number, tenant, proof.expires_at), proof.code(sealer)


def open_(connection: Connection, pending: Pending) -> None:
    """Its message is accepted: from now on its code is compared.

    A closed one only, in one statement: attempts that were made are never given back.
    """
    connection.execute(
        update(binding_proofs)
        .where(binding_proofs.c.id == pending.id, binding_proofs.c.attempts == CLOSED)
        .values(attempts=0)
    )


def confirm(
    connection: Connection, sealer: Sealer, binding: Binding, code: str, now: int
) -> Binding | EnumBackendError:
    """Bind the number if the code is right.

    A wrong code is returned, not raised, so that its attempt is counted:
    `CodeInvalid`, `CodeExpired`, `TooManyAttempts`.

    Raises:
        NumberTaken: somebody else has proven it meanwhile.
    """
    proof = _find(connection, binding.tenant, binding.number)
    if proof is None or proof.expires_at <= now or proof.attempts == CLOSED:
        return CodeExpired()
    counted = connection.execute(
        update(binding_proofs)
        .where(binding_proofs.c.id == proof.id, binding_proofs.c.attempts < MAX_ATTEMPTS)
        .values(attempts=binding_proofs.c.attempts + 1)
    )
    if counted.rowcount == 0:
        return TooManyAttempts()
    if not hmac.compare_digest(proof.code(sealer).encode(), code.encode("utf-8", "replace")):
        return CodeInvalid()
    connection.execute(delete(binding_proofs).where(binding_proofs.c.id == proof.id))
    return bind(connection, binding)


@dataclass(frozen=True, slots=True)
class _Proof:
    id: str
    salt: bytes
    attempts: int
    expires_at: int

    def code(self, sealer: Sealer) -> str:
        return derive_code(sealer, "binding", self.id, self.salt)


def _find(connection: Connection, tenant: str, number: str) -> _Proof | None:
    row = connection.execute(
        select(binding_proofs).where(
            binding_proofs.c.tenant == tenant, binding_proofs.c.number == number
        )
    ).first()
    return None if row is None else _Proof(row.id, row.salt, row.attempts, row.expires_at)


def _insert(connection: Connection, tenant: str, number: str, now: int) -> _Proof:
    proof = _Proof(f"proof_{secrets.token_hex(12)}", new_salt(), CLOSED, now + LIFE_MS)
    connection.execute(
        insert(binding_proofs).values(
            id=proof.id,
            tenant=tenant,
            number=number,
            salt=proof.salt,
            attempts=CLOSED,
            created_at=now,
            expires_at=proof.expires_at,
        )
    )
    return proof


def _renew(connection: Connection, proof: _Proof, now: int) -> _Proof:
    """A code that nobody has got yet, or may not have got, lives from now on."""
    connection.execute(
        update(binding_proofs)
        .where(binding_proofs.c.id == proof.id)
        .values(created_at=now, expires_at=now + LIFE_MS)
    )
    return replace(proof, expires_at=now + LIFE_MS)
