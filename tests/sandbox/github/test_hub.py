import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from pipeline.base.errors import ConfigurationError
from pipeline.base.run import CHECKOUT, run
from sandbox import processes
from sandbox.github import GitHub, Run, act
from sandbox.github.event import Repository
from sandbox.github.hub import sweep
from tests.guarded import guarded
from tests.waiting import until

WORKFLOWS = Path(__file__).parent / "workflows"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work tree with workflows of every kind."""
    root = tmp_path_factory.mktemp("source")
    run(["git", "init", "-q", root])
    folder = root / ".github/workflows"
    folder.mkdir(parents=True)
    for file in WORKFLOWS.iterdir():
        (folder / file.name).write_text(file.read_text())
    guarded(root)
    (root / "a.py").write_text("")
    (root / ".env").write_text("AWS_ACCESS_KEY_ID=from-the-tree\n")  # act would read it by itself
    return root


@pytest.fixture(scope="module")
def github(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHub]:
    state = tmp_path_factory.mktemp("state")
    aws = {"AWS_ENDPOINT_URL": "https://localhost:1"}
    with GitHub(source, state, aws=aws, form="ids", repository=Repository("acme", "ledger")) as made:
        made.create()
        yield made


@pytest.fixture(scope="module")
def pushed(github: GitHub) -> Run:
    """One push to main, run once for all the tests that look at it."""
    github.commit("Change", {"b.py": ""})
    return github.run(github.push())


def artifact(ran: Run, name: str, file: str = "token.json") -> str:
    done = run(["unzip", "-p", ran.workflows[0].artifacts / f"{name}.zip", file])
    return done.stdout


def claims(github: GitHub, ran: Run, name: str) -> dict[str, Any]:
    """The claims of a token that a job put among its artifacts, its signature verified."""
    token = json.loads(artifact(ran, name))["value"]
    keys = KeySet.import_key_set(github.issuer.jwks())  # type: ignore[arg-type]
    return jwt.decode(token, keys, algorithms=["RS256"]).claims


@pytest.mark.e2e
def test_jobs_run_as_the_workflow_says(pushed: Run) -> None:
    """Every job that should ran, the one whose condition is false is skipped, and prod's is kept out."""
    found = {job.name: job.result for job in pushed.jobs}

    assert {
        "Main/Look": "success",
        "First/Called/To dev": "success",
        "Second/Called/To preview": "success",
        "Main/Prod": "failure",
        "Main/skipped": "skipped",
    } == found
    assert ["Main"] == [ran.workflow for ran in pushed.workflows]


@pytest.mark.e2e
def test_an_environments_rules_keep_a_job_from_starting(pushed: Run) -> None:
    """A job whose environment is closed to main fails with GitHub's reason, before any of its steps."""
    prod = next(job for job in pushed.jobs if job.name == "Main/Prod")

    assert (
        'Branch "main" is not allowed to deploy to prod due to environment protection rules.' == prod.message
    )
    assert (False, 1) == (pushed.ok, pushed.exit_status)
    assert not (pushed.workflows[0].artifacts / "token-prod.zip").exists()


@pytest.mark.e2e
@pytest.mark.parametrize("environment", ["dev", "preview"])
def test_two_calls_of_one_workflow_get_their_own_subject(
    github: GitHub, pushed: Run, environment: str
) -> None:
    """Jobs with the same id, side by side, each get the token of their own environment."""
    found = claims(github, pushed, f"token-{environment}")

    assert f"repo:acme@1001/ledger@2002:environment:{environment}" == found["sub"]
    assert "acme/ledger/.github/workflows/called.yml@refs/heads/main" == found["job_workflow_ref"]
    assert "acme/ledger/.github/workflows/main.yml@refs/heads/main" == found["workflow_ref"]
    assert (str(pushed.workflows[0].id), pushed.event.sha, "a") == (
        found["run_id"],
        found["sha"],
        found["aud"],
    )


@pytest.mark.e2e
def test_a_job_cannot_pass_for_another(pushed: Run) -> None:
    """A step that sets GITHUB_JOB to a job with the permission is refused all the same."""
    said = json.loads(artifact(pushed, "looked", "refused.json"))["message"]

    assert said.startswith("The job Main/Look has no permission `id-token: write`")


@pytest.mark.e2e
def test_jobs_see_the_checkout_and_nothing_of_the_machine(pushed: Run) -> None:
    """A job has the commit, the sandbox's AWS and GitHub's numbers, and no key, not even from the tree's .env."""
    assert pushed.log is not None
    text = pushed.log.read_text()

    assert ("branch main, tags 0\n",) == pushed.summaries
    assert f"aws https://localhost:1, key '', run {pushed.workflows[0].id}" in text
    assert pushed.event.sha == artifact(pushed, "looked", "sha").strip()


