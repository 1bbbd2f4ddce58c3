"""The kinds of record that the ledger keeps: what each has, and what a list of it can be narrowed by."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app import fields
from app.fields import Check

SEVERITIES = ("critical", "high", "medium", "low")

Values = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of record: its table ledger.NAME, its address /api/PLURAL, its fields and filters."""

    name: str
    plural: str
    meaning: str
    fields: dict[str, Check]
    filters: tuple[str, ...] = ()
    rule: Callable[[Values], list[dict[str, str]]] = field(default=lambda _: [])

    def parse(self, body: Values) -> tuple[Values, list[dict[str, str]]]:
        """Return the record that a body describes, and what is wrong with it, field by field."""
        values, errors = fields.check_all(body, self.fields)
        return values, errors or self.rule(values)


def _in_order(values: Values) -> list[dict[str, str]]:
    late = values["finished_at"] < values["started_at"]
    return [{"field": "finished_at", "message": "is before started_at"}] if late else []


DEPLOYMENT = Kind(
    "deployment",
    "deployments",
    "One attempt to put a bundle into an environment",
    {
        "id": fields.IDENTIFIER,
        "environment": fields.ENVIRONMENT,
        "commit": fields.COMMIT,
        "bundle": fields.DIGEST,
        "release": fields.DIGEST,
        "version": fields.optional(fields.SEMANTIC_VERSION),
        "kind": fields.one_of("deploy", "rollback"),
        "status": fields.one_of("succeeded", "failed"),
        "started_at": fields.TIMESTAMP,
        "finished_at": fields.TIMESTAMP,
        "run": fields.optional(fields.WEB_ADDRESS),
        "actor": fields.text(200),
        "detail": fields.optional(fields.text(4000)),
    },
    ("environment", "commit", "bundle", "version", "kind", "status"),
    _in_order,
)

RELEASE = Kind(
    "release",
    "releases",
    "A version that was promoted: which commit and bundle it stands for, and who approved it",
    {
        "id": fields.IDENTIFIER,
        "version": fields.SEMANTIC_VERSION,
        "commit": fields.COMMIT,
        "bundle": fields.DIGEST,
        "approver": fields.optional(fields.text(200)),
        "released_at": fields.TIMESTAMP,
    },
    ("version", "commit", "bundle"),
)

CHECK = Kind(
    "check",
    "checks",
    "How one stage of the gate ended for a commit",
    {
        "id": fields.IDENTIFIER,
        "commit": fields.COMMIT,
        "name": fields.text(100),
        "status": fields.one_of("passed", "failed", "skipped"),
        "milliseconds": fields.whole_number(86_400_000),
        "finished_at": fields.TIMESTAMP,
    },
    ("commit", "status"),
)

FINDING = Kind(
    "finding",
    "findings",
    "One thing that the gate found wrong in a commit, waived or not",
    {
        "id": fields.IDENTIFIER,
        "commit": fields.COMMIT,
        "rule": fields.text(100),
        "title": fields.text(500),
        "severity": fields.one_of(*SEVERITIES),
        "tool": fields.text(100),
        "file": fields.text(1000),
        "line": fields.whole_number(10_000_000),
        "resource": fields.optional(fields.text(300)),
        "fact": fields.optional(fields.text(300)),
        "environment": fields.optional(fields.ENVIRONMENT),
        "message": fields.text(4000),
        "remediation": fields.optional(fields.text(4000)),
        "controls": fields.texts(100, 100),
        "waiver": fields.optional(fields.text(800)),
        "found_at": fields.TIMESTAMP,
    },
    ("commit", "rule", "severity"),
)

WAIVER = Kind(
    "waiver",
    "waivers",
    "A finding that somebody accepted until a day",
    {
        "id": fields.IDENTIFIER,
        "commit": fields.COMMIT,
        "name": fields.text(800),
        "rule": fields.text(100),
        "resource": fields.text(300),
        "fact": fields.optional(fields.text(300)),
        "environment": fields.optional(fields.ENVIRONMENT),
        "reason": fields.text(2000),
        "owner": fields.text(200),
        "approver": fields.text(200),
        "ticket": fields.text(500),
        "expires_on": fields.DAY,
    },
    ("commit", "rule"),
)

EVIDENCE = Kind(
    "evidence",
    "evidence",
    "A document about a bundle: where it lies, its digest, and its content where that is small",
    {
        "id": fields.IDENTIFIER,
        "bundle": fields.DIGEST,
        "name": fields.one_of(
            *("passport", "change-set", "checks", "bill-of-materials", "attestation", "approval", "drift"),
            "withdrawal",
        ),
        "media_type": fields.matching(
            r"[a-z]+/[a-zA-Z0-9.+-]{1,100}", "a media type such as application/json"
        ),
        "sha256": fields.DIGEST,
        "size": fields.whole_number(2**40),
        "location": fields.optional(fields.text(2000)),
        "document": fields.optional(fields.DOCUMENT),
    },
    ("bundle", "name"),
)

WRITTEN = {kind.plural: kind for kind in (DEPLOYMENT, RELEASE, CHECK, FINDING, WAIVER, EVIDENCE)}

# Written by the application itself, whenever somebody looks at a page.
READ = Kind(
    "read",
    "reads",
    "Somebody looked at a page",
    {"id": fields.IDENTIFIER, "identity": fields.text(2048), "path": fields.text(2000)},
    ("identity",),
)

KINDS = {**WRITTEN, READ.plural: READ}
