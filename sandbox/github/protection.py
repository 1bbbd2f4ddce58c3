"""Which branches and tags may deploy to an environment (`sandbox/environments.toml`)."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import ConfigurationError
from sandbox.github.pattern import rule_matches

_KEYS = ("branches", "tags", "reviewers")
RULES = Path(__file__).resolve().parent.parent / "environments.toml"


@dataclass(frozen=True)
class Rule:
    """The branches and tags, as patterns, that may deploy to one environment, and who may approve it."""

    branches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()


def read(path: Path = RULES) -> dict[str, Rule]:
    """The rules of each environment. Raises ConfigurationError, naming what is wrong in the file."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} can't be read: {error}.") from error
    rules = {}
    for name, table in tables.items():
        lists = {key: table.get(key, []) for key in _KEYS} if isinstance(table, dict) else {}
        known = isinstance(table, dict) and table.keys() <= lists.keys()
        if not known or not all(
            isinstance(found, list) and all(isinstance(each, str) for each in found)
            for found in lists.values()
        ):
            raise ConfigurationError(
                f"{path}: [{name}] is wrong.",
                "A table holds `branches` and `tags`, lists of patterns, and `reviewers`.",
            )
        rules[name] = Rule(*(tuple(lists[key]) for key in _KEYS))
    return rules


def refusal(rules: dict[str, Rule], environment: str, ref: str) -> str:
    """Why `ref` (refs/heads/..., refs/tags/..., refs/pull/...) may not deploy there; empty if it may.

    Environment names are compared without regard to case, as on GitHub.
    """
    rule = _of(rules, environment)
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


def approver(rules: dict[str, Rule], environment: str, actor: str) -> str | None:
    """Who approves a deployment that `actor` started: the first reviewer who is somebody else.

    Empty where the environment asks for no approval, None where nobody may give it.
    """
    rule = _of(rules, environment)
    if rule is None or not rule.reviewers:
        return ""
    return next((name for name in rule.reviewers if name != actor), None)


def may_approve(rules: dict[str, Rule], environment: str, reviewer: str, actor: str) -> bool:
    """Whether a person may decide about a deployment that `actor` started."""
    rule = _of(rules, environment)
    return rule is not None and reviewer in rule.reviewers and reviewer != actor


def _of(rules: dict[str, Rule], environment: str) -> Rule | None:
    return next((rule for name, rule in rules.items() if name.lower() == environment.lower()), None)
