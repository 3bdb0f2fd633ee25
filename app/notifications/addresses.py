"""Encryption of the addresses of channels: an address is all that is needed to write there."""

from app.identity import encryption

PURPOSE = b"crashq addresses of channels"


def encrypt_address(secret_key: str, address: str) -> str:
    """The address, encrypted with a key derived from SECRET_KEY, as text."""
    return encryption.encrypt(secret_key, PURPOSE, address)


def decrypt_address(secret_key: str, encrypted: str) -> str:
    """The address that `encrypt_address` was given. Raises Unreadable."""
    return encryption.decrypt(secret_key, PURPOSE, encrypted)
