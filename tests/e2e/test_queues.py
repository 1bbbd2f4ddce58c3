"""Deployments that meet each other, and that are cancelled: the real workflows by act, on the laptop's AWS.

The checks are left out of these runs (tests/e2e/unchecked.py). The tests follow each other.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sandbox import processes
from sandbox.github import Event, Run
from sandbox.state import Sandbox
from sandbox.story.scene import Scene
from tests.e2e.unchecked import unchecked
from tests.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.proof]
REASON = "it loses mail"


class Team(Scene):
    """People on GitHub, whose merges, tags and rollbacks run in a pool, so that several can be under way."""

    def __init__(self, box: Sandbox, pool: ThreadPoolExecutor) -> None:
        super().__init__(box)
        self.pool = pool
        self.before: set[Path] = set()

    def merge(self, title: str) -> Event:
        """Merge a change of the application's code."""
        return self.merged(title, {"app/note.py": f'"""{title}."""\n'})

    def start(self, event: Event) -> Future[Run]:
        """Begin what an event starts."""
        self.before = set(self.runs)
        return self.pool.submit(self.box.github.run, event)

    @property
    def runs(self) -> list[Path]:
        """The folders of the runs of before and now."""
        return list((self.box.github.state / "runs").glob("*"))

    def told(self) -> str:
        """The logs of what was started last."""
        logs = (one / "log.txt" for one in self.runs if one not in self.before)
        return "".join(one.read_text(encoding="utf-8") for one in logs if one.exists())

    def has_turn(self, group: str) -> bool:
        return group in self.box.github._queue._running

    def waiting(self, group: str) -> int:
        """How many jobs of a group wait for their turn."""
        return len(self.box.github._queue._waiting.get(group, []))

    def asking(self, known: set[int]) -> int:
        """The run that waits for an approval, once there is one beside the known ones."""

        def look() -> int:
            found = [one for one, names in self.box.github.approvals.waiting.items() if names]
            return next((one for one in found if one not in known), 0)

        return until(look, "a run that waits for its approval")

    def approve(self, number: int, state: str = "approved") -> None:
        self.box.github.approvals.decide(number, "prod", "carol", state)

    def stack(self) -> dict[str, Any]:
        """Dev's stack, as CloudFormation describes it."""
        client = self.box.aws.client("cloudformation", "dev")
        found: dict[str, Any] = client.describe_stacks(StackName=self.reach("dev").stack)["Stacks"][0]
        return found

    def status(self) -> str:
        """The state of that stack."""
        return str(self.stack()["StackStatus"])

    def deploying(self) -> int:
        """The process of the deployment to dev; 0 where none is under way."""
        found = processes.descendants(os.getpid())
        return next((one for one in found if "-C change deploy dev" in " ".join(processes.arguments(one))), 0)

    def halted(self) -> int:
        """The same, which stands still from now on."""
        pid = until(self.deploying, "the deployment", pause=0.01)
        os.kill(pid, signal.SIGSTOP)
        return pid

    def cancel(self, halted: int) -> None:
        """Cancel what runs; a process that stands still goes on when it was told."""
        runs = list(self.box.github._running._running)
        cancelling = self.pool.submit(self.box.github.cancel)
        until(lambda: all(one.reason for one in runs), "the cancel")
        if halted:
            os.kill(halted, signal.SIGCONT)
        cancelling.result()


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """Both accounts, empty, and a repository whose checks are quick; the sandbox ends with the module."""
    folder = tmp_path_factory.mktemp("queues")
    with unchecked(folder) as box, ThreadPoolExecutor() as pool:
        try:
            yield Team(box, pool)
        finally:
            box.github.cancel()


def test_three_merges_reach_dev_in_their_order(team: Team) -> None:
    """The second and the third wait while the first deploys; none is cancelled, and none overtakes another."""
    events, runs = [], []
    for number, title in enumerate(("First change", "Second change", "Third change")):
        events.append(team.merge(title))
        runs.append(team.start(events[-1]))
        if number == 0:
            first = team.halted()  # as long as it takes to merge twice more
        else:
            until(lambda: team.waiting("deploy-dev") == number, "its place behind the first")  # noqa: B023
    os.kill(first, signal.SIGCONT)
    ended = [one.result() for one in runs]
    for one in ended:
        team.passed(one)
    recorded = [row["commit"] for row in reversed(team.reach("dev").deployments())]

    assert [one.sha for one in events] == recorded
    team.serves("dev", events[-1].sha)


