"""The OIDC tokens that jobs of this repository can ask for, and those that strangers could send.

Source: GitHub's "OpenID Connect reference". Repositories made since 2026-07-15 send the form with ids.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pipeline.iam.trust_policy import AUDIENCE, CLAIMS, PROVIDER, Request
from pipeline.source.runs import Run
from pipeline.source.stacks import Stack
from pipeline.source.workflows import FOLDER

_ON_DEFAULT_BRANCH = ("schedule", "workflow_run", "issue_comment", "issues", "discussion", "watch", "fork")
_OF_BASE = ("pull_request_target",)
# Whose jobs the roles of an environment are for: they deploy, or they look whether it is as git says.
DEPLOYING = f"{FOLDER}/deploy.yml"
LOOKING = f"{FOLDER}/drift.yml"


@dataclass(frozen=True)
class Repository:
    """A repository as its tokens name it; `ids` chooses the form OWNER@id/REPOSITORY@id."""

    owner: str
    name: str
    owner_id: str
    id: str
    ids: bool = False

    @property
    def text(self) -> str:
        if self.ids:
            return f"{self.owner}@{self.owner_id}/{self.name}@{self.id}"
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True)
class Token:
    """What decides about a token: its repository, the environment or ref, and the workflow in which its job stands.

    `job_workflow` is OWNER/REPOSITORY/FILE@REF: of a called workflow its own, not the caller's.
    """

    repository: Repository
    environment: str = ""
    ref: str = ""
    event: str = "push"
    job_workflow: str = ""
    audience: str = AUDIENCE

    @property
    def subject(self) -> str:
        if self.environment:
            context = f"environment:{self.environment.replace(':', '%3A')}"
        else:
            context = "pull_request" if self.event == "pull_request" else f"ref:{self.ref}"
        return f"repo:{self.repository.text}:{context}"

    def request(self, provider: str) -> Request:
        """The call of STS with this token; `provider` is the ARN of the account's OIDC provider.

        What STS knows of its claims: who started the run, and in which enterprise, decides about no role here.
        """
        one = self.repository
        claims = {
            "aud": self.audience,
            "sub": self.subject,
            "environment": self.environment,
            "ref": self.ref,
            "repository": f"{one.owner}/{one.name}",
            "repository_id": one.id,
            "repository_owner_id": one.owner_id,
            "job_workflow_ref": self.job_workflow,
        }
        context = {f"{PROVIDER}:{key}": (claims[key],) for key in CLAIMS if claims.get(key)}
        return Request(provider, context | {"aws:federatedprovider": (provider,)})


def repository(stack: Stack) -> Repository:
    """The repository that a bootstrap stack trusts, by its parameters; a value that it isn't given stays ${Name}."""

    def text(name: str) -> str:
        return str(stack.scope.resolve({"Fn::Sub": f"${{{name}}}"}))

    return Repository(
        text("GitHubOwner"), text("GitHubRepository"), text("GitHubOwnerId"), text("GitHubRepositoryId")
    )


def tokens(run: Run, own: Repository, branch: str) -> Iterator[Token]:
    """Every token that a job could get: an environment or ref each, in both forms of the subject.

    `branch` is the repository's own, from which it deploys.
    """
    for ids in (False, True):
        bare = Token(replace(own, ids=ids), event=run.event)
        for ref in refs(run.event, run.filters, branch):
            stands = f"{own.owner}/{own.name}/{run.job.workflow.file}@{run.at or ref}"
            for environment in run.environments or ("",):
                yield replace(bare, environment=environment, ref=ref, job_workflow=stands)


def stands(own: Repository, file: str, branch: str) -> str:
    """What a job's token says of its workflow, when that is taken from the branch."""
    return f"{own.owner}/{own.name}/{file}@refs/heads/{branch}"


