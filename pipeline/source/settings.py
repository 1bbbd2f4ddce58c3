"""policies/settings.toml: what security lets this application do that a rule would refuse otherwise."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline.source.located import Document, Place

FILE = "policies/settings.toml"
OPEN_ROUTES = "open_routes"
# What pipeline/iam/grants.py reads.
TYPES, DEPLOYMENT_ACTIONS, ROLE_ACTIONS = "resource_types", "deployment_actions", "role_actions"
_NAMES = (OPEN_ROUTES, TYPES, DEPLOYMENT_ACTIONS, ROLE_ACTIONS)
# A route as it stands in the template: one method of one path. ANY would open what nobody has written yet.
_ROUTE = re.compile(r"(GET|HEAD|POST|PUT|PATCH|DELETE) (/\S*)")


@dataclass(frozen=True)
class Settings:
    """The file as it was parsed; None where there is none. Then nothing is let."""

    document: Document | None

    @cached_property
    def open_routes(self) -> Mapping[str, Place]:
        """The routes that may be open, as `GET /path`, each with its place."""
        given = self._data.get(OPEN_ROUTES)
        listed = given if isinstance(given, list) else []
        return {
            one: (OPEN_ROUTES, index)
            for index, one in enumerate(listed)
            if isinstance(one, str) and _ROUTE.fullmatch(one)
        }

    @cached_property
    def faults(self) -> list[tuple[str, Place]]:
        """What the file says and nobody reads, each with its place."""
        unknown = [(f"{FILE} knows no {name}", (name,)) for name in self._data if name not in _NAMES]
        given = self._data.get(OPEN_ROUTES, [])
        if not isinstance(given, list):
            return [*unknown, (f'{OPEN_ROUTES} is not a list such as ["GET /login"]', (OPEN_ROUTES,))]
        odd = [
            (f"{one!r} is not a method and a path, such as GET /login", (OPEN_ROUTES, index))
            for index, one in enumerate(given)
            if not isinstance(one, str) or not _ROUTE.fullmatch(one)
        ]
        twice = [
            (f"{one} stands there twice", (OPEN_ROUTES, index))
            for index, one in enumerate(given)
            if isinstance(one, str) and one in given[:index]
        ]
        return [*unknown, *odd, *twice]

    @property
    def _data(self) -> Mapping[str, Any]:
        return self.document.data if self.document is not None else {}
