"""From a number that took an SMS to the records that say so."""

from __future__ import annotations

from nvs.consent import Consent
from nvs.directory import Directory
from nvs.errors import NvsUnavailable
from nvs.names import digits_of_nvs_name, to_nvs_digits
from nvs.number_record import Entry, NumberRecord, TrustLevel
from nvs.trust import TrustPolicy


async def records_of_sms(directory: Directory, number: str) -> tuple[NumberRecord, ...]:
    """The `operator` records whose SMS goes to `+14155551234`, by number.

    Whoever names another number than the record's own must be listed for that one as
    well: an owner of one number would else take the messages of any other.

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
        await _record_to(directory, candidate, f"+{digits}", own=own)
        for candidate in sorted(candidate for candidate in candidates if candidate is not None)
    ]
    return tuple(record for record in found if record is not None)


async def _record_to(
    directory: Directory, digits: str, number: str, *, own: bool
) -> NumberRecord | None:
    """The record of a number, if it is an operator's and its SMS goes to `number`.

    Args:
        own: the source is the operator's: what it says needs no owner.
    """
    record = await directory.record(digits)
    if record is None:
        return None
    if record.trust.level >= TrustLevel.OPERATOR:
        if record.sms is None or record.sms.number != number:
            return None
        may_name = own or record.number == number or _may_name(directory.policy, record, number)
        return record if may_name else None
    if any(assessed.entry.consent is Consent.UNREAD for assessed in record.entries):
        raise NvsUnavailable("whether an owner signed its record cannot be read now")
    return None


def _may_name(policy: TrustPolicy, record: NumberRecord, number: str) -> bool:
    """Whether the entry that sends a record's SMS to `number` may speak for that number too."""
    tenant = record.trust.tenant
    naming = (
        assessed.entry.address
        for assessed in record.entries
        if assessed.trust.level >= TrustLevel.OPERATOR
        and assessed.trust.tenant == tenant
        and assessed.parsed.sms is not None
    )
    return policy.speaks_for(next(naming, None), number, tenant)
