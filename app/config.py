"""The application's settings, read once from the function's environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

Tls = Literal["verify-full", "disable"]


class ConfigError(Exception):
    """A setting is missing or unusable; the message names the environment variable."""


@dataclass(frozen=True)
class DatabaseConfig:
    """Where the database is, and the ARN of the secret that opens it (never the secret itself)."""

    host: str
    port: int
    name: str
    tls: Tls
    secret_arn: str


@dataclass(frozen=True)
class Config:
    """What one deployed version knows about itself and its surroundings."""

    environment: str
    commit: str
    bundle: str
    release: str
    cors_origins: frozenset[str]
    log_level: str
    session_secret_arn: str  # empty: no sessions, so no pages
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
            log_level=environ.get("LOG_LEVEL", "INFO"),
            session_secret_arn=environ.get("SESSION_SECRET_ARN", ""),
            database=database_config(environ),
        )


def database_config(environ: Mapping[str, str]) -> DatabaseConfig:
    """Read the database's settings, which the application and the migration share."""
    port = required(environ, "DATABASE_PORT")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ConfigError(f"DATABASE_PORT is {port!r}; give a port number from 1 to 65535")
    tls = required(environ, "DATABASE_TLS")
    if tls not in get_args(Tls):
        raise ConfigError(f"DATABASE_TLS is {tls!r}; give one of {', '.join(get_args(Tls))}")
    return DatabaseConfig(
        host=required(environ, "DATABASE_HOST"),
        port=int(port),
        name=required(environ, "DATABASE_NAME"),
        tls=cast("Tls", tls),
        secret_arn=required(environ, "DATABASE_SECRET_ARN"),
    )


def required(environ: Mapping[str, str], name: str) -> str:
    """Return a variable that must be there and not be empty."""
    value = environ.get(name, "")
    if not value:
        raise ConfigError(f"environment variable {name} is missing; template.yaml sets it for each function")
    return value
