"""What samconfig.toml says about one environment, read strictly: a missing value is an error, never a default."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigurationError

FILE = "samconfig.toml"


@dataclass(frozen=True)
class Environment:
    """One environment's settings, in the names of the tables [NAME.global|deploy|pipeline.parameters].

    `parameters` are the template's parameters by name, `tags` the stack's tags; `promote_from` is the
    environment whose bundles this one takes over, "" for one that is deployed from a build, and `soak_minutes`
    is how long a bundle must have run there before.
    """

    name: str
    stack_name: str
    region: str
    bucket: str
    prefix: str
    execution_role: str
    capabilities: tuple[str, ...]
    tags: Mapping[str, str]
    parameters: Mapping[str, str]
    account: str
    deploy_role: str
    promote_from: str
    soak_minutes: int = 0


def read(folder: Path, name: str) -> Environment:
    """The settings of the environment `name` in `folder`/samconfig.toml. Raises ConfigurationError."""
    tables, text = _tables(folder)
    if name not in tables:
        raise ConfigurationError(
            f"{FILE} has no environment {name!r}.", f"It has: {', '.join(sorted(tables)) or 'none'}."
        )
    return _environment(name, tables[name], text)


def read_all(folder: Path) -> dict[str, Environment]:
    """The settings of every environment, by name, in the file's order. Raises ConfigurationError."""
    tables, text = _tables(folder)
    return {name: _environment(name, table, text) for name, table in tables.items()}


def _tables(folder: Path) -> tuple[dict[str, dict[str, Any]], str]:
    """The tables of the file by environment, and its text."""
    path = folder / FILE
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except FileNotFoundError:
        raise ConfigurationError(f"{path} does not exist.", "Run in the repository's top folder.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{FILE} is not valid TOML: {error}.", "Mend that line.") from error
    tables = {name: table for name, table in data.items() if name != "version"}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigurationError(f"{FILE}: {name} is not a table.", f"Write [{name}.deploy.parameters].")
    return tables, text


def _place(text: str, name: str, command: str) -> str:
    """Where a table begins in the file, for a message; without a line when it isn't there."""
    header = re.compile(rf"^\s*\[\s*{re.escape(name)}\.{command}\.parameters\s*\]", re.MULTILINE)
    found = header.search(text)
    line = f":{text.count(chr(10), 0, found.start()) + 1}" if found else ""
    return f"{FILE}{line}: [{name}.{command}.parameters]"


def _environment(name: str, table: dict[str, Any], text: str) -> Environment:
    def value(command: str, key: str, kind: type) -> Any:
        where = _place(text, name, command)
        section = table.get(command, {})
        parameters = section.get("parameters", {}) if isinstance(section, dict) else {}
        if not isinstance(parameters, dict) or key not in parameters:
            raise ConfigurationError(f"{where} has no {key}.", "Every environment states every value.")
        found = parameters[key]
        if not isinstance(found, kind):
            raise ConfigurationError(f"{where} {key} is not a {kind.__name__}: {found!r}.")
        return found

    def pairs(command: str, key: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for item in value(command, key, list):
            left, equals, right = str(item).partition("=")
            if not equals or not left:
                raise ConfigurationError(
                    f"{_place(text, name, command)} {key} holds {item!r}.", 'Write "Name=value".'
                )
            if left in found:
                raise ConfigurationError(f"{_place(text, name, command)} {key} sets {left} twice.")
            found[left] = _unquoted(right)
        return found

    return Environment(
        name=name,
        stack_name=value("global", "stack_name", str),
        region=value("global", "region", str),
        bucket=value("deploy", "s3_bucket", str),
        prefix=value("deploy", "s3_prefix", str),
        execution_role=value("deploy", "role_arn", str),
        capabilities=tuple(value("deploy", "capabilities", list)),
        tags=pairs("deploy", "tags"),
        parameters=pairs("deploy", "parameter_overrides"),
        account=value("pipeline", "account", str),
        deploy_role=value("pipeline", "deploy_role", str),
        promote_from=value("pipeline", "promote_from", str),
        soak_minutes=value("pipeline", "soak_minutes", int),
    )


def _unquoted(text: str) -> str:
    """A value as sam reads it: double quotes around it are not part of it, a backslash keeps one inside."""
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        return text[1:-1].replace('\\"', '"')
    return text


def quoted(parameters: Mapping[str, str]) -> list[str]:
    """Parameters as `sam deploy --parameter-overrides` takes them whole, each in double quotes.

    Unquoted, sam cuts a value at its first blank and refuses an empty one.
    """
    return [f'{name}="{value.replace(chr(34), chr(92) + chr(34))}"' for name, value in parameters.items()]
