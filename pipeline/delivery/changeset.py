"""A change set: made, read, judged, and executed exactly as it was read."""

import json
import re
import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from pipeline.base import summary, timings
from pipeline.base.errors import GateError, PipelineError
from pipeline.base.text import one_line
from pipeline.delivery import aws, packages, stack
from pipeline.delivery.bundle import TEMPLATE, Bundle
from pipeline.gate import approvals
from pipeline.source.located import DocumentError, parse
from pipeline.source.samconfig import Environment
from pipeline.source.stateful import ELSEWHERE, holds_state

# CloudFormation's words for a change set without changes, as sam knows them (samcli/lib/deploy/deployer.py).
_EMPTY = re.compile(r"didn't contain changes|No updates are to be performed")
_UNDER_WAY = ("CREATE_PENDING", "CREATE_IN_PROGRESS")
_PATIENCE = 600.0  # seconds; one takes some seconds, with many resources a minute


@dataclass(frozen=True)
class Change:
    """One resource's change, in the words of CloudFormation's API reference, ResourceChange.

    `action` is Add, Modify, Remove, Import, Dynamic or SyncWithActual; `replacement` is True, False, Conditional or
    ""; `policy` is what becomes of the old one (Delete, ReplaceAndDelete, ReplaceAndRetain, ...) or ""; `causes` are
    the properties that change, `scope` what of the resource does: Properties, Tags, Metadata, ... `certain` is False
    for a change that CloudFormation only knows when it executes: each of its details is Dynamic.
    """

    action: str
    resource: str
    type: str
    replacement: str
    causes: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    policy: str = ""
    certain: bool = True

    @property
    def loses(self) -> bool:
        """Whether it takes away, or may take away, what can't be made again.

        AWS tells of a replacement in two fields; either is enough, and also what is kept outside of the stack is
        lost to the application. What another template makes of its own resources nobody sees here.
        """
        if not holds_state(self.type):
            return False
        if self.type in ELSEWHERE:
            return self.action not in {"Add", "Import"}
        stays = self.action in {"Add", "Import", "Modify", "SyncWithActual"}
        return not stays or self.replacement in {"True", "Conditional"} or self.policy != ""

    @property
    def loss(self) -> str:
        """What would become of the resource, in a word: the fact that a waiver of the change names."""
        if self.action == "Remove":
            return "removed"
        replaced = self.replacement in {"True", "Conditional"} or self.policy.startswith("Replace")
        return "replaced" if replaced else "changed"

    @property
    def fate(self) -> str:
        """What would become of the resource, as the end of a sentence."""
        if self.loss == "replaced":
            sure = self.replacement == "True" or self.policy.startswith("Replace")
            return "replaced" if sure else "replaced, perhaps"
        return "removed" if self.loss == "removed" else "changed in a way that can't be known yet"


@dataclass(frozen=True)
class ChangeSet:
    """A change set that waits for its execution."""

    arn: str
    stack: str
    changes: tuple[Change, ...]


def make(
    session: boto3.Session, environment: Environment, made: Bundle, parameters: Mapping[str, str]
) -> ChangeSet | None:
    """Bring the bundle's code and template to where CloudFormation takes them, and make a change set of them.

    `parameters` are all of the template's. None when nothing would change. Raises GateError where CloudFormation has
    another template than the bundle's; then, and where anything else fails, no change set is left.
    """
    places = {
        name: packages.put(session, environment, made.path(name).read_bytes(), "zip")
        for name in made.archives
    }
    text = made.path(TEMPLATE).read_text(encoding="utf-8")
    sent = packages.located(text, TEMPLATE, places)
    template = packages.put(session, environment, sent.encode(), "template")
    arn = _create(session, environment, template.url(session), parameters)
    try:
        if not _settled(session, environment.stack_name, arn):
            delete(session, environment.stack_name, arn)
            return None
        _confirm(session, environment.stack_name, arn, sent)
        return ChangeSet(arn, environment.stack_name, _changes(session, environment.stack_name, arn))
    except BaseException:
        delete(session, environment.stack_name, arn)
        raise


