"""What happened on GitHub: events with their payloads, pull requests, actors."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

NOTHING = "0" * 40  # the `before` of a ref that is new


@dataclass(frozen=True)
class Repository:
    """A repository with the ids that never change. `branch` is its default branch."""

    owner: str
    name: str
    owner_id: int = 1001
    id: int = 2002
    visibility: str = "private"
    branch: str = "main"

    @classmethod
    def of(cls, full_name: str, branch: str) -> Self:
        """The private repository OWNER/NAME, with the ids of the sandbox."""
        owner, _, name = full_name.partition("/")
        return cls(owner, name, branch=branch)

    @property
    def branch_ref(self) -> str:
        """The whole name of the default branch."""
        return f"refs/heads/{self.branch}"

    @property
    def full_name(self) -> str:
        """OWNER/NAME."""
        return f"{self.owner}/{self.name}"

    def payload(self) -> dict[str, Any]:
        """How an event describes it."""
        return {
            "id": self.id,
            "name": self.name,
            "full_name": self.full_name,
            "private": self.visibility == "private",
            "visibility": self.visibility,
            "default_branch": self.branch,
            "owner": {"login": self.owner, "id": self.owner_id, "type": "Organization"},
            "html_url": f"https://github.com/{self.full_name}",
            "clone_url": f"https://github.com/{self.full_name}.git",
        }


@dataclass(frozen=True)
class Event:
    """One event. `ref` and `sha` are what GITHUB_REF and GITHUB_SHA become.

    `changed` are the files that `paths` filters look at; `fork` says that a pull request comes from another
    repository; `source` is the commit whose workflow files count (for all but pull_request_target: `sha`).
    """

    name: str
    ref: str
    sha: str
    actor: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    head_ref: str = ""
    base_ref: str = ""
    changed: tuple[str, ...] = ()
    fork: bool = False

    @property
    def ref_name(self) -> str:
        """The short name: `main`, `v1.0.0`, `7/merge`."""
        return self.ref.split("/", 2)[2]

    @property
    def ref_type(self) -> str:
        """`tag` or `branch`; a pull request's merge commit counts as a branch."""
        return "tag" if self.ref.startswith("refs/tags/") else "branch"


@dataclass(frozen=True)
class PullRequest:
    """A pull request into `base`. `head` is its newest commit, `merge` the commit that its checks run on.

    `base_sha` is the base's commit that its events tell, `tip` the one that it is merged with.
    """

    number: int
    title: str
    branch: str
    base: str
    head: str
    base_sha: str
    merge: str
    author: str
    repository: Repository
    changed: tuple[str, ...]
    tip: str = ""

    def event(
        self, base: Repository, action: str = "opened", *, name: str = "pull_request", before: str = ""
    ) -> Event:
        """The event of an activity on it; `before` is the former head where it was pushed to."""
        fork = self.repository.full_name != base.full_name
        payload: dict[str, Any] = {
            "action": action,
            "number": self.number,
            "pull_request": {
                "number": self.number,
                "title": self.title,
                "state": "open",
                "draft": False,
                "merged": False,
                "user": user(self.author),
                "merge_commit_sha": self.merge,
                "html_url": f"https://github.com/{base.full_name}/pull/{self.number}",
                "head": {
                    "ref": self.branch,
                    "sha": self.head,
                    "repo": self.repository.payload() | {"fork": fork},
                },
                "base": {"ref": self.base, "sha": self.base_sha, "repo": base.payload()},
            },
            "repository": base.payload(),
            "sender": user(self.author),
        }
        if action == "synchronize":
            payload |= {"before": before, "after": self.head}
        target = name == "pull_request_target"
        return Event(
            name=name,
            ref=f"refs/heads/{self.base}" if target else f"refs/pull/{self.number}/merge",
            sha=(self.tip or self.base_sha) if target else self.merge,
            actor=self.author,
            payload=payload,
            head_ref=self.branch,
            base_ref=self.base,
            changed=self.changed,
            fork=fork,
        )


def user(login: str) -> dict[str, Any]:
    """How an event describes a person."""
    return {"login": login, "id": actor_id(login), "type": "Bot" if login.endswith("[bot]") else "User"}


def actor_id(login: str) -> int:
    """A person's id: made up, but the same in every run."""
    return 100_000 + zlib.crc32(login.encode()) % 900_000


def push(
    repository: Repository,
    ref: str,
    sha: str,
    actor: str,
    *,
    before: str = NOTHING,
    after: str = "",
    changed: tuple[str, ...] = (),
    message: str = "",
) -> Event:
    """A push of a branch or tag. `after` is the tag object's id where the tag is annotated."""
    payload = {
        "ref": ref,
        "before": before,
        "after": after or sha,
        "created": before == NOTHING,
        "deleted": False,
        "forced": False,
        "base_ref": None,
        "compare": f"https://github.com/{repository.full_name}/compare/{before[:12]}...{sha[:12]}",
        "head_commit": {"id": sha, "message": message, "author": {"username": actor}},
        "commits": [],
        "repository": repository.payload(),
        "pusher": {"name": actor},
        "sender": user(actor),
    }
    return Event("push", ref, sha, actor, payload, changed=changed)


def merge_group(
    repository: Repository, ref: str, sha: str, base: str, base_sha: str, changed: tuple[str, ...]
) -> Event:
    """A merge queue asks for the checks of what it is about to merge."""
    payload = {
        "action": "checks_requested",
        "merge_group": {
            "head_sha": sha,
            "head_ref": ref,
            "base_sha": base_sha,
            "base_ref": f"refs/heads/{base}",
            "head_commit": {"id": sha},
        },
        "repository": repository.payload(),
        "sender": user("github-merge-queue[bot]"),
    }
    return Event("merge_group", ref, sha, "github-merge-queue[bot]", payload, changed=changed)


def dispatch(
    repository: Repository, workflow: str, ref: str, sha: str, actor: str, inputs: Mapping[str, str]
) -> Event:
    """A start by hand of the workflow file `workflow` (its path in the repository)."""
    payload = {
        "workflow": workflow,
        "ref": ref,
        "inputs": dict(inputs),
        "repository": repository.payload(),
        "sender": user(actor),
    }
    return Event("workflow_dispatch", ref, sha, actor, payload)


def schedule(repository: Repository, cron: str, sha: str) -> Event:
    """A cron line that fell due; it runs on the default branch."""
    payload = {"schedule": cron, "repository": repository.payload()}
    return Event("schedule", repository.branch_ref, sha, "github", payload)
