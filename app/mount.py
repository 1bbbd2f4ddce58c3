"""Where an API is mounted: what a client's URL has before the application's own path.

Sources: API Gateway developer guide, 'Input format of a Lambda function for proxy integration', 'Custom domain
names'; PEP 3333, 'environ Variables' and 'URL Reconstruction'.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

type Json = dict[str, Any]


def text(path: str) -> str:
    """A path decoded as PEP 3333 wants it: each byte a character."""
    if path[:1] != "/":
        path = f"/{path}"
    return path if "%" not in path and path.isascii() else unquote_to_bytes(path).decode("latin-1")


def mount(
    event: Json, request: Json, host: str, path: str, route: str | None, *, stage_in_path: bool
) -> tuple[str, str]:
    """SCRIPT_NAME and PATH_INFO: what the client's URL has before the application's own path, and that path.

    On the API's own host (id.execute-api.region.amazonaws.com) that is the stage. On a custom domain it is the
    mapping's base path, which no field names: it is what stands before the route that the API matched.
    """
    if path[:1] != "/":
        path = f"/{path}"
    stage = request.get("stage")
    prefix = staged = ""
    if stage and stage != "$default":
        prefix = f"/{stage}"
        if stage_in_path and f"{path}/".startswith(f"{prefix}/"):
            staged = prefix
    if not host or ".execute-api." in host:
        return prefix, text(path[len(staged) :])
    if route and route.startswith("/"):
        base, inside = _split(path, route, event.get("pathParameters") or {})
        # HTTP APIs write the stage into the path on custom domains too, where no URL has it.
        return "" if base == staged else base, inside
    return "", text(path[len(staged) :])


def _split(path: str, route: str, parameters: Json) -> tuple[str, str]:
    """Split a path before the part that a route such as /items/{id} or /{proxy+} matched, both decoded."""
    whole = text(path)
    names = route.rstrip("/").split("/")[1:]
    greedy = bool(names) and names[-1].endswith("+}")
    if greedy:
        # Last, and the only part of any length: its value, which comes decoded, says where it begins.
        value = (parameters.get(names.pop()[1:-2]) or "").encode().decode("latin-1")
        head = whole.rstrip("/").removesuffix(f"/{value.rstrip('/')}")
        if head == whole.rstrip("/"):
            return "", whole
    else:
        head = path.rstrip("/")
    segments = head.split("/")[1:]
    cut = len(segments) - len(names)
    if cut < 0 or "" in segments[:cut]:
        return "", whole
    if any(name != segment and name[:1] != "{" for name, segment in zip(names, segments[cut:], strict=True)):
        return "", whole
    base = "".join(f"/{segment}" for segment in segments[:cut])
    if base and not greedy:
        base = text(base)
    return base, whole[len(base) :] or "/"
