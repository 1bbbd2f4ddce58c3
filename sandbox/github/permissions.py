"""What a job's GITHUB_TOKEN and its OIDC request may do, by GitHub's rules.

Source: GitHub's "Workflow syntax", `permissions` and `jobs.<job_id>.permissions`; "Reuse workflows".
"""

from collections.abc import Mapping
from typing import Any

from pipeline.base.errors import GateError

SCOPES = (
    "actions", "artifact-metadata", "attestations", "checks", "contents", "deployments", "discussions",
    "id-token", "issues", "models", "packages", "pages", "pull-requests", "security-events", "statuses",
)  # fmt: skip
_LEVELS = ("none", "read", "write")

Permissions = dict[str, str]

# The restricted default, that of organisations made since February 2023.
DEFAULT: Permissions = {scope: "read" if scope in ("contents", "packages") else "none" for scope in SCOPES}


def written(body: Mapping[str, Any], where: str) -> Permissions | None:
    """What a workflow or job says under `permissions`; None where it says nothing. Raises GateError."""
    return parse(body["permissions"] or {}, where) if "permissions" in body else None


def parse(written: Any, where: str) -> Permissions | None:
    """A `permissions:` value as one level a scope; None where nothing is written.

    `where` names the file and job in errors. Raises GateError for a scope or level that GitHub doesn't know.
    """
    if written is None:
        return None
    if written == "read-all":
        return {scope: "none" if scope == "id-token" else "read" for scope in SCOPES}
    if written == "write-all":
        return {scope: "read" if scope == "models" else "write" for scope in SCOPES}
    if not isinstance(written, Mapping):
        raise GateError(
            f"{where}: permissions is {written!r}.", "Write read-all, write-all, {} or a mapping."
        )
    levels = dict.fromkeys(SCOPES, "none")
    for scope, level in written.items():
        if scope not in SCOPES or level not in _LEVELS or (scope == "id-token" and level == "read"):
            raise GateError(
                f"{where}: GitHub knows no permission `{scope}: {level}`.",
                f"Scopes are {', '.join(SCOPES)}; levels read, write, none (id-token: write or none).",
            )
        levels[scope] = level
    return levels


def effective(
    job: Permissions | None, workflow: Permissions | None, ceiling: Permissions | None, where: str
) -> Permissions:
    """The permissions of a job: its own, else its workflow's, else the caller's, else the default.

    `ceiling` is what the calling job has, None for a job that no workflow calls. A called job may keep or
    lower it; GitHub doesn't start a workflow that asks for more, and neither does this: GateError.
    """
    own = job if job is not None else workflow
    if own is None:
        return dict(ceiling if ceiling is not None else DEFAULT)
    if ceiling is None:
        return dict(own)
    for scope in SCOPES:
        if _LEVELS.index(own[scope]) > _LEVELS.index(ceiling[scope]):
            raise GateError(
                f"{where} requests `{scope}: {own[scope]}`, but its caller allows only "
                f"`{scope}: {ceiling[scope]}`.",
                "Grant it in the `permissions:` of the calling job, or lower it in the called one.",
            )
    return dict(own)


def of_fork(levels: Mapping[str, str]) -> Permissions:
    """What is left for a pull request from a fork: reading alone, and no token for a cloud."""
    return {
        scope: "none" if scope == "id-token" or level == "none" else "read" for scope, level in levels.items()
    }
