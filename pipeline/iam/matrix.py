"""The matrix of who can become whom: jobs and strangers against every role that trusts web identities."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.iam.rows import Entry
from pipeline.iam.subjects import DEPLOYING, LOOKING, Jobs, Token, repository, stands, strangers, tokens
from pipeline.iam.trust_policy import PROVIDER, allows, statements
from pipeline.source.application import watch
from pipeline.source.duties import calls
from pipeline.source.project import Project
from pipeline.source.runs import Run, runs
from pipeline.source.stacks import Resource

_DEPLOYING = {"deploy", "promote", "bundle"}
_NOT_CODE_OF_MAIN = ("pull_request", "pull_request_target", "issue_comment", "workflow_run", "merge_group")


@dataclass(frozen=True)
class Cell:
    """One entry of the matrix, with what it is about. `run` is None for a stranger; `fault` says that the
    trust policy can't be evaluated; `elsewhere` names the workflow in which the job stands, if it is not the role's."""

    entry: Entry
    role: Resource
    run: Run | None = None
    fault: str = ""
    elsewhere: str = ""


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
    role lets in. Of the refs from which a job may be started by hand, the one with the worst to tell stands for all."""
    asking = [one for one in runs(project) if one.asks]
    found: dict[tuple[str, str, str], Cell] = {}
    for role in roles(project):
        for cell in (*_of_jobs(project, role, asking), *_of_strangers(project, role)):
            key = (cell.entry.who, cell.entry.subject, cell.entry.role)
            found[key] = max(found.get(key, cell), cell, key=_worth)
    return tuple(found.values())


def _worth(cell: Cell) -> tuple[bool, bool, bool]:
    """How much there is to tell of a cell; of two that are alike `max` keeps the first."""
    return bool(cell.fault), cell.entry.wrong, cell.entry.allowed


def entries(project: Project) -> tuple[Entry, ...]:
    """The matrix alone."""
    return tuple(cell.entry for cell in cells(project))


def _of_jobs(project: Project, role: Resource, asking: list[Run]) -> Iterator[Cell]:
    own, branch = repository(role.stack), project.described.branch
    jobs_stand = stands(own, _for_whom(project, role).file, branch)
    for run in asking:
        for token in tokens(run, own, branch):
            allowed, fault = _judge(role, token)
            elsewhere = token.job_workflow if token.job_workflow != jobs_stand else ""
            entry = Entry(run.name, token.subject, _name(role), allowed, intended(project, run, token, role))
            yield Cell(entry, role, run, fault, elsewhere)


def _of_strangers(project: Project, role: Resource) -> Iterator[Cell]:
    names = tuple(one.name for one in project.environments if one.name != role.stack.environment.name)
    own, branch = repository(role.stack), project.described.branch
    for who, token in strangers(own, _for_whom(project, role), names, branch):
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


def meant(project: Project, role: Resource) -> Jobs | None:
    """Whose jobs a role should let in: those that deploy, or those that look. None for nobody's."""
    environment, described = role.stack.environment, project.described
    deploys = str(environment.table("pipeline").get("deploy_role"))
    if _arn(role) == deploys:
        return Jobs(environment.name, DEPLOYING)
    if _arn(role) == described.drift_role(environment.name, deploys):
        return Jobs(watch(environment.name), LOOKING)
    return None


def _for_whom(project: Project, role: Resource) -> Jobs:
    """Whose jobs its strangers pretend to be."""
    return meant(project, role) or Jobs(role.stack.environment.name, DEPLOYING)


def intended(project: Project, run: Run, token: Token, role: Resource) -> bool:
    """Whether the token should let its job become the role: the job entered the environment that the role is for, by
    an event that may do so there. One that stands elsewhere than in the role's workflow is refused all the same."""
    wanted, branch = meant(project, role), project.described.branch
    laptop = role.stack.environment.laptop
    if wanted is None or laptop or token.environment != wanted.environment:
        return False
    if wanted.file == LOOKING:
        return run.event not in _NOT_CODE_OF_MAIN and token.ref == f"refs/heads/{branch}"
    promoted = bool(role.stack.environment.table("pipeline").get("promote_from"))
    return enters(run, promoted, token.ref, branch)


def enters(run: Run, promoted: bool, ref: str, branch: str) -> bool:
    """Whether an event at `ref` may put something on an environment: by `branch`, or, what is `promoted`, by a tag.

    By hand or by the clock, a job may roll back or look; it may not bring in what no push brought.
    """
    if run.event in _NOT_CODE_OF_MAIN:
        return False
    if run.event in ("workflow_dispatch", "schedule"):
        return not any(command.pipeline in _DEPLOYING for _, command in calls(run))
    if run.event != "push":
        return False
    return ref.startswith("refs/tags/v") if promoted else ref == f"refs/heads/{branch}"


def _arn(role: Resource) -> str:
    account = role.stack.environment.account
    path = str(role.get("Path", default="/"))
    return f"arn:aws:iam::{account}:role{path}{role.get('RoleName')}"
