"""Fakes of what `nvs` talks to, public so that other people's tests can use them.

    from nvs.testing import FakeNode

    def test_my_code():
        with FakeNode() as node:
            node.add("enum:14155551234:0", "E2U+sip=100|10|!^.*$!sip:a@b.example!")
            run_my_code(node.url)
            assert node.calls("name_show")

Nothing here leaves 127.0.0.1.
"""

from __future__ import annotations

from nvs.testing.fake_ledger import FakeLedger, FakeName
from nvs.testing.fake_node import FakeNode, LoggedRequest
from nvs.testing.fake_rpc import Failure, FakeRpc

__all__ = ["Failure", "FakeLedger", "FakeName", "FakeNode", "FakeRpc", "LoggedRequest"]
