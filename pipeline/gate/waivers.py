"""Waivers: findings that somebody accepted, one fact of one resource each, with a reason, until a day."""

import dataclasses
import datetime as dt
import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pipeline.gate.findings import Finding
from pipeline.source.located import Document

FILE = "policies/waivers.toml"
LONGEST = 180  # days
SOON = 30  # days

_TEXTS = ("rule", "resource", "reason", "owner", "approver", "ticket")
_IDENTITY = ("rule", "resource", "fact")
_ORDER = (*_IDENTITY, "environment", *_TEXTS[2:], "expires")  # in which a waiver is written
_FIELDS = {*_TEXTS, "fact", "expires", "environment", "id"}
_REASON = 20  # characters; less explains nothing
_TICKET = re.compile(r"https://\S+|[A-Z][A-Z0-9]+-\d+|#\d+")
_VAGUE = {"", "-", "n/a", "none", "todo", "tbd", "unknown", "nobody", "x"}


@dataclass(frozen=True)
class Waiver:
    """One accepted finding: `rule` on `resource` (a logical id, else the finding's file) with this very `fact`, in
    `environment` or in all."""

    id: str
    rule: str
    resource: str
    fact: str
    reason: str
    owner: str
    approver: str
    ticket: str
    expires: dt.date
    environment: str | None
    line: int

    def covers(self, finding: Finding) -> bool:
        return (self.rule, self.resource, self.fact) == (
            finding.rule,
            finding.subject,
            finding.fact,
        ) and self.environment in (None, finding.environment)

    def days(self, today: dt.date) -> int:
        """Days until it ends; negative when it has."""
        return (self.expires - today).days


def read(
    document: Document, today: dt.date, findings: Collection[Finding] | None = None
) -> tuple[list[Waiver], list[Finding]]:
    """The valid waivers of the file, and a finding for each that isn't: such a one waives nothing.

    Of one that names no fact it tells which `findings` it once covered, where they are known.
    """
    entries = document.data.get("waiver", [])
    if not _are_tables(entries):
        line = document.line("waiver")
        return [], [_fault(document, line, "waiver", "waivers are [[waiver]] tables")]
    waivers: list[Waiver] = []
    faults = [
        _fault(document, document.line(key), key, f"unknown key {key!r}: waivers are [[waiver]] tables")
        for key in document.data.keys() - {"waiver"}
    ]
    seen: set[tuple[object, ...]] = set()
    for index, entry in enumerate(entries):
        line = document.line("waiver", index)
        wrong = _wrong(entry, today, findings)
        if wrong:
            faults += [_fault(document, line, _called(entry), message) for message in wrong]
            continue
        texts = {name: entry[name].strip() for name in (*_TEXTS, "fact")}
        identity = (*(texts[name] for name in _IDENTITY), entry.get("environment"))
        if identity in seen:
            faults.append(_fault(document, line, _called(entry), f"a second waiver for {_called(entry)}"))
            continue
        seen.add(identity)
        number = entry.get("id") or ":".join(texts[name] for name in _IDENTITY)
        waivers.append(
            Waiver(
                **texts, id=number, expires=entry["expires"], environment=entry.get("environment"), line=line
            )
        )
    return waivers, faults


def _wrong(
    entry: dict[str, object], today: dt.date, findings: Collection[Finding] | None = None
) -> list[str]:
    wrong = [f"a waiver has no key {key!r}" for key in sorted(entry.keys() - _FIELDS)]
    for name in _TEXTS:
        value = entry.get(name)
        if not isinstance(value, str) or value.strip().lower() in _VAGUE:
            wrong.append(f"the waiver lacks {name!r}")
    fact = entry.get("fact")
    if not isinstance(fact, str) or not fact.strip():
        wrong.append(f"the waiver lacks 'fact', so it covers nothing: {_instead(entry, findings)}")
    if wrong:
        return wrong
    what = f"the waiver of {_called(entry)}"
    return [f"{what} {fault}" for fault in (*_too_wide(entry), *_unfounded(entry), *_overdue(entry, today))]


def _instead(entry: dict[str, object], findings: Collection[Finding] | None) -> str:
    """What to write into a waiver that names no fact: a line for each finding that it covered."""
    if findings is None:
        return "`pipeline policy` says what to write instead"
    facts = dict.fromkeys(
        json.dumps(one.fact, ensure_ascii=False) for one in findings if _covered(entry, one)
    )
    if not facts:
        return "nothing that it was for is found in this run"
    return f"write one waiver for each of these that it is for: {'; '.join(f'fact = {one}' for one in facts)}"


