"""What the laptop's GitHub API answers of settings: environments, rulesets, Actions, labels; and of deployments.

Source: GitHub's REST API documentation, version 2022-11-28.
"""

import zlib
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

from sandbox.github.event import actor_id
from sandbox.github.protection import Rule
from sandbox.github.records import Record
from sandbox.github.requests import AnswerError, Call, made, ok, one
from sandbox.loopback import Reply


def _identity(*words: str) -> int:
    return 1_000_000 + zlib.crc32("/".join(words).encode()) % 9_000_000


def _name(call: Call) -> str:
    """The environment of the address, as it is spelled where it has rules. Raises AnswerError."""
    name = call.found["name"]
    known = next((found for found in call.records.rules if found.lower() == name.lower()), None)
    if known is None and name.lower() not in call.records.environments:
        raise AnswerError(HTTPStatus.NOT_FOUND, "Not Found")
    return known or name


def _environment(call: Call) -> Reply:
    name = _name(call)
    rule = call.records.rules.get(name)
    rules: list[Record] = []
    if rule and rule.reviewers:
        reviewers = [_reviewer(found) for found in rule.reviewers]
        kind: Record = {"type": "required_reviewers", "prevent_self_review": rule.prevent_self_review}
        rules.append({"id": _identity(name, "reviewers"), **kind, "reviewers": reviewers})
    policy = None
    if rule:
        rules.append({"id": _identity(name, "policy"), "type": "branch_policy"})
        policy = {"protected_branches": False, "custom_branch_policies": True}
    return ok(
        {
            "id": _identity(name),
            "name": name,
            "can_admins_bypass": False,
            "protection_rules": rules,
            "deployment_branch_policy": policy,
        }
    )


def _reviewer(name: str) -> Record:
    organization, slash, team = name.partition("/")
    if not slash:
        return {"type": "User", "reviewer": {"login": name, "id": actor_id(name)}}
    page = f"https://github.com/orgs/{organization}/teams/{team}"
    return {"type": "Team", "reviewer": {"slug": team, "id": _identity(name), "html_url": page}}


def _set_environment(call: Call) -> Reply:
    """Make an environment, or change it; one that is made anew lets nothing in before it has policies."""
    values = call.values
    names = {(_identity(name) if "/" in name else actor_id(name)): name for name in call.records.owners}
    names |= {actor_id(person): person for person in _people(call)}
    given = values.get("reviewers") or []
    if not all(found["id"] in names for found in given):
        raise AnswerError(HTTPStatus.UNPROCESSABLE_ENTITY, "Validation Failed: reviewers")
    name = next((found for found in call.records.rules if found.lower() == call.found["name"].lower()), "")
    name = name or call.found["name"]
    call.records.rules[name] = replace(
        call.records.rules.get(name, Rule()),
        reviewers={
            name: call.records.owners.get(name, (name,)) for name in (names[found["id"]] for found in given)
        },
        prevent_self_review=bool(values.get("prevent_self_review")),
    )
    return _environment(call)


def _policies(call: Call) -> Reply:
    rule = call.records.rules.get(_name(call), Rule())
    found = [
        {"id": _identity(kind, pattern), "name": pattern, "type": kind}
        for kind, patterns in (("branch", rule.branches), ("tag", rule.tags))
        for pattern in patterns
    ]
    return ok({"total_count": len(found), "branch_policies": found})


def _add_policy(call: Call) -> Reply:
    name, values = _name(call), call.wanted("name")
    rule = call.records.rules.get(name)
    if rule is None:
        raise AnswerError(HTTPStatus.NOT_FOUND, "Not Found")
    if values.get("type", "branch") == "tag":
        call.records.rules[name] = replace(rule, tags=(*rule.tags, values["name"]))
    else:
        call.records.rules[name] = replace(rule, branches=(*rule.branches, values["name"]))
    return ok({"id": 0, **values})


def _remove_policy(call: Call) -> Reply:
    name, identity = _name(call), call.number("policy")
    rule = call.records.rules.get(name, Rule())
    branches, tags = (
        tuple(found for found in patterns if _identity(kind, found) != identity)
        for kind, patterns in (("branch", rule.branches), ("tag", rule.tags))
    )
    call.records.rules[name] = replace(rule, branches=branches, tags=tags)
    return Reply(HTTPStatus.NO_CONTENT, None)


def _rulesets(call: Call) -> Reply:
    brief = ("id", "name", "target", "enforcement")
    return ok([{key: found[key] for key in brief} for found in call.records.rulesets.values()])


