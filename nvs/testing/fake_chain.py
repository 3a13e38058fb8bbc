"""A chain of blocks with names in it, to be asked over the node's own JSON-RPC.

    from nvs.testing import FakeChain, FakeChainNode, FakeRpc

    chain = FakeChain(height=100)
    chain.name_new("enum:14155551234:0", "E2U+sip=100|10|!^.*$!sip:a@b.example!", days=30)
    chain.mine()                                  # height 101, the name is visible
    status, body = FakeRpc(chain).answer(b'{"id":1,"method":"getbestblockhash"}')
    with FakeChainNode(chain) as node:            # the same over HTTP: node.url
        ...

How to look at it from a test is in `ChainState`, its base.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Self, cast

from nvs.testing.block_calls import BlockCalls
from nvs.testing.blocks import Block
from nvs.testing.bulk_names import ListedNames, NameSource
from nvs.testing.call_hooks import CallHooks
from nvs.testing.chain_state import ChainState
from nvs.testing.fake_ledger import as_octets
from nvs.testing.name_calls import NameCalls
from nvs.testing.name_script import NameOp, Operation
from nvs.testing.rpc_method import Method
from nvs.testing.transaction_calls import TransactionCalls
from nvs.testing.wallet_calls import WalletCalls
from nvs.testing.zmq_publisher import HashblockPublisher


class FakeChain(ChainState):
    """Blocks, names by consensus rules, a mempool and a wallet. Same calls, same hashes.

    Every method may be called while a server answers (one lock). `name` and
    `value` are `bytes`, or `str` for UTF-8. Methods named like RPCs mean the bare
    network: they check nothing, so that invalid operations get into blocks. The
    wallet's checks apply to the RPC of the same name.

    Attributes:
        lock: re-entrant; hold it to do several things at once.
        network: prefixes of addresses.
        wallet: the node's keys.
        has_wallet: False answers wallet calls as a node without wallet does.
        downloading: True answers code -10 to name calls, as before the chain is complete.
    """

    def __init__(self, *, height: int = 100, network: str = "regtest", seed: int = 0) -> None:
        """A chain of coinbases only.

        Args:
            height: of the best block; each block costs some memory.
            network: `main`, `test` or `regtest`.
            seed: chains of other seeds have other hashes and keys.
        """
        super().__init__(height=height, network=network, seed=seed)
        self._grown = threading.Condition(self.lock)
        self._hooks = CallHooks()
        self._publisher: HashblockPublisher | None = None
        self._methods = BlockCalls(self).methods() | NameCalls(self).methods()
        self._methods |= WalletCalls(self).methods() | TransactionCalls(self).methods()

    # Into the mempool, unchecked; each returns the txid -----------------------------------

    def name_new(
        self,
        name: str | bytes,
        value: str | bytes,
        days: int = 365,
        *,
        address: str | None = None,
        paid_by: str | None = None,
    ) -> str:
        """Register at the next `mine`, if nobody holds the name then.

        Args:
            days: of 175 blocks.
            address: owner; one of a new wallet key by default.
            paid_by: whose coin is spent, so who signs; the owner by default.
        """
        return self._send(self.op(Operation.NEW, name, value, days, address), paid_by)

    def name_update(
        self,
        name: str | bytes,
        value: str | bytes,
        days: int = 0,
        *,
        address: str | None = None,
        forged: bool = False,
        paid_by: str | None = None,
    ) -> str:
        """Change value and owner, add days.

        Args:
            address: new owner; one of a new wallet key by default, as the node does.
            forged: signed by somebody else: in the block and without effect.
            paid_by: whose coin is spent; the new owner by default. The old owner
                signs in any case, unless forged.
        """
        return self._send(self.op(Operation.UPDATE, name, value, days, address, forged), paid_by)

    def name_delete(
        self, name: str | bytes, *, address: str | None = None, forged: bool = False
    ) -> str:
        """Delete: value empty, expires_at 0, moved to a new address. See `name_update`."""
        return self.send(self.op(Operation.DELETE, name, b"", 0, address, forged))

    def pay(self, address: str | None = None) -> str:
        """An ordinary transaction."""
        with self.lock:
            return self.pool.pay(self._owner(address))

    def op(
        self,
        kind: Operation,
        name: str | bytes,
        value: str | bytes = b"",
        days: int = 0,
        address: str | None = None,
        forged: bool = False,
    ) -> NameOp:
        """An operation for `send`.

        Raises:
            ValueError: no address of this network.
        """
        with self.lock:
            owner = self._owner(address)
        return NameOp(kind, as_octets(name), as_octets(value), days, owner, forged)

    def send(self, *operations: NameOp, paid_by: Sequence[str] = ()) -> str:
        """One transaction with several operations, as `name_updatemany` makes.

        Args:
            paid_by: whose coins are spent, in this order; the first name's new owner's
                by default.

        Raises:
            ValueError: an address of `paid_by` is none of this network.
        """
        with self.lock:
            return self.pool.send(operations, [self._owner(address) for address in paid_by])

    def _send(self, operation: NameOp, paid_by: str | None) -> str:
        return self.send(operation, paid_by=() if paid_by is None else (paid_by,))

    # Blocks -------------------------------------------------------------------------------

    def mine(self, blocks: int = 1) -> list[str]:
        """Put the mempool into the first of `blocks` new blocks; their hashes in order."""
        with self.lock:
            return [self._announce(block) for block in self._mine(blocks)]

    def load(
        self, names: NameSource | Iterable[tuple[bytes, bytes, int, str]], *, per_block: int = 1000
    ) -> int:
        """Register many `(name, value, days, address)` in new blocks at the tip; how many.

        Fast and unchecked: the names must be new, the addresses of this network.
        Loaded blocks, and those below, cannot be reorganised away. The new tip alone
        is announced.

        Args:
            names: a list, or a source that computes names (`SyntheticNames`).
        """
        source = cast(NameSource, names) if hasattr(names, "starting") else ListedNames(names)
        with self.lock:
            self.tree.load(source, per_block)
            self._announce(self.tree.tip)
        return len(source)

    def invalidate(self, depth: int = 1, *, keep: bool = True) -> list[str]:
        """Disconnect the top blocks; their hashes, tip first. Announces nothing, as the node.

        Args:
            keep: their transactions return to the mempool, else they are dropped.

        Raises:
            ValueError: the chain, or its part that was not loaded in bulk, is shorter.
        """
        with self.lock:
            gone = self.tree.disconnect(depth)
            if keep:
                self.pool.take_back(gone)
            return [block.hash for block in gone]

    def reconsider(self) -> list[str]:
        """Connect again, in place of what came since, the blocks that went last.

        However long the present branch is; its transactions are dropped. Hashes of
        the connected blocks in order.

        Raises:
            ValueError: no blocks were disconnected.
        """
        with self.lock:
            connected = self.tree.reconnect()
            for block in connected:
                self.pool.forget(block)
            return [self._announce(block) for block in connected]

    def reorg(
        self,
        depth: int,
        blocks: int | None = None,
        *,
        keep: bool = False,
        change: Callable[[Self], object] | None = None,
    ) -> list[str]:
        """Replace the top `depth` blocks by `blocks` others (default depth + 1), in one step.

        Only the final tip is announced. Hashes of the new blocks in order.

        Args:
            keep: the old transactions get into the first new block.
            change: called with the chain in between; its operations get there too.
                It may also mine: its blocks come in addition.
        """
        with self.lock:
            self.invalidate(depth, keep=keep)
            publisher, self._publisher = self._publisher, None
            try:
                if change is not None:
                    change(self)
                made = self._mine(depth + 1 if blocks is None else blocks)
            finally:
                self._publisher = publisher
            if made:
                self._announce(made[-1])
            return [block.hash for block in made]

    # Trouble between calls ----------------------------------------------------------------

    def before_call(
        self,
        method: str,
        callback: Callable[[], object],
        *,
        after: int = 0,
        times: int | None = 1,
    ) -> None:
        """Run `callback` before an RPC is answered; each call of a batch counts.

        Args:
            method: name of the RPC, or `*` for all.
            callback: runs in the server's thread; may change the chain.
            after: calls to let pass first.
            times: calls to run it for, None for all.
        """
        with self.lock:
            self._hooks.add(method, callback, after, times)

    def calling(self, method: str) -> None:
        """Told by the RPC side before each call."""
        with self.lock:
            due = self._hooks.due(method)
        for callback in due:
            callback()

    def methods(self) -> Mapping[str, Method]:
        """RPCs, by name."""
        return self._methods

    def wait_for_tip(self, seconds: float) -> Block:
        """The tip, as soon as it is another one, or after `seconds` (for `waitfornewblock`)."""
        with self.lock:
            known = self.tree.tip
            self._grown.wait_for(lambda: self.tree.tip is not known, seconds)
            return self.tree.tip

    def publish_hashblock(self, address: str = "tcp://127.0.0.1:*") -> str:
        """Publish ZMQ `hashblock` from now on (needs pyzmq) until `close`; the endpoint."""
        with self.lock:
            self.close()
            self._publisher = HashblockPublisher(address)
            return self._publisher.endpoint

    def close(self) -> None:
        """Stop publishing."""
        with self.lock:
            if self._publisher is not None:
                self._publisher.close()
                self._publisher = None

    def _mine(self, blocks: int) -> Sequence[Block]:
        return [self.tree.mine(self.pool.take_all()) for _ in range(blocks)]

    def _announce(self, block: Block) -> str:
        self._grown.notify_all()
        if self._publisher is not None:
            self._publisher.publish(block.hash)
        return block.hash
