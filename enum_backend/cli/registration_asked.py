"""What somebody asked the registration commands for, and how it becomes an operation."""

from __future__ import annotations

from dataclasses import dataclass, field

from nvs.consent import Consent
from nvs.errors import NvsUnavailable
from nvs.formats import parse_entry
from nvs.lint import Finding
from nvs.names import e164_nvs_name, enumer_nvs_name
from nvs.registration import (
    InvalidRegistration,
    Kind,
    Operation,
    Registrar,
    RegistrationRefused,
    WantedRecord,
    enumer_value,
    json_value,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What shall be written.

    Attributes:
        wanted, value: the record, or a value that is taken as it stands; neither
            for a deletion, or to keep the present value.
        format: `json`, `enumer`, or None to go by the value.
        index: of the ENUMER name, None for the next free one or the only one.
    """

    kind: Kind
    digits: str
    wanted: WantedRecord | None = None
    value: bytes | None = None
    format: str | None = None
    index: int | None = None
    days: int = 0
    address: str = ""
    verifier: str = ""

    @property
    def enumer(self) -> bool:
        """Whether the name is `enum:<digits>:<index>`."""
        if self.format is None and self.value is not None:
            return parse_entry(e164_nvs_name(self.digits), self.value).format == "enumer"
        return self.format == "enumer"


@dataclass(slots=True)
class Prepared:
    """An operation on its way to being complete."""

    operation: Operation
    findings: tuple[Finding, ...] = ()
    notes: list[str] = field(default_factory=list)


async def prepare(registrar: Registrar, asked: Asked, *, offline: bool) -> Prepared:
    """Find the name, obtain the signature, make the value.

    Args:
        offline: do without a node where that is possible.
    """
    notes: list[str] = []
    name = e164_nvs_name(asked.digits)
    index = 0
    if asked.enumer:
        index = await _index(registrar, asked, notes, offline=offline)
        name = enumer_nvs_name(asked.digits, index)
    claim = await registrar.sign(asked.verifier, name) if asked.verifier else ""
    value, findings = asked.value or b"", tuple[Finding, ...]()
    if asked.wanted is not None and asked.enumer:
        value, findings = enumer_value(asked.wanted, asked.digits, index, claim)
    elif asked.wanted is not None:
        value = json_value(asked.wanted, claim)
    elif asked.kind is Kind.UPDATE and asked.value is None:
        value = await _present_value(registrar, name, notes)
    operation = Operation(asked.kind, name, value, asked.days, asked.address)
    return Prepared(operation, findings, notes)


async def _index(registrar: Registrar, asked: Asked, notes: list[str], *, offline: bool) -> int:
    """The ENUMER index: as told, the next free one to register, the only one to change."""
    if asked.index is not None:
        return asked.index
    try:
        live = await registrar.live_indexes(asked.digits)
    except NvsUnavailable as error:
        if not offline:
            raise
        notes.append(f"index 0 is a guess, say --index to choose ({error})")
        return 0
    if asked.kind is Kind.NEW:
        return live
    if live > 1:
        raise InvalidRegistration("index", f"{live} names are live, say which (0 to {live - 1})")
    return 0


async def _present_value(registrar: Registrar, name: str, notes: list[str]) -> bytes:
    state = await registrar.state(name)
    if state.info is None or not state.live:
        raise RegistrationRefused(f"{name} is not active, so it has no value to keep")
    if await registrar.consent(state) is Consent.UNSIGNED:
        notes.append(
            f"the present value was not signed by its owner {state.address}; an update that"
            " keeps it makes it the owner's own, so read it first"
        )
    return state.info.value
