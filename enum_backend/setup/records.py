"""Records as the settings say: their source, the mirror, and whom to trust."""

from __future__ import annotations

from pathlib import Path

from enum_backend.errors import SettingsError
from enum_backend.settings import Settings
from enum_backend.shipped import shipped
from nvs.alerts import OnAlert
from nvs.directory import Directory
from nvs.errors import RecordsFileError
from nvs.mirror import Mirror, MirrorReader
from nvs.mirror.lapses import LapseLedger
from nvs.number_record import TrustLevel
from nvs.rpc import RpcClient
from nvs.sources import FileSource, RecordSource, RpcSource
from nvs.tollfree_source import TollFreeFile, TollFreeName
from nvs.trust import Owner, TrustPolicy

SAMPLE_RECORDS = "records.example.json"


def build_source(settings: Settings) -> RecordSource:
    """Where records come from.

    Raises:
        SettingsError: the records file or the node's address cannot be used.
    """
    if settings.nvs.source == "mirror":
        return MirrorReader(mirror_path(settings))
    if settings.nvs.source == "rpc":
        rpc = settings.nvs.rpc
        return RpcSource(
            rpc_client(settings),
            ttl=rpc.cache_ttl,
            negative_ttl=rpc.negative_ttl,
            serve_stale=settings.nvs.serve_stale,
        )
    path = Path(settings.nvs.file) if settings.nvs.file else shipped(SAMPLE_RECORDS, "nvs.file")
    try:
        return FileSource(path, trust=TrustLevel[settings.nvs.trust.upper()])
    except RecordsFileError as error:
        raise SettingsError(f"nvs.file: {error}") from None


def rpc_client(settings: Settings) -> RpcClient:
    """The node, whatever the records' source is.

    Raises:
        SettingsError: its address cannot be used.
    """
    rpc = settings.nvs.rpc
    try:
        return RpcClient.from_url(
            rpc.url.get_secret_value(), cookie_file=rpc.cookie_file, timeout=rpc.timeout
        )
    except ValueError as error:
        raise SettingsError(f"nvs.rpc.url: {error}") from None


def mirror_path(settings: Settings) -> Path:
    """Where the mirror lies."""
    return settings.data_dir / "mirror"


def build_mirror(settings: Settings) -> Mirror:
    """The mirror, to be written by this process; not opened yet.

    Besides numbers it keeps verifiers, revocation lists and the toll-free rules, and
    it asks who signed the names of listed owners.

    Raises:
        SettingsError: the node's address, or a name to keep, cannot be used.
    """
    tollfree = settings.nvs.tollfree
    also = ("ver:", "srl:", *((tollfree,) if tollfree.startswith("enum:") else ()))
    try:
        return Mirror(
            mirror_path(settings),
            rpc_client(settings),
            also=also,
            signers=signers(settings),
            zmq=settings.nvs.rpc.zmq,
            poll=settings.nvs.rpc.poll,
        )
    except ValueError as error:
        raise SettingsError(f"nvs.tollfree: {error}") from None


def signers(settings: Settings) -> frozenset[str]:
    """Owner addresses that must have signed what their names say."""
    if settings.trust.require_signer == "never":
        return frozenset()
    return frozenset(owner.address for owner in settings.trust.owners)


def build_directory(
    settings: Settings,
    source: RecordSource | None = None,
    *,
    on_alert: OnAlert | None = None,
) -> Directory:
    """Records with their trust.

    Args:
        source: in place of the one that the settings name (the reader of a
            mirror that this process writes).
        on_alert: told when trust changes hands.

    Raises:
        SettingsError: see `build_source`.
    """
    owners = tuple(
        Owner(owner.address, owner.tenant, owner.numbers) for owner in settings.trust.owners
    )
    try:
        policy = TrustPolicy(
            owners=owners,
            verifiers=settings.trust.verifiers,
            max_age=settings.trust.max_age,
            require_signer=settings.trust.require_signer,
        )
    except ValueError as error:
        raise SettingsError(f"trust: {error}") from None
    source = source or build_source(settings)
    ledger = LapseLedger(source) if isinstance(source, MirrorReader) else None
    return Directory(
        source, policy, _tollfree(settings.nvs.tollfree), on_alert=on_alert, ledger=ledger
    )


def _tollfree(setting: str) -> TollFreeFile | TollFreeName | None:
    """Rules from the chain (`enum:...`) or from a file; None when there are none."""
    if not setting:
        return None
    if setting.startswith("enum:"):
        return TollFreeName(setting)
    try:
        return TollFreeFile(setting)
    except RecordsFileError as error:
        raise SettingsError(f"nvs.tollfree: {error}") from None
