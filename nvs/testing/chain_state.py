"""What a chain holds, and how to look at it from a test."""

from __future__ import annotations

import threading

from nvs.testing.block_tree import BlockTree
from nvs.testing.chain_addresses import NETWORKS, KeyHash, read_address, write_address
from nvs.testing.fake_ledger import FakeName, as_octets
from nvs.testing.fake_wallet import FakeWallet
from nvs.testing.mempool import Mempool
from nvs.testing.name_event import Event


class ChainState:
    """Blocks, mempool, wallet, and what a reader would see of them; see `FakeChain`."""

    def __init__(self, *, height: int, network: str, seed: int) -> None:
        self.lock = threading.RLock()
        self.network = NETWORKS[network]
        self.wallet = FakeWallet(self.network, seed)
        self.has_wallet = True
        self.downloading = False
        self.tree = BlockTree(self.network, seed, height)
        self.pool = Mempool(self.tree, self.wallet)

    # What a reader would see ------------------------------------------------------------

    @property
    def height(self) -> int:
        """Height of the best block."""
        return self.tree.height

    def best_hash(self) -> str:
        """Hash of the best block, 64 hex digits."""
        with self.lock:
            return self.tree.tip.hash

    def block_hash(self, height: int) -> str:
        """Hash of the active block at a height.

        Raises:
            IndexError: below 0 or above the tip.
        """
        with self.lock:
            return self.tree.at(height).hash

    def find(self, name: str | bytes) -> FakeName | None:
        """As `name_show` sees it: expired and deleted ones too; `orphaned` after a reorg."""
        key = as_octets(name)
        with self.lock:
            event = self.tree.names.last(key)
            if event is not None:
                return self._shown(event)
            if self.tree.names.orphaned(key):
                return FakeName(key, b"", "", "", 0, 0, 0, orphaned=True)
            return None

    def snapshot(self, prefix: str | bytes = b"") -> dict[bytes, FakeName]:
        """Every name that `name_show` answers for: expired and deleted too, not orphaned."""
        with self.lock:
            found = self.tree.names.names(as_octets(prefix))
            return {name: self._shown(event) for name, event in found}

    def live(self, prefix: str | bytes = b"") -> dict[bytes, FakeName]:
        """The names of `snapshot` that consensus counts: height <= expires_at, not deleted."""
        with self.lock:
            found = self.tree.names.names(as_octets(prefix))
            return {name: self._shown(e) for name, e in found if e.active(self.height)}

    def mempool(self) -> list[str]:
        """Identifiers of the transactions that wait."""
        with self.lock:
            return [transaction.txid for transaction in self.pool]

    # Keys -----------------------------------------------------------------------------------

    def new_address(self, *, legacy: bool = False, script: bool = False) -> str:
        """Address of a new wallet key: P2WPKH, P2PKH (`legacy`), or P2SH of P2WPKH (`script`)."""
        with self.lock:
            return self.wallet.new_address(legacy=legacy, script=script)

    def stranger(self, *, legacy: bool = False, script: bool = False) -> str:
        """Address of somebody else: not the wallet's, but it can pay and sign here."""
        with self.lock:
            return self.wallet.new_address(legacy=legacy, script=script, other=True)

    def sign(self, address: str, message: str | bytes) -> str:
        """Base64 signature of a message, as RPC `signmessage` makes.

        Raises:
            KeyError: not an address of the wallet.
            ValueError: not an address of this network.
        """
        with self.lock:
            return self.wallet.sign(address, as_octets(message))

    def _owner(self, address: str | None) -> KeyHash:
        if address is None:
            return self.wallet.new_owner()
        return read_address(self.network, address)

    def _shown(self, event: Event) -> FakeName:
        op = event.op
        return FakeName(
            name=op.name,
            value=op.value,
            txid=event.txid,
            address=write_address(self.network, op.owner),
            vout=event.vout,
            expires_at=event.expires_at,
            time=event.time,
            deleted=event.deleted,
            height=event.height,
            registered_at=event.registered_at,
        )
