"""policies/settings.toml: what security lets this application do that a rule would refuse otherwise."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline.source.located import Document, Place

FILE = "policies/settings.toml"
OPEN_ROUTES = "open_routes"
# What pipeline/iam/grants.py reads.
TYPES, DEPLOYMENT_ACTIONS, ROLE_ACTIONS = "resource_types", "deployment_actions", "role_actions"
CATCH_ALL, OPEN, CLOSED = "catch_all", "open", "closed"
_NAMES = (CATCH_ALL, OPEN_ROUTES, TYPES, DEPLOYMENT_ACTIONS, ROLE_ACTIONS)
# A route as it stands in the template: one method of one path. ANY would open what nobody has written yet.
_PREFIX = re.compile(r"/|(/[A-Za-z0-9._:-]+)+")
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

    def lets_open(self, method: str, path: str) -> bool:
        """Whether a route of the template may be open: by its name, HEAD as GET, or by its prefix."""
        names = {f"{method} {path}", f"{'GET' if method == 'HEAD' else method} {path}"}
        return not names.isdisjoint(self.open_routes) or self.opens(path)

    @cached_property
    def prefixes(self) -> Mapping[str, bool]:
        """The prefixes of the catch-all, each with whether it is open; none where there is no catch-all."""
        table = self._data.get(CATCH_ALL)
        if not isinstance(table, dict) or self._catching:
            return {}
        return {one: kind == OPEN for kind in (OPEN, CLOSED) for one in table.get(kind, [])}

    def opens(self, path: str) -> bool:
        """Whether the catch-all has the path open: its longest prefix decides."""
        found = [one for one in self.prefixes if _within(path, one)]
        return bool(found) and self.prefixes[max(found, key=len)]

    @cached_property
    def _catching(self) -> list[tuple[str, Place]]:
        """Why the catch-all can't be taken."""
        table = self._data.get(CATCH_ALL, {})
        if not isinstance(table, dict):
            return [(f"{CATCH_ALL} is not a table with {OPEN} and {CLOSED}", (CATCH_ALL,))]
        wrong: list[tuple[str, Place]] = [
            (f"{CATCH_ALL} knows no {key}", (CATCH_ALL, key)) for key in table if key not in (OPEN, CLOSED)
        ]
        listed: dict[str, Place] = {}
        for kind in (OPEN, CLOSED):
            given = table.get(kind, [])
            if not isinstance(given, list):
                wrong.append((f'{CATCH_ALL}.{kind} is not a list such as ["/static"]', (CATCH_ALL, kind)))
                continue
            for index, one in enumerate(given):
                place: Place = (CATCH_ALL, kind, index)
                if not isinstance(one, str) or not _PREFIX.fullmatch(one):
                    wrong.append((f"{one!r} is no prefix of paths, such as /static", place))
                elif listed.setdefault(one, place) != place:
                    wrong.append((f"{one} stands in {CATCH_ALL} twice", place))
        wrong += _within_open(listed)
        if not wrong and CATCH_ALL in self._data and "/" not in listed:
            wrong.append((f"{CATCH_ALL} doesn't say whether / is open or closed", (CATCH_ALL,)))
        return wrong

    @cached_property
    def faults(self) -> list[tuple[str, Place]]:
        """What the file says and nobody reads, each with its place."""
        unknown = self._catching + [
            (f"{FILE} knows no {name}", (name,)) for name in self._data if name not in _NAMES
        ]
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


def _within_open(listed: Mapping[str, Place]) -> Iterator[tuple[str, Place]]:
    """What is closed within what is open: API Gateway takes /static%2F..., or another spelling, for what is open."""
    opened = [one for one, place in listed.items() if place[1] == OPEN]
    for one, place in listed.items():
        around = next((other for other in opened if other != one and _within(one, other)), None)
        if place[1] == CLOSED and around:
            why = f"{one} is closed within {around}, which is open: an escape such as %2F leads around it"
            yield f"{why}. Close /, and open what is public", place


def _within(path: str, prefix: str) -> bool:
    return prefix == "/" or path == prefix or path.startswith(f"{prefix}/")
