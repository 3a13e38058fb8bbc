"""SMSGate's end-to-end encryption: https://docs.sms-gate.app/privacy/encryption/"""

from __future__ import annotations

import os
from base64 import b64encode
from hashlib import pbkdf2_hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

ITERATIONS = 75_000
"""What the app uses; it is named in the result, so the phone follows any number."""

_BLOCK = 16


def encrypt(passphrase: str, text: str) -> str:
    """`$aes-256-cbc/pbkdf2-sha1$i=75000$<salt>$<data>`, both base64.

    The salt is also the initialisation vector, as the app wants it. Takes about
    25 ms: call it in a thread.
    """
    salt = os.urandom(_BLOCK)
    key = pbkdf2_hmac("sha1", passphrase.encode(), salt, ITERATIONS, 32)
    clear = text.encode()
    padding = _BLOCK - len(clear) % _BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(salt)).encryptor()
    data = encryptor.update(clear + bytes([padding]) * padding) + encryptor.finalize()
    return (
        f"$aes-256-cbc/pbkdf2-sha1$i={ITERATIONS}"
        f"${b64encode(salt).decode()}${b64encode(data).decode()}"
    )
