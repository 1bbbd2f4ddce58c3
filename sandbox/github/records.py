"""What the laptop's GitHub remembers beside git: issues, comments, pull requests, reviews, releases, runs.

Each record is what GitHub's REST API answers, with the fields that a workflow is likely to read.
"""

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.github.event import PullRequest, Repository, user
from sandbox.github.protection import Rule

Record = dict[str, Any]

# What a new repository has, by the address below `actions/`.
_ACTIONS: Record = {
    "permissions": {"enabled": True, "allowed_actions": "all", "sha_pinning_required": False},
    "permissions/workflow": {
        "default_workflow_permissions": "read",
        "can_approve_pull_request_reviews": False,
    },
}


@dataclass
class Records:
    """The records of one repository; every method may be called from several threads."""

    repository: Repository
    issues: dict[int, Record] = field(default_factory=dict)
    comments: dict[int, Record] = field(default_factory=dict)
    pulls: dict[int, Record] = field(default_factory=dict)
    reviews: dict[int, list[Record]] = field(default_factory=dict)
    releases: dict[int, Record] = field(default_factory=dict)
    assets: dict[int, tuple[Record, bytes]] = field(default_factory=dict)
    runs: dict[int, Record] = field(default_factory=dict)
    approvals: dict[int, list[Record]] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)  # of environments, which runs are held to
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # persons, and teams' members
    rulesets: dict[int, Record] = field(default_factory=dict)
    labels: dict[str, Record] = field(default_factory=dict)
    actions: dict[str, Record] = field(
        default_factory=lambda: {name: dict(one) for name, one in _ACTIONS.items()}
    )
    variables: dict[str, str] = field(default_factory=dict)  # the repository's, by name
    environments: set[str] = field(default_factory=set)  # that a job named, in small letters
    deployments: dict[int, Record] = field(default_factory=dict)
    statuses: dict[int, list[Record]] = field(default_factory=dict)  # by deployment, the newest first
    attestations: dict[str, list[Record]] = field(
        default_factory=dict
    )  # bundles by subject, the newest first
    immutable_releases: bool = True  # as an organisation can enforce it: the stricter of the two
    has_issues: bool = True
    _numbers: int = 0
    _ids: int = 7_000_000
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def page(self) -> str:
        """The repository's page."""
        return f"https://github.com/{self.repository.full_name}"

    def number(self) -> int:
        """The next number; issues and pull requests share them."""
        with self._lock:
            self._numbers += 1
            return self._numbers

    def identity(self) -> int:
        """An id that no other record has."""
        with self._lock:
            self._ids += 1
            return self._ids

    def issue(
        self, title: str, body: str, labels: Sequence[str], author: str, assignees: Sequence[str] = ()
    ) -> Record:
        """Open an issue."""
        number = self.number()
        record = {
            "id": self.identity(),
            "number": number,
            "title": title,
            "body": body,
            "state": "open",
            "state_reason": None,
            "labels": [{"name": name} for name in labels],
            "assignees": [user(name) for name in assignees],
            "user": user(author),
            "comments": 0,
            "html_url": f"{self.page}/issues/{number}",
            **_times(),
        }
        with self._lock:
            self.issues[number] = record
        return record

    def open_pull(self, request: PullRequest) -> None:
        """Remember a pull request, or what was pushed to it."""
        described = request.event(self.repository).payload["pull_request"]
        with self._lock:
            known = self.pulls.get(request.number, {"id": self.identity(), **_times()})
            self.pulls[request.number] = {**known, **described, "updated_at": now()}

    def merge_pull(self, number: int, commit: str, actor: str) -> None:
        """Remember that a pull request was merged."""
        change = {
            "state": "closed",
            "merged": True,
            "merged_at": now(),
            "merged_by": user(actor),
            "merge_commit_sha": commit,
        }
        with self._lock:
            self.pulls[number] |= change

    def review(self, number: int, reviewer: str | None, state: str = "APPROVED", body: str = "") -> Record:
        """Remember a review of a pull request; `reviewer` is None for an account that is gone since."""
        record = {
            "id": self.identity(),
            "user": None if reviewer is None else user(reviewer),
            "state": state,
            "body": body,
            "commit_id": self.pulls[number]["head"]["sha"],
            "submitted_at": now(),
        }
        with self._lock:
            self.reviews.setdefault(number, []).append(record)
        return record

    def comment(self, number: int, body: str, author: str) -> Record:
        """Comment on an issue or a pull request."""
        record = {
            "id": self.identity(),
            "body": body,
            "user": user(author),
            "issue_url": f"https://api.github.com/repos/{self.repository.full_name}/issues/{number}",
            **_times(),
        }
        record["html_url"] = f"{self.page}/issues/{number}#issuecomment-{record['id']}"
        with self._lock:
            self.comments[record["id"]] = record
            if number in self.issues:
                self.issues[number]["comments"] += 1
        return record

    def comments_of(self, number: int) -> list[Record]:
        """The comments on an issue or pull request, oldest first."""
        return [found for found in self.comments.values() if found["issue_url"].endswith(f"/issues/{number}")]

    def release(self, values: Mapping[str, Any], author: str) -> Record:
        """Make a release of the tag `tag_name`."""
        record = {
            "id": self.identity(),
            "tag_name": values["tag_name"],
            "target_commitish": values.get("target_commitish", self.repository.branch),
            "name": values.get("name") or values["tag_name"],
            "body": values.get("body") or "",
            "draft": bool(values.get("draft", False)),
            "prerelease": bool(values.get("prerelease", False)),
            "immutable": False,
            "author": user(author),
            "assets": [],
            "html_url": f"{self.page}/releases/tag/{values['tag_name']}",
            "published_at": None,
            **_times(),
        }
        if values.get("generate_release_notes"):
            record["body"] = f"{record['body']}\n\n{self._notes()}".strip()
        with self._lock:
            self.releases[record["id"]] = record
            if not record["draft"]:
                self.published(record)
        return record

    def published(self, record: Record) -> None:
        """A release is published: from now on, where the repository says so, it doesn't change."""
        record |= {"draft": False, "published_at": now(), "immutable": self.immutable_releases}

    def _notes(self) -> str:
        """The pull requests that were merged; GitHub tells those since the last release, by the labels of
        .github/release.yml.
        """
        merged = [
            f"* {pull['title']} by @{pull['user']['login']} in {pull['html_url']}"
            for pull in self.pulls.values()
            if pull.get("merged")
        ]
        return "\n".join(["## What's Changed", *merged])

    def asset(self, release: int, name: str, kind: str, data: bytes) -> Record:
        """Attach a file to a release."""
        record = {
            "id": self.identity(),
            "name": name,
            "content_type": kind,
            "size": len(data),
            "digest": f"sha256:{hashlib.sha256(data).hexdigest()}",
            "state": "uploaded",
            "browser_download_url": f"{self.page}/releases/download/{self.releases[release]['tag_name']}/{name}",
            **_times(),
        }
        with self._lock:
            self.assets[record["id"]] = (record, data)
            self.releases[release]["assets"].append(record)
        return record

    def enter(self, environment: str) -> None:
        """A job names an environment: one that isn't there springs up, without rules."""
        if environment:
            with self._lock:
                self.environments.add(environment.lower())

    def deployment(self, environment: str, ref: str, commit: str, actor: str) -> int:
        """A job with an environment begins, or waits to; returns the deployment's id."""
        record = {
            "id": self.identity(),
            "environment": environment,
            "ref": ref,
            "sha": commit,
            "task": "deploy",
            "creator": user(actor),
            **_times(),
        }
        with self._lock:
            self.deployments[record["id"]] = record
        self.deployment_status(record["id"], "waiting")
        return int(record["id"])

    def deployment_status(self, deployment: int, state: str, url: str = "", run: int = 0) -> None:
        """How a deployment goes; one that succeeds makes the ones before it inactive."""
        with self._lock:
            if state == "success":
                environment = self.deployments[deployment]["environment"]
                for other, record in self.deployments.items():
                    was = self.statuses[other][0]["state"]
                    if other != deployment and record["environment"] == environment and was == "success":
                        self.deployment_status(other, "inactive")
            status = {
                "id": self.identity(),
                "state": state,
                "environment_url": url,
                "log_url": f"{self.page}/actions/runs/{run}" if run else "",
                **_times(),
            }
            self.statuses.setdefault(deployment, []).insert(0, status)

    def attestation(self, subjects: Sequence[str], bundle: Record) -> Record:
        """Keep an attestation's bundle under each of its subjects' digests."""
        record = {"id": self.identity(), "bundle": bundle, "repository_id": self.repository.id}
        with self._lock:
            for digest in dict.fromkeys(subjects):
                self.attestations.setdefault(digest, []).insert(0, record)
        return record

    def change(self, record: Record, values: Mapping[str, Any], fields: Sequence[str]) -> Record:
        """Change those of `fields` that `values` names."""
        with self._lock:
            for name in fields:
                if name in values:
                    found = values[name]
                    record[name] = [{"name": each} for each in found] if name == "labels" else found
            record["updated_at"] = now()
            if record.get("state") == "closed":
                record.setdefault("closed_at", now())
        return record


def now() -> str:
    """The time as GitHub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _times() -> Record:
    return {"created_at": now(), "updated_at": now()}
