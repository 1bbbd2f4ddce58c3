"""Where an API is mounted: what a client's URL has before the application's own path.

Sources: API Gateway developer guide, 'Input format of a Lambda function for proxy integration', 'Custom domain
names'; PEP 3333, 'environ Variables' and 'URL Reconstruction'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

type Json = dict[str, Any]


def absolute(path: str) -> str:
    """The path with the slash that PATH_INFO begins with."""
    return path if path[:1] == "/" else f"/{path}"


def encoded(path: str) -> str:
    """A path that came percent-encoded, as PEP 3333 wants it: decoded, each byte a character."""
    return path if "%" not in path and path.isascii() else unquote_to_bytes(path).decode("latin-1")


def decoded(path: str) -> str:
    """A path that came decoded, as PEP 3333 wants it: what looks like an escape was written so by the client.

    All but %25: an HTTP API leaves that one escape as it is, so that it stands for a percent sign.
    """
    return (
        path if path.isascii() and "%25" not in path else path.replace("%25", "%").encode().decode("latin-1")
    )


def mount(
    event: Json,
    request: Json,
    host: str,
    path: str,
    route: str | None,
    *,
    text: Callable[[str], str],
    stage_in_path: bool,
) -> tuple[str, str]:
    """SCRIPT_NAME and PATH_INFO: what the client's URL has before the application's own path, and that path.

    On the API's own host (id.execute-api.region.amazonaws.com) that is the stage. On a custom domain it is the
    mapping's base path, and the stage if the mapping has none; no field names them: they are what stands before
    the route that the API matched. `text` is `encoded` or `decoded`, by what the sender does.
    """
    path = absolute(path)
    stage = request.get("stage")
    prefix = staged = ""
    if stage and stage != "$default":
        prefix = f"/{stage}"
        if stage_in_path and f"{path}/".startswith(f"{prefix}/"):
            staged = prefix
    if not host or ".execute-api." in host:
        return prefix, text(path[len(staged) :]) or "/"
    base = (
        _base(path, route, event.get("pathParameters") or {}) if route and route.startswith("/") else staged
    )
    # HTTP APIs write the stage into the path on custom domains too, where no URL has it.
    return "" if base == staged else text(base), text(path[len(base) :]) or "/"


def _base(path: str, route: str, parameters: Json) -> str:
    """The part of a path before what a route such as /items/{id} or /{proxy+} matched; '' if it matches nothing."""
    names = route.rstrip("/").split("/")[1:]
    head: str | None = path.rstrip("/")
    if names and names[-1].endswith("+}"):
        # Last, and the only part of any length: its value says where it begins.
        value = parameters.get(names.pop()[1:-2]) or ""
        head = _before(path.rstrip("/"), value.rstrip("/")) if value else None
    if head is None:
        return ""
    segments = head.split("/")[1:]
    cut = len(segments) - len(names)
    if cut < 0 or "" in segments[:cut]:
        return ""
    matched = zip(names, segments[cut:], strict=True)
    if any(name[:1] != "{" and name not in (segment, unquote(segment)) for name, segment in matched):
        return ""
    return "".join(f"/{segment}" for segment in segments[:cut])


def _before(path: str, value: str) -> str | None:
    """What stands before a parameter's value, which comes as it was sent (REST APIs) or decoded (emulators)."""
    if path.endswith(f"/{value}"):
        return path[: -len(value) - 1]
    starts = (at for at, character in enumerate(path) if character == "/")
    return next((path[:at] for at in starts if unquote(path[at + 1 :]) == value), None)
