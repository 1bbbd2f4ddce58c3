"""What a plan says: of each environment, what a change does to resources, rights, routes and parameters."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.gate.findings import Finding
from pipeline.gate.waivers import Waiver
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
class Cost:
    """How many more of something there are that costs by the month, or fewer: `what` by its name in the table of
    prices; `usd` a month, None where the table has no price for the region."""

    what: str
    more: int
    usd: float | None


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
    costs: tuple[Cost, ...] = ()

    @property
    def dangers(self) -> list[str]:
        """What a reviewer must not overlook, as sentences, the worst first."""
        found = [
            f"{one.resource} ({one.type}) holds what can't be made again, and would be {_PASSIVE[one.action]}"
            + (f" because of {', '.join(one.causes)}" if one.causes else "")
            + (", though what it held is kept outside of the stack" if one.kept else "")
            for one in self.changes
            if one.loses
        ]
        found += [f"open to everybody: {route}" for route in self.opened]
        found += [f"may do more: {right}" for right in self.widened]
        found += [
            f"{one.resource} ({one.type}) would be {_PASSIVE[one.action]}"
            + (f" because of {', '.join(one.causes)}" if one.causes else "")
            for one in self.changes
            if one.action in ("replace", "perhaps replace") and not one.loses and not one.indirect
        ]
        return found


_PASSIVE = {"remove": "removed", "replace": "replaced", "perhaps replace": "replaced, perhaps"}


@dataclass(frozen=True)
class Policy:
    """What a change lets in: `findings` that its base didn't have, open or waived; waivers that are new or say
    something else (`waived`), and that are gone (`ended`). `unjudged` is what got no verdict, as sentences."""

    findings: tuple[Finding, ...] = ()
    waived: tuple[Waiver, ...] = ()
    ended: tuple[Waiver, ...] = ()
    unjudged: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "findings": [one.as_json() for one in self.findings],
            "waived": [_waiver(one) for one in self.waived],
            "ended": [_waiver(one) for one in self.ended],
            "unjudged": list(self.unjudged),
        }


def _waiver(one: Waiver) -> dict[str, Any]:
    return {key: value for key, value in asdict(one).items() if key != "line"} | {
        "expires": one.expires.isoformat()
    }


@dataclass(frozen=True)
class Deployed:
    """A deployment that succeeded: of which commit, when it ended, and how long it took, where that is known."""

    commit: str
    at: dt.datetime
    seconds: int | None

    def as_json(self) -> dict[str, Any]:
        return {"commit": self.commit, "at": self.at.isoformat(), "seconds": self.seconds}


@dataclass(frozen=True)
class Plan:
    """What merging `head` onto `base` does. `code` maps an archive to its digests before and after; `loosened` is what
    the gate would let pass that it held; `deployed` has the last deployment of an environment, where that is known."""

    base: str
    head: str
    effects: tuple[Effect, ...]
    code: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    loosened: tuple[Loosened, ...] = ()
    policy: Policy = Policy()
    deployed: Mapping[str, Deployed] = field(default_factory=dict)

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
            "policy": self.policy.as_json(),
            "deployed": {name: one.as_json() for name, one in self.deployed.items()},
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