@pytest.mark.e2e
def test_a_log_keeps_no_secret(pushed: Run) -> None:
    """What a step masks is in no file that the run leaves, and neither is the run's own token."""
    text = "".join(path.read_text() for path in pushed.workflows[0].folder.glob("*") if path.is_file())

    assert "it is ***" in text
    assert "hushed" not in text
    assert not (pushed.workflows[0].folder / "job.env").exists()


@pytest.mark.e2e
def test_annotations_carry_file_and_line(pushed: Run) -> None:
    """What a step says of a line of code is kept as such."""
    found = [(each.level, each.message, each.file, each.line) for each in pushed.workflows[0].annotations]

    assert ("warning", "careful", "a.py", "3") in found


@pytest.mark.e2e
def test_a_push_elsewhere_starts_nothing(github: GitHub) -> None:
    """A branch that no filter names starts no workflow, which is no failure."""
    github.commit("Topic", {"c.py": ""}, branch="elsewhere")
    ran = github.run(github.push("elsewhere"))

    assert ((), True) == (ran.workflows, ran.ok)


@pytest.mark.e2e
def test_a_pull_request_runs_on_its_merge_commit(github: GitHub) -> None:
    """A pull request's job checks a shallow merge out, and its subject is pull_request."""
    github.commit("Topic", {"d.py": ""}, branch="topic")
    request = github.open_pull_request("topic", "A topic")
    ran = github.run(github.pull_request_event(request))
    found = claims(github, ran, "token")

    assert ran.ok
    assert ("repo:acme@1001/ledger@2002:pull_request", request.merge) == (found["sub"], found["sha"])
    assert ran.log is not None
    assert "refs/pull/1/merge main topic depth 1" in ran.log.read_text()


@pytest.mark.e2e
def test_a_tag_that_brings_its_own_workflow_and_the_branchs(github: GitHub) -> None:
    """Each job runs as its own commit has it, and its token and `job.workflow_sha` say which that is."""
    told = ".github/workflows/told.yml"
    changed = (WORKFLOWS / "told.yml").read_text().replace("of the branch", "of the tag")
    commit = github.commit("Mine", {told: changed}, branch="unreviewed")
    ran = github.run(github.tag("t1", commit))
    main = github.remote.head("origin/main")
    says = {name: artifact(ran, name, "of").strip() for name in ("own", "branch")}

    assert ran.ok
    assert {"own": f"of the tag acme/ledger {commit}", "branch": f"of the branch acme/ledger {main}"} == says
    for name, ref, sha in (("own", "refs/tags/t1", commit), ("branch", "refs/heads/main", main)):
        found = claims(github, ran, name)
        assert (f"acme/ledger/{told}@{ref}", sha) == (found["job_workflow_ref"], found["job_workflow_sha"])
        assert (commit, "refs/tags/t1") == (found["sha"], found["ref"])


@pytest.mark.e2e
def test_a_fork_gets_no_token(github: GitHub) -> None:
    """The same workflow on a pull request from a fork runs, and is refused the token that it may not have."""
    github.commit("Please", {"e.py": ""}, branch="please", author="mallory")
    fork = Repository("mallory", "ledger", owner_id=6, id=7)
    request = github.open_pull_request("please", "Please", author="mallory", fork=fork)
    ran = github.run(github.pull_request_event(request))

    assert ran.ok
    assert "a pull request from a fork never has" in json.loads(artifact(ran, "token"))["message"]


@pytest.mark.e2e
def test_a_workflow_that_asks_for_too_much_does_not_start(github: GitHub) -> None:
    """A called job may not have more than its caller: GitHub starts no such run, and neither does this."""
    ran = github.run(github.dispatch("greedy.yml", {}))
    found = ran.workflows[0]

    assert ("startup_failure", False, ()) == (found.conclusion, ran.ok, ran.jobs)
    assert "requests `id-token: write`" in found.message
    assert found.message in found.log.read_text()


def marked(github: GitHub) -> list[int]:
    return processes.carrying(act.mark(github.state / "runs"))


@pytest.mark.e2e
def test_a_run_that_stands_still_is_ended(github: GitHub) -> None:
    """With everything that its jobs left running; it says that this is no verdict."""
    ran = github.run(github.dispatch("slow.yml", {}), patience=2.0)

    assert "timed_out" == ran.workflows[0].conclusion
    assert "no verdict" in ran.workflows[0].message
    assert [] == marked(github)


