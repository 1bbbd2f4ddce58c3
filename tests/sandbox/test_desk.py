"""Working in a sandbox that is up: what is asked at its desk, and what the commands print."""

import shlex
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.base.run import run
from sandbox import __main__ as command
from sandbox import desk, state
from sandbox.accounts import accounts
from sandbox.errors import SandboxError
from sandbox.github import Event, GitHub, Run
from sandbox.github.event import Repository


class Hub(GitHub):
    """GitHub whose workflows aren't run: which event would have started them is kept."""

    events: list[Event]

    def run(self, event: Event, *, patience: float = 0) -> Run:
        self.events.append(event)
        self.progress("Checks", "a step")
        return Run(event, (), 0.1)


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """A repository of one file."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "shop.py").write_text("ORDERS = 1\n", encoding="utf-8")
    run(["git", "init", "--quiet", "--initial-branch=main"], cwd=source)
    made = Hub(source, tmp_path / "github", repository=Repository.of("acme/shop", "main"))
    made.events = []
    made.remote.create(source)
    return made


@pytest.fixture
def box(tmp_path: Path, hub: Hub) -> Iterator[Path]:
    """The folder of a sandbox with an open desk."""
    folder = tmp_path / "up"
    folder.mkdir()
    with desk.opened(folder, hub):
        yield folder


def ask(box: Path, command: str, **words: Any) -> desk.Answer:
    return desk.ask(box, {"command": command, **words}, lambda text: None)


def test_a_change_goes_from_a_branch_to_a_tag(box: Path, hub: Hub) -> None:
    """Each request is the event that GitHub would have had, and says what was done."""
    heard: list[str] = []
    first = hub.remote.commit("Count orders", {"shop.py": "ORDERS = 2\n"}, branch="orders")
    opened = desk.ask(box, {"command": "pr", "branch": ""}, heard.append)
    assert "pull request 1: Count orders" == opened.done
    assert ["Checks: a step"] == heard

    second = hub.remote.commit("Count more", {"shop.py": "ORDERS = 3\n"}, branch="orders")
    assert "pull request 1: Count orders" == ask(box, "pr", branch="orders").done
    assert "pull request 1 is approved by bob" == ask(box, "approve", number=1, reviewer="bob").done
    merged = ask(box, "merge", number=1).done
    tagged = ask(box, "tag", name="v1.0.0", commit="").done

    events = [(one.name, one.payload.get("action", one.ref), one.payload.get("before")) for one in hub.events]
    assert [
        ("pull_request", "opened", None),
        ("pull_request", "synchronize", first),
        ("push", "refs/heads/main"),
        ("push", "refs/tags/v1.0.0"),
    ] == [one if one[0] == "pull_request" else one[:2] for one in events]
    assert second == hub.api.records.pulls[1]["head"]["sha"]
    assert "APPROVED" == hub.api.records.reviews[1][0]["state"]
    assert merged.rpartition(" ")[2] == tagged.rpartition(" ")[2] == hub.remote.head("main")[:12]


def test_a_branch_is_pushed(box: Path, hub: Hub) -> None:
    """The one that is checked out, or the one that is named."""
    hub.remote.commit("Count", {"shop.py": "ORDERS = 2\n"}, branch="orders")

    assert "orders is pushed" == ask(box, "push", branch="").done
    assert "main is pushed" == ask(box, "push", branch="main").done


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ({"command": "pr", "branch": "main"}, "main is where a pull request goes"),
        ({"command": "pr", "branch": "nowhere"}, "no branch nowhere"),
        ({"command": "merge", "number": 7}, "no open pull request 7"),
        ({"command": "approve", "number": 7, "reviewer": "bob"}, "no open pull request 7"),
        ({"command": "tag", "name": "v 1", "commit": ""}, "git tag"),
        ({"command": "dispatch", "workflow": "nothing.yml", "inputs": {}}, "nothing.yml"),
        ({"command": "nonsense"}, "nonsense"),
    ],
)
def test_what_cannot_be_done_is_told(box: Path, hub: Hub, words: dict[str, Any], fault: str) -> None:
    """Each by its message, and the desk stays open."""
    with pytest.raises(SandboxError, match=fault):
        desk.ask(box, words, lambda text: None)
    assert [] == hub.events
    assert "main is pushed" == ask(box, "push", branch="main").done


def test_nobody_approves_their_own(box: Path, hub: Hub) -> None:
    """As on GitHub."""
    hub.remote.commit("Count", {"shop.py": "ORDERS = 2\n"}, branch="orders")
    ask(box, "pr", branch="orders")

    with pytest.raises(SandboxError, match="alice opened pull request 1"):
        ask(box, "approve", number=1, reviewer="alice")


def test_what_is_not_committed_is_told(box: Path, hub: Hub) -> None:
    """A merge would throw it away, and a push would leave it out."""
    (hub.remote.clone / "shop.py").write_text("ORDERS = 9\n", encoding="utf-8")

    for words in ({"command": "push", "branch": ""}, {"command": "pr", "branch": ""}):
        with pytest.raises(SandboxError, match="changes that are not committed"):
            desk.ask(box, words, lambda text: None)
    assert "ORDERS = 9\n" == (hub.remote.clone / "shop.py").read_text(encoding="utf-8")


def test_requests_wait_for_each_other(box: Path, hub: Hub) -> None:
    """Two at once are done one after the other, and both are answered."""
    said: list[str] = []
    threads = [
        threading.Thread(target=lambda: said.append(ask(box, "push", branch="main").done)) for _ in range(4)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert ["main is pushed"] * 4 == said


def test_without_a_sandbox_each_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And how to start one."""
    monkeypatch.setattr(command, "UP", tmp_path / "up")
    for words in (
        ["push"],
        ["pr", "orders"],
        ["merge", "1"],
        ["tag", "v1.0.0"],
        ["env", "dev"],
        ["open", "dev"],
    ):
        assert 2 == command.main(words)
        assert "make up" in capsys.readouterr().err
    assert 1 == command.main(["logs"])


