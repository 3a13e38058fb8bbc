"""How far an entry is believed.

The chain proves who owns a *name*, never who owns the *phone number*: anybody
may register any `enum:` name. So an entry is `untrusted` unless its source is
the operator's own, or the name belongs to an address that the operator listed
for exactly this range of numbers and that signed what the name says (`operator`),
or a configured verifier signed the name (`attested`).

A policy is pure: verifiers and revocation lists are read elsewhere and handed
over as `Evidence`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import get_args

from nvs.address import key_hash
from nvs.attestation import NO_EVIDENCE, ClaimRefused, Evidence, claims_of, judge
from nvs.consent import Consent, RequireSigner
from nvs.number_record import Entry, ParsedEntry, Trust, TrustLevel
from nvs.signature import can_verify

DEFAULT_TENANT = "default"
"""Who a trusted source speaks for where its entry's address is nobody's in particular."""

MAX_AGE = 7200.0
"""Seconds without news from the chain after which nobody is an operator any more."""

_VERIFIER = re.compile(r"[!-+\--<>-{}~]{1,512}", re.ASCII)
_SIGNER_WORDS = {
    Consent.SIGNED: "it signed this value",
    Consent.UNKNOWN: "signer not checked, as the node cannot tell",
}
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
    """The operator's `[trust]` settings.

    Attributes:
        owners: `[[trust.owners]]`.
        verifiers: NVS names whose `SIG` counts, each alone (`ver:enum`: whatever
            address has the name) or pinned (`ver:enum=ADDRESS`).
        max_age: seconds; an older copy of the chain makes nobody an operator.
        require_signer: whether an owner must have signed the transaction that set
            the value: `always`; `when_known`: also where nobody can tell, as with a
            node that has no `getrawtransaction`; `never`: nobody is asked.
        pins: made of `verifiers`: name -> the only address it may have, or None.

    Raises:
        ValueError: a verifier that stands twice or is no name, a pin that is no
            P2PKH or P2WPKH address, a negative age, another word for `require_signer`,
            or no RIPEMD-160 to verify with.
    """

    owners: tuple[Owner, ...] = ()
    verifiers: tuple[str, ...] = ()
    max_age: float = MAX_AGE
    require_signer: RequireSigner = "when_known"
    pins: Mapping[str, str | None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.max_age >= 0:
            raise ValueError(f"trust.max_age: {self.max_age} is not 0 or more seconds")
        if self.verifiers and not can_verify():
            raise ValueError("trust.verifiers: this Python's OpenSSL has no RIPEMD-160")
        if self.require_signer not in get_args(RequireSigner):
            raise ValueError(f"trust.require_signer: {self.require_signer!r} is no such rule")
        if self.owners and self.require_signer != "never" and not can_verify():
            raise ValueError("trust.owners: this Python's OpenSSL has no RIPEMD-160")
        pins: dict[str, str | None] = {}
        for text in self.verifiers:
            name, equals, address = text.partition("=")
            if _VERIFIER.fullmatch(name) is None:
                raise ValueError(f"trust.verifiers: {text!r} is no NAME or NAME=ADDRESS")
            if name in pins:
                raise ValueError(f"trust.verifiers: {name} stands twice")
            if equals and key_hash(address) is None:
                raise ValueError(f"trust.verifiers: {text!r} pins no P2PKH or P2WPKH address")
            pins[name] = address if equals else None
        object.__setattr__(self, "pins", pins)

    def asks_signer(self, entry: Entry, digits: str) -> bool:
        """Whether the level of an entry depends on its signer, which has not been looked at."""
        return (
            bool(self.owners)
            and self.require_signer != "never"
            and entry.consent is Consent.NOT_ASKED
            and self._owner(entry.address, f"+{digits}")[0] is not None
        )

    def speaks_for(self, address: str | None, number: str, tenant: str | None) -> bool:
        """Whether an address is listed for `+E.164`, and for this tenant."""
        owner, _ = self._owner(address, number)
        return owner is not None and owner.tenant == tenant

    def assess(
        self,
        entry: Entry,
        digits: str,
        parsed: ParsedEntry,
        source_trust: TrustLevel,
        evidence: Evidence = NO_EVIDENCE,
        stale_seconds: float = 0.0,
    ) -> Trust:
        """The level of one entry of number `digits`, and the sentence that explains it.

        Args:
            source_trust: where every entry of its source starts from.
            evidence: what was read to judge its signatures.
            stale_seconds: age of the copy; a source that is the operator's own has none.
        """
        owner, reason = self._owner(entry.address, f"+{digits}")
        if source_trust is TrustLevel.OPERATOR:
            if owner is not None:
                return Trust(TrustLevel.OPERATOR, reason, owner.tenant)
            reason = "the settings trust this source as the operator's own"
            return Trust(TrustLevel.OPERATOR, reason, DEFAULT_TENANT)
        unsigned = False
        if owner is not None:
            refusal = self._refusal(entry, stale_seconds)
            if not refusal:
                words = _SIGNER_WORDS.get(entry.consent, "signer not checked")
                return Trust(TrustLevel.OPERATOR, f"{reason}; {words}", owner.tenant)
            unsigned = entry.consent is Consent.UNSIGNED and self.require_signer != "never"
            reason = refusal if unsigned else f"{reason}, but {refusal}"
        if source_trust is TrustLevel.ATTESTED:
            reason = "the settings trust this source as attested"
            return Trust(TrustLevel.ATTESTED, reason, unsigned=unsigned)
        trust = Trust(TrustLevel.UNTRUSTED, reason)
        if parsed.signatures:
            trust = self._attested(entry.name, parsed, evidence, reason)
        return replace(trust, unsigned=True) if unsigned else trust

    def _refusal(self, entry: Entry, stale_seconds: float) -> str:
        """Why a listed owner's entry is no operator's nevertheless, empty if it is."""
        consent = entry.consent
        if self.require_signer != "never":
            if consent is Consent.UNSIGNED:
                return (
                    "registered to a listed address but not signed by it: anybody may have"
                    f" written this, until {entry.address} updates or deletes the name"
                )
            if consent is Consent.UNREAD:
                return "whether it signed this value could not be read now"
        if self.require_signer == "always" and consent is not Consent.SIGNED:
            return 'nobody can tell whether it signed this value (trust.require_signer "always")'
        if stale_seconds > self.max_age:
            return (
                f"this copy of the chain is {stale_seconds:.0f} s old,"
                f" more than trust.max_age ({self.max_age:g} s)"
            )
        return ""

    def _attested(self, name: str, parsed: ParsedEntry, evidence: Evidence, reason: str) -> Trust:
        """Any claim that holds attests; otherwise every one says why it does not."""
        refusals = []
        for claim in claims_of(parsed.signatures, self.pins):
            try:
                accepted = judge(name, claim, self.pins[claim.verifier], evidence)
            except ClaimRefused as refusal:
                refusals.append(f"the signature of {claim.verifier} {refusal}")
            else:
                return Trust(TrustLevel.ATTESTED, f"{accepted}; {reason}")
        if not refusals:
            others = ", ".join(dict.fromkeys(claim.verifier for claim in parsed.signatures))
            refusals.append(
                f"its signature claim ({others[:80]}) counts for nothing, as trust.verifiers"
                " does not list it"
            )
        return Trust(TrustLevel.UNTRUSTED, "; ".join([reason, *dict.fromkeys(refusals)]))

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
