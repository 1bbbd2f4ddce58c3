"""What the pipeline asks of an application, beside one that knows nothing of it."""

from collections.abc import Collection, Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask
from werkzeug.routing import Map


class Beside:
    """Serves the addresses of some blueprints from `platform`, whatever the method, and all else from `application`.

    `routed` tells what is served from where: each application with the blueprints that count, None for all.
    """

    def __init__(self, application: WSGIApplication, platform: Flask, blueprints: Collection[str]) -> None:
        rules = [
            rule.empty()
            for rule in platform.url_map.iter_rules()
            if rule.endpoint.rpartition(".")[0] in blueprints
        ]
        self._addresses = Map(rules, converters=platform.url_map.converters).bind("localhost")
        self._application, self._platform = application, platform
        self.routed = ((application, None), (platform, tuple(blueprints)))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        chosen = self._platform if self._addresses.allowed_methods(path) else self._application
        return chosen(environ, start_response)


def beside(
    application: WSGIApplication, platform: Flask, blueprints: Collection[str] = ("health",)
) -> Beside:
    """`application`, with these blueprints of `platform`, which is what `create_app` returns, beside it.

    `health` has /health, /ready and /version.
    """
    if unknown := sorted(set(blueprints) - platform.blueprints.keys()):
        raise LookupError(
            f"the platform has no blueprint {', '.join(unknown)}; it has {', '.join(platform.blueprints)}"
        )
    return Beside(application, platform, blueprints)
