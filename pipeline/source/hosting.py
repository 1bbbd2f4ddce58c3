"""What GitHub's settings are meant to be, by the files of .github: environments, rulesets, Actions, labels."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.base.errors import ConfigurationError
from pipeline.source import adoption

FOLDER = ".github"
_DEFAULT = "~DEFAULT_BRANCH"  # as rulesets name it
_SHAPE = {
    "branches": list,
    "tags": list,
    "reviewers": list,
    "prevent_self_review": bool,
    "can_admins_bypass": bool,
}


@dataclass(frozen=True)
class Rules:
    """Who may deploy to an environment: branches and tags by their patterns, approved by one of `reviewers`.

    A reviewer is `@PERSON` or `@ORG/TEAM`.
    """

    name: str
    branches: tuple[str, ...]
    tags: tuple[str, ...]
    reviewers: tuple[str, ...]
    prevent_self_review: bool
    can_admins_bypass: bool

    @property
    def patterns(self) -> set[tuple[str, str]]:
        """Each pattern, with the kind that GitHub calls it by."""
        return {("branch", one) for one in self.branches} | {("tag", one) for one in self.tags}


def names(root: Path) -> list[str]:
    """Every environment that has a file, also those that nothing is deployed to."""
    return sorted(file.stem for file in (root / FOLDER / "environments").glob("*.json"))


def environment(root: Path, name: str, branch: str) -> Rules:
    """The rules of an environment, `.github/environments/NAME.json`, where `branch` is the default one.

    A reviewer without `@` is one of those whom CODEOWNERS knows (developers, platform, security). Raises
    ConfigurationError.
    """
    file = f"{FOLDER}/environments/{name}.json"
    found = _read(root, file)
    if not isinstance(found, dict) or found.keys() != _SHAPE.keys():
        raise ConfigurationError(f"{file} needs the keys {', '.join(_SHAPE)}, and no other.")
    for key, kind in _SHAPE.items():
        value = found[key]
        if not isinstance(value, kind) or (isinstance(value, list) and not all(map(_is_word, value))):
            wanted = "true or false" if kind is bool else "a list of texts"
            raise ConfigurationError(f"{file}: {key} is {value!r}.", f"It takes {wanted}.")
    owners = adoption.owners(root)
    reviewers = [one if one.startswith("@") else owners.get(one, "") for one in found["reviewers"]]
    if "" in reviewers:
        unknown = found["reviewers"][reviewers.index("")]
        raise ConfigurationError(
            f"{file}: nobody is {unknown} in {adoption.OWNERS}.",
            f"Write @PERSON, @ORG/TEAM, or one of {', '.join(adoption.TEAMS)} that has an owner there.",
        )
    branches = tuple(branch if one == _DEFAULT else one for one in found["branches"])
    return Rules(
        name,
        branches,
        tuple(found["tags"]),
        tuple(reviewers),
        found["prevent_self_review"],
        found["can_admins_bypass"],
    )


def _is_word(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def rulesets(root: Path) -> list[dict[str, Any]]:
    """The rulesets, as GitHub exports and imports them. Raises ConfigurationError."""
    files = sorted((root / FOLDER / "rulesets").glob("*.json"))
    return [_mapping(root, f"{FOLDER}/rulesets/{file.name}", "name", "rules") for file in files]


def actions(root: Path) -> dict[str, dict[str, Any]]:
    """The settings of Actions, by their address below `actions/`. Raises ConfigurationError."""
    return _mapping(root, f"{FOLDER}/actions.json")


def labels(root: Path) -> list[dict[str, str]]:
    """The labels that the pipeline and the notes of releases use. Raises ConfigurationError."""
    file = f"{FOLDER}/labels.json"
    found = _read(root, file)
    if not isinstance(found, list) or not all(isinstance(one, dict) and one.get("name") for one in found):
        raise ConfigurationError(f"{file} is no list of labels, each with a name.")
    return found


def _mapping(root: Path, file: str, *keys: str) -> dict[str, Any]:
    found = _read(root, file)
    if not isinstance(found, dict) or not all(found.get(key) for key in keys):
        raise ConfigurationError(f"{file} is no JSON object{' with ' if keys else ''}{' and '.join(keys)}.")
    return found


def _read(root: Path, file: str) -> Any:
    try:
        return json.loads((root / file).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(f"There is no {file}.", "It says what GitHub is meant to hold.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{file} can't be read: {error}") from error