@pytest.fixture(scope="module")
def released(team: Team) -> Iterator[list[Event]]:
    """v1.0.0 and v1.1.0 on prod, of the first two merges; from now on approvals wait for a person."""
    found = []
    for title, tag in (("First change", "v1.0.0"), ("Second change", "v1.1.0")):
        found.append(team.box.github.tag(tag, team.commits[title]))
        team.passed(team.box.github.run(found[-1]))
    team.serves("prod", found[-1].sha)
    team.box.github.approvals.at_once = False
    yield found
    team.box.github.approvals.at_once = True


def test_a_rollback_passes_by_a_release_that_waits(team: Team, released: list[Event]) -> None:
    """v1.1.0 is released again, and v1.2.0 behind it, while both wait v1.1.0 is put back and withdrawn: then the first
    is refused with the reason, and the second goes on."""
    again = team.start(released[1])
    first = team.asking(set())
    newer = team.box.github.tag("v1.2.0", team.commits["Third change"])
    behind = team.start(newer)
    until(lambda: team.waiting("deploy-prod") == 1, "v1.2.0 behind v1.1.0")
    inputs = {"environment": "prod", "version": "v1.0.0", "withdraw": "v1.1.0", "reason": REASON}
    rollback = team.start(team.box.github.dispatch("rollback.yml", inputs, ref="v1.0.0"))
    team.approve(team.asking({first}))
    team.passed(rollback.result())
    team.serves("prod", released[0].sha)
    still = (again.done(), behind.done())
    team.approve(first)
    team.failed(again.result(), REASON)
    team.serves("prod", released[0].sha)
    team.approve(team.asking({first}))
    team.passed(behind.result())
    team.serves("prod", newer.sha)

    assert (False, False) == still


def test_a_release_that_is_rejected_changes_nothing(team: Team, released: list[Event]) -> None:
    """It is told who said no; prod serves what it served, and the next release isn't held up."""
    serving = team.commits["Third change"]
    ended = team.start(team.box.github.tag("v1.3.0", serving))
    team.approve(team.asking(set()), "rejected")
    run = ended.result().workflows[0]
    waiting = (team.has_turn("deploy-prod"), team.waiting("deploy-prod"))
    team.serves("prod", serving)

    assert ("failure", "carol rejected the deployment to prod.") == (run.conclusion, run.message)
    assert (False, 0) == waiting


def until_it(team: Team, seen: Callable[[], bool], what: str) -> int:
    """The deployment's process, which stands still where this was seen.

    It goes on for a fiftieth of a second at a time: what is asked takes a while, in which it would go too far.
    """
    halted = team.halted()

    def look() -> bool:
        if seen():
            return True
        os.kill(halted, signal.SIGCONT)
        time.sleep(0.02)
        os.kill(halted, signal.SIGSTOP)
        return False

    until(look, what, pause=0.1)
    return halted


def before(team: Team) -> int:
    """The process has told what it deploys, and stands still before it has made a change set."""
    return until_it(team, lambda: "dev: bundle " in team.told(), "the deployment's first word")


def meanwhile(team: Team) -> int:
    """CloudFormation executes the change set; the process, which began that, stands still until it is cancelled."""
    was = team.stack()["LastUpdatedTime"]
    return until_it(team, lambda: team.stack()["LastUpdatedTime"] != was, "a change of the stack")


def afterwards(team: Team) -> int:
    """The stack has changed; the process, which stood still meanwhile, has yet to look, to prove and to record it."""
    halted = meanwhile(team)
    until(lambda: not team.status().endswith("_IN_PROGRESS"), "the end of the change")
    return halted


@pytest.mark.parametrize(("phase", "changed"), [(before, False), (meanwhile, True), (afterwards, True)])
def test_a_cancelled_deployment(team: Team, phase: Callable[[Team], int], changed: bool) -> None:
    """Before its change set is executed nothing changes, and none is left; then CloudFormation ends what it began.

    The same run once more brings the rest: what serves is recorded once.
    """
    serving = team.reach("dev").get("/version")["commit"]
    event = team.merge(f"{phase.__name__.title()} cancelled")
    started = team.start(event)
    team.cancel(phase(team))
    ended = started.result()
    until(lambda: not team.status().endswith("_IN_PROGRESS"), "the end of what was begun")
    team.serves("dev", event.sha if changed else serving)
    recorded = [row["commit"] for row in team.reach("dev").deployments()]
    team.passed(team.box.github.run(event))
    team.serves("dev", event.sha)
    rows = [row["status"] for row in team.reach("dev").deployments() if row["commit"] == event.sha]

    assert "cancelled" == ended.workflows[0].conclusion
    assert event.sha not in recorded
    assert ["succeeded"] == rows
