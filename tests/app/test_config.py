"""Settings: complete or refused, with the variable named."""

import pytest

from app.config import Config, ConfigError
from app.database import certificates
from tests.conftest import TestDatabase
from tests.running import environment
from tests.secrets_manager import SecretsManager

COMPLETE = environment(TestDatabase("db.example.com", 5432, "ledger", "", ""), SecretsManager())


def test_origins_are_split() -> None:
    """CORS_ORIGINS is a list with commas, and empty for none."""
    several = Config.from_environ({**COMPLETE, "CORS_ORIGINS": "https://a.example,https://b.example"})
    none = Config.from_environ({**COMPLETE, "CORS_ORIGINS": ""})

    assert {"https://a.example", "https://b.example"} == several.cors_origins
    assert frozenset() == none.cors_origins


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "") for name in ("ENVIRONMENT", "COMMIT", "BUNDLE_DIGEST", "RELEASE_DIGEST")),
        *((name, "") for name in ("DATABASE_HOST", "DATABASE_NAME", "DATABASE_SECRET_ARN", "DATABASE_TLS")),
        ("DATABASE_PORT", "5432x"),
        ("DATABASE_PORT", "0"),
        ("DATABASE_PORT", "65536"),
        ("DATABASE_PORT", "9" * 5000),
        ("MAX_BODY_BYTES", "0"),
        ("MAX_BODY_BYTES", "-1"),
        ("MAX_BODY_BYTES", "6291457"),
        ("MAX_BODY_BYTES", "1 MiB"),
        ("MAX_BODY_BYTES", "1e6"),
        ("MAX_BODY_BYTES", "\u0661"),
        ("CORS_METHODS", "*"),
        ("CORS_METHODS", "GET, TRACE"),
        ("CORS_METHODS", "get"),
        ("CORS_METHODS", "GET,"),
        ("CORS_METHODS", "GET PUT"),
        ("DATABASE_TLS", "prefer"),
    ],
)
def test_a_bad_setting_is_named(name: str, value: str) -> None:
    """The error begins with what to look for."""
    with pytest.raises(ConfigError, match=name):
        Config.from_environ({**COMPLETE, name: value})


def test_body_and_methods_are_settings() -> None:
    """Of the application, with what the ledger needs where nothing is said."""
    silent = Config.from_environ(COMPLETE)
    given = Config.from_environ(
        {**COMPLETE, "MAX_BODY_BYTES": "6291456", "CORS_METHODS": "GET,PUT, DELETE ,OPTIONS"}
    )

    assert (1_048_576, ("GET", "POST", "OPTIONS")) == (silent.max_body_bytes, silent.cors_methods)
    assert (6_291_456, ("GET", "PUT", "DELETE", "OPTIONS")) == (given.max_body_bytes, given.cors_methods)


def test_tls_verifies_against_a_bundle_or_the_system() -> None:
    """Only 'disable' goes without a certificate authority."""
    assert certificates("disable", "db.example.com") is None
    assert certificates("verify-full", "db.example.com")
