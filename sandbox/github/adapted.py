"""The workflows as act takes them: without the keys that GitHub knows and act refuses, which the sandbox models, and
with whose they are (`job.workflow_repository`, `job.workflow_sha`), which act doesn't know.

A job with a concurrency group or an environment begins with a step that asks the sandbox whether it may: see gate.py.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.source.workflows import Workflow
from sandbox.github import ask
from sandbox.github.log import GATE

# By the key that holds them. Sources: GitHub's "Workflow syntax"; act 0.2.89 answers "Unknown Property".
_UNKNOWN = {"concurrency": ("queue",), "environment": ("deployment",)}


def write(
    workflow: Workflow, path: Path, repository: str, commit: str, document: Mapping[str, Any] | None = None
) -> None:
    """Write a workflow of a repository's commit, or `document` in its place, for act."""
    found = workflow.data if document is None else document
    jobs = {
        name: _gated(_known(job)) if isinstance(job, Mapping) else job
        for name, job in found.get("jobs", {}).items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(
        {**_known(found), "name": workflow.title, "jobs": jobs}, sort_keys=False, allow_unicode=True
    )
    for name, value in (("repository", repository), ("sha", commit)):
        text = re.sub(rf"\bjob\.workflow_{name}\b", f"'{value}'", text)
    path.write_text(text, encoding="utf-8")


def _gated(job: dict[str, Any]) -> dict[str, Any]:
    """A job whose first step asks whether it may begin, where it has what to ask for; calls have no steps."""
    steps = job.get("steps")
    if not isinstance(steps, list) or not (job.get("concurrency") or job.get("environment")):
        return job
    asking = {
        "name": GATE,
        "shell": "bash",
        "working-directory": "${{ github.workspace }}",
        "env": {"TOKEN": "${{ github.token }}"},
        "run": f'"$SANDBOX_TOOLCHAIN/.venv/bin/python" -I "{ask.__file__}"',
    }
    return {**job, "steps": [asking, *steps]}


def _known(body: Mapping[str, Any]) -> dict[str, Any]:
    """A workflow's or job's mapping without what act doesn't know."""
    return {
        key: {name: one for name, one in value.items() if name not in _UNKNOWN.get(key, ())}
        if isinstance(value, Mapping) and key in _UNKNOWN
        else value
        for key, value in body.items()
    }
