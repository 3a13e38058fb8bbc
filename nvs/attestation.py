"""Whether a signature claim holds, decided from names that were read before.

Nothing here waits or remembers: `Evidence` is everything that counts besides
the entry itself. What is missing in it, or could not be read, speaks against
the claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from nvs.address import key_hash
from nvs.errors import NvsUnavailable
from nvs.number_record import Entry, Signature
from nvs.revocation import InvalidSrl, names_in, revocation_lists
from nvs.signature import MessageSignature

MAX_CLAIMS = 8
"""Claims of configured verifiers looked at of one entry; each costs a public key operation."""

NameAnswer = Entry | NvsUnavailable | None
"""A live entry, "surely there is none", or why nobody knows."""

Pins = Mapping[str, str | None]
"""Configured verifiers, each with the only address it may have or None."""

_UNREAD = NvsUnavailable("has not been read")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read to judge the claims of one number's entries.

    Attributes:
        names: verifiers and revocation lists by NVS name.
        replayed: the claims (entry's name, claim) that were compared with the ledger,
            each with "was seen first under another registration".
    """

    names: Mapping[str, NameAnswer] = field(default_factory=dict)
    replayed: Mapping[tuple[str, Signature], bool] = field(default_factory=dict)

    def about(self, name: str) -> NameAnswer:
        """What is known about a name; not having asked is not knowing."""
        return self.names.get(name, _UNREAD)


NO_EVIDENCE = Evidence()


class ClaimRefused(Exception):
    """A claim does not count; the text ends the sentence "the signature of ver:x ..."."""


def claims_of(signatures: Iterable[Signature], verifiers: Pins) -> Iterator[Signature]:
    """The first few claims of configured verifiers, each only once."""
    counting = (claim for claim in signatures if claim.verifier in verifiers)
    for _, claim in zip(range(MAX_CLAIMS), dict.fromkeys(counting), strict=False):
        yield claim


def judge(name: str, claim: Signature, pin: str | None, evidence: Evidence) -> str:
    """Accept a claim about the entry `name`, with the sentence that says why.

    Args:
        pin: the only address this verifier may have, None for any.

    Raises:
        ClaimRefused: it does not hold, or nobody can tell now.
    """
    replayed = evidence.replayed.get((name, claim))
    if replayed is None:
        raise ClaimRefused("has not been checked, as there are too many")
    verifier, _ = signed_by(name, claim, pin, evidence)
    if replayed:
        raise ClaimRefused("is replayed: it was seen first under another registration of this name")
    for revocations in lists_for(name, verifier):
        found = evidence.about(revocations)
        if isinstance(found, NvsUnavailable):
            raise ClaimRefused(f"may be revoked: the list {revocations} cannot be read now")
        if found is not None and names_in(found.value, name):
            raise ClaimRefused(f"is revoked in {revocations}")
    return f"{claim.verifier} (address {verifier.address}) signed this name and has not revoked it"


def signed_by(
    name: str, claim: Signature, pin: str | None, evidence: Evidence
) -> tuple[Entry, MessageSignature]:
    """The verifier's live entry and the signature, when its key really signed `name`.

    Raises:
        ClaimRefused: see `judge`; revocation and replay are not looked at.
    """
    verifier = evidence.about(claim.verifier)
    if isinstance(verifier, NvsUnavailable):
        raise ClaimRefused("cannot be checked: the verifier's record cannot be read now")
    if verifier is None:
        raise ClaimRefused("counts for nothing: the verifier's record is absent or has expired")
    if pin is not None and verifier.address != pin:
        raise ClaimRefused(
            f"counts for nothing: the verifier moved to {verifier.address}, the settings pin {pin}"
        )
    expected = key_hash(verifier.address or "")
    if expected is None:
        raise ClaimRefused("cannot be checked: the verifier's address is no P2PKH or P2WPKH one")
    signature = MessageSignature.parse(claim.signature)
    if signature is None or signature.key_hash(name) != expected:
        raise ClaimRefused("is not one of the verifier's key over this name")
    return verifier, signature


def lists_for(name: str, verifier: Entry) -> tuple[str, ...]:
    """The names of the revocation lists that could hold `name`.

    Raises:
        ClaimRefused: the verifier's record does not say which.
    """
    try:
        return tuple(lists.list_of(name) for lists in revocation_lists(verifier.value))
    except InvalidSrl as error:
        raise ClaimRefused(f"may be revoked: {error}") from None
