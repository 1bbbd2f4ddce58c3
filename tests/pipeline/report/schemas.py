"""The published schemas as validators."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import validators

_FOLDER = Path(__file__).parents[2] / "schemas"


@cache
def validator(name: str) -> Any:
    """The validator for a schema of tests/schemas."""
    text = (_FOLDER / name).read_text(encoding="utf-8")
    # ECMA's property escapes, which Python's re doesn't know: letters and digits.
    schema = json.loads(text.replace("\\\\p{L}", "[^\\\\W\\\\d_]").replace("\\\\p{N}", "\\\\d"))
    kind = validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


def faults(name: str, text: str) -> list[str]:
    """What a JSON text breaks of a schema."""
    return [f"{error.json_path}: {error.message}" for error in validator(name).iter_errors(json.loads(text))]
