"""RPCs of the wallet: name operations, its own names, signed messages.

Error texts were observed on Emercoin Core 0.8.6, except "value is too long" and
"this name is not in your wallet" and those about addresses and signatures (the
latter are Bitcoin Core 0.19's).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from nvs.testing.chain_addresses import KeyHash, read_address, write_address
from nvs.testing.chain_view import ChainView
from nvs.testing.fake_wallet import verify
from nvs.testing.name_calls import NO_WALLET, remaining
from nvs.testing.name_index import MAX_DAYS, MAX_NAME, MAX_VALUE
from nvs.testing.name_script import NameOp, Operation
from nvs.testing.rpc_method import CallError, Method, encoded, octets, whole

_FAILED = -32603
_BAD_KEY = -5
_VALUE_TYPES = ("name", "value", "days", "toaddress", "valuetype")


class WalletCalls:
    """Answers from wallet, mempool and index of names."""

    def __init__(self, chain: ChainView) -> None:
        self._chain = chain

    def methods(self) -> dict[str, Method]:
        """By name."""
        return {
            "name_new": self._writing(self._name_new, _VALUE_TYPES, 3),
            "name_update": self._writing(self._name_update, _VALUE_TYPES, 3),
            "name_delete": self._writing(self._name_delete, ("name",), 1),
            "name_list": Method(self._own(self._name_list), ("name", "valuetype")),
            "name_mempool": Method(self._own(self._name_mempool), ("valuetype",)),
            "getnewaddress": Method(self._own(self._getnewaddress), ("label", "address_type")),
            "signmessage": Method(self._own(self._signmessage), ("address", "message"), 2),
            "verifymessage": Method(self._verifymessage, ("address", "signature", "message"), 3),
        }

    def _own(self, call: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
        def guarded(params: list[Any]) -> Any:
            if not self._chain.has_wallet:
                raise CallError(-32601, NO_WALLET)
            return call(params)

        return guarded

    def _writing(
        self, call: Callable[[list[Any]], Any], names: tuple[str, ...], least: int
    ) -> Method:
        return Method(self._own(call), names, least, while_downloading=False)

    # Operations -----------------------------------------------------------------------

    def _name_new(self, params: list[Any]) -> str:
        return self._write(Operation.NEW, params)

    def _name_update(self, params: list[Any]) -> str:
        return self._write(Operation.UPDATE, params)

    def _write(self, kind: Operation, params: list[Any]) -> str:
        name, days = octets(params, 0), whole(params, 2)
        value = _decoded(octets(params, 1), octets(params, 4))
        _check(kind, name, value, days)
        self._check_state(kind, name)
        return self._send(kind, name, value, days, octets(params, 3))

    def _name_delete(self, params: list[Any]) -> str:
        name = octets(params, 0)
        self._check_state(Operation.DELETE, name)
        return self._send(Operation.DELETE, name, b"", 0, b"")

    def _send(
        self, kind: Operation, name: bytes, value: bytes, days: int, to_address: bytes
    ) -> str:
        owner = self._chain.wallet.new_owner()
        if to_address:
            try:
                owner = self._address(to_address)
            except ValueError:
                raise CallError(_FAILED, "Invalid emercoin address") from None
        pays_from = self._chain.wallet.pays_from
        payers = [] if pays_from is None else [pays_from]
        return self._chain.pool.send([NameOp(kind, name, value, days, owner)], payers)

    def _check_state(self, kind: Operation, name: bytes) -> None:
        pending = self._chain.pool.pending(name)
        if pending:
            count, txid = len(pending), pending[0].txid
            text = f"there are {count} pending operations on that name, including {txid}"
            raise CallError(_FAILED, text)
        last = self._chain.tree.names.last(name)
        active = last is not None and last.active(self._chain.tree.height)
        if kind is Operation.NEW:
            if active:
                raise CallError(_FAILED, "name_new on an unexpired name")
        elif not active:
            raise CallError(_FAILED, f"{kind.word} on an inactive name")
        elif last is not None and not self._chain.wallet.owns(last.op.owner):
            raise CallError(_FAILED, "this name is not in your wallet")

    # Lists ----------------------------------------------------------------------------

    def _name_list(self, params: list[Any]) -> list[dict[str, Any]]:
        wanted, valuetype = octets(params, 0), octets(params, 1)
        names = self._chain.tree.names
        chosen = [wanted] if params and params[0] is not None else sorted(names.own_names())
        shown = []
        for name in chosen:
            events = names.history(name)
            own = [event for event in events if self._chain.wallet.owns(event.op.owner)]
            if not own or events[-1].deleted:
                continue
            op = own[-1].op
            item: dict[str, Any] = {"name": name, "value": encoded(op.value, valuetype)}
            item["address"] = write_address(self._chain.network, op.owner)
            if own[-1] is not events[-1]:
                item["transferred"] = True
            shown.append(item | remaining(events[-1], self._chain.tree.height))
        return shown

    def _name_mempool(self, params: list[Any]) -> list[dict[str, Any]]:
        valuetype = octets(params, 0)
        shown = []
        for transaction in self._chain.pool:
            for op in (output.op for output in transaction.outputs if output.op):
                item: dict[str, Any] = {"name": op.name, "txid": transaction.txid}
                item["time"] = transaction.time
                item["address"] = write_address(self._chain.network, op.owner)
                if self._chain.wallet.owns(op.owner):
                    item["address_is_mine"] = "true"
                item["operation"] = op.kind.word
                if op.kind is not Operation.DELETE:
                    item["days_added"] = op.days
                    item["value"] = encoded(op.value, valuetype)
                shown.append(item)
        return shown

    # Keys -----------------------------------------------------------------------------

    def _getnewaddress(self, params: list[Any]) -> str:
        kind = octets(params, 1)
        return self._chain.wallet.new_address(
            legacy=kind == b"legacy", script=kind == b"p2sh-segwit"
        )

    def _signmessage(self, params: list[Any]) -> str:
        address, message = octets(params, 0), octets(params, 1)
        try:
            return self._chain.wallet.sign(address.decode("latin-1"), message)
        except ValueError:
            raise CallError(_BAD_KEY, "Invalid address") from None
        except KeyError:
            raise CallError(-4, "Private key not available") from None

    def _verifymessage(self, params: list[Any]) -> bool:
        address, signature, message = (octets(params, i) for i in range(3))
        try:
            owner = self._address(address)
        except ValueError:
            raise CallError(_BAD_KEY, "Invalid address") from None
        try:
            return verify(owner, signature, message)
        except ValueError:
            raise CallError(_BAD_KEY, "Malformed base64 encoding") from None

    def _address(self, address: bytes) -> KeyHash:
        return read_address(self._chain.network, address.decode("latin-1"))


def _decoded(value: bytes, valuetype: bytes) -> bytes:
    """The value's octets. Any other `valuetype` is a file on the node: never read here."""
    if not valuetype:
        return value
    try:
        if valuetype == b"hex":
            return binascii.unhexlify(value)
        if valuetype == b"base64":
            return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise CallError(_FAILED, f"failed to decode value as {valuetype.decode()}") from None
    raise CallError(_FAILED, "failed to open file")


def _check(kind: Operation, name: bytes, value: bytes, days: int) -> None:
    if len(name) > MAX_NAME:
        raise CallError(_FAILED, "name is too long.\n")
    if not value:
        raise CallError(_FAILED, "value must not be empty")
    if len(value) > MAX_VALUE:
        raise CallError(_FAILED, "value is too long.\n")
    if days < 0 or (days == 0 and kind is Operation.NEW):
        raise CallError(_FAILED, "rental days must be greater than 0.\n")
    if days > MAX_DAYS:
        raise CallError(_FAILED, "rental days value is too large.\n")
