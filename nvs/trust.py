"""How far an entry is believed.

The chain proves who owns a *name*, never who owns the *phone number*: anybody
may register any `enum:` name. So an entry is `untrusted` unless its source is
the operator's own, or the name belongs to an address that the operator listed
for exactly this range of numbers.

A `SIG` claim raises nothing: verifying it needs the verifier's record and
revocation list, which this version does not read. The reason says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nvs.number_record import Entry, ParsedEntry, Trust, TrustLevel

DEFAULT_TENANT = "default"
"""Who a trusted source speaks for where its entry's address is nobody's in particular."""

_PREFIX = re.compile(r"\+[0-9]{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Owner:
    """An address that may speak for a tenant's numbers.

    Attributes:
        address: Emercoin address, compared octet by octet.
        tenant: whose gateways and deliveries its records may name.
        numbers: prefixes such as `+1415555`; none means no number at all.

    Raises:
        ValueError: a prefix is not `+` and 1 to 15 digits (an empty one would mean every number).
    """

    address: str
    tenant: str = DEFAULT_TENANT
    numbers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for prefix in self.numbers:
            if _PREFIX.fullmatch(prefix) is None:
                raise ValueError(
                    f"trust.owners {self.address}: prefix {prefix!r} is not '+' and 1 to 15 digits"
                )

    def longest_prefix(self, number: str) -> str | None:
        """The longest of `numbers` that `+E.164` starts with, None if there is none."""
        fitting = [prefix for prefix in self.numbers if number.startswith(prefix)]
        return max(fitting, key=len, default=None)


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """The operator's `[[trust.owners]]`."""

    owners: tuple[Owner, ...] = ()

    def assess(
        self, entry: Entry, digits: str, parsed: ParsedEntry, source_trust: TrustLevel
    ) -> Trust:
        """The level of one entry of number `digits`, and the sentence that explains it.

        Args:
            source_trust: where every entry of its source starts from.
        """
        number = f"+{digits}"
        owner, reason = self._owner(entry.address, number)
        if owner is not None:
            return Trust(TrustLevel.OPERATOR, reason, owner.tenant)
        if source_trust is TrustLevel.OPERATOR:
            reason = "the settings trust this source as the operator's own"
            return Trust(TrustLevel.OPERATOR, reason, DEFAULT_TENANT)
        if source_trust is TrustLevel.ATTESTED:
            return Trust(TrustLevel.ATTESTED, "the settings trust this source as attested")
        if parsed.signatures:
            verifiers = ", ".join(dict.fromkeys(claim.verifier for claim in parsed.signatures))
            reason += (
                f"; its signature claim ({verifiers[:80]}) counts for nothing, as signatures are"
                " not verified by this version"
            )
        return Trust(TrustLevel.UNTRUSTED, reason)

    def _owner(self, address: str | None, number: str) -> tuple[Owner | None, str]:
        """The owner with the longest prefix for this number, else None and why not."""
        if address is None:
            return None, "the source knows no owner address for this name"
        listed = [owner for owner in self.owners if owner.address == address]
        if not listed:
            return None, f"address {address} is not listed in trust.owners"
        best = max(listed, key=lambda owner: len(owner.longest_prefix(number) or ""))
        prefix = best.longest_prefix(number)
        if prefix is not None:
            return best, (
                f"address {address} is listed in trust.owners for tenant {best.tenant},"
                f" and {number} starts with its prefix {prefix}"
            )
        prefixes = ", ".join(prefix for owner in listed for prefix in owner.numbers)
        cause = (
            f"outside its numbers ({prefixes})" if prefixes else "not allowed: it has no numbers"
        )
        return None, f"address {address} is listed in trust.owners, but {number} is {cause}"
