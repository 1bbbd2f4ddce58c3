"""Which code the functions of a template run: by CodeUri, a function's own or the one that Globals gives to all."""

from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import normpath
from typing import Any

from pipeline.source.application import BUILT
from pipeline.source.located import Place

_FUNCTION = "AWS::Serverless::Function"
_SHARED = ("Globals", "Function")


@dataclass(frozen=True)
class Use:
    """The code of a function: `uri` as it is written at `place`, or None where the function says none."""

    function: str
    uri: Any
    place: Place

    @property
    def name(self) -> str | None:
        """The NAME of [application.code.NAME] for build/NAME/; None where the code isn't the bundle's."""
        folder, _, name = normpath(self.uri).rpartition("/") if isinstance(self.uri, str) else ("", "", "")
        return name if folder == BUILT else None


def uses(data: Any) -> Iterator[Use]:
    """The code of each function that is packed from folders: neither an image nor a text in the template."""
    shared = _mapping(data, *_SHARED)
    for name, resource in _mapping(data, "Resources").items():
        if not isinstance(resource, dict) or resource.get("Type") != _FUNCTION:
            continue
        own = _mapping(resource, "Properties")
        place: Place = ("Resources", name, "Properties", "CodeUri")
        if "CodeUri" in own:
            yield Use(name, own["CodeUri"], place)
        elif {**shared, **own}.get("PackageType") != "Image" and not {"InlineCode", "ImageUri"} & own.keys():
            yield Use(name, shared.get("CodeUri"), (*_SHARED, "CodeUri") if "CodeUri" in shared else place)


def holders(data: Any) -> Iterator[dict[str, Any]]:
    """The properties that may hold a CodeUri: of each function, and of Globals."""
    yield _mapping(data, *_SHARED)
    for resource in _mapping(data, "Resources").values():
        if isinstance(resource, dict) and resource.get("Type") == _FUNCTION:
            yield _mapping(resource, "Properties")


def _mapping(data: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}
