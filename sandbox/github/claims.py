"""The claims of a job's OIDC token, as GitHub computes them.

Source: GitHub's "OpenID Connect reference"; the form with ids is that of repositories made since July 2026.
"""

import secrets
import time
from typing import Any, Literal

from sandbox.github.event import Event, Repository, actor_id
from sandbox.oidc import ISSUER

LIFETIME = 300  # seconds
BACKDATED = 600  # seconds: `nbf` lies before `iat`, for verifiers whose clocks are behind

SubjectForm = Literal["names", "ids"]


def subject(repository: Repository, event: Event, environment: str, form: SubjectForm) -> str:
    """The `sub` claim: the environment where the job has one, else `pull_request`, else the ref.

    A colon within a value is written `%3A`. `ids` is the form OWNER@id/REPO@id.
    """
    owner, name = repository.owner, repository.name
    if form == "ids":
        owner, name = f"{owner}@{repository.owner_id}", f"{name}@{repository.id}"
    if environment:
        context = f"environment:{environment.replace(':', '%3A')}"
    elif event.name == "pull_request":
        context = "pull_request"
    else:
        context = f"ref:{event.ref.replace(':', '%3A')}"
    return f"repo:{owner}/{name}:{context}"


def claims(
    repository: Repository,
    event: Event,
    *,
    workflow: str,
    workflow_path: str,
    job_workflow_path: str,
    environment: str,
    run_id: int,
    run_number: int,
    form: SubjectForm = "names",
) -> dict[str, Any]:
    """Every claim but `aud`. Ids and numbers are text, as on GitHub; times are seconds since 1970."""
    now = int(time.time())
    found: dict[str, Any] = {
        "iss": ISSUER,
        "sub": subject(repository, event, environment, form),
        "jti": secrets.token_hex(16),
        "iat": now,
        "nbf": now - BACKDATED,
        "exp": now + LIFETIME,
        "ref": event.ref,
        "ref_type": event.ref_type,
        "ref_protected": "true" if event.ref == repository.branch_ref else "false",
        "sha": event.sha,
        "head_ref": event.head_ref,
        "base_ref": event.base_ref,
        "event_name": event.name,
        "repository": repository.full_name,
        "repository_id": str(repository.id),
        "repository_owner": repository.owner,
        "repository_owner_id": str(repository.owner_id),
        "repository_visibility": repository.visibility,
        "actor": event.actor,
        "actor_id": str(actor_id(event.actor)),
        "run_id": str(run_id),
        "run_number": str(run_number),
        "run_attempt": "1",
        "workflow": workflow,
        "workflow_ref": f"{repository.full_name}/{workflow_path}@{event.ref}",
        "workflow_sha": event.sha,
        "job_workflow_ref": f"{repository.full_name}/{job_workflow_path}@{event.ref}",
        "job_workflow_sha": event.sha,
        "runner_environment": "github-hosted",
    }
    if environment:
        found["environment"] = environment
    return found
