"""Fakes of what `nvs` talks to, public so that other people's tests can use them.

    from nvs.testing import FakeNode

    def test_my_code():
        with FakeNode() as node:
            node.add("enum:14155551234:0", "E2U+sip=100|10|!^.*$!sip:a@b.example!")
            run_my_code(node.url)
            assert node.calls("name_show")

With blocks, reorganisations and expiry:

    from nvs.testing import FakeChain, FakeChainNode

    chain = FakeChain(height=100)
    with FakeChainNode(chain) as node:
        chain.name_new("enum:14155551234:0", "E2U+sip=100|10|!^.*$!sip:a@b.example!")
        chain.mine()
        run_my_code(node.url)
        chain.reorg(depth=1, change=lambda c: c.name_new("enum:14155551234:0", "other"))

Whoever pays signs: by default the new owner itself, else as told, for instance a stranger:

    chain.name_new("enum:14155551234:1", "x", address=mine, paid_by=chain.stranger())

Nothing here leaves 127.0.0.1.
"""

from __future__ import annotations

from nvs.testing.bulk_names import ListedNames, SyntheticNames
from nvs.testing.fake_chain import FakeChain
from nvs.testing.fake_ledger import FakeLedger, FakeName
from nvs.testing.fake_node import FakeChainNode, FakeNode, LoggedRequest
from nvs.testing.fake_rpc import Failure, FakeRpc
from nvs.testing.name_script import NameOp, Operation

__all__ = [
    "Failure",
    "FakeChain",
    "FakeChainNode",
    "FakeLedger",
    "FakeName",
    "FakeNode",
    "FakeRpc",
    "ListedNames",
    "LoggedRequest",
    "NameOp",
    "Operation",
    "SyntheticNames",
]
