"""A template as it is written, read without CloudFormation."""

from pathlib import Path
from typing import Any

from pipeline.base.errors import ConfigurationError
from pipeline.source.located import DocumentError
from pipeline.source.located import read as read_document


def read(template: Path) -> Any:
    """What a template says, short tags in their long form. Raises ConfigurationError when it can't be read."""
    try:
        return read_document(template, template.name).data
    except DocumentError as error:
        where = f"{template.name}:{error.line}"
        raise ConfigurationError(
            f"{where} does not parse: it {error.message}", "Run: pipeline lint"
        ) from error


def within(document: Any, *keys: str) -> dict[str, Any]:
    """The mapping below these keys; an empty one where there is none."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}