SCRIPT = """
import signal, sys
from pathlib import Path
from sandbox.github import GitHub
from sandbox.github.event import Repository
signal.signal(signal.SIGINT, signal.default_int_handler)
with GitHub(Path(sys.argv[1]), Path(sys.argv[2]), repository=Repository("acme", "ledger")) as github:
    github.create()
    github.run(github.dispatch("slow.yml", {}))
"""


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_outlives_the_sandbox(source: Path, tmp_path: Path, number: signal.Signals) -> None:
    """After Ctrl-C nothing runs; after a crash nothing either, or the next start ends it."""
    words = [sys.executable, "-P", "-c", SCRIPT, str(source), str(tmp_path)]
    mark = act.mark(tmp_path / "runs")
    env = {"PYTHONPATH": str(CHECKOUT), **act.host_environment(tmp_path / "cwd", CHECKOUT)}
    with subprocess.Popen(words, cwd=CHECKOUT, env=env, stdout=subprocess.DEVNULL) as started:
        until(lambda: len(processes.carrying(mark)) >= 3, "the run's processes")
        started.send_signal(number)
        started.wait()
    if number == signal.SIGKILL:
        sweep(tmp_path)
    until(lambda: not processes.carrying(mark), "the end of the run's processes")


@pytest.mark.e2e
def test_an_action_without_a_stand_in_is_named(github: GitHub) -> None:
    """An action that the sandbox doesn't know is an error that says which file uses it and what to do."""
    text = "on: workflow_dispatch\njobs: {a: {runs-on: ubuntu-24.04, steps: [{uses: acme/tool@0123}]}}\n"
    github.commit("Use a tool", {".github/workflows/tool.yml": text}, branch="tool")
    github.push("tool")
    event = github.dispatch("tool.yml", {}, ref="tool")

    with pytest.raises(
        ConfigurationError, match=r"tool\.yml uses acme/tool@0123.*(?s:.*)--action acme/tool@0123=DIR"
    ):
        github.run(event)


@pytest.mark.e2e
def test_a_folder_can_take_the_stand_ins_place(source: Path, tmp_path: Path) -> None:
    """An action given by folder runs instead of the stand-in, also one that the sandbox has none for."""
    action = tmp_path / "tool"
    action.mkdir()
    (action / "action.yml").write_text(
        "name: T\ndescription: T\ninputs: {who: {default: nobody}}\nruns:\n  using: composite\n"
        "  steps: [{shell: bash, run: 'echo hello ${{ inputs.who }}'}]\n"
    )
    text = (
        "on: workflow_dispatch\njobs: {a: {runs-on: ubuntu-24.04, steps: "
        "[{uses: acme/tool@0123, with: {who: you}}]}}\n"
    )
    repository = Repository("acme", "ledger")
    actions = {"acme/tool@0123": action}
    with GitHub(source, tmp_path / "state", actions=actions, repository=repository) as github:
        github.create()
        github.commit("Use a tool", {".github/workflows/tool.yml": text})
        github.push()
        ran = github.run(github.dispatch("tool.yml", {}))

    assert ran.ok
    assert ran.log is not None
    assert "hello you" in ran.log.read_text()


@pytest.mark.e2e
def test_a_job_comments_only_with_the_permission(github: GitHub) -> None:
    """The API takes a comment from the job that may, and none from its neighbour with the same token."""
    github.commit("Topic", {"f.py": ""}, branch="commented")
    request = github.open_pull_request("commented", "A topic")
    ran = github.run(github.pull_request_event(request, "labeled"))

    assert ["comment 201\n", "refused 403\n"] == sorted(ran.summaries)
    assert ["hello"] == [each["body"] for each in github.api.records.comments_of(request.number)]


@pytest.mark.e2e
def test_somebody_approves_a_deployment_to_prod(github: GitHub) -> None:
    """prod asks for an approval: the run tells who gave it, and it isn't who pushed the tag."""
    ran = github.run(github.tag("v1.0.0", actor="carol"))
    approvals = json.loads(ran.summaries[0])

    assert ran.ok
    assert [("dave", "approved", "prod")] == [
        (each["user"]["login"], each["state"], each["environments"][0]["name"]) for each in approvals
    ]


@pytest.mark.e2e
def test_a_tag_that_the_rules_do_not_name_stays_out_of_prod(github: GitHub) -> None:
    """A tag that isn't v*.*.* starts the workflow, whose job for prod then fails with GitHub's reason."""
    ran = github.run(github.tag("v1"))

    assert (
        'Tag "v1" is not allowed to deploy to prod due to environment protection rules.'
        == ran.workflows[0].message
    )
