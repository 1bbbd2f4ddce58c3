"""GitHub's settings held against the files of .github: before a deployment, and to set a repository up."""

import difflib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.base import github, summary
from pipeline.base.errors import GateError
from pipeline.base.github import AbsentError
from pipeline.source import application, hosting, samconfig
from pipeline.source.environments import LAPTOP_ACCOUNT
from pipeline.source.hosting import Rules
from pipeline.source.samconfig import Environment

_SETUP = (
    "Set the repository up: pipeline github setup. Until then anybody who may push could become the role."
)


def check(environment: Environment) -> None:
    """Refuse, in a workflow, an environment that GitHub guards less than .github/environments says.

    A workflow that names an environment which isn't there has it, without rules: any branch gets a token then that
    opens the deploy role. Source: https://docs.github.com/actions/reference/workflows-and-actions/deployments-and-environments
    """
    if not os.environ.get("GITHUB_ACTIONS"):
        return
    wanted = hosting.environment(environment.repository, environment.name, environment.application.branch)
    weak = list(_weaknesses(wanted, promoted=bool(environment.promote_from)))
    if weak:
        raise GateError(f"GitHub's environment {environment.name}: {'; '.join(weak)}.", _SETUP)


def _weaknesses(wanted: Rules, *, promoted: bool) -> Iterator[str]:
    found = _environment(wanted.name)
    if found is None:
        yield "there is none, or the token may not see it (actions: read)"
        return
    if found.get("deployment_branch_policy") is None:
        yield "any branch and tag may deploy there"
    else:
        for kind, pattern in sorted(_policies(wanted.name, found) - wanted.patterns):
            yield f"the {kind} {pattern} may deploy there, which {hosting.FOLDER}/environments doesn't say"
    asked = _reviewing(found)
    if wanted.reviewers and asked is None:
        yield "nobody has to approve"
    elif asked is not None and wanted.prevent_self_review and not asked.get("prevent_self_review"):
        yield "who starts a deployment may approve it"
    if promoted and not wanted.reviewers:
        if not github.ask("GET", "", None).get("private"):
            yield "nobody has to approve, and a public repository has reviewers on every plan"
        else:
            text = f"Nobody has to approve a deployment to {wanted.name}: {hosting.FOLDER}/environments asks for none."
            summary.warning("No approval", text)
    if found.get("can_admins_bypass") and not wanted.can_admins_bypass:
        text = f"Administrators may pass by the rules of {wanted.name}; GitHub's page of the environment ends that."
        summary.warning("Rules can be passed by", text)


def _environment(name: str) -> dict[str, Any] | None:
    try:
        return dict(github.ask("GET", f"environments/{quote(name, safe='')}", None))
    except AbsentError:
        return None


