"""A template as YAML, read without CloudFormation."""

from pathlib import Path
from typing import Any

import yaml

from pipeline.base.errors import ConfigurationError


class _Loader(yaml.SafeLoader):
    """YAML in which CloudFormation's short tags (!Ref, !Sub ...) may stand; what they hold is left out."""


_Loader.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


def read(template: Path) -> Any:
    """What a template says, without what stands behind short tags. Raises ConfigurationError when it can't be read."""
    try:
        return yaml.load(template.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{template.name} does not parse: {error}", "Run: pipeline lint") from error


def within(document: Any, *keys: str) -> dict[str, Any]:
    """The mapping below these keys; an empty one where there is none."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}
