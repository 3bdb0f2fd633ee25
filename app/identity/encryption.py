"""Encryption of secrets that have to be read again, with a key derived from SECRET_KEY for each purpose."""

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Unreadable(Exception):
    """SECRET_KEY is not the one that the secret was encrypted with."""


def encrypt(secret_key: str, purpose: bytes, secret: str) -> str:
    """The encrypted secret, as text."""
    return _fernet(secret_key, purpose).encrypt(secret.encode()).decode()


def decrypt(secret_key: str, purpose: bytes, encrypted: str) -> str:
    """The secret that `encrypt` was given. Raises Unreadable."""
    try:
        return _fernet(secret_key, purpose).decrypt(encrypted.encode()).decode()
    except InvalidToken:
        raise Unreadable from None


def _fernet(secret_key: str, purpose: bytes) -> Fernet:
    derived = HKDF(SHA256(), 32, salt=None, info=purpose).derive(secret_key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
