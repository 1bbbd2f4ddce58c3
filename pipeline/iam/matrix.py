"""The matrix of who can become whom: jobs and strangers against every role that trusts web identities."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.iam.rows import Entry
from pipeline.iam.subjects import Token, repository, strangers, tokens
from pipeline.iam.trust_policy import PROVIDER, allows, statements
from pipeline.source.project import Project
from pipeline.source.runs import Run, runs
from pipeline.source.scripts import commands
from pipeline.source.stacks import Resource

_DEPLOYING = {"deploy", "promote", "bundle"}
_NOT_CODE_OF_MAIN = ("pull_request", "pull_request_target", "issue_comment", "workflow_run", "merge_group")


@dataclass(frozen=True)
class Cell:
    """One entry of the matrix, with what it is about. `run` is None for a stranger; `fault` says that the
    trust policy can't be evaluated."""

    entry: Entry
    role: Resource
    run: Run | None = None
    fault: str = ""


def roles(project: Project) -> tuple[Resource, ...]:
    """Every role, of any stack, that some web identity might take."""
    return tuple(
        one
        for stack in project.stacks
        for one in stack.of_type("AWS::IAM::Role")
        if _federated(one.get("AssumeRolePolicyDocument"))
    )


def _federated(document: Any) -> bool:
    """Whether some statement may be about web identities: it isn't about services or accounts alone."""
    try:
        found = list(statements(document)) if isinstance(document, Mapping) else []
    except TypeError:
        return True
    return any(
        not isinstance(one.get("Principal"), Mapping) or bool(one["Principal"].keys() - {"Service", "AWS"})
        for one in found
    )


def cells(project: Project) -> tuple[Cell, ...]:
    """All cells: of each job that can ask for a token, in both forms of the subject, and of strangers that some
    role lets in."""
    asking = [one for one in runs(project) if one.asks]
    found: dict[Entry, Cell] = {}
    for role in roles(project):
        for cell in (*_of_jobs(project, role, asking), *_of_strangers(project, role)):
            found.setdefault(cell.entry, cell)
    return tuple(found.values())


def entries(project: Project) -> tuple[Entry, ...]:
    """The matrix alone."""
    return tuple(cell.entry for cell in cells(project))


def _of_jobs(project: Project, role: Resource, asking: list[Run]) -> Iterator[Cell]:
    own = repository(role.stack)
    for run in asking:
        for token in tokens(run, own, project.described.branch):
            allowed, fault = _judge(role, token)
            entry = Entry(run.name, token.subject, _name(role), allowed, intended(project, run, token, role))
            yield Cell(entry, role, run, fault)


def _of_strangers(project: Project, role: Resource) -> Iterator[Cell]:
    names = tuple(one.name for one in project.environments if one.name != role.stack.environment.name)
    own, branch = repository(role.stack), project.described.branch
    for who, token in strangers(own, role.stack.environment.name, names, branch):
        allowed, fault = _judge(role, token)
        if allowed or fault:
            yield Cell(Entry(who, token.subject, _name(role), allowed, intended=False), role, None, fault)


def _judge(role: Resource, token: Token) -> tuple[bool, str]:
    """Whether the role lets the token in. A policy that can't be evaluated counts as one that does."""
    account = role.stack.environment.account or "${AWS::AccountId}"
    provider = f"arn:aws:iam::{account}:oidc-provider/{PROVIDER}"
    try:
        return allows(_tied(role, provider), token.request(provider)), ""
    except (ValueError, AttributeError, TypeError) as error:
        return True, f"{type(error).__name__}: {error}"


def _tied(role: Resource, provider: str) -> dict[str, Any]:
    """The trust policy, a reference to the stack's own provider written as the ARN that it gives."""
    own = {
        f"${{{one.id}{tail}}}"
        for one in role.stack.of_type("AWS::IAM::OIDCProvider")
        for tail in ("", ".Arn")
    }

    def tied(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: tied(item) for key, item in value.items()}
        if isinstance(value, list):
            return [tied(item) for item in value]
        return provider if isinstance(value, str) and value in own else value

    document = role.get("AssumeRolePolicyDocument")
    if not isinstance(document, dict):
        raise TypeError(f"the trust policy is {document!r}")
    found: dict[str, Any] = tied(document)
    return found


def _name(role: Resource) -> str:
    """The role as people know it: its name, or where it stands."""
    name = role.get("RoleName")
    return str(name) if name else f"{role.id} of {role.stack.environment.stack_name}"


def intended(project: Project, run: Run, token: Token, role: Resource) -> bool:
    """Whether the token should let its job become the role: the job entered the environment that the role is
    the deploy role of, by an event that may deploy there."""
    environment = role.stack.environment
    deploys_here = _arn(role) == str(environment.table("pipeline").get("deploy_role"))
    if environment.laptop or not deploys_here or token.environment != environment.name:
        return False
    promoted = bool(environment.table("pipeline").get("promote_from"))
    return enters(run, promoted, token.ref, project.described.branch)


def enters(run: Run, promoted: bool, ref: str, branch: str) -> bool:
    """Whether an event at `ref` may put something on an environment: by `branch`, or, what is `promoted`, by a tag.

    By hand or by the clock, a job may roll back or look; it may not bring in what no push brought.
    """
    if run.event in _NOT_CODE_OF_MAIN:
        return False
    if run.event in ("workflow_dispatch", "schedule"):
        return not any(each.pipeline in _DEPLOYING for step in run.job.steps for each in commands(step.run))
    if run.event != "push":
        return False
    return ref.startswith("refs/tags/v") if promoted else ref == f"refs/heads/{branch}"


def _arn(role: Resource) -> str:
    account = role.stack.environment.account
    path = str(role.get("Path", default="/"))
    return f"arn:aws:iam::{account}:role{path}{role.get('RoleName')}"
