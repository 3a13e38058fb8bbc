"""Which tests of a parallel run (`-n 3`) go to the same worker.

A real MeshCentral takes long to start, so the tests that share one run together; every
other test goes to whichever worker is free. (xdist's own `loadgroup` relies on a private
attribute that pytest 9 does not read any more.)
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

TOGETHER = {
    "tests/acceptance/meshcentral/test_plugin": "MeshCentral with the plugin",
    "tests/acceptance/meshcentral/": "MeshCentral",
}
"""Beginning of the test's id -> what it shares; the first that fits."""


class SharedServers(LoadScopeScheduling):
    """Tests one by one, but those of `TOGETHER` as one."""

    def _split_scope(self, nodeid: str) -> str:
        return next((name for start, name in TOGETHER.items() if nodeid.startswith(start)), nodeid)