def refs(event: str, filters: Mapping[str, object], branch: str) -> tuple[str, ...]:
    """The refs of an event, patterns as written: the star of `v*` stands for any text."""
    if event == "pull_request":
        return ("refs/pull/1/merge",)
    if event in _ON_DEFAULT_BRANCH:
        return (f"refs/heads/{branch}",)
    branches, tags = _listed(filters.get("branches")), _listed(filters.get("tags"))
    if event in _OF_BASE:
        return tuple(f"refs/heads/{one}" for one in branches or [branch])
    if event == "push" and (branches or tags):
        return (*(f"refs/heads/{one}" for one in branches), *(f"refs/tags/{one}" for one in tags))
    if event == "release":
        return ("refs/tags/*",)
    return (f"refs/heads/{branch}", "refs/heads/*", "refs/tags/*")


def _listed(found: object) -> list[str]:
    if isinstance(found, list):
        return [str(one) for one in found if not str(one).startswith("!")]
    return [str(found)] if found else []


@dataclass(frozen=True)
class Jobs:
    """Those whom a role is for: the jobs of a workflow file, as the branch has it, in an environment of GitHub."""

    environment: str
    file: str


def strangers(
    own: Repository, meant: Jobs, others: tuple[str, ...], branch: str
) -> Iterator[tuple[str, Token]]:
    """Tokens that no role may take, each with whose it is. `meant` are the role's jobs; `others` are environments."""
    environment, at = meant.environment, f"refs/heads/{branch}"
    for ids in (False, True):
        mine = replace(own, ids=ids)
        good = Token(mine, environment, at, job_workflow=stands(own, meant.file, branch))
        yield f"a job without an environment, on {branch}", replace(good, environment="")
        yield "a job without an environment, on a branch", replace(good, environment="", ref="refs/heads/x")
        yield "a job without an environment, on a tag", replace(good, environment="", ref="refs/tags/v1.2.3")
        yield "a pull request", replace(good, environment="", event="pull_request", ref="refs/pull/1/merge")
        for other in {*others, "staging", f"{environment}-x", f"x-{environment}", environment.upper()} - {
            environment
        }:
            yield f"the environment {other}", replace(good, environment=other)
        for named, foreign in (
            ("another repository of the owner", replace(mine, name="other", id="3")),
            ("a repository with a longer name", replace(mine, name=f"{own.name}-x", id="3")),
            ("another owner's repository", replace(mine, owner="stranger", owner_id="3", id="3")),
            ("an owner with a longer name", replace(mine, owner=f"{own.owner}-x", owner_id="3", id="3")),
            ("a repository spelled in capitals", replace(mine, name=own.name.upper())),
            ("an owner spelled in capitals", replace(mine, owner=own.owner.upper())),
        ):
            yield named, replace(good, repository=foreign)
        if ids:
            yield (
                "a repository that took over the name",
                replace(good, repository=replace(mine, owner_id="3", id="3")),
            )
            yield "a repository made anew by the owner", replace(good, repository=replace(mine, id="3"))
        yield "a token for another audience", replace(good, audience="https://github.com/stranger")
        for named, workflow in _of_others(own, meant.file, branch):
            yield named, replace(good, job_workflow=workflow)


def _of_others(own: Repository, file: str, branch: str) -> Iterator[tuple[str, str]]:
    """Workflows in which no job may stand that takes the role, as tokens name them; none, as of an older GitHub."""
    name = f"{own.owner}/{own.name}"
    other = LOOKING if file == DEPLOYING else DEPLOYING
    yield "a job whose workflow isn't told", ""
    yield f"{file} as a tag has it", f"{name}/{file}@refs/tags/v99.0.0"
    yield f"{file} as another branch has it", f"{name}/{file}@refs/heads/{branch}-x"
    yield f"{file} as a pull request has it", f"{name}/{file}@refs/pull/1/merge"
    yield "a workflow that a branch brings along", f"{name}/{FOLDER}/evil.yml@refs/tags/v99.0.0"
    yield "another workflow of the branch", stands(own, f"{FOLDER}/evil.yml", branch)
    yield "the workflow of the other role", stands(own, other, branch)
    yield "another repository's workflow", f"stranger/{own.name}/{file}@refs/heads/{branch}"
