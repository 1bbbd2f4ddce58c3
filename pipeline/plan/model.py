"""What a plan says: of each environment, what a change does to resources, rights, routes and parameters."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.source.settings import Loosened
from pipeline.source.stateful import holds_state

SCHEMA = 1
ACTIONS = ("remove", "replace", "perhaps replace", "change", "add")  # the order of danger


@dataclass(frozen=True)
class Change:
    """What happens to one resource. `causes` are the properties that differ, `line` where the source has it.

    `indirect` marks one that differs only since it names another that does; `through` are the properties that name
    another that changes, whose own difference, if any, only AWS knows.
    """

    action: str
    resource: str
    type: str
    causes: tuple[str, ...]
    line: int
    kept: bool = False
    indirect: bool = False
    through: tuple[str, ...] = ()

    @property
    def loses(self) -> bool:
        """Whether what it holds, and can't be made again, may be lost."""
        return self.action in ("remove", "replace", "perhaps replace") and holds_state(self.type)


@dataclass(frozen=True)
class Effect:
    """The plan for one environment.

    `widened` and `narrowed` are rights, `opened` and `closed` routes without authorisation, as sentences;
    `parameters` are (name, before, after); `releases` says whether a new version is published.
    """

    environment: str
    changes: tuple[Change, ...]
    widened: tuple[str, ...] = ()
    narrowed: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    parameters: tuple[tuple[str, str, str], ...] = ()
    releases: bool = False

    @property
    def dangers(self) -> list[str]:
        """What a reviewer must not overlook, as sentences, the worst first."""
        found = [
            f"**{one.resource}** ({one.type}) holds what can't be made again, and would be {_PASSIVE[one.action]}"
            + (f" because of {', '.join(one.causes)}" if one.causes else "")
            + (", though what it held is kept outside of the stack" if one.kept else "")
            for one in self.changes
            if one.loses
        ]
        found += [f"open to everybody: {route}" for route in self.opened]
        found += [f"may do more: {right}" for right in self.widened]
        found += [
            f"**{one.resource}** ({one.type}) would be {_PASSIVE[one.action]}"
            + (f" because of {', '.join(one.causes)}" if one.causes else "")
            for one in self.changes
            if one.action in ("replace", "perhaps replace") and not one.loses and not one.indirect
        ]
        return found


_PASSIVE = {"remove": "removed", "replace": "replaced", "perhaps replace": "replaced, perhaps"}


@dataclass(frozen=True)
class Plan:
    """What merging `head` onto `base` does. `code` maps an archive to its digests before and after; `loosened` is what
    the gate would let pass that it held."""

    base: str
    head: str
    effects: tuple[Effect, ...]
    code: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    loosened: tuple[Loosened, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The plan for machines."""
        return {
            "schema": SCHEMA,
            "base": self.base,
            "head": self.head,
            "code": {
                name: {"before": before, "after": after, "changed": before != after}
                for name, (before, after) in self.code.items()
            },
            "notes": list(self.notes),
            "loosened": [asdict(one) for one in self.loosened],
            "environments": [
                {**asdict(one), "dangers": one.dangers}
                | {
                    "parameters": [
                        {"name": name, "before": before, "after": after}
                        for name, before, after in one.parameters
                    ]
                }
                for one in self.effects
            ],
        }
