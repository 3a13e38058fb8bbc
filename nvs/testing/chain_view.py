"""What the RPCs of a chain need of it (`FakeChain` is one)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from nvs.testing.block_tree import BlockTree
    from nvs.testing.blocks import Block
    from nvs.testing.chain_addresses import Network
    from nvs.testing.fake_wallet import FakeWallet
    from nvs.testing.mempool import Mempool


class ChainView(Protocol):
    """See `FakeChain`."""

    lock: Any
    network: Network
    wallet: FakeWallet
    has_wallet: bool
    downloading: bool
    tree: BlockTree
    pool: Mempool

    def wait_for_tip(self, seconds: float) -> Block:
        """The tip as soon as it is another one."""
