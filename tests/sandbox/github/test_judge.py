"""The real checks.yml, plan.yml and publish.yml on a small repository: what judges, or may write, is the branch's
engine, whatever a change or a tag brings."""

import shutil
from collections import Counter
from collections.abc import Iterator

import pytest

from pipeline.base.run import CHECKOUT, run
from sandbox.github import GitHub, Run
from sandbox.github.event import Repository

pytestmark = pytest.mark.e2e
# An engine that refuses what has a file `fault`, in the form of bin/pipeline's calls: -C FOLDER COMMAND ... PATH. Who
# judged is written into the run's folder: of a step that ends at once act may lose what it said.
ENGINE = """\
#!/bin/sh -e
cd "$2"
while [ $# -gt 1 ]; do shift; done
mkdir -p "$1"
echo "judged by GENUINE" | tee "$1/report.txt" >> "$SANDBOX_RUN/judged.txt"
echo '{"version": "2.1.0", "runs": [{"tool": {}}]}' > "$1/report.sarif"
! [ -e fault ]
"""
CALLER = """\
name: Pull request
on: pull_request
permissions: {}
jobs:
  checks:
    name: Checks
    permissions: {contents: read, actions: read, security-events: write}
    uses: acme/ledger/.github/workflows/checks.yml@release/2.x
  plan:
    name: Plan
    permissions: {contents: read, deployments: read, pull-requests: write}
    uses: acme/ledger/.github/workflows/plan.yml@release/2.x
    with: {base: HEAD^1}
"""
RELEASE = """\
name: Release
on: {push: {tags: ["v*"]}}
permissions: {}
jobs:
  publish:
    name: Publish
    permissions: {contents: write}
    uses: acme/ledger/.github/workflows/publish.yml@release/2.x
    with: {tag: "${{ github.ref_name }}"}
"""
CALLED = tuple(f".github/workflows/{name}.yml" for name in ("checks", "plan", "publish"))
QUIET = "name: x\ndescription: x\nruns: {using: composite, steps: []}\n"


# Its branch has a name that is a path: what is called at it, and events on it, are found all the same.
REPOSITORY = Repository.of("acme/ledger", "release/2.x")


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHub]:
    """A repository whose engine and tool chain are small, and whose called workflows are this one's."""
    root = tmp_path_factory.mktemp("source")
    run(["git", "init", "-q", root])
    for file in (*CALLED, ".github/actions/setup/action.yml"):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / file, root / file)
    (root / ".github/workflows/pull-request.yml").write_text(CALLER)
    (root / ".github/workflows/release.yml").write_text(RELEASE)
    (root / "Makefile").write_text("install-check install-deploy:\n\t@echo tools of GENUINE\n")
    (root / "bin").mkdir()
    (root / "bin/pipeline").write_text(ENGINE)
    (root / "bin/pipeline").chmod(0o755)
    with GitHub(root, tmp_path_factory.mktemp("state"), repository=REPOSITORY) as made:
        made.create()
        yield made


def judged(github: GitHub, branch: str, files: dict[str, str]) -> Run:
    """The run on a pull request with these changes."""
    github.commit("Change", files, branch=branch)
    return github.run(github.pull_request_event(github.open_pull_request(branch, "Change")))


def judges(ran: Run) -> Counter[str]:
    """Who judged in a run, and how often."""
    return Counter((ran.workflows[0].folder / "judged.txt").read_text().splitlines())


def brought() -> dict[str, str]:
    """A fault, and an engine, called workflows and a setup that would let it through."""
    return {
        "fault": "",
        "bin/pipeline": ENGINE.replace("GENUINE", "the change").replace("! [ -e fault ]", "exit 0"),
        ".github/actions/setup/action.yml": QUIET,
        **{
            file: (CHECKOUT / file).read_text().replace("run: bin/pipeline", "run: true || bin/pipeline")
            for file in CALLED
        },
    }


def test_what_is_right_passes(github: GitHub) -> None:
    """Three stages, each with its report, and the plan."""
    ran = judged(github, "right", {"a.py": ""})

    assert ran.ok, ran.log and ran.log.read_text()
    assert {"report-lint.zip", "report-policy.zip", "report-test.zip", "plan.zip"} == {
        path.name for path in ran.workflows[0].artifacts.glob("*.zip")
    }


def test_findings_reach_code_scanning_where_it_is_on(github: GitHub) -> None:
    """Those of every stage, from where the job put them; a fork's may not."""
    github.variables["CODE_SCANNING"] = "on"
    try:
        ran = judged(github, "scanned", {"b.py": ""})
    finally:
        del github.variables["CODE_SCANNING"]
    job = next(one for one in ran.jobs if one.id == "code-scanning")

    assert "success" == job.result, ran.log and ran.log.read_text()
    assert [f"report-{stage}" for stage in ("lint", "policy", "test")] == sorted(
        path.parent.name for path in (ran.workflows[0].artifacts / "sarif").rglob("*.sarif")
    )


def test_a_change_of_the_engine_does_not_change_the_verdict(github: GitHub) -> None:
    """A fault, and with it an engine, checks, setup and recipes that let everything through: each stage says no, and
    so does the plan, beside a token that may comment."""
    bringing = brought()
    ran = judged(github, "wrong", bringing)
    plans = [job for job in ran.jobs if job.id == "plan"]
    stages = [job for job in ran.jobs if job.id == "stage"]

    assert all("true || bin/pipeline" in bringing[file] for file in CALLED)
    assert ["failure"] * 4 == [job.result for job in (*stages, *plans)]
    assert {"judged by GENUINE": 4} == judges(ran)


def test_a_tag_s_own_engine_makes_no_release(github: GitHub) -> None:
    """Beside the token that may write to the repository, the branch's engine looks at the tag's commit."""
    made = github.commit("Change", brought(), branch="wrong-too")
    ran = github.run(github.tag("v1.0.0", made))

    assert [("publish", "failure")] == [(job.id, job.result) for job in ran.jobs]
    assert {"judged by GENUINE": 1} == judges(ran)
