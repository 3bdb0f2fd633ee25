"""Settings of the OpenID provider, which are read and checked together."""

import pytest

from app.errors import ConfigError
from app.oidc_settings import OidcProvider, read_oidc

SETTINGS = {
    "CRASHQ_OIDC_ISSUER": "https://id.example.com/realm",
    "CRASHQ_OIDC_CLIENT_ID": "crashq",
    "CRASHQ_OIDC_CLIENT_SECRET": "a made-up secret",
    "CRASHQ_PUBLIC_URL": "https://crashq.example.com",
}


def test_settings_are_read_together():
    found = read_oidc({**SETTINGS, "CRASHQ_OIDC_DOMAINS": "example.com, Example.ORG"})

    assert found == OidcProvider(
        "https://id.example.com/realm", "crashq", "a made-up secret", domains=("example.com", "example.org")
    )
    assert "secret" not in repr(found).replace("client_secret", "")
    assert read_oidc({}) is None


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"CRASHQ_OIDC_ISSUER": "http://id.example.com"}, "CRASHQ_OIDC_ISSUER"),
        ({"CRASHQ_OIDC_ISSUER": "https://id.example.com?x=1"}, "CRASHQ_OIDC_ISSUER"),
        ({"CRASHQ_OIDC_ISSUER": "https://["}, "CRASHQ_OIDC_ISSUER"),
        ({"CRASHQ_OIDC_ISSUER": f"https://id.example.com/{'x' * 240}"}, "CRASHQ_OIDC_ISSUER"),
        ({"CRASHQ_OIDC_CLIENT_SECRET": ""}, "CRASHQ_OIDC_CLIENT_SECRET"),
        ({"CRASHQ_PUBLIC_URL": ""}, "CRASHQ_PUBLIC_URL"),
        ({"CRASHQ_OIDC_DOMAINS": "*"}, "CRASHQ_OIDC_DOMAINS"),
        ({"CRASHQ_OIDC_TRUST_EMAIL": "yes"}, "CRASHQ_OIDC_TRUST_EMAIL"),
    ],
)
def test_settings_that_make_no_sense_are_named(changed, named):
    with pytest.raises(ConfigError, match=named):
        read_oidc({**SETTINGS, **changed})
