"""A report of the gate, as `pipeline check --format json` writes it, taken apart into checks and findings."""

import uuid
from typing import Any

from app import fields
from app.fields import Check
from app.ledger.kinds import CHECK, FINDING, Kind, Values

MAX_STAGES = 50
MAX_FINDINGS = 500

Errors = list[dict[str, str]]


def _seconds(value: Any) -> int:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 86_400:
        raise ValueError("give a number from 0 to 86400")
    return round(value * 1000)


_STAGE = {
    "name": CHECK.fields["name"],
    "status": CHECK.fields["status"],
    "seconds": Check(_seconds, {"type": "number", "minimum": 0, "maximum": 86_400}),
}
_FINDING = {name: check for name, check in FINDING.fields.items() if name not in ("id", "commit", "found_at")}
# The gate writes an empty text where there is nothing to advise.
_FINDING["remediation"] = Check(
    lambda value: fields.optional(fields.text(4000)).parse(None if value == "" else value),
    {"anyOf": [{"type": "string", "maxLength": 4000, "pattern": r"^[^\u0000]*$"}, {"type": "null"}]},
)


def _entries(checks: dict[str, Check], maximum: int) -> Check:
    """Take a list of objects, each of which `checks` hold for; the message says which one is wrong."""

    def parse(value: Any) -> list[Values]:
        if not isinstance(value, list) or len(value) > maximum:
            raise ValueError(f"give a list of at most {maximum} objects")
        parsed = []
        for number, entry in enumerate(value):
            values, errors = fields.check_all(entry, checks) if isinstance(entry, dict) else ({}, _NO_OBJECT)
            if errors:
                raise ValueError(f"number {number}: {errors[0]['field']}: {errors[0]['message']}")
            parsed.append(values)
        return parsed

    return Check(parse, {"type": "array", "items": object_schema(checks), "maxItems": maximum})


_NO_OBJECT: Errors = [{"field": "entry", "message": "give an object"}]


def object_schema(checks: dict[str, Check]) -> dict[str, Any]:
    """Return the JSON Schema of an object that has exactly these fields."""
    return {
        "type": "object",
        "properties": {name: check.schema for name, check in checks.items()},
        "required": list(checks),
        "additionalProperties": False,
    }


REPORT = {
    "id": fields.IDENTIFIER,
    "commit": fields.COMMIT,
    "finished_at": fields.TIMESTAMP,
    "stages": _entries(_STAGE, MAX_STAGES),
    "findings": _entries(_FINDING, MAX_FINDINGS),
}


def parse(body: Values) -> tuple[list[tuple[Kind, Values]], Errors]:
    """Return the records that a report stands for; their ids follow from the report's."""
    report, errors = fields.check_all(body, REPORT)
    if errors:
        return [], errors
    records: list[tuple[Kind, Values]] = []
    for number, stage in enumerate(report["stages"]):
        milliseconds = stage.pop("seconds")
        records.append((CHECK, {**stage, "milliseconds": milliseconds, **_common(report, CHECK, number)}))
        records[-1][1]["finished_at"] = report["finished_at"]
    for number, finding in enumerate(report["findings"]):
        records.append((FINDING, {**finding, **_common(report, FINDING, number)}))
        records[-1][1]["found_at"] = report["finished_at"]
    return records, []


def _common(report: Values, kind: Kind, number: int) -> Values:
    return {"id": uuid.uuid5(report["id"], f"{kind.name} {number}"), "commit": report["commit"]}
