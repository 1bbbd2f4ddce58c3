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

Record = dict[str, Any]


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

    def issue(self, title: str, body: str, labels: Sequence[str], author: str) -> Record:
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

    def review(self, number: int, reviewer: str, state: str = "APPROVED", body: str = "") -> Record:
        """Remember a review of a pull request."""
        record = {
            "id": self.identity(),
            "user": user(reviewer),
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
            "author": user(author),
            "assets": [],
            "html_url": f"{self.page}/releases/tag/{values['tag_name']}",
            "published_at": now(),
            **_times(),
        }
        with self._lock:
            self.releases[record["id"]] = record
        return record

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
