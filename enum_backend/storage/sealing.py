"""The server key: seals bodies at rest, and hashes what must be found again but not read."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from enum_backend.errors import SettingsError

KEY_OCTETS = 32
_NONCE_OCTETS = 12


class SealBroken(Exception):
    """Sealed bytes do not open with this key: another server key, or altered data."""


class Sealer:
    """Encrypts (AES-256-GCM) and hashes (HMAC-SHA256) with keys derived from one server key.

    Args:
        key: 32 random octets.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_OCTETS:
            raise ValueError(f"a server key has {KEY_OCTETS} octets")
        self._cipher = AESGCM(_derive(key, b"enum-backend seal v1"))
        self._hash = hmac.new(_derive(key, b"enum-backend hash v1"), digestmod=hashlib.sha256)

    def seal(self, text: str, bound_to: str) -> bytes:
        """Encrypt text so that it opens only together with `bound_to` (an id, not secret)."""
        nonce = secrets.token_bytes(_NONCE_OCTETS)
        sealed = self._cipher.encrypt(nonce, text.encode("utf-8", "surrogatepass"), _aad(bound_to))
        return nonce + sealed

    def open(self, sealed: bytes, bound_to: str) -> str:
        """The text again.

        Raises:
            SealBroken: wrong key, wrong `bound_to`, or altered bytes.
        """
        nonce, rest = sealed[:_NONCE_OCTETS], sealed[_NONCE_OCTETS:]
        try:
            plain = self._cipher.decrypt(nonce, rest, _aad(bound_to))
        except (InvalidTag, ValueError) as error:
            raise SealBroken("stored data does not open with this server key") from error
        return plain.decode("utf-8", "surrogatepass")

    def digest(self, *parts: str) -> bytes:
        """A keyed hash of the parts; equal only for equal parts in equal order."""
        keyed = self._hash.copy()
        for part in parts:
            raw = part.encode("utf-8", "surrogatepass")
            keyed.update(len(raw).to_bytes(8, "big") + raw)
        return keyed.digest()


def load_server_key(configured: str, data_dir: Path) -> bytes:
    """The configured key, or the one kept in `data_dir/server.key` (made at first start, mode 600).

    Raises:
        SettingsError: not 32 octets of base64, or the file cannot be used.
    """
    if configured:
        return _decode(configured, "server_key")
    path = data_dir / "server.key"
    try:
        text = path.read_text("ascii")
    except FileNotFoundError:
        try:
            return _create(path)
        except OSError as error:
            raise SettingsError(f"{path}: cannot be made: {error.strerror}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    return _decode(text, str(path))


def _create(path: Path) -> bytes:
    key = secrets.token_bytes(KEY_OCTETS)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(key) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return _decode(path.read_text("ascii"), str(path))
    finally:
        temporary.unlink()
    _sync_directory(path.parent)
    return key


def _sync_directory(directory: Path) -> None:
    """Make a new name in it survive a power failure: what the key seals would be lost with it."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _decode(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_OCTETS:
        raise SettingsError(f"{where}: expected {KEY_OCTETS} octets in base64")
    return key


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_OCTETS, salt=None, info=purpose).derive(key)


def _aad(bound_to: str) -> bytes:
    return bound_to.encode("utf-8")
