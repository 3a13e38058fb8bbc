"""Whether a name's owner agreed to what the name says now.

`name_new` and `name_update` may name any address as the owner, and that address
signs nothing (Emercoin 0.8.6, namecoin.cpp: CheckName). So an owner address says
who may change the value next, not who wrote it. The owner wrote it if the
transaction that set it also spends an output of the owner's: see `nvs.spends`.

A stock node can tell: its name index does not work without the transaction
index, so `getrawtransaction` knows every transaction of a name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, Literal, NamedTuple

from nvs.errors import RpcError, UnusableAnswer
from nvs.node_calls import METHOD_NOT_FOUND
from nvs.spends import Spend, pays_to, spend_of

RequireSigner = Literal["always", "when_known", "never"]
"""Whether only `SIGNED` counts, or everything but `UNSIGNED` and `UNREAD`, or all."""

_NO_SUCH_TRANSACTION = -5
_CANNOT_TELL = frozenset({METHOD_NOT_FOUND, _NO_SUCH_TRANSACTION})


class Consent(IntEnum):
    """What is known about the signer of the transaction that set a value."""

    NOT_ASKED = 0
    """Nobody looked: the owner is not listed, or the source has no transactions."""
    SIGNED = 1
    """By the owner's address. Such a fact never changes."""
    UNSIGNED = 2
    """Not by the owner's address: somebody else wrote the value. Never changes either."""
    UNKNOWN = 3
    """The node cannot tell: it has no such call, or not this transaction."""
    UNREAD = 4
    """No answer, or none that can be read; to be asked again."""

    @property
    def final(self) -> bool:
        """Whether asking again is of no use."""
        return self in (Consent.SIGNED, Consent.UNSIGNED)


class Question(NamedTuple):
    """Did this owner sign this transaction? `txid` None: the node named none."""

    txid: str | None
    address: str


Fetch = Callable[[Sequence[str]], Awaitable[Mapping[str, Any | RpcError]]]
"""For each txid the result of `getrawtransaction(txid, 1)`, or the node's error in its place."""


async def consents(fetch: Fetch, questions: Iterable[Question]) -> dict[Question, Consent]:
    """Answer all questions with two calls of `fetch`: names' transactions, and what they spend.

    Raises:
        NvsUnavailable: as `fetch` does.
    """
    found = dict.fromkeys(questions, Consent.UNKNOWN)
    spends: dict[Question, Spend] = {}
    named = {asked: asked.txid for asked in found if asked.txid is not None}
    answers = await fetch(_each_once(named.values()))
    for asked, txid in named.items():
        try:
            spend = spend_of(_transaction(answers, txid), asked.address)
        except (RpcError, UnusableAnswer) as error:
            found[asked] = _failure(error)
            continue
        found[asked] = Consent.UNSIGNED
        if spend is not None:
            spends[asked] = spend
    answers = await fetch(_each_once(spend.txid for spend in spends.values()))
    for asked, spend in spends.items():
        try:
            # Otherwise the input only looked like the owner's.
            if pays_to(_transaction(answers, spend.txid), spend.vout, asked.address):
                found[asked] = Consent.SIGNED
        except (RpcError, UnusableAnswer) as error:
            found[asked] = _failure(error)
    return found


def _each_once(txids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(txids))


def _transaction(answers: Mapping[str, Any | RpcError], txid: str) -> Any:
    """A transaction, if that is what the node answered.

    Raises:
        RpcError: the node's own.
        UnusableAnswer: it is about something else.
    """
    answer = answers[txid]
    if isinstance(answer, RpcError):
        raise answer
    if not isinstance(answer, dict) or answer.get("txid") != txid:
        raise UnusableAnswer("getrawtransaction: the answer is about another transaction")
    return answer


def _failure(error: RpcError | UnusableAnswer) -> Consent:
    cannot_tell = isinstance(error, RpcError) and error.code in _CANNOT_TELL
    return Consent.UNKNOWN if cannot_tell else Consent.UNREAD
