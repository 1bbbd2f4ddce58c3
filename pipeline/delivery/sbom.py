"""The bill of materials of a bundle, in CycloneDX: which packages of PyPI are in which archive."""

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from pipeline.base.canonical import canonical

_NAMESPACE = uuid.UUID("9b1c1f2c-5d55-4c3e-9a43-8d0c4a4b9c7e")  # ours alone


def write(commit: str, committed: dt.datetime, code: Mapping[str, Path]) -> bytes:
    """The document for the archives in `code` (name to folder with the archive's content).

    The same commit gives the same bytes: number and time are the commit's, not the build's.
    """
    bom = Bom(serial_number=uuid.uuid5(_NAMESPACE, commit))
    bom.metadata.timestamp = committed
    bom.metadata.component = Component(
        name="bundle", version=commit, type=ComponentType.APPLICATION, bom_ref="bundle"
    )
    held: dict[tuple[str, str], list[str]] = {}
    for archive, folder in code.items():
        for one in distributions(path=[str(folder)]):
            held.setdefault((one.name.lower(), one.version), []).append(archive)
    components = [_component(name, version, archives) for (name, version), archives in sorted(held.items())]
    bom.components.update(components)
    bom.register_dependency(bom.metadata.component, components)
    text = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string()
    data: dict[str, Any] = json.loads(text)
    return canonical(data)


def _component(name: str, version: str, archives: list[str]) -> Component:
    purl = PackageURL("pypi", None, name, version)
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=purl.to_string(),
        properties=[Property(name="esclusa:archive", value=archive) for archive in archives],
    )
