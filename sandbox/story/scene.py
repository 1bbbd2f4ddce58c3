"""What the steps of the story share: what ran must have passed or failed, what serves is asked, who is refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

from pipeline.base.errors import ToolError
from pipeline.iam.subjects import DEPLOYING
from sandbox.github import Event, Run
from sandbox.github.claims import claims
from sandbox.reach import Reach
from sandbox.state import Sandbox


class ExpectationError(Exception):
    """The story went another way than it should. `log` is what to read first."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


@dataclass
class Scene:
    """One sandbox, and the commits that the steps remember, by environment, version or title."""

    box: Sandbox
    commits: dict[str, str] = field(default_factory=dict)

    def reach(self, environment: str) -> Reach:
        """What runs in an environment, seen by its administrator."""
        return Reach(self.box.aws, environment)

    def passed(self, run: Run) -> Run:
        """The run must pass."""
        _ended(run)
        if not run.workflows:
            raise ExpectationError(f"no workflow runs on {run.event.name} of {run.event.ref}")
        if not run.ok:
            raise ExpectationError(f"the run failed: {_errors(run)}", run.log)
        return run

    def failed(self, run: Run, reason: str) -> Run:
        """The run must fail, and for this reason."""
        _ended(run)
        if run.ok:
            raise ExpectationError("the run passed, and should have failed", run.log)
        if reason not in text(run):
            raise ExpectationError(
                f"the run failed for another reason than {reason!r}: {_errors(run)}", run.log
            )
        return run

    def merged(self, title: str, change: Mapping[str, str]) -> Event:
        """Merge a change; the event of it."""
        hub = self.box.github
        branch = title.split()[0].lower()
        hub.commit(title, change, branch=branch)
        event = hub.merge(hub.open_pull_request(branch, title))
        self.commits[title] = event.sha
        return event

    def serves(self, environment: str, commit: str) -> None:
        """The environment must serve `commit`, its routes of health too, with no change set left behind."""
        reach = self.reach(environment)
        found = reach.version()
        if found.get("commit") != commit or found.get("environment") != environment:
            raise ExpectationError(f"{environment} answers {found}, not commit {commit}")
        statuses = {route: reach.status(route) for route in self.box.application.health}
        if {*statuses.values()} != {200}:
            raise ExpectationError(f"{environment} is not well: {statuses}")
        if reach.unexecuted():
            raise ExpectationError(
                f"{environment} has change sets that were not executed: {reach.unexecuted()}"
            )

    def token(self, event: Event, workflow: str, environment: str) -> str:
        """The token that GitHub would send for a job of `workflow`, if it may ask for one."""
        found = claims(
            self.box.github.repository,
            event,
            workflow="story",
            workflow_path=workflow,
            job_workflow=f"{workflow}@{event.ref}",
            job_workflow_sha=event.sha,
            environment=environment,
            run_id=1,
            run_number=1,
        )
        return self.box.github.issuer.sign({**found, "aud": "sts.amazonaws.com"})

    def environment_token(self, environment: str, commit: str) -> str:
        """The token of an environment's own job."""
        event = Event("push", self.box.github.repository.branch_ref, commit, "bob")
        return self.token(event, DEPLOYING, environment)

    def deploy_role(self, environment: str, commit: str) -> boto3.Session:
        """A session of the environment's deploy role."""
        keys = self._assume(self.environment_token(environment, commit), environment)
        return boto3.Session(
            keys["AWS_ACCESS_KEY_ID"],
            keys["AWS_SECRET_ACCESS_KEY"],
            keys["AWS_SESSION_TOKEN"],
            region_name=self.box.aws.session(environment).region_name,
        )

    def role_variables(self, environment: str, commit: str) -> dict[str, str]:
        """The same as environment variables, for a command."""
        keys = self._assume(self.environment_token(environment, commit), environment)
        return {**self.box.aws.variables(), **keys}

    def refused(self, token: str, environment: str, whose: str) -> None:
        """The environment's deploy role must not open to this token."""
        self.denied(lambda: self._assume(token, environment), f"{whose} opened the role of {environment}")

    def denied(self, ask: Callable[[], object], otherwise: str) -> None:
        """AWS must say AccessDenied, and nothing else."""
        try:
            ask()
        except ClientError as error:
            if error.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}:
                return
            raise ExpectationError(f"another error than AccessDenied: {error}") from error
        raise ExpectationError(otherwise)

    def _assume(self, token: str, environment: str) -> dict[str, str]:
        """The keys of a deploy role, under the names of their variables."""
        client = self.box.aws.client("sts", environment)
        keys = client.assume_role_with_web_identity(
            RoleArn=self.reach(environment).deploy_role, RoleSessionName="story", WebIdentityToken=token
        )["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }


def _ended(run: Run) -> None:
    """A run that was ended since it stood still says nothing, whatever was expected of it. Raises ToolError."""
    for one in run.workflows:
        if one.conclusion == "timed_out":
            raise ToolError(f"{one.workflow} #{one.number}: {one.message}", f"Read {one.log}, and try again.")


def text(run: Run) -> str:
    """The log of a run; empty where nothing ran."""
    return run.log.read_text(encoding="utf-8") if run.log else ""


def _errors(run: Run) -> str:
    """Which jobs and steps failed, and what act or GitHub itself had to say."""
    failed = [
        f"{job.name}: {step.name}"
        for job in run.jobs
        if job.result == "failure"
        for step in job.steps
        if step.result == "failure"
    ]
    said = [text for one in run.workflows for text in (*one.errors, one.message) if text]
    return "; ".join([*failed, *said][:5] or ["no reason given"])
