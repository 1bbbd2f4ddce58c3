"""A change set: made by `sam`, read, judged, and executed exactly as it was read."""

import os
import re
import tempfile
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from pipeline.base import summary, timings
from pipeline.base.errors import GateError, PipelineError, ToolError
from pipeline.base.run import run, tool
from pipeline.base.text import one_line
from pipeline.delivery import aws, stack
from pipeline.gate import approvals
from pipeline.source import samconfig
from pipeline.source.samconfig import Environment
from pipeline.source.stateful import ELSEWHERE, holds_state

_ARN = re.compile(r"arn:[a-z0-9-]+:cloudformation:[a-z0-9-]+:\d{12}:changeSet/\S+")
_EMPTY = re.compile(r"No changes to deploy|didn't contain changes|No updates are to be performed")

_REFUSED = "Failed to create changeset"


@dataclass(frozen=True)
class Change:
    """One resource's change, in the words of CloudFormation's API reference, ResourceChange.

    `action` is Add, Modify, Remove, Import, Dynamic or SyncWithActual; `replacement` is True, False, Conditional or
    ""; `policy` is what becomes of the old one (Delete, ReplaceAndDelete, ReplaceAndRetain, ...) or ""; `causes` are
    the properties that change, `scope` what of the resource does: Properties, Tags, Metadata, ...
    """

    action: str
    resource: str
    type: str
    replacement: str
    causes: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    policy: str = ""

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
    session: boto3.Session, environment: Environment, template: Path, parameters: Mapping[str, str]
) -> ChangeSet | None:
    """Let `sam deploy` upload the code and make a change set. None when nothing would change.

    `parameters` are all of the template's: sam is told to read no samconfig of its own, since it replaces the
    overrides there by those of the command line where one would expect a merge.
    """
    with tempfile.TemporaryDirectory(prefix="sam-") as scratch:
        empty = Path(scratch) / "samconfig.toml"
        empty.write_text("version = 0.1\n", encoding="utf-8")
        done = run(
            [
                *(tool("sam"), "deploy", "--no-execute-changeset", "--no-fail-on-empty-changeset"),
                # Without it sam takes what lies at the key of a zip's MD5 for that zip, whoever put it there.
                "--force-upload",
                *("--no-confirm-changeset", "--no-progressbar", "--config-file", empty),
                *("--template-file", template, "--stack-name", environment.stack_name),
                *("--region", environment.region, "--role-arn", environment.execution_role),
                *("--s3-bucket", environment.bucket, "--s3-prefix", environment.prefix),
                *(("--capabilities", *environment.capabilities) if environment.capabilities else ()),
                *("--tags", *samconfig.quoted(environment.tags)),
                *("--parameter-overrides", *samconfig.quoted(parameters)),
            ],
            # The role's credentials are in variables. The bundle is uploaded as it is; sam must neither phone home nor
            # look for a newer self.
            env={
                **{name: value for name, value in os.environ.items() if name.startswith("AWS_")},
                "SAM_CLI_TELEMETRY": "0",
                "SAM_CLI_CHECK_VERSION": "0",
                "HOME": scratch,
            },
            check=False,
        )
    said = done.stdout + done.stderr
    found = _ARN.search(said)
    if done.status == 0 and _EMPTY.search(said):
        return None
    if done.status != 0 or found is None:
        if found is not None:
            delete(session, environment.stack_name, found[0])
        # sam doesn't say which change set it was that CloudFormation refused.
        why = stack.refused_change_set(session, environment.stack_name) if _REFUSED in said else []
        last = "\n".join(f"  | {line}" for line in [*said.strip().splitlines()[-12:], *why])
        raise ToolError(f"sam could not make a change set of {environment.stack_name}:\n{last}")
    try:
        changes = _changes(session, environment.stack_name, found[0])
    except PipelineError:
        delete(session, environment.stack_name, found[0])
        raise
    return ChangeSet(found[0], environment.stack_name, changes)


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
