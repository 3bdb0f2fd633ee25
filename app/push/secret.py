"""Secrets that deliveries are signed with: they have to be read again, so they are kept encrypted, not hashed."""

import base64
import binascii
import hashlib
import hmac
import secrets

from app import sealing
from app.errors import AppError

PREFIX = "whsec_"
SECRET_BYTES = 32
PURPOSE = b"crashq webhook secrets"


class SecretUnreadable(AppError):
    """SECRET_KEY is another one than when the webhook was made."""

    code, message = "secret_unreadable", "The secret cannot be read, for SECRET_KEY has changed; make the webhook anew"


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64, as the receiver keeps it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def seal(secret_key: str, secret: str) -> str:
    """The secret, encrypted with a key derived from SECRET_KEY."""
    return sealing.seal(secret_key, PURPOSE, secret)


def unseal(secret_key: str, sealed: str) -> str:
    """The secret again. Raises SecretUnreadable."""
    try:
        return sealing.unseal(secret_key, PURPOSE, sealed)
    except sealing.Unreadable:
        raise SecretUnreadable from None


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, as Standard Webhooks has it."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise SecretUnreadable from None
    signed = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(signed.digest()).decode()
