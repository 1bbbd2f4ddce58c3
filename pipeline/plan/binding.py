"""A deployment is bound to its plan: what AWS is about to do, held against what was worked out beforehand."""

import re
from collections.abc import Mapping
from dataclasses import replace

import boto3

from pipeline.base import summary
from pipeline.base.errors import GateError, PipelineError
from pipeline.delivery import changeset, store
from pipeline.delivery.bundle import DIGEST
from pipeline.delivery.changeset import ChangeSet
from pipeline.delivery.stack import Stack
from pipeline.plan import sources
from pipeline.plan.compare import compare
from pipeline.plan.model import Change, Effect
from pipeline.source.samconfig import Environment
from pipeline.source.stacks import Stack as Template

# What the transform makes anew, under a name that ends in a hash, where others change in place.
_HASHED = ("AWS::ApiGateway::Deployment", "AWS::Lambda::LayerVersion", "AWS::Lambda::Version")


def plan(
    session: boto3.Session,
    environment: Environment,
    before: Stack,
    new: Template,
    ssm: Mapping[str, str],
) -> Effect | None:
    """What putting `new` over the live stack must do, from the two bundles' templates and both sets of parameters.

    `new` is the template of the bundle as it will be deployed, `ssm` are the values behind the parameters, by
    parameter. None when what is live came from no bundle that is still there: then nothing can be said beforehand,
    which a warning tells.
    """
    if not before.exists:
        return compare(None, new, {})
    digest = before.parameters.get("BundleDigest", "")
    try:
        if not DIGEST.fullmatch(digest):
            raise GateError(f"{before.name} was not deployed from a bundle.")
        text, files = store.template(session, environment.bucket, digest)
    except PipelineError as error:
        summary.warning("Not bound to a plan", f"What is live can't be compared: {error.message}")
        return None
    moved = frozenset(name for name, value in ssm.items() if before.resolved.get(name, value) != value)
    old = sources.bundled(environment.name, text, files, before.parameters, environment.repository)
    return compare(old, new, before.parameters, moved)


def check(effect: Effect, changes: ChangeSet) -> None:
    """Raises GateError when the change set does more than the plan says, with the difference.

    What may turn out to be no change, and replaces nothing, is told of and passes: CloudFormation says so of whatever
    refers to a value that it only knows when it executes.
    """
    sure = tuple(one for one in changes.changes if not _may_be_none(one))
    found = beyond(effect, replace(changes, changes=sure))
    maybe = beyond(effect, replace(changes, changes=tuple(filter(_may_be_none, changes.changes))))
    if maybe:
        summary.warning("Perhaps beyond the plan", "\n".join(maybe))
    if found:
        listed = "\n".join(f"  | {line}" for line in found)
        raise GateError(
            f"The change set of {changes.stack} goes beyond the plan:\n{listed}",
            "Something was changed in the account outside of git: pipeline drift. The change set was not executed.",
        )


def _may_be_none(change: changeset.Change) -> bool:
    return (
        not change.certain
        and change.action == "Modify"
        and change.replacement == "False"
        and not change.policy
    )


def beyond(effect: Effect, changes: ChangeSet) -> list[str]:
    """What the change set does and the plan doesn't, as sentences."""
    planned = {_name(one.resource, one.type): one for one in reversed(effect.changes)}
    found = []
    for one in changes.changes:
        if one.scope == ("Tags",):
            continue  # the stack's own tags, which reach every resource and change nothing else
        known = planned.get(_name(one.resource, one.type))
        what = f"{one.resource} ({one.type})"
        because = f" because of {', '.join(one.causes)}" if one.causes else ""
        if known is None:
            found.append(f"{what}: {one.action}{because}; the plan leaves it as it is")
        elif one.type in _HASHED:
            continue  # old ones go as new ones come
        elif one.action == "Remove" and known.action != "remove":
            found.append(f"{what}: Remove; the plan only has it {known.action}")
        elif one.replacement == "True" and known.action not in ("replace", "perhaps replace"):
            found.append(f"{what}: replaced{because}; the plan only has it {known.action}")
        elif one.action == "Modify" and (more := sorted(_causes(one) - _planned(known))):
            only = ", ".join(sorted(_planned(known))) or "nothing"
            found.append(f"{what}: changed because of {', '.join(more)}; the plan only has {only}")
    return found


def _causes(change: changeset.Change) -> set[str]:
    """What of a resource AWS would change: its properties, and attributes such as DeletionPolicy; its tags are the
    stack's."""
    return {*change.causes, *change.scope} - {"Properties", "Tags"}


def _planned(known: Change) -> set[str]:
    """What of a resource may change by the plan: properties by their first name, attributes, and what names others."""
    return {cause.partition(".")[0] for cause in known.causes} | set(known.through)


def _name(resource: str, kind: str) -> str:
    """The logical id, without the hash that the transform ends some with: AWS's own version may hash otherwise."""
    return re.sub(r"[0-9a-f]{10}$", "", resource) if kind in _HASHED else resource
