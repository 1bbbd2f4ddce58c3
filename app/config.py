"""The application's settings, read once from the function's environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

Tls = Literal["verify-full", "disable"]
Authentication = Literal["password", "iam"]

MAX_BODY_BYTES = (
    6_291_456  # Lambda's own limit of an event; one whose body isn't text holds three quarters of it
)
CORS_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class ConfigError(Exception):
    """A setting is missing or unusable; the message names the environment variable."""


@dataclass(frozen=True)
class DatabaseConfig:
    """Where the database is, and the ARN of the secret that opens it (never the secret itself): "" where IAM does."""

    host: str
    port: int
    name: str
    tls: Tls
    secret_arn: str
    authentication: Authentication = "password"


@dataclass(frozen=True)
class Config:
    """What one deployed version knows about itself and its surroundings."""

    environment: str
    commit: str
    bundle: str
    release: str
    cors_origins: frozenset[str]
    cors_methods: tuple[str, ...]
    max_body_bytes: int
    log_level: str
    session_secret_arn: str  # empty: no sessions, and no SECRET_KEY
    database: DatabaseConfig

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Config":
        """Read every setting; raise ConfigError for the first that is missing or malformed."""
        return cls(
            environment=required(environ, "ENVIRONMENT"),
            commit=required(environ, "COMMIT"),
            bundle=required(environ, "BUNDLE_DIGEST"),
            release=required(environ, "RELEASE_DIGEST"),
            cors_origins=frozenset(filter(None, environ.get("CORS_ORIGINS", "").split(","))),
            cors_methods=_methods(environ.get("CORS_METHODS", "GET, POST, OPTIONS")),
            max_body_bytes=_whole_number(environ, "MAX_BODY_BYTES", 1, MAX_BODY_BYTES, default="1048576"),
            log_level=environ.get("LOG_LEVEL", "INFO"),
            session_secret_arn=environ.get("SESSION_SECRET_ARN", ""),
            database=database_config(environ),
        )


def database_config(environ: Mapping[str, str]) -> DatabaseConfig:
    """Read the database's settings, which the application and the migration share."""
    tls = required(environ, "DATABASE_TLS")
    if tls not in get_args(Tls):
        raise ConfigError(f"DATABASE_TLS is {tls!r}; give one of {', '.join(get_args(Tls))}")
    authentication = environ.get("DATABASE_AUTHENTICATION") or "password"
    if authentication not in get_args(Authentication):
        raise ConfigError(
            f"DATABASE_AUTHENTICATION is {authentication!r}; give one of {', '.join(get_args(Authentication))}"
        )
    if authentication == "iam" and tls != "verify-full":
        raise ConfigError(
            f"DATABASE_AUTHENTICATION is iam and DATABASE_TLS {tls!r}: whoever answered would get a token that opens "
            "the database; deploy the bootstrap with DatabaseTls=verify-full"
        )
    return DatabaseConfig(
        host=required(environ, "DATABASE_HOST"),
        port=_whole_number(environ, "DATABASE_PORT", 1, 65_535),
        name=required(environ, "DATABASE_NAME"),
        tls=cast("Tls", tls),
        secret_arn="" if authentication == "iam" else required(environ, "DATABASE_SECRET_ARN"),
        authentication=cast("Authentication", authentication),
    )


def required(environ: Mapping[str, str], name: str) -> str:
    """Return a variable that must be there and not be empty."""
    value = environ.get(name, "")
    if not value:
        raise ConfigError(f"environment variable {name} is missing; template.yaml sets it for each function")
    return value


def _whole_number(environ: Mapping[str, str], name: str, least: int, most: int, default: str = "") -> int:
    value = environ.get(name) or default or required(environ, name)
    # More digits than the greatest has are too many, and may be more than `int` takes.
    digits = value.isascii() and value.isdigit() and len(value) <= len(str(most))
    if not (digits and least <= int(value) <= most):
        raise ConfigError(f"{name} is {value!r}; give a whole number from {least} to {most}")
    return int(value)


def _methods(value: str) -> tuple[str, ...]:
    methods = tuple(name.strip() for name in value.split(","))
    if not set(methods) <= set(CORS_METHODS):
        raise ConfigError(
            f"CORS_METHODS is {value!r}; give some of {', '.join(CORS_METHODS)}, comma separated"
        )
    return methods