def _policies(name: str, found: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The patterns that may deploy, with their kind; `protected branches` stands for all that have rules."""
    if (found.get("deployment_branch_policy") or {}).get("protected_branches"):
        return {("branch", "with protection rules")}
    return {(one["type"], one["name"]) for one in _listed(name)}


def _listed(name: str) -> list[dict[str, Any]]:
    address = f"environments/{quote(name, safe='')}/deployment-branch-policies?per_page=100"
    return [{"type": "branch", **one} for one in github.ask("GET", address, None)["branch_policies"]]


def _reviewing(found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The rule that asks for an approval, if there is one and somebody may give it."""
    rules = [one for one in found.get("protection_rules") or () if one.get("type") == "required_reviewers"]
    return next((one for one in rules if one.get("reviewers")), None)


@dataclass(frozen=True)
class Difference:
    """A setting that isn't as the files say: what it is, what it should be, and the requests that make it so."""

    what: str
    found: Any
    wanted: Any
    requests: tuple[tuple[str, str, Mapping[str, Any] | None], ...]

    @property
    def text(self) -> str:
        """Both as JSON, the lines that go and that come marked."""
        before, after = (
            json.dumps(one, indent=2, sort_keys=True).splitlines() for one in (self.found, self.wanted)
        )
        lines = list(difflib.unified_diff(before, after, lineterm="", n=100))[3:]
        return "\n".join([self.what, *(f"  {line}" for line in lines)])


def compared(root: Path) -> Iterator[Difference]:
    """What differs on GitHub from the files of .github, in the order in which it is to be set.

    Environments come first: nobody may become a role before its environment is guarded. From here on GitHub is asked
    of the repository that samconfig.toml names, whose checkout this is.
    """
    described = application.read(root)
    os.environ["GITHUB_REPOSITORY"] = described.repository
    deployed = [name for name, one in samconfig.read_all(root).items() if one.account != LAPTOP_ACCOUNT]
    for name in dict.fromkeys((*deployed, *hosting.names(root))):
        yield from _of_environment(hosting.environment(root, name, described.branch))
    for ruleset in hosting.rulesets(root):
        yield from _of_ruleset(ruleset)
    for address, wanted in hosting.actions(root).items():
        found = _like(wanted, github.ask("GET", f"actions/{address}", None))
        if found != wanted:
            yield Difference(f"Actions, {address}", found, wanted, (("PUT", f"actions/{address}", wanted),))
    known = {str(one.get("name", "")).lower() for one in github.get("labels")}
    for label in hosting.labels(root):
        if label["name"].lower() not in known:
            yield Difference(f"label {label['name']}", None, label, (("POST", "labels", label),))


def apply(one: Difference) -> None:
    """Make a setting what it should be. Raises GateError."""
    for method, path, body in one.requests:
        github.ask(method, path, body)


def _of_environment(wanted: Rules) -> Iterator[Difference]:
    found = _environment(wanted.name)
    policies = _listed(wanted.name) if found and found.get("deployment_branch_policy") else []
    now = None if found is None else _shown(found, policies)
    then = {
        "patterns": sorted(" ".join(one) for one in wanted.patterns),
        "reviewers": sorted(wanted.reviewers),
        "prevent_self_review": wanted.prevent_self_review and bool(wanted.reviewers),
    }
    if now == then:
        return
    address = f"environments/{quote(wanted.name, safe='')}"
    body = {
        "reviewers": [_reviewer(one) for one in wanted.reviewers] or None,
        "prevent_self_review": wanted.prevent_self_review,
        "can_admins_bypass": wanted.can_admins_bypass,
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
    }
    there = {(one["type"], one["name"]) for one in policies}
    requests: list[tuple[str, str, Mapping[str, Any] | None]] = [("PUT", address, body)]
    for kind, pattern in sorted(wanted.patterns - there):
        policy = {"name": pattern, "type": kind}
        requests.append(("POST", f"{address}/deployment-branch-policies", policy))
    requests += [
        ("DELETE", f"{address}/deployment-branch-policies/{one['id']}", None)
        for one in policies
        if (one["type"], one["name"]) not in wanted.patterns
    ]
    yield Difference(f"environment {wanted.name}", now, then, tuple(requests))


def _shown(found: Mapping[str, Any], policies: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """An environment as the files describe one."""
    policy, asked = found.get("deployment_branch_policy"), _reviewing(found) or {}
    patterns = sorted(f"{one['type']} {one['name']}" for one in policies)
    if policy is None:
        patterns = ["any branch and tag"]
    elif policy.get("protected_branches"):
        patterns = ["branches with protection rules"]
    return {
        "patterns": patterns,
        "reviewers": sorted(_named(one) for one in asked.get("reviewers") or ()),
        "prevent_self_review": bool(asked.get("prevent_self_review")),
    }


def _named(reviewer: Mapping[str, Any]) -> str:
    """A reviewer as CODEOWNERS writes one."""
    one = reviewer.get("reviewer") or {}
    if reviewer.get("type") != "Team":
        return f"@{one.get('login', '')}"
    organization = str(one.get("html_url", "")).partition("/orgs/")[2].partition("/")[0]
    return f"@{organization}/{one.get('slug', '')}"


def _reviewer(owner: str) -> dict[str, Any]:
    """A reviewer as GitHub takes one: by its id."""
    organization, slash, team = owner.removeprefix("@").partition("/")
    address = f"orgs/{organization}/teams/{team}" if slash else f"users/{organization}"
    return {"type": "Team" if slash else "User", "id": github.anywhere("GET", address)["id"]}


def _of_ruleset(wanted: Mapping[str, Any]) -> Iterator[Difference]:
    known = next((one for one in github.get("rulesets") if one.get("name") == wanted["name"]), None)
    if known is None:
        yield Difference(f"ruleset {wanted['name']}", None, wanted, (("POST", "rulesets", wanted),))
        return
    address = f"rulesets/{known['id']}"
    found = _like(wanted, github.ask("GET", address, None))
    if found != wanted:
        yield Difference(f"ruleset {wanted['name']}", found, wanted, (("PUT", address, wanted),))


def _like(wanted: Any, found: Any) -> Any:
    """What was found, as far as `wanted` says something of it: GitHub tells more than anybody asked for.

    Rules are told apart by their `type`; one that nobody asked for only makes a ruleset stricter.
    """
    if isinstance(wanted, dict) and isinstance(found, dict):
        return {key: _like(value, found.get(key)) for key, value in wanted.items()}
    if isinstance(wanted, list) and isinstance(found, list) and all(_typed(one) for one in wanted):
        by_type = {one.get("type"): one for one in found if isinstance(one, dict)}
        pairs = ((one, by_type.get(one["type"])) for one in wanted)
        return [_like(one, other) for one, other in pairs if other is not None]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        return [_like(one, other) for one, other in zip(wanted, found, strict=True)]
    return found


def _typed(one: Any) -> bool:
    return isinstance(one, dict) and "type" in one
