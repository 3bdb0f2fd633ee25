"""Secrets that deliveries are signed with: they have to be read again, so they are kept encrypted, not hashed."""

import base64
import binascii
import hashlib
import hmac
import secrets

from app.errors import AppError
from app.identity import encryption

PREFIX = "whsec_"


SECRET_BYTES = 32


PURPOSE = b"crashq webhook secrets"


class SecretUnreadable(AppError):
    """SECRET_KEY is another one than when the webhook was made."""

    code, message = "secret_unreadable", "The secret cannot be read, for SECRET_KEY has changed; make the webhook anew"


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64, as the receiver keeps it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def encrypt_secret(secret_key: str, secret: str) -> str:
    """The secret, encrypted with a key derived from SECRET_KEY, as text."""
    return encryption.encrypt(secret_key, PURPOSE, secret)


def decrypt_secret(secret_key: str, encrypted: str) -> str:
    """The secret that `encrypt_secret` was given. Raises SecretUnreadable."""
    try:
        return encryption.decrypt(secret_key, PURPOSE, encrypted)
    except encryption.Unreadable:
        raise SecretUnreadable from None


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, as Standard Webhooks has it."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise SecretUnreadable from None
    signed = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(signed.digest()).decode()