def _create(
    session: boto3.Session, environment: Environment, template: str, parameters: Mapping[str, str]
) -> str:
    """Ask for a change set, as `sam deploy` does with the same settings; returns its ARN."""
    name = f"pipeline-{uuid.uuid4().hex}"
    more: dict[str, Any] = (
        {"Capabilities": list(environment.capabilities)} if environment.capabilities else {}
    )
    exists = stack.read(session, environment.stack_name).exists
    with aws.errors(f"making a change set of {environment.stack_name}"):
        made = session.client("cloudformation", config=aws.CONFIG).create_change_set(
            StackName=environment.stack_name,
            ChangeSetName=name,
            ClientToken=name,  # a request that is sent again makes no second one
            ChangeSetType="UPDATE" if exists else "CREATE",
            TemplateURL=template,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Tags=[{"Key": key, "Value": value} for key, value in environment.tags.items()],
            RoleARN=environment.execution_role,
            **more,
        )
    return str(made["Id"])


def _settled(session: boto3.Session, stack_name: str, arn: str) -> bool:
    """Wait until a change set can be executed; False when nothing would change. Raises GateError."""
    client = session.client("cloudformation", config=aws.CONFIG)
    start = time.monotonic()
    try:
        while True:
            with aws.errors("waiting for the change set"):
                found = client.describe_change_set(ChangeSetName=arn, StackName=stack_name)
            status, reason = found.get("Status", ""), found.get("StatusReason", "")
            if status == "CREATE_COMPLETE":
                return True
            if status == "FAILED" and _EMPTY.search(reason):
                return False
            if status not in _UNDER_WAY or time.monotonic() - start > _PATIENCE:
                refused = stack.refusals(session, {"StackName": stack_name, "ChangeSetName": arn})
                why = "".join(f"\n  | {line}" for line in refused)
                raise GateError(
                    f"CloudFormation could not make a change set of {stack_name}: {status}: {one_line(reason)}{why}",
                    "Mend what it names, and deploy again. Nothing was changed.",
                )
            time.sleep(stack.POLL)
    finally:
        timings.record("aws", "cloudformation", start)


def _confirm(session: boto3.Session, stack_name: str, arn: str, sent: str) -> None:
    """It must have the bundle's template, and the code where it was brought to. Raises GateError."""
    with aws.errors("reading the change set's template back"):
        body = session.client("cloudformation", config=aws.CONFIG).get_template(
            StackName=stack_name, ChangeSetName=arn, TemplateStage="Original"
        )["TemplateBody"]
    expected = parse(sent, TEMPLATE).data
    try:
        actual = parse(body if isinstance(body, str) else json.dumps(body), TEMPLATE).data
    except DocumentError as error:
        raise _other_template(stack_name, str(error)) from error
    if actual != expected:
        raise _other_template(stack_name, _differing(expected, actual))


def _other_template(stack_name: str, what: str) -> GateError:
    return GateError(
        f"The change set of {stack_name} is not of the bundle's template: {one_line(what)}.",
        "Somebody wrote over what CloudFormation took. The change set was not executed; find out who writes to the\n"
        "  bucket.",
    )


def _differing(expected: Any, actual: Any) -> str:
    """What differs between two templates, in a few words: resources by their names, else sections."""
    if not isinstance(actual, dict) or not isinstance(expected, dict):
        return "it is no template"
    names = []
    for section in sorted(expected.keys() | actual.keys()):
        left, right = expected.get(section), actual.get(section)
        if left == right:
            continue
        if isinstance(left, dict) and isinstance(right, dict):
            names += [
                f"{section}.{key}" for key in sorted({*left, *right}) if left.get(key) != right.get(key)
            ]
        else:
            names.append(section)
    return ", ".join(names[:8])


def _changes(session: boto3.Session, stack_name: str, arn: str) -> tuple[Change, ...]:
    client = session.client("cloudformation", config=aws.CONFIG)
    with aws.errors("reading the change set"):
        rows = stack.pages(client.describe_change_set, "Changes", ChangeSetName=arn, StackName=stack_name)
        return tuple(_change(one["ResourceChange"]) for one in rows if "ResourceChange" in one)


