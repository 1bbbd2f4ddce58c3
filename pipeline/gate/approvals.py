"""What was approved for a deployment, through git and so reviewed: waivers of the rule on stateful resources."""

import datetime as dt
from pathlib import Path

from pipeline.base.errors import ConfigurationError
from pipeline.gate.waivers import FILE as FILE
from pipeline.gate.waivers import Waiver, read, written
from pipeline.source.located import DocumentError
from pipeline.source.located import read as read_document

RULE = "deploy/stateful"


def in_force(repository: Path, environment: str, today: dt.date) -> list[Waiver]:
    """The waivers that hold today in an environment; an expired or malformed one doesn't, and holds nothing up."""
    path = repository / FILE
    if not path.exists():
        return []
    try:
        waivers, _ = read(read_document(path, FILE), today)
    except DocumentError as error:
        raise ConfigurationError(f"{FILE}:{error.line}: {error.message}", "Run: pipeline policy") from error
    return [one for one in waivers if one.environment in (None, environment)]


def waiver(resource: str, loss: str) -> list[str]:
    """The beginning of the waiver that would let a loss through, as rows of TOML."""
    return written({"rule": RULE, "resource": resource, "fact": loss}).splitlines()


def stateful(repository: Path, environment: str, today: dt.date) -> frozenset[tuple[str, str]]:
    """The losses that were approved: the resource's logical id, and what may become of it."""
    return frozenset(
        (one.resource, one.fact) for one in in_force(repository, environment, today) if one.rule == RULE
    )
