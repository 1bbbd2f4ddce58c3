"""Which branches and tags may deploy to an environment, and who approves it: the files that `pipeline github setup`
sets GitHub by, `.github/environments/` and `.github/CODEOWNERS`, of the repository that the laptop's GitHub is made of.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.source import adoption, hosting
from sandbox.github.pattern import rule_matches

# The people behind each of CODEOWNERS' teams, whatever a repository calls it.
_MEMBERS = {"developers": ("alice", "bob"), "platform": ("carol", "dave"), "security": ("dave",)}


@dataclass(frozen=True)
class Rule:
    """The branches and tags, as patterns, that may deploy to one environment, and who may approve it.

    `reviewers` are persons, and teams as `ORGANIZATION/TEAM`: each with the people it stands for.
    """

    branches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    reviewers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    prevent_self_review: bool = True

    @property
    def approvers(self) -> tuple[str, ...]:
        """The people who may approve, each once."""
        return tuple(dict.fromkeys(one for people in self.reviewers.values() for one in people))


def owners(root: Path) -> dict[str, tuple[str, ...]]:
    """Who is there beside a repository, by its CODEOWNERS: persons, and teams with their members."""
    found: dict[str, tuple[str, ...]] = {}
    for role, owner in adoption.owners(root).items():
        name = owner.removeprefix("@")
        people = _MEMBERS[role] if "/" in name else (name,)
        found[name] = tuple(dict.fromkeys((*found.get(name, ()), *people)))
    return found


def read(root: Path, branch: str) -> dict[str, Rule]:
    """The rules of each environment of the repository in `root`, with `branch` its default one; a team that
    CODEOWNERS doesn't know has no members. Raises ConfigurationError, naming what is wrong in which file."""
    known = owners(root)
    rules = {}
    for name in hosting.names(root):
        found = hosting.environment(root, name, branch)
        people = (one.removeprefix("@") for one in found.reviewers)
        reviewers = {one: known.get(one, () if "/" in one else (one,)) for one in people}
        rules[name] = Rule(found.branches, found.tags, reviewers, found.prevent_self_review)
    return rules


def refusal(rules: dict[str, Rule], environment: str, ref: str) -> str:
    """Why `ref` (refs/heads/..., refs/tags/..., refs/pull/...) may not deploy there; empty if it may.

    Environment names are compared without regard to case, as on GitHub.
    """
    rule = rule_of(rules, environment)
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
    rule = rule_of(rules, environment)
    if rule is None or not rule.reviewers:
        return ""
    return next((one for one in rule.approvers if may_approve(rules, environment, one, actor)), None)


def may_approve(rules: dict[str, Rule], environment: str, reviewer: str, actor: str) -> bool:
    """Whether a person may decide about a deployment that `actor` started."""
    rule = rule_of(rules, environment)
    if rule is None or reviewer not in rule.approvers:
        return False
    return reviewer != actor or not rule.prevent_self_review


def rule_of(rules: dict[str, Rule], environment: str) -> Rule | None:
    """The rules of an environment; names are compared without regard to case."""
    return next((rule for name, rule in rules.items() if name.lower() == environment.lower()), None)
