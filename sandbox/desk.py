"""Where whoever works in a sandbox that `up` started asks its GitHub for something: push, open, merge, tag, dispatch.

The process that keeps the sandbox holds GitHub, its records and its issuer; it listens on a socket, in a folder that
only its user may enter. A request and what is said to it are JSON, one object a line.
"""

import contextlib
import json
import socket
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.base.errors import PipelineError, said
from sandbox.errors import SandboxError
from sandbox.github import Event, GitHub, Run
from sandbox.github.event import PullRequest

_FILE = "desk"  # in the sandbox's folder: where the socket is
AUTHOR, REVIEWER = "alice", "bob"


class Desk:
    """Does at GitHub what is asked for, one thing at a time; `say` hears what the jobs do meanwhile."""

    def __init__(self, hub: GitHub) -> None:
        self.hub = hub
        self.requests: dict[int, PullRequest] = {}
        self.alone = threading.Lock()

    def do(self, words: Mapping[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
        """What came of it. Raises PipelineError."""
        asked = {
            "push": self.push,
            "pr": self.pr,
            "merge": self.merge,
            "tag": self.tag,
            "dispatch": self.dispatch,
            "approve": self.approve,
        }
        with self.alone:
            self.hub.progress = lambda job, step: say(f"{job}: {step}" if step else job)
            found: dict[str, Any] = asked[str(words["command"])](words)
            return found

    def push(self, words: Mapping[str, Any]) -> dict[str, Any]:
        branch = self._branch(words)
        return self._ran(self.hub.push(branch, actor=AUTHOR), f"{branch} is pushed")

    def pr(self, words: Mapping[str, Any]) -> dict[str, Any]:
        branch, default = self._branch(words), self.hub.repository.branch
        if branch == default:
            raise SandboxError(
                f"{default} is where a pull request goes.", "Make a branch: git switch -c NAME"
            )
        known = next((one for one in self.requests.values() if one.branch == branch), None)
        if known is None:
            title = words.get("title") or self.hub.remote.git("log", "-1", "--format=%s", branch)
            request = self.hub.open_pull_request(branch, title, author=AUTHOR)
            event = self.hub.pull_request_event(request)
        else:
            request = self.hub.update_pull_request(known)
            event = request.event(self.hub.repository, "synchronize", before=known.head)
        self.requests[request.number] = request
        return self._ran(event, f"pull request {request.number}: {request.title}")

    def merge(self, words: Mapping[str, Any]) -> dict[str, Any]:
        request = self._request(words)
        self._clean()
        event = self.hub.merge(request, actor=REVIEWER)
        del self.requests[request.number]
        return self._ran(event, f"pull request {request.number} is merged: {event.sha[:12]}")

    def tag(self, words: Mapping[str, Any]) -> dict[str, Any]:
        event = self.hub.tag(str(words["name"]), str(words.get("commit") or ""), actor=REVIEWER)
        return self._ran(event, f"{words['name']} is {event.sha[:12]}")

    def dispatch(self, words: Mapping[str, Any]) -> dict[str, Any]:
        event = self.hub.dispatch(str(words["workflow"]), dict(words["inputs"]), actor=REVIEWER)
        return self._ran(event, f"{words['workflow']} is started")

    def approve(self, words: Mapping[str, Any]) -> dict[str, Any]:
        request, reviewer = self._request(words), str(words["reviewer"])
        if reviewer == request.author:
            raise SandboxError(
                f"{reviewer} opened pull request {request.number}.", "Approve it as somebody else: --as"
            )
        self.hub.review(request, reviewer)
        return {"done": f"pull request {request.number} is approved by {reviewer}", "runs": [], "ok": True}

    def _ran(self, event: Event, done: str) -> dict[str, Any]:
        return {"done": done, **_told(self.hub.run(event))}

    def _branch(self, words: Mapping[str, Any]) -> str:
        self._clean()
        branch = str(words.get("branch") or self.hub.remote.git("branch", "--show-current"))
        if not branch or not self.hub.remote.git("branch", "--list", branch):
            raise SandboxError(
                f"The repository has no branch {branch or 'checked out'}.", "git switch -c NAME"
            )
        return branch

    def _clean(self) -> None:
        if changed := self.hub.remote.git("status", "--porcelain"):
            raise SandboxError(
                f"{self.hub.remote.clone} has changes that are not committed:\n{changed}",
                "git add, and git commit.",
            )

    def _request(self, words: Mapping[str, Any]) -> PullRequest:
        number = int(words["number"])
        if number not in self.requests:
            there = ", ".join(map(str, self.requests)) or "none"
            raise SandboxError(f"There is no open pull request {number}.", f"Open are: {there}.")
        return self.requests[number]


def _told(run: Run) -> dict[str, Any]:
    runs = [
        {
            "workflow": one.workflow,
            "conclusion": one.conclusion,
            "seconds": round(one.seconds, 1),
            "jobs": [[job.name, job.result] for job in one.jobs],
            "errors": [*one.errors, *([one.message] if one.message else [])],
            "log": str(one.log),
        }
        for one in run.workflows
    ]
    return {"runs": runs, "ok": run.ok}


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: str, desk: Desk) -> None:
        self.desk = desk
        super().__init__(path, _Handler)


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        def tell(**what: Any) -> None:
            with contextlib.suppress(OSError):  # whoever asked is gone; what was asked for goes on
                self.wfile.write(json.dumps(what).encode() + b"\n")

        try:
            words = json.loads(self.rfile.readline())
            tell(answer=self.server.desk.do(words, lambda text: tell(say=text)))
        except PipelineError as error:
            tell(error=error.message, hint=error.hint, status=error.exit_code)
        except Exception as error:  # a request that can't be done must not end the sandbox
            tell(error=said(error), hint="", status=2)


@contextlib.contextmanager
def opened(folder: Path, hub: GitHub) -> Iterator[None]:
    """Listen for requests to the GitHub of the sandbox in `folder`."""
    with (
        tempfile.TemporaryDirectory(
            prefix="desk-"
        ) as private,  # a socket's path has at most some hundred letters
        _Server(f"{private}/socket", Desk(hub)) as server,
    ):
        (folder / _FILE).write_text(f"{private}/socket", encoding="utf-8")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            (folder / _FILE).unlink(missing_ok=True)


@dataclass(frozen=True)
class Answer:
    """What came of a request."""

    done: str
    runs: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    ok: bool = True


def ask(folder: Path, words: Mapping[str, Any], say: Callable[[str], None]) -> Answer:
    """Ask the sandbox in `folder`, and wait until it is done. Raises SandboxError."""
    try:
        where = (folder / _FILE).read_text(encoding="utf-8")
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(where)
    except OSError as error:
        raise SandboxError("No sandbox is up that could be asked.", "Run: make up") from error
    with connection, connection.makefile("rw", encoding="utf-8") as lines:
        lines.write(json.dumps(dict(words)) + "\n")
        lines.flush()
        for line in lines:
            told = json.loads(line)
            if "error" in told:
                raise SandboxError(told["error"], told["hint"])
            if "answer" in told:
                return Answer(**told["answer"])
            say(told["say"])
    raise SandboxError("The sandbox ended meanwhile.", "Run: make up")
