"""Which branches and tags may deploy to an environment (`sandbox/environments.toml`)."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ConfigurationError
from sandbox.github.pattern import rule_matches

RULES = Path(__file__).resolve().parent.parent / "environments.toml"


@dataclass(frozen=True)
class Rule:
    """The branches and tags, as patterns, that may deploy to one environment."""

    branches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def read(path: Path = RULES) -> dict[str, Rule]:
    """The rules of each environment. Raises ConfigurationError, naming what is wrong in the file."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} can't be read: {error}.") from error
    rules = {}
    for name, table in tables.items():
        lists = {key: table.get(key, []) for key in ("branches", "tags")} if isinstance(table, dict) else {}
        known = isinstance(table, dict) and table.keys() <= lists.keys()
        if not known or not all(
            isinstance(found, list) and all(isinstance(each, str) for each in found)
            for found in lists.values()
        ):
            raise ConfigurationError(
                f"{path}: [{name}] is wrong.", "A table holds `branches` and `tags`, each a list of patterns."
            )
        rules[name] = Rule(tuple(lists["branches"]), tuple(lists["tags"]))
    return rules


def refusal(rules: dict[str, Rule], environment: str, ref: str) -> str:
    """Why `ref` (refs/heads/..., refs/tags/..., refs/pull/...) may not deploy there; empty if it may.

    Environment names are compared without regard to case, as on GitHub.
    """
    rule = next((rule for name, rule in rules.items() if name.lower() == environment.lower()), None)
    if rule is None:
        return ""
    for kind, prefix, patterns in (
        ("Branch", "refs/heads/", rule.branches),
        ("Tag", "refs/tags/", rule.tags),
    ):
        if ref.startswith(prefix):
            name = ref.removeprefix(prefix)
            if any(rule_matches(pattern, name) for pattern in patterns):
                return ""
            return f'{kind} "{name}" is not allowed to deploy to {environment} due to environment protection rules.'
    return f'"{ref}" is not allowed to deploy to {environment} due to environment protection rules.'
