"""What goes wrong with a mirror itself, as opposed to the node."""

from __future__ import annotations

from nvs.errors import NvsError, NvsUnavailable


class MirrorBusy(NvsError):
    """Another process writes this mirror; only one may."""

    error_code = "NVS_MIRROR_BUSY"


class MirrorUnusable(NvsError):
    """The directory holds something that this program cannot follow with; the text says what."""

    error_code = "NVS_MIRROR_UNUSABLE"


class MirrorWriteFailed(NvsUnavailable):
    """The disk took no more; the mirror stays as it was before."""

    error_code = "NVS_MIRROR_WRITE"
