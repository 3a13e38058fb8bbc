"""Everything a registration asks of the node: is the name free, sign, send, wait.

    async with RpcClient.from_url(url) as node:
        registrar = Registrar(node)
        state = await registrar.check(operation)      # refuses what the node would refuse
        txid = await registrar.submit(operation)
        confirmed = await wait_confirmed(registrar, operation, txid, state)

No parameter that reads or writes files on the node is ever passed: values go in
hex, and `name_show` is called without a file path.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from nvs.consent import Consent, Question, consents
from nvs.errors import NvsUnavailable, RpcAuthError, RpcError
from nvs.name_info import NameInfo
from nvs.names import enumer_nvs_name
from nvs.node_calls import NodeCalls
from nvs.record_index import MAX_ENUMER_INDEX
from nvs.registration.errors import OutcomeUnknown, RegistrationRefused, SigningFailed
from nvs.registration.operation import Kind, Operation

_VERIFIER = re.compile(r"ver:[!-+\--{}~]{1,508}", re.ASCII)
"""Without `,` and `|`, which end a claim."""

_SIGNATURE_OCTETS = 65


@dataclass(frozen=True, slots=True)
class NameState:
    """A name as the chain has it now.

    Attributes:
        info: None where the name never existed.
        notes: what could not be found out, as sentences.
    """

    info: NameInfo | None = None
    notes: tuple[str, ...] = ()

    @property
    def live(self) -> bool:
        """Whether somebody owns the name now."""
        return self.info is not None and self.info.live

    @property
    def txid(self) -> str:
        """The operation that counts, empty where there is none."""
        return (self.info.txid or "") if self.info is not None else ""

    @property
    def address(self) -> str:
        """The owner's address, empty where nobody owns the name."""
        return (self.info.address or "") if self.info is not None and self.info.live else ""

    @property
    def expires_in(self) -> int:
        """Blocks that are left, 0 where nobody owns the name."""
        return self.info.expires_in if self.info is not None and self.info.live else 0


class Registrar:
    """Writes names through one node and its wallet.

    Errors: `RpcError` is the node's own refusal in its own words,
    `NvsUnavailable` means that it gave no answer.
    """

    def __init__(self, node: NodeCalls) -> None:
        """The caller closes the node."""
        self._node = node

    async def state(self, name: str) -> NameState:
        """The name now, without what is pending."""
        return NameState(await self._node.name_show(name))

    async def consent(self, state: NameState) -> Consent:
        """Whether the name's owner signed what it says, `UNREAD` where the node does not answer."""
        asked = Question(state.txid or None, state.address)
        try:
            return (await consents(self._node.transactions, [asked]))[asked]
        except NvsUnavailable:
            return Consent.UNREAD

    async def pending(self, name: str) -> tuple[str, ...]:
        """Operations on this name that no block has yet: `name_new 60635b...`."""
        answer = await self._node.call("name_mempool", "hex")
        return tuple(_pending(answer, name))

    async def check(self, operation: Operation) -> NameState:
        """The name's state, if it allows the operation.

        Raises:
            RegistrationRefused: it does not, or an operation is pending already.
        """
        name = operation.name
        state = await self.state(name)
        if operation.kind is Kind.NEW and state.info is not None and state.live:
            raise RegistrationRefused(
                f"{name} is registered until block {state.info.expires_at}, owned by"
                f" {state.address or 'an unknown address'}; an update changes it"
            )
        if operation.kind is not Kind.NEW and not state.live:
            raise RegistrationRefused(f"{name} is not active, so there is nothing to change")
        try:
            pending = await self.pending(name)
        except (RpcError, RpcAuthError):
            raise
        except NvsUnavailable as error:  # some other name in there may be no UTF-8
            note = f"pending operations could not be read ({error})"
            return NameState(state.info, notes=(note,))
        if pending:
            raise RegistrationRefused(
                f"{name}: an operation is pending already: {', '.join(pending)};"
                " wait until a block has it"
            )
        return state

    async def live_indexes(self, number: str, limit: int = MAX_ENUMER_INDEX + 1) -> int:
        """How many ENUMER names `enum:<digits>:0`, `:1` ... are live before the first gap.

        That is the next free index, too, as long as it is below `limit`, where the
        look ends.
        """
        index = 0
        while index < limit and (await self.state(enumer_nvs_name(number, index))).live:
            index += 1
        return index

    async def sign(self, verifier: str, name: str) -> str:
        """A claim `ver:name|base64` over an NVS name, by the wallet's key of the verifier.

        It covers the exact name and nothing else (Emercoin's `signmessage`).

        Raises:
            SigningFailed: no such verifier, or the wallet lacks its key.
        """
        if _VERIFIER.fullmatch(verifier) is None:
            raise SigningFailed(f"{verifier[:40]!a} is no verifier's name such as ver:enum")
        address = _address_of(verifier, await self.state(verifier))
        try:
            signature = await self._node.call("signmessage", address, name)
        except RpcError as error:
            raise SigningFailed(
                f"{verifier}: the node's wallet cannot sign for its address {address}: {error}"
            ) from error
        if not isinstance(signature, str) or not _is_signature(signature):
            raise SigningFailed(f"{verifier}: the node's answer is no message signature")
        return f"{verifier}|{signature}"

    async def submit(self, operation: Operation) -> str:
        """Send the operation; its txid. Never sent twice.

        Raises:
            RpcError: the node refused it, in its own words.
            OutcomeUnknown: no answer came, so it may be under way.
        """
        try:
            txid = await self._node.call(operation.kind.value, *operation.parameters)
        except RpcAuthError:
            raise
        except NvsUnavailable as error:
            raise OutcomeUnknown(
                f"{error}; whether {operation.kind} reached the chain is unknown, look at"
                f" name_mempool and name_show {operation.name} before you repeat it"
            ) from error
        if not isinstance(txid, str) or re.fullmatch(r"[0-9a-f]{64}", txid) is None:
            raise OutcomeUnknown(f"{operation.kind}: the node's answer is no transaction id")
        return txid


def _address_of(verifier: str, state: NameState) -> str:
    if not state.address:
        raise SigningFailed(f"{verifier}: there is no such active record, so nobody's key")
    return state.address


def _pending(answer: object, name: str) -> Iterator[str]:
    for item in answer if isinstance(answer, list) else ():
        if isinstance(item, dict) and item.get("name") == name:
            yield f"{item.get('operation', 'operation')} {item.get('txid', '')}".strip()


def _is_signature(text: str) -> bool:
    try:
        return len(base64.b64decode(text.encode("ascii", "replace"), validate=True)) == (
            _SIGNATURE_OCTETS
        )
    except binascii.Error:
        return False
