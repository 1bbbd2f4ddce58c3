"""Which workflows an event starts: `on:` with its types, branches, tags, paths and inputs.

`act` ignores these filters, so the sandbox applies them before it starts act.
Source: GitHub's "Workflow syntax" and "Events that trigger workflows".
"""

from collections.abc import Mapping
from typing import Any

from pipeline.base.errors import ConfigurationError
from pipeline.source.expressions import as_text
from pipeline.source.runs import default
from pipeline.source.workflows import Workflow
from sandbox.github.event import Event
from sandbox.github.pattern import matches

# The activity types that start a workflow which names none.
_DEFAULT_TYPES = {
    "pull_request": ("opened", "synchronize", "reopened"),
    "pull_request_target": ("opened", "synchronize", "reopened"),
    "merge_group": ("checks_requested",),
}
_BOT = "github-actions[bot]"  # who pushes with a run's own token
_BY_THE_TOKEN = ("workflow_dispatch", "repository_dispatch")  # all that such a token can start
# Words of a commit's message that keep its push or pull request from starting anything.
_SKIPPING = ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]")


def starts(workflow: Workflow, event: Event) -> bool:
    """Whether `event` starts `workflow`. Raises ConfigurationError for filters that GitHub refuses."""
    if event.name not in workflow.triggers or (event.actor == _BOT and event.name not in _BY_THE_TOKEN):
        return False
    if event.name in ("push", "pull_request") and _is_skipped(event):
        return False
    filters = workflow.triggers[event.name]
    if event.name in ("workflow_dispatch", "schedule"):
        return _meant(workflow, event, filters)
    if not isinstance(filters, Mapping):
        raise ConfigurationError(f"{workflow.file}: on.{event.name} is no mapping of filters.")
    for name in ("branches", "tags", "paths"):
        if name in filters and f"{name}-ignore" in filters:
            raise ConfigurationError(f"{workflow.file}: on.{event.name} has {name} and {name}-ignore.")
    types = _list(filters.get("types")) or list(_DEFAULT_TYPES.get(event.name, ()))
    if types and event.payload.get("action") not in types:
        return False
    return _ref_fits(filters, event) and _paths_fit(filters, event)


def _is_skipped(event: Event) -> bool:
    message = str((event.payload.get("head_commit") or {}).get("message", ""))
    return any(word in message for word in _SKIPPING)


def _meant(workflow: Workflow, event: Event, filters: Any) -> bool:
    """A dispatch names its workflow; a schedule names the cron line that fell due."""
    if event.name == "workflow_dispatch":
        return bool(event.payload.get("workflow") == workflow.file)
    due = event.payload.get("schedule")
    return any(isinstance(each, Mapping) and each.get("cron") == due for each in filters)


def _ref_fits(filters: Mapping[str, Any], event: Event) -> bool:
    if event.name == "merge_group":
        base = str(event.payload["merge_group"]["base_ref"]).removeprefix("refs/heads/")
        return _passes(filters, "branches", base)
    if event.name != "push":
        return _passes(filters, "branches", event.base_ref) if event.base_ref else True
    kind, other = ("tags", "branches") if event.ref.startswith("refs/tags/") else ("branches", "tags")
    if kind in filters or f"{kind}-ignore" in filters:
        return _passes(filters, kind, event.ref.split("/", 2)[2])
    # A filter on branches alone keeps tags out, and the other way round.
    return not (other in filters or f"{other}-ignore" in filters)


def _paths_fit(filters: Mapping[str, Any], event: Event) -> bool:
    if event.ref.startswith("refs/tags/"):
        return True  # GitHub doesn't look at paths when a tag is pushed
    if "paths" in filters:
        return any(matches(_list(filters["paths"]), file) for file in event.changed)
    if "paths-ignore" in filters:
        return any(not matches(_list(filters["paths-ignore"]), file) for file in event.changed)
    return True


def _passes(filters: Mapping[str, Any], kind: str, name: str) -> bool:
    if kind in filters:
        return matches(_list(filters[kind]), name)
    return not matches(_list(filters.get(f"{kind}-ignore")), name)


def _list(found: Any) -> list[str]:
    return [found] if isinstance(found, str) and found else list(found or [])


def inputs(workflow: Workflow, given: Mapping[str, str]) -> dict[str, str]:
    """The inputs of a dispatch with their defaults. Raises ConfigurationError as GitHub refuses them."""
    declared = workflow.inputs("workflow_dispatch")
    for name in given:
        if name not in declared:
            raise ConfigurationError(
                f"{workflow.file}: no input `{name}`.", f"It has: {', '.join(declared) or 'none'}."
            )
    values = {}
    for name, about in declared.items():
        found = given.get(name, as_text(default(about)))
        options = (
            ["true", "false"]
            if about.get("type") == "boolean"
            else [as_text(one) for one in about.get("options", [])]
        )
        if about.get("required") is True and not found:
            raise ConfigurationError(f"{workflow.file}: the input `{name}` is required.")
        if found and options and found not in options:
            raise ConfigurationError(
                f"{workflow.file}: the input `{name}` is {found!r}.", f"Choose one of {', '.join(options)}."
            )
        values[name] = found
    return values