def _change(raw: Mapping[str, Any]) -> Change:
    causes = {detail.get("Target", {}).get("Name") or "" for detail in raw.get("Details", [])}
    return Change(
        action=raw["Action"],
        resource=raw["LogicalResourceId"],
        type=raw["ResourceType"],
        replacement=str(raw.get("Replacement", "")),
        causes=tuple(sorted(causes - {""})),
        scope=tuple(raw.get("Scope", ())),
        policy=raw.get("PolicyAction", ""),
        certain=any(one.get("Evaluation", "Static") != "Dynamic" for one in raw.get("Details", []))
        or not raw.get("Details"),
    )


def show(changes: ChangeSet) -> str:
    """The change set as lines of text; also a table in the step summary. Dangers come first."""
    rows = sorted(changes.changes, key=lambda one: (not one.loses, one.action != "Remove", one.resource))
    cells = [(one.action, one.resource, one.type, one.replacement, ", ".join(one.causes)) for one in rows]
    summary.add(
        f"### Change set of `{changes.stack}`\n\n"
        + summary.table(("action", "resource", "type", "replacement", "because of"), cells)
    )
    seen = [[one_line(cell) for cell in row] for row in cells]
    widths = [max(map(len, column), default=0) for column in zip(*seen, strict=True)]
    return "\n".join(
        "  ".join(["", *(cell.ljust(width) for cell, width in zip(row, widths, strict=True))]).rstrip()
        for row in seen
    )


def gate(changes: ChangeSet, waived: Collection[tuple[str, str]] = ()) -> None:
    """Refuse to replace or remove what holds data, but for the losses in `waived`: a logical id, and what may become
    of it. Raises GateError."""
    losses = [one for one in changes.changes if one.loses and (one.resource, one.loss) not in waived]
    if losses:
        named = "; ".join(
            f"{one.resource} ({one.type}) would be {one.fate}"
            + (f" because of {', '.join(one.causes)}" if one.causes else "")
            for one in losses
        )
        raise GateError(
            f"The change set of {changes.stack} would lose what can't be made again: {named}.",
            "Keep the resource's logical id and the properties that force a replacement, or move the data by\n"
            f"  hand first, and waive it in {approvals.FILE}:\n"
            + "".join(f"  | {row}\n" for one in losses for row in approvals.waiver(one.resource, one.loss))
            + "  The change set was not executed, and the previous version goes on serving.",
        )


def execute(session: boto3.Session, changes: ChangeSet) -> stack.Stack:
    """Execute the change set and wait for the end. Raises GateError, with the reasons, when it failed."""
    client = session.client("cloudformation", config=aws.CONFIG)
    start = time.monotonic()
    try:
        before = stack.read(session, changes.stack)
        with aws.errors(f"executing the change set of {changes.stack}"):
            client.execute_change_set(ChangeSetName=changes.arn, StackName=changes.stack)
    except PipelineError:
        delete(session, changes.stack, changes.arn)  # CloudFormation keeps it if the execution has begun
        raise
    stack.begun(session, before)
    timings.record("aws", "cloudformation", start)
    ended = stack.settled(session, changes.stack)
    if ended.status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        reasons = "\n".join(f"  | {line}" for line in stack.failures(session, changes.stack)[:12])
        raise GateError(
            f"The deployment of {changes.stack} failed; its state is {ended.status}.\n{reasons}".rstrip(),
            "CloudFormation rolled it back: the previous version goes on serving. Mend the cause, and deploy again."
            if ended.status == "UPDATE_ROLLBACK_COMPLETE"
            else stack.way_out(ended),
        )
    return ended


def delete(session: boto3.Session, stack_name: str, arn: str) -> None:
    """Remove a change set that is not going to be executed; a failure is told, and hides no other error."""
    try:
        with aws.errors(f"deleting the change set {arn}"):
            client = session.client("cloudformation", config=aws.CONFIG)
            # With the stack's name too: AWS asks for the right on the stack, not on the change set.
            client.delete_change_set(ChangeSetName=arn, StackName=stack_name)
    except PipelineError as error:
        summary.warning("A change set is left", f"{error.message} Delete it by hand; do not execute it.")
