"""The laptop's GitHub: a remote, a scratch clone, events, and workflows that `act` really runs."""

from sandbox.github.act import JobResult, StepResult, WorkflowRun
from sandbox.github.event import Event, PullRequest
from sandbox.github.hub import GitHub, Run

__all__ = ["Event", "GitHub", "JobResult", "PullRequest", "Run", "StepResult", "WorkflowRun"]
