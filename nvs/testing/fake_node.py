"""An Emercoin node to test against: real HTTP on 127.0.0.1, made-up names behind it."""

from __future__ import annotations

from nvs.testing.fake_chain import FakeChain
from nvs.testing.fake_ledger import FakeLedger
from nvs.testing.fake_server import FakeServer, LoggedRequest

__all__ = ["FakeChainNode", "FakeNode", "LoggedRequest"]


class FakeNode(FakeServer, FakeLedger):
    """A node whose names change at once: `add`, `update`, `expire`, `delete`, `orphan`, `mine`.

    Names and height are those of `FakeLedger`, everything else is `FakeServer`'s.
    """

    def __init__(
        self, *, user: str = "user", password: str | None = None, height: int = 100
    ) -> None:
        """`password`: a random one unless given."""
        FakeLedger.__init__(self, height)
        FakeServer.__init__(self, self, user=user, password=password)


class FakeChainNode(FakeServer):
    """A node with a chain behind it.

    Attributes:
        chain: as given, or a new one.
    """

    def __init__(
        self,
        chain: FakeChain | None = None,
        *,
        user: str = "user",
        password: str | None = None,
        port: int = 0,
    ) -> None:
        """`password`: a random one unless given; `port`: a free one for 0."""
        self.chain = FakeChain() if chain is None else chain
        super().__init__(self.chain, user=user, password=password, port=port)