def test_the_commands_print_what_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each workflow and job, and status 1 where one failed."""
    ran = {
        "workflow": "Pull request",
        "conclusion": "failure",
        "seconds": 2.5,
        "jobs": [["Checks/lint", "failure"], ["Checks/policy", "success"]],
        "errors": ["exit status 1"],
        "log": str(tmp_path / "log.txt"),
    }
    monkeypatch.setattr(
        desk, "ask", lambda folder, words, say: desk.Answer("pull request 1: x", [ran], ok=False)
    )

    assert 1 == command.main(["pr", "orders"])
    assert [
        "pull request 1: x",
        "Pull request: failure in 2.5 s",
        "  Checks/lint: failure",
        "  Checks/policy: success",
        "  exit status 1",
        f"  log: {tmp_path / 'log.txt'}",
    ] == capsys.readouterr().out.splitlines()
    assert 2 == command.main(["dispatch", "rollback.yml", "nonsense"])
    assert "nonsense is not NAME=VALUE" in capsys.readouterr().err


def test_logs_and_variables_are_those_of_the_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs by number, the newest by name; variables that a shell takes."""
    for name in ("001-pull-request-9", "002-deploy-dev-10"):
        (tmp_path / "github/runs" / name).mkdir(parents=True)
        (tmp_path / "github/runs" / name / "log.txt").write_text(f"{name}\n", encoding="utf-8")
    found = SimpleNamespace(
        repository=str(tmp_path / "github/git/clone"),
        endpoint="https://localhost:1",
        ca_bundle=tmp_path / "ca.pem",
        accounts={each.environment: each.number for each in accounts()},
    )
    monkeypatch.setattr(state, "running", lambda folder: found)

    assert 0 == command.main(["logs"])
    assert ["  1  001-pull-request-9", "  2  002-deploy-dev-10"] == capsys.readouterr().out.splitlines()
    assert 0 == command.main(["logs", "last"])
    assert "002-deploy-dev-10\n" == capsys.readouterr().out
    assert 2 == command.main(["logs", "3"])
    assert "no run 3" in capsys.readouterr().err
    environment = next(iter(found.accounts))
    assert 0 == command.main(["env", environment])
    printed = dict(shlex.split(row)[1].split("=", 1) for row in capsys.readouterr().out.splitlines())
    assert ("https://localhost:1", found.accounts[environment]) == (
        printed["AWS_ENDPOINT_URL"],
        printed["AWS_ACCESS_KEY_ID"],
    )
    assert 2 == command.main(["env", "nowhere"])
    assert "There is no environment nowhere" in capsys.readouterr().err
