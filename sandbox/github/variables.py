"""What expressions and steps of a run may use: the `github` context and the variables made of it."""

from collections.abc import Mapping
from typing import Any

from pipeline.source.workflows import Workflow
from sandbox.github.event import Event, Repository, actor_id

# Those of the context that act doesn't hand to steps, or only with values of its own.
_TO_STEPS = (
    *("run_id", "run_number", "run_attempt", "repository", "repository_id", "repository_owner"),
    *("repository_owner_id", "actor_id", "triggering_actor", "workflow_ref", "workflow_sha"),
)


def contexts(
    repository: Repository,
    event: Event,
    workflow: Workflow,
    run_id: int,
    run_number: int,
    variables: Mapping[str, str],
) -> dict[str, Any]:
    """The contexts `github`, `inputs` and `vars`, as they are before any job starts."""
    github = {
        "event_name": event.name,
        "event": event.payload,
        "ref": event.ref,
        "ref_name": event.ref_name,
        "ref_type": event.ref_type,
        "ref_protected": event.ref == repository.branch_ref,
        "sha": event.sha,
        "head_ref": event.head_ref,
        "base_ref": event.base_ref,
        "actor": event.actor,
        "actor_id": str(actor_id(event.actor)),
        "triggering_actor": event.actor,
        "repository": repository.full_name,
        "repository_id": str(repository.id),
        "repository_owner": repository.owner,
        "repository_owner_id": str(repository.owner_id),
        "run_id": str(run_id),
        "run_number": str(run_number),
        "run_attempt": "1",
        "workflow": workflow.title,
        "workflow_ref": f"{repository.full_name}/{workflow.file}@{event.ref}",
        "workflow_sha": event.sha,
    }
    return {"github": github, "inputs": event.payload.get("inputs", {}), "vars": variables}


def environment(github: Mapping[str, Any]) -> dict[str, str]:
    """The GITHUB_ and RUNNER_ variables of a step, beside those that act sets."""
    return {
        **{f"GITHUB_{name.upper()}": github[name] for name in _TO_STEPS},
        "GITHUB_REF_PROTECTED": "true" if github["ref_protected"] else "false",
        "RUNNER_ENVIRONMENT": "github-hosted",
    }