def _ruleset(call: Call) -> Reply:
    return ok(one(call.records.rulesets, call.number("ruleset")))


def _make_ruleset(call: Call) -> Reply:
    found = {"id": call.records.identity(), **call.wanted("name", "enforcement")}
    call.records.rulesets[found["id"]] = found
    return made(found)


def _change_ruleset(call: Call) -> Reply:
    found = one(call.records.rulesets, call.number("ruleset"))
    found |= call.values
    return ok(found)


def _actions(call: Call) -> Reply:
    return ok(call.records.actions[call.found["address"]])


def _set_actions(call: Call) -> Reply:
    call.records.actions[call.found["address"]] |= call.values
    return Reply(HTTPStatus.NO_CONTENT, None)


def _labels(call: Call) -> Reply:
    return ok(list(call.records.labels.values()))


def _make_label(call: Call) -> Reply:
    values = call.wanted("name")
    if values["name"].lower() in call.records.labels:
        raise AnswerError(HTTPStatus.UNPROCESSABLE_ENTITY, "Validation Failed: name already_exists")
    call.records.labels[values["name"].lower()] = values
    return made(values)


def _variable(call: Call) -> Reply:
    name = call.found["name"].upper()
    if name not in call.records.variables:
        raise AnswerError(HTTPStatus.NOT_FOUND, "Not Found")
    return ok({"name": name, "value": call.records.variables[name]})


def _deployments(call: Call) -> Reply:
    wanted = call.request.query.get("environment")
    found = [one for one in call.records.deployments.values() if wanted in (None, one["environment"])]
    return ok(found[::-1])


def _statuses(call: Call) -> Reply:
    one(call.records.deployments, call.number("deployment"))
    return ok(call.records.statuses[call.number("deployment")])


def _people(call: Call) -> set[str]:
    return {person for members in call.records.owners.values() for person in members}


def _team(call: Call) -> Reply:
    name = f"{call.found['organization']}/{call.found['team']}"
    if name not in call.records.owners:
        raise AnswerError(HTTPStatus.NOT_FOUND, "Not Found")
    return ok({"id": _identity(name), "slug": call.found["team"]})


def _person(call: Call) -> Reply:
    if call.found["login"] not in _people(call):
        raise AnswerError(HTTPStatus.NOT_FOUND, "Not Found")
    return ok({"id": actor_id(call.found["login"]), "login": call.found["login"]})


_ENVIRONMENT = r"/environments/(?P<name>[^/]+)"
_POLICIES = rf"{_ENVIRONMENT}/deployment-branch-policies"
_ADDRESS = r"/actions/(?P<address>permissions(/workflow)?)"
ROUTES: tuple[tuple[str, str, str, Callable[[Call], Reply]], ...] = (
    ("GET", _ENVIRONMENT, "actions:read", _environment),
    ("PUT", _ENVIRONMENT, "administration:write", _set_environment),
    ("GET", _POLICIES, "actions:read", _policies),
    ("POST", _POLICIES, "administration:write", _add_policy),
    ("DELETE", rf"{_POLICIES}/(?P<policy>\d+)", "administration:write", _remove_policy),
    ("GET", r"/rulesets", "contents:read", _rulesets),
    ("POST", r"/rulesets", "administration:write", _make_ruleset),
    ("GET", r"/rulesets/(?P<ruleset>\d+)", "contents:read", _ruleset),
    ("PUT", r"/rulesets/(?P<ruleset>\d+)", "administration:write", _change_ruleset),
    ("GET", _ADDRESS, "administration:read", _actions),
    ("PUT", _ADDRESS, "administration:write", _set_actions),
    ("GET", r"/actions/variables/(?P<name>\w+)", "variables:read", _variable),
    ("GET", r"/labels", "issues:read", _labels),
    ("POST", r"/labels", "issues:write", _make_label),
    ("GET", r"/deployments", "deployments:read", _deployments),
    ("GET", r"/deployments/(?P<deployment>\d+)/statuses", "deployments:read", _statuses),
)  # fmt: skip
# Addresses that belong to no repository.
OUTSIDE: tuple[tuple[str, str, str, Callable[[Call], Reply]], ...] = (
    ("GET", r"/orgs/(?P<organization>[^/]+)/teams/(?P<team>[^/]+)", "administration:read", _team),
    ("GET", r"/users/(?P<login>[^/]+)", "administration:read", _person),
)  # fmt: skip
