"""Release tags: which are fit to be released, and of which commit they are."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.base import git
from pipeline.base.errors import ConfigurationError, GateError, ToolError
from pipeline.base.git import git as ask
from pipeline.base.run import run

# Semantic Versioning 2.0.0 without pre-release and build: what may run in prod. \Z, since $ takes a line end.
RELEASE = re.compile(r"v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\Z")


@dataclass(frozen=True)
class Release:
    """A tag that may be released, and the commit that it names."""

    tag: str
    commit: str


def verify(tag: str, repository: Path, branch: str) -> Release:
    """The release that `tag` names, on the history of `branch`.

    Raises GateError, with the reason, when the tag isn't fit for one.
    """
    version(tag)
    kind = run(["git", "cat-file", "-t", f"refs/tags/{tag}"], cwd=repository, check=False)
    if kind.status != 0:
        raise GateError(f"There is no tag {tag} here.", "Fetch the tags (git fetch --tags), or make it.")
    if kind.stdout.strip() != "tag":
        raise GateError(
            f"{tag} is a lightweight tag: it has no author, date or message.",
            f'Delete it, and make an annotated one: git tag -a {tag} -m "Release {tag}"',
        )
    commit = ask("rev-parse", "--verify", f"refs/tags/{tag}^{{commit}}", cwd=repository)
    if ask("rev-parse", "--is-shallow-repository", cwd=repository) == "true":
        raise GateError(
            f"This is a shallow clone: whether the tag is on {branch} can't be told.", "Set fetch-depth: 0."
        )
    if not (repository / ".git").exists():
        raise ConfigurationError(f"{repository} is not the top of a git repository.", "Run there.")
    ref = git.branch(branch, repository)
    if ref is None:
        raise GateError(
            f"This clone has no branch {branch} to compare the tag with.",
            f"Fetch it: git fetch origin {branch}",
        )
    try:
        merged = git.is_ancestor(commit, ref, repository)
    except ToolError as error:
        raise GateError(f"Whether {tag} is on {branch} can't be told: {error.message}") from error
    if not merged:
        raise GateError(
            f"{tag} names {commit}, which is not on {branch}'s history.",
            "Only what was merged, and ran in dev, is released. Merge it, and tag the merge.",
        )
    _rises(tag, commit, repository)
    _as_pushed(tag, commit, repository)
    return Release(tag, commit)


def _as_pushed(tag: str, commit: str, repository: Path) -> None:
    """In a run that the tag's push began: the tag must be what was pushed, and so what was approved since.

    GITHUB_SHA is the commit, and the event's `after` the tag's own object, which another message changes as well
    (GitHub, "Webhook events and payloads", push).
    """
    if os.environ.get("GITHUB_EVENT_NAME") != "push" or os.environ.get("GITHUB_REF") != f"refs/tags/{tag}":
        return
    pushed = os.environ.get("GITHUB_SHA", "")
    try:
        event = json.loads(Path(os.environ.get("GITHUB_EVENT_PATH", "")).read_text(encoding="utf-8"))
        made = str(event["after"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"The event of this run can't be read: {error!r}.") from error
    now = ask("rev-parse", "--verify", f"refs/tags/{tag}", cwd=repository)
    if (pushed, made) != (commit, now):
        raise GateError(
            f"{tag} is {now} of commit {commit} now; this run is for {made} of commit {pushed}.",
            "The tag was moved, or made anew, since it was pushed. Take the next version.",
        )


def _rises(tag: str, commit: str, repository: Path) -> None:
    """Every release tag on what this commit is built on must have a lower version.

    A lightweight tag never released anything, so it doesn't count.
    """
    before = [name for kind, name in git.tags("--merged", commit, cwd=repository) if kind == "tag"]
    higher = [one for one in before if RELEASE.match(one) and one != tag and version(one) >= version(tag)]
    if higher:
        last = max(higher, key=version)
        raise GateError(
            f"{tag} is not higher than {last}, which is older.",
            "Versions rise along the branch: take the next one.",
        )


def version(tag: str) -> tuple[int, int, int]:
    """The three numbers of a release tag. Raises GateError when it isn't exactly vMAJOR.MINOR.PATCH."""
    found = RELEASE.match(tag)
    if found is None:
        raise GateError(
            f"{tag!r} is not a release tag.",
            "A release tag is exactly vMAJOR.MINOR.PATCH, such as v1.2.3: no pre-release, no leading zeros.",
        )
    major, minor, patch = (int(part) for part in found.groups())
    return major, minor, patch
