"""From a number that took an SMS to the records that say so."""

from __future__ import annotations

from nvs.consent import Consent
from nvs.directory import Directory
from nvs.errors import NvsUnavailable
from nvs.names import digits_of_nvs_name, to_nvs_digits
from nvs.number_record import Entry, NumberRecord, TrustLevel


async def records_of_sms(directory: Directory, number: str) -> tuple[NumberRecord, ...]:
    """The `operator` records whose SMS goes to `+14155551234`, by number.

    A live node cannot be asked which records name a number: there only the
    number's own record counts.

    Raises:
        InvalidNumber: not 4 to 15 digits.
        NvsUnavailable: nothing is known now; or what is known is too old to trust, or
            whether an owner signed its record could not be read, so that the answer
            may be another one later.
    """
    digits = to_nvs_digits(number)
    source, policy = directory.source, directory.policy
    reading = await source.read(digits)
    own = reading.source_trust is TrustLevel.OPERATOR
    if not own and policy.owners and reading.stale_seconds > policy.max_age:
        raise NvsUnavailable("the copy of the chain is older than trust.max_age")
    listed = {owner.address for owner in policy.owners}

    def may_be_operator(entry: Entry) -> bool:
        return own or entry.address in listed

    # Anybody may name this number: of strangers' records not even the number is looked up.
    entries = (*reading.entries, *source.names_of_sms(digits))
    candidates = {digits_of_nvs_name(entry.name) for entry in entries if may_be_operator(entry)}
    found = [
        await _record_to(directory, candidate, f"+{digits}")
        for candidate in sorted(candidate for candidate in candidates if candidate is not None)
    ]
    return tuple(record for record in found if record is not None)


async def _record_to(directory: Directory, digits: str, number: str) -> NumberRecord | None:
    """The record of a number, if it is an operator's and its SMS goes to `number`."""
    record = await directory.record(digits)
    if record is None:
        return None
    if record.trust.level >= TrustLevel.OPERATOR:
        return record if record.sms is not None and record.sms.number == number else None
    if any(assessed.entry.consent is Consent.UNREAD for assessed in record.entries):
        raise NvsUnavailable("whether an owner signed its record cannot be read now")
    return None