def _covered(entry: dict[str, object], finding: Finding) -> bool:
    """Whether a waiver that names no fact was for a finding: for any of its rule on its resource, or in its file."""
    rule, resource = (str(entry.get(name)).strip() for name in ("rule", "resource"))
    return (
        rule == finding.rule
        and resource in (finding.resource, finding.file)
        and entry.get("environment") in (None, finding.environment)
    )


def _too_wide(entry: dict[str, object]) -> list[str]:
    rule, resource = str(entry["rule"]), str(entry["resource"])
    if re.fullmatch(r"[*?\s]+", str(entry["fact"])):
        return ["is too wide: name one fact"]
    if re.search(r"[*?\[\],\s]", rule) or re.search(r"[*?\[\],]", resource):
        return ["is too wide: name one rule and one resource"]
    if resource.endswith("/") or resource == ".":
        return ["covers a whole folder: name one resource"]
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
    used: set[Waiver] = set()
    result = []
    for finding in findings:
        waiver = next((one for one in waivers if one.covers(finding)), None)
        if waiver is not None:
            used.add(waiver)
            finding = dataclasses.replace(finding, waiver=waiver.id)
        result.append(finding)
    unused = [one for one in waivers if one not in used and tool_of(one.rule) in judged]
    result += [
        _fault(document, one.line, _called(one), f"the waiver of {_called(one)} waives nothing")
        for one in unused
    ]
    return result


def without_fact(document: Document, today: dt.date, findings: Iterable[Finding]) -> str:
    """The waivers to write instead of those of the file that name no fact, one for each open finding that such a one
    covered; empty where there are none. They are TOML, ready for the file."""
    entries = document.data.get("waiver", [])
    told: dict[tuple[str, ...], str] = {}
    for entry in entries if _are_tables(entries) else ():
        if "fact" in entry or _wrong(entry | {"fact": "unknown"}, today):
            continue
        for finding in findings:
            if finding.waiver is None and _covered(entry, finding):
                whole = entry | {"resource": finding.subject, "fact": finding.fact}
                told.setdefault(
                    tuple(str(whole.get(name)) for name in (*_IDENTITY, "environment")), written(whole)
                )
    return "\n".join(told.values())


def for_finding(finding: Finding) -> str:
    """The beginning of a waiver that would cover a finding, as TOML; the rest is for people to say."""
    entry: dict[str, object] = {"rule": finding.rule, "resource": finding.subject, "fact": finding.fact}
    if finding.environment and "," not in finding.environment:
        entry["environment"] = finding.environment
    return written(entry)


def written(entry: dict[str, object]) -> str:
    """A waiver as TOML. What JSON writes as a text is one in TOML too, but for U+007F."""
    rows = ["[[waiver]]"]
    for name in _ORDER:
        value = entry.get(name)
        if isinstance(value, dt.date):
            rows.append(f"{name} = {value}")
        elif value is not None:
            text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
            rows.append(f"{name} = {text}")
    return "".join(f"{row}\n" for row in rows)


def tool_of(rule: str) -> str:
    """The engine that a rule's id belongs to."""
    if rule.startswith(("CKV_", "CKV2_")):
        return "checkov"
    if re.fullmatch(r"[EWI]\d{4}", rule):
        return "cfn-lint"
    return rule.split("/", 1)[0] if "/" in rule else "rules"


def _are_tables(entries: object) -> bool:
    return isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)


def _called(one: Waiver | dict[str, object]) -> str:
    """What a waiver is for, as a message names it."""
    rule, resource, fact = (
        one.get(name) if isinstance(one, dict) else getattr(one, name) for name in _IDENTITY
    )
    return f"{rule} on {resource}" + (f" ({fact})" if fact else "")


def _fault(document: Document, line: int, fact: str, message: str) -> Finding:
    return Finding(
        rule="waiver",
        title="A waiver that doesn't hold",
        severity="high",
        tool="pipeline",
        file=document.file,
        line=line,
        fact=fact,
        message=message,
        remediation="A waiver names one rule, one resource and one fact, has reason, owner, approver and ticket, "
        f"and expires within {LONGEST} days. Remove it once it waives nothing.",
    )
