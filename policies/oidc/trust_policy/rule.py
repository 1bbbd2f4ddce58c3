"""Trust policies for GitHub's tokens that say anything but: these subjects, this audience, exactly."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.iam.matching import texts
from pipeline.iam.matrix import meant, roles
from pipeline.iam.subjects import DEPLOYING, Jobs, Token, repository, stands
from pipeline.iam.trust_policy import ASSUME, AUDIENCE, CLAIMS, PROVIDER
from pipeline.source.located import Place
from pipeline.source.project import APPLICATION, Project
from pipeline.source.stacks import Resource
from pipeline.source.violations import Violation, at

_SUB, _AUD, _WORKFLOW = (f"{PROVIDER}:{claim}" for claim in ("sub", "aud", "job_workflow_ref"))
_KNOWN = {f"{PROVIDER}:{claim}" for claim in CLAIMS}


@dataclass(frozen=True)
class _Wanted:
    """What a role should trust: the subject in both forms, and the workflow in which its jobs stand."""

    environment: str
    subjects: frozenset[str]
    workflow: str


@dataclass
class _Found:
    """What the statements of one role trust."""

    subjects: set[str] = field(default_factory=set)
    places: list[Place] = field(default_factory=list)


def check(project: Project) -> Iterator[Violation]:
    federated = roles(project)
    for role in federated:
        if role.file == APPLICATION:
            yield at(
                role,
                "an application's role trusts web identities",
                "AssumeRolePolicyDocument",
                fact="web identities",
            )
            continue
        yield from _role(project, role)
    ids = {(one.id, one.stack.environment.name) for one in federated}
    for stack in project.bootstrap:
        named = str(stack.environment.table("pipeline").get("deploy_role", "")).rsplit("/", 1)[-1]
        for role in stack.of_type("AWS::IAM::Role"):
            if named and role.get("RoleName") == named and (role.id, stack.environment.name) not in ids:
                yield at(
                    role,
                    "the deploy role doesn't trust GitHub's tokens",
                    "AssumeRolePolicyDocument",
                    fact="no web identities",
                )


def _role(project: Project, role: Resource) -> Iterator[Violation]:
    document = role.get("AssumeRolePolicyDocument")
    listed = document.get("Statement") if isinstance(document, dict) else None
    if not isinstance(listed, list | dict):
        yield at(role, "the trust policy can't be read", "AssumeRolePolicyDocument", fact="unreadable policy")
        return
    jobs = meant(project, role) or Jobs(role.stack.environment.name, DEPLOYING)
    own = repository(role.stack)
    forms = (own, replace(own, ids=True))
    wanted = _Wanted(
        jobs.environment,
        frozenset(Token(form, environment=jobs.environment).subject for form in forms),
        stands(own, jobs.file, project.described.branch),
    )
    found = _Found()
    for index, body in enumerate(listed if isinstance(listed, list) else [listed]):
        place: Place = (
            "AssumeRolePolicyDocument",
            "Statement",
            *((index,) if isinstance(listed, list) else ()),
        )
        if not isinstance(body, dict) or body.get("Effect") not in ("Allow", "Deny"):
            yield at(role, "the statement can't be read", *place, fact="unreadable statement")
        elif body["Effect"] == "Allow":
            yield from _statement(role, body, place, wanted, found)
    if found.places and (missing := wanted.subjects - found.subjects) and found.subjects:
        yield at(
            role,
            f"the form {min(missing)} of the subject is not trusted",
            *found.places[-1],
            fact=f"without {', '.join(sorted(missing))}",
        )


def _statement(
    role: Resource, body: dict[str, Any], place: Place, wanted: _Wanted, found: _Found
) -> Iterator[Violation]:
    account = role.stack.environment.account or "${AWS::AccountId}"
    providers = {f"arn:aws:iam::{account}:oidc-provider/{PROVIDER}"}
    providers |= {
        f"${{{one.id}{tail}}}"
        for one in role.stack.of_type("AWS::IAM::OIDCProvider")
        for tail in ("", ".Arn")
    }
    principal = body.get("Principal")
    if "NotPrincipal" in body:
        yield at(
            role,
            "NotPrincipal trusts everybody but a few",
            *place,
            "NotPrincipal",
            fact=f"NotPrincipal {body['NotPrincipal']}",
        )
    elif not isinstance(principal, dict) or principal.keys() != {"Federated"}:
        yield at(
            role,
            "the role trusts others than GitHub's OIDC provider",
            *place,
            "Principal",
            fact=f"Principal {principal}",
        )
    elif not set(texts(principal["Federated"])) <= providers or not principal["Federated"]:
        yield at(
            role,
            f"the role trusts {texts(principal['Federated'])[0]}",
            *place,
            "Principal",
            "Federated",
            fact=f"Federated {', '.join(texts(principal['Federated']))}",
        )
    actions = [one.lower() for one in texts(body.get("Action"))]
    if "NotAction" in body or actions != [ASSUME.lower()]:
        at_key = "NotAction" if "NotAction" in body else "Action"
        yield at(
            role,
            f"the statement allows something else than {ASSUME}",
            *place,
            at_key,
            fact=f"{at_key} {', '.join(texts(body.get(at_key)))}",
        )
    condition = body.get("Condition")
    if not isinstance(condition, dict) or not condition:
        yield at(
            role,
            "every repository on GitHub may take the role: there is no condition",
            *place,
            fact="no Condition",
        )
        return
    yield from _condition(role, condition, (*place, "Condition"), wanted, found)


def _condition(
    role: Resource, condition: dict[str, Any], place: Place, wanted: _Wanted, found: _Found
) -> Iterator[Violation]:
    seen = set()
    for operator, keys in condition.items():
        for key, values in keys.items() if isinstance(keys, dict) else ():
            claim = str(key).lower()
            here = (*place, operator, key)
            if claim.startswith(f"{PROVIDER}:") and claim not in _KNOWN:
                yield at(role, f"STS knows no {claim}, so that the condition says nothing", *here, fact=claim)
            if claim not in (_SUB, _AUD, _WORKFLOW):
                continue  # one more condition only narrows
            seen.add(claim)
            if operator.lower() != "stringequals":
                yield at(
                    role,
                    f"{operator} is not an exact match of {claim}",
                    *here,
                    fact=f"{operator} {claim} {', '.join(texts(values))}",
                )
            elif claim == _AUD and texts(values) != [AUDIENCE]:
                yield at(
                    role,
                    f"the audience is not {AUDIENCE} alone",
                    *here,
                    fact=f"audience {', '.join(texts(values))}",
                )
            elif claim == _WORKFLOW and texts(values) != [wanted.workflow]:
                yield at(
                    role,
                    f"the workflow is not {wanted.workflow} alone",
                    *here,
                    fact=f"workflow {', '.join(texts(values))}",
                )
            elif claim == _SUB:
                yield from _subjects(role, values, here, wanted, found)
    for claim in sorted({_SUB, _AUD, _WORKFLOW} - seen):
        yield at(role, f"nothing is demanded of {claim}", *place, fact=f"no {claim}")


def _subjects(
    role: Resource, values: Any, here: Place, wanted: _Wanted, found: _Found
) -> Iterator[Violation]:
    found.places.append(here)
    given = texts(values)
    found.subjects |= set(given) & wanted.subjects
    if not given:
        yield at(role, "no subject is named", *here, fact="no subject")
    for index, text in enumerate(given):
        if text not in wanted.subjects:
            spot = (*here, index) if isinstance(values, list) else here
            yield at(role, f"{text} is not the subject of {wanted.environment}'s jobs", *spot, fact=text)
