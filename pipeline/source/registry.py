"""What CloudFormation's registry says of resource types: which there are, and which properties can't change in place.

The schemas are those that cfn-lint ships. They are read as files: a job that deploys has them from its own group, and
nothing of cfn-lint's code runs there.
Source: CloudFormation CLI user guide, "Resource type definition schema", createOnlyProperties.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.base.errors import ToolError
from pipeline.base.run import CHECKOUT, INSTALL

Path_ = Sequence[str | int]
_ENVIRONMENTS = (".venv", ".tools/policy", ".tools/sam")


def verdict(kind: str, place: Path_, region: str) -> str:
    """What a change of the property at `place` does to a resource of type `kind`.

    "replace" where the registry says so, "perhaps" where it depends on the value, "" where the resource stays.
    A type without a schema, such as a custom resource, decides for itself.
    """
    always, perhaps = _fixed(kind, region)
    if any(_meets(pointer, place) for pointer in always):
        return "replace"
    return "perhaps" if any(_meets(pointer, place) for pointer in perhaps) else ""


def recreation(kind: str, name: str, region: str) -> str:
    """What a change set says of a change of the property `name`: Always, Conditionally or Never.

    Where a part of the property alone can't change, it depends. Source: CloudFormation API reference,
    ResourceTargetDefinition, RequiresRecreation.
    """
    always, perhaps = _fixed(kind, region)
    if (name,) in always:
        return "Always"
    return "Conditionally" if any(pointer[0] == name for pointer in (*always, *perhaps)) else "Never"


def is_known(kind: str, region: str) -> bool:
    """Whether the registry has a schema of AWS for the type in the region."""
    return kind in _index(region)


def is_serverless(kind: str) -> bool:
    """Whether the Serverless transform knows the type."""
    return kind in _index("sam")


def partition(region: str) -> str:
    """The partition of a region. Source: AWS General Reference, "Amazon Resource Names", and the regions' prefixes."""
    names = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b"}
    names |= {"us-isof-": "aws-iso-f", "eu-isoe-": "aws-iso-e", "eusc-": "aws-eusc"}
    return next((name for prefix, name in names.items() if region.startswith(prefix)), "aws")


def _meets(pointer: tuple[str, ...], place: Path_) -> bool:
    """Whether a change at `place` changes what `pointer` names: one holds the other."""
    steps = ["*" if isinstance(step, int) else step for step in place]
    return all(left == right or "*" in (left, right) for left, right in zip(pointer, steps, strict=False))


@cache
def _fixed(kind: str, region: str) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]:
    schema = _schema(kind, region)
    always, perhaps = (
        tuple(
            tuple(pointer.removeprefix("/properties/").split("/"))
            for pointer in schema.get(name, [])
            if isinstance(pointer, str)
        )
        for name in ("createOnlyProperties", "conditionalCreateOnlyProperties")
    )
    return always, perhaps


def _schema(kind: str, region: str) -> dict[str, Any]:
    name = _index(region).get(kind)
    if not isinstance(name, str):
        return {}
    found: dict[str, Any] = json.loads((folder() / "resources" / f"{name}.json").read_text(encoding="utf-8"))
    return found


@cache
def _index(region: str) -> dict[str, Any]:
    """Type to the name of its schema's file."""
    path = folder() / "providers" / f"{region}.json"
    if not path.exists():
        path = folder() / "providers" / "us-east-1.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _region(kind: str) -> str | None:
    """A region that has the type."""
    names = (path.stem for path in sorted((folder() / "providers").glob("*-*.json")))
    return next((one for one in ("us-east-1", *names) if kind in _index(one)), None)


@cache
def properties(kind: str) -> frozenset[str] | None:
    """The names of a type's own properties, from whichever region has it; None for a type that none has."""
    region = _region(kind)
    return frozenset(_schema(kind, region).get("properties", {})) if region else None


@cache
def permissions(kind: str, *operations: str) -> tuple[str, ...]:
    """The actions that CloudFormation calls to make, read, change and delete a type, or for these operations alone,
    from whichever region has the type; none for a type that names none."""
    region = _region(kind)
    handlers: dict[str, Any] = _schema(kind, region).get("handlers", {}) if region else {}
    asked = operations or tuple(name for name in handlers if name != "list")  # CloudFormation never lists
    named = (one for name in asked for one in handlers.get(name, {}).get("permissions", []))
    return tuple(dict.fromkeys(named))


@cache
def regions() -> frozenset[str]:
    """The regions of AWS, of every partition, that the registry has schemas for."""
    return frozenset(path.stem for path in (folder() / "providers").glob("*-*-*.json"))


def no_region(region: str) -> str:
    """Why nothing is deployed to a region: it isn't there, or its partition is another one; else empty.

    ARNs in samconfig.toml, the certificates of Amazon RDS and the laptop's AWS are of the partition `aws`.
    """
    if region not in regions():
        return f"{region!r} is no region of AWS"
    if (other := partition(region)) != "aws":
        return f"{region!r} lies in the partition {other}, where nothing of this was tried: it takes those of aws alone"
    return ""


@cache
def folder() -> Path:
    """Where the schemas lie. Raises ToolError."""
    for environment in _ENVIRONMENTS:
        for path in (CHECKOUT / environment).glob("lib/python*/site-packages/cfnlint/data/schemas"):
            return path
    raise ToolError("The registry's schemas are not installed.", INSTALL)
