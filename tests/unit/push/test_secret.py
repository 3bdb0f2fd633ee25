"""Secrets of webhooks: kept encrypted, and signing as others verify."""

from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from app.webhooks.secret import SecretUnreadable, decrypt_secret, encrypt_secret, new_secret, sign

KEY = "only for tests, opens nothing"
NOW = 4_102_444_800


def headers(signature: str) -> dict[str, str]:
    return {"webhook-id": "job_finished_1", "webhook-timestamp": str(NOW), "webhook-signature": signature}


def test_an_encrypted_secret_comes_back_and_does_not_show():
    secret = new_secret()

    encrypted = encrypt_secret(KEY, secret)

    assert decrypt_secret(KEY, encrypted) == secret
    assert secret not in encrypted
    assert secret.removeprefix("whsec_") not in encrypted
    assert new_secret() != secret


def test_another_secret_key_cannot_open_it():
    with pytest.raises(SecretUnreadable):
        decrypt_secret("another key for these tests", encrypt_secret(KEY, new_secret()))


def test_an_independent_implementation_finds_the_same_signature():
    secret = new_secret()
    body = b'{"type":"job.finished"}'

    signature = sign(secret, "job_finished_1", NOW, body)

    assert Webhook(secret).sign("job_finished_1", _time(), body.decode()) == signature


def test_a_changed_body_is_found_out():
    secret = new_secret()
    signature = sign(secret, "job_finished_1", NOW, b"{}")

    assert Webhook(secret).sign("job_finished_1", _time(), '{"a":1}') != signature
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(b"{}", headers("v1,AAAA"))


def _time():
    return datetime.fromtimestamp(NOW, UTC)
