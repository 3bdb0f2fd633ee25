"""Secrets that have to be read again are kept encrypted, with a key derived from SECRET_KEY for each purpose."""

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Unreadable(Exception):
    """SECRET_KEY is another one than when it was sealed."""


def seal(secret_key: str, purpose: bytes, secret: str) -> str:
    """The secret, encrypted."""
    return _fernet(secret_key, purpose).encrypt(secret.encode()).decode()


def unseal(secret_key: str, purpose: bytes, sealed: str) -> str:
    """The secret again. Raises Unreadable."""
    try:
        return _fernet(secret_key, purpose).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unreadable from None


def _fernet(secret_key: str, purpose: bytes) -> Fernet:
    derived = HKDF(SHA256(), 32, salt=None, info=purpose).derive(secret_key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
