"""What the pipeline asks of an application, beside one that knows nothing of it."""

from collections.abc import Collection, Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask
from werkzeug.routing import Map


def beside(
    application: WSGIApplication, platform: Flask, blueprints: Collection[str] = ("health",)
) -> WSGIApplication:
    """Serve the addresses of these blueprints from `platform`, whatever the method, and all else from `application`.

    `platform` is what `create_app` returns; `health` has /health, /ready and /version.
    """
    if unknown := sorted(set(blueprints) - platform.blueprints.keys()):
        raise LookupError(
            f"the platform has no blueprint {', '.join(unknown)}; it has {', '.join(platform.blueprints)}"
        )
    rules = [
        rule.empty()
        for rule in platform.url_map.iter_rules()
        if rule.endpoint.rpartition(".")[0] in blueprints
    ]
    addresses = Map(rules, converters=platform.url_map.converters).bind("localhost")

    def dispatch(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        return (platform if addresses.allowed_methods(path) else application)(environ, start_response)

    return dispatch
