"""Routes without authorisation, beside reading the few that are public by design."""

from collections.abc import Iterator

from pipeline.source.functions import routes
from pipeline.source.project import Project
from pipeline.source.violations import Violation

_PUBLIC = {"/health", "/ready", "/version", "/healthz", "/livez", "/readyz", "/ping", "/"}
# A browser signs nothing: the application itself asks for a link or a session's cookie here.
_SESSION = {"/session", "/ledger", "/ledger/{page}", "/ledger/{page}/{name}"}
_READING = {"GET", "HEAD"}


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for route in routes(stack):
            if not route.open or route.method == "OPTIONS":
                continue
            if route.method not in _READING or route.path not in _PUBLIC | _SESSION:
                yield route.violation(f"{route.method} {route.path} is open to everybody")
