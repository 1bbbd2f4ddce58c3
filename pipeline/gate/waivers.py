"""Waivers: findings that somebody accepted, for one resource, with a reason, until a day."""

import dataclasses
import datetime as dt
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pipeline.gate.findings import Finding
from pipeline.source.located import Document

FILE = "policies/waivers.toml"
LONGEST = 180  # days
SOON = 30  # days

_TEXTS = ("rule", "resource", "reason", "owner", "approver", "ticket")
_FIELDS = {*_TEXTS, "expires", "environment", "id"}
_REASON = 20  # characters; less explains nothing
_TICKET = re.compile(r"https://\S+|[A-Z][A-Z0-9]+-\d+|#\d+")
_VAGUE = {"", "-", "n/a", "none", "todo", "tbd", "unknown", "nobody", "x"}


@dataclass(frozen=True)
class Waiver:
    """One accepted finding: `rule` on `resource` (a logical id, or FILE:KEY), in `environment` or in all."""

    id: str
    rule: str
    resource: str
    reason: str
    owner: str
    approver: str
    ticket: str
    expires: dt.date
    environment: str | None
    line: int

    def covers(self, finding: Finding) -> bool:
        places = {finding.resource, finding.file}
        return (
            self.rule == finding.rule
            and self.resource in places
            and self.environment in (None, finding.environment)
        )

    def days(self, today: dt.date) -> int:
        """Days until it ends; negative when it has."""
        return (self.expires - today).days


def read(document: Document, today: dt.date) -> tuple[list[Waiver], list[Finding]]:
    """The valid waivers of the file, and a finding for each that isn't: such a one waives nothing."""
    entries = document.data.get("waiver", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return [], [_fault(document, document.line("waiver"), "waivers are [[waiver]] tables")]
    waivers: list[Waiver] = []
    faults = [
        _fault(document, document.line(key), f"unknown key {key!r}: waivers are [[waiver]] tables")
        for key in document.data.keys() - {"waiver"}
    ]
    seen: set[tuple[object, ...]] = set()
    for index, entry in enumerate(entries):
        line = document.line("waiver", index)
        wrong = _wrong(entry, today)
        if wrong:
            faults += [_fault(document, line, message) for message in wrong]
            continue
        identity = (entry["rule"], entry["resource"], entry.get("environment"))
        if identity in seen:
            faults.append(
                _fault(document, line, f"a second waiver for {entry['rule']} on {entry['resource']}")
            )
            continue
        seen.add(identity)
        texts = {name: entry[name].strip() for name in _TEXTS}
        number = entry.get("id") or f"{texts['rule']}:{texts['resource']}"
        waivers.append(
            Waiver(
                **texts, id=number, expires=entry["expires"], environment=entry.get("environment"), line=line
            )
        )
    return waivers, faults


def _wrong(entry: dict[str, object], today: dt.date) -> list[str]:
    wrong = [f"a waiver has no key {key!r}" for key in sorted(entry.keys() - _FIELDS)]
    for name in _TEXTS:
        value = entry.get(name)
        if not isinstance(value, str) or value.strip().lower() in _VAGUE:
            wrong.append(f"the waiver lacks {name!r}")
    if wrong:
        return wrong
    what = f"the waiver of {entry['rule']} on {entry['resource']}"
    return [f"{what} {fault}" for fault in (*_too_wide(entry), *_unfounded(entry), *_overdue(entry, today))]


def _too_wide(entry: dict[str, object]) -> list[str]:
    rule, resource = str(entry["rule"]), str(entry["resource"])
    if re.search(r"[*?\[\],\s]", rule) or re.search(r"[*?\[\],]", resource):
        return ["is too wide: name one rule and one resource"]
    if resource.endswith(("/", "template.yaml", "samconfig.toml")) or resource == ".":
        return ["covers a whole file: name one resource"]
    return []


def _unfounded(entry: dict[str, object]) -> list[str]:
    faults = []
    if len(str(entry["reason"]).strip()) < _REASON:
        faults.append(f"has a reason of fewer than {_REASON} characters")
    if str(entry["owner"]).strip().lower() == str(entry["approver"]).strip().lower():
        faults.append("is approved by its owner: somebody else has to")
    if not _TICKET.fullmatch(str(entry["ticket"]).strip()):
        faults.append("has no ticket: a URL, ABC-123 or #123")
    return faults


def _overdue(entry: dict[str, object], today: dt.date) -> list[str]:
    expires = entry.get("expires")
    if not isinstance(expires, dt.date) or isinstance(expires, dt.datetime):
        return ["has no day `expires = YYYY-MM-DD`"]
    if expires < today:
        return [f"expired on {expires}"]
    return [f"ends in more than {LONGEST} days"] if (expires - today).days > LONGEST else []


def apply(
    waivers: Collection[Waiver], findings: Iterable[Finding], document: Document, judged: Collection[str]
) -> list[Finding]:
    """The findings, waived ones marked with their waiver's id, and one more for each waiver without use.

    `judged` names the tools that ran to an end: a waiver of another tool's rule can't be called unused.
    """
    used: set[str] = set()
    result = []
    for finding in findings:
        waiver = next((one for one in waivers if one.covers(finding)), None)
        if waiver is not None:
            used.add(waiver.id)
            finding = dataclasses.replace(finding, waiver=waiver.id)
        result.append(finding)
    unused = [one for one in waivers if one.id not in used and tool_of(one.rule) in judged]
    result += [
        _fault(document, one.line, f"the waiver of {one.rule} on {one.resource} waives nothing")
        for one in unused
    ]
    return result


def tool_of(rule: str) -> str:
    """The engine that a rule's id belongs to."""
    if rule.startswith(("CKV_", "CKV2_")):
        return "checkov"
    if re.fullmatch(r"[EWI]\d{4}", rule):
        return "cfn-lint"
    return rule.split("/", 1)[0] if "/" in rule else "rules"


def _fault(document: Document, line: int, message: str) -> Finding:
    return Finding(
        rule="waiver",
        title="A waiver that doesn't hold",
        severity="high",
        tool="pipeline",
        file=document.file,
        line=line,
        message=message,
        remediation="A waiver names one rule and one resource, has reason, owner, approver and ticket, "
        f"and expires within {LONGEST} days. Remove it once it waives nothing.",
    )
