"""Before a job's first step: groups of jobs, approvals, deployments; and what a cancelled job hears."""

import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from pipeline.base.run import run
from sandbox.github import GitHub, Run
from sandbox.github.event import Repository
from tests.guarded import guarded
from tests.waiting import until

WORKFLOWS = Path(__file__).parent / "workflows"
pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHub]:
    source = tmp_path_factory.mktemp("source")
    run(["git", "init", "-q", source])
    folder = source / ".github/workflows"
    folder.mkdir(parents=True)
    for name in ("locked.yml", "prod.yml", "cancelled.yml"):
        shutil.copy(WORKFLOWS / name, folder / name)
    guarded(source)
    with GitHub(source, tmp_path_factory.mktemp("state"), repository=Repository("acme", "ledger")) as github:
        github.create()
        yield github


@pytest.fixture
def github(made: GitHub) -> Iterator[GitHub]:
    yield made
    made.approvals.at_once = True


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as made:
        yield made


def _waits(github: GitHub, count: int) -> bool:
    return len(github._queue._waiting.get("locked", [])) == count


def locked(github: GitHub, pool: ThreadPoolExecutor, queue: str) -> list[str]:
    """Three runs of one group, while the first runs: how they ended."""
    for name in ("go", "order"):
        (github.state / name).unlink(missing_ok=True)
    runs: list[Future[Run]] = []
    for number in (1, 2, 3):
        event = github.dispatch("locked.yml", {"number": str(number), "queue": queue})
        runs.append(pool.submit(github.run, event))
        if number == 1:
            until(lambda: "locked" in github._queue._running, "the first's turn")
        else:
            count = number - 1 if queue == "max" else 1
            until(partial(_waits, github, count), "its place")
    if queue != "max":
        runs[1].result()
    (github.state / "go").touch()
    return [one.result().workflows[0].conclusion for one in runs]


def test_three_in_a_row_all_have_their_turn(github: GitHub, pool: ThreadPoolExecutor) -> None:
    """With `queue: max`, in the order in which they came."""
    found = locked(github, pool, "max")

    assert ["success"] * 3 == found
    assert "1\n2\n3\n" == (github.state / "order").read_text()


def test_without_it_the_third_cancels_the_second(github: GitHub, pool: ThreadPoolExecutor) -> None:
    """Which is how GitHub treats a group by itself."""
    found = locked(github, pool, "single")

    assert ["success", "cancelled", "success"] == found
    assert "1\n3\n" == (github.state / "order").read_text()


def to_prod(github: GitHub, what: str = "release", **inputs: str) -> Run:
    return github.run(github.dispatch("prod.yml", {"what": what, **inputs}, ref="v1.0.0", actor="alice"))


@pytest.fixture
def tagged(github: GitHub) -> GitHub:
    """With a tag that may enter prod."""
    if not github.remote.git("tag", "--list", "v1.0.0"):
        github.tag("v1.0.0")
    github.api.records.deployments.clear()
    github.api.records.statuses.clear()
    return github


def states(github: GitHub) -> list[list[str]]:
    """How each deployment went, the oldest first."""
    return [[one["state"] for one in reversed(found)] for found in github.api.records.statuses.values()]


@pytest.mark.parametrize(
    ("decision", "conclusion", "last"),
    [("approved", "success", "success"), ("rejected", "failure", "failure")],
)
def test_who_waits_for_a_person_holds_up_nobody_else(
    tagged: GitHub, pool: ThreadPoolExecutor, decision: str, conclusion: str, last: str
) -> None:
    """A run of another group goes on meanwhile; then the first one does, or is refused with the reason."""
    tagged.approvals.at_once = False
    waiting = pool.submit(to_prod, tagged)
    until(lambda: any(tagged.approvals.waiting.values()), "the run that waits")
    run_id = next(one for one, found in tagged.approvals.waiting.items() if found)
    status = tagged.api.records.runs[run_id]["status"]
    other = tagged.run(tagged.dispatch("prod.yml", {"what": "rollback"}))
    with pytest.raises(ValueError, match="alice may not approve prod"):
        tagged.approvals.decide(run_id, "prod", "alice")
    tagged.approvals.decide(run_id, "prod", "carol", decision)
    ran = waiting.result().workflows[0]

    assert ("waiting", True, conclusion) == (status, other.ok, ran.conclusion)
    assert ("carol rejected the deployment to prod." if decision == "rejected" else "") == ran.message
    assert last == states(tagged)[0][-1]


def test_a_deployment_says_where_it_answers(tagged: GitHub) -> None:
    """From waiting to its address; the one before it is inactive then."""
    for _ in range(2):
        assert to_prod(tagged).ok
    address = [found[0]["environment_url"] for found in tagged.api.records.statuses.values()]

    assert [
        ["waiting", "in_progress", "success", "inactive"],
        ["waiting", "in_progress", "success"],
    ] == states(tagged)
    assert "https://example.com/live" == address[1]


def test_what_deploys_nothing_leaves_no_deployment(tagged: GitHub) -> None:
    """`deployment: false`, also as an expression; the environment's rules hold all the same."""
    assert to_prod(tagged, record="false").ok
    assert [] == states(tagged)


def test_an_environment_springs_up(tagged: GitHub) -> None:
    """Who names one that isn't there has it, without rules."""
    tagged.api.records.environments.clear()
    to_prod(tagged)

    assert {"prod"} == tagged.api.records.environments


LISTENER = """
import signal, sys, time
from pathlib import Path
heard = Path(sys.argv[1])
def note(number, frame):
    with heard.open("a") as out: out.write(f"{number} ")
    if number == signal.SIGINT: sys.exit(1)
for one in (signal.SIGINT, signal.SIGTERM): signal.signal(one, note)
heard.touch()
time.sleep(600)
"""


def test_a_cancel_reaches_the_first_process_alone(github: GitHub, pool: ThreadPoolExecutor) -> None:
    """A program that the step's shell became hears it; one behind a shell is killed unheard."""
    (github.state / "listen.py").write_text(LISTENER)
    running = pool.submit(github.run, github.dispatch("cancelled.yml", {}))

    def begun() -> bool:
        return len(list(github.state.glob("runs/*cancelled*/artifacts/*"))) == 2

    until(begun, "both programs")
    github.cancel()
    ran = running.result().workflows[0]

    assert "cancelled" == ran.conclusion
    assert ("2 ", "") == tuple((ran.artifacts / name).read_text() for name in ("hearing", "deaf"))
