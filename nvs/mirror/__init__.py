"""A local index of the chain's phone-number names, kept in step block by block.

    from nvs.mirror import Mirror, MirrorReader

`Mirror` is the one writer, `MirrorReader` reads in other processes; both give
the same answers. Files: `layout.py` what is on disk, `commits.py` every change
of it, `work.py` what is done next, `route.py` blocks and reorganisations,
`reading.py` names, `node.py` the node's calls, `verify.py` the comparison.
"""

from nvs.mirror.entries import NameChange
from nvs.mirror.errors import MirrorBusy, MirrorUnusable, MirrorWriteFailed
from nvs.mirror.layout import Past, Stored
from nvs.mirror.mirror import Mirror
from nvs.mirror.reader import MirrorReader
from nvs.mirror.verify import Difference

__all__ = [
    "Difference",
    "Mirror",
    "MirrorBusy",
    "MirrorReader",
    "MirrorUnusable",
    "MirrorWriteFailed",
    "NameChange",
    "Past",
    "Stored",
]
