from pathlib import Path
from typing import Any

import pytest

from pipeline.base.errors import ConfigurationError, GateError
from pipeline.source.expressions import Unknown
from pipeline.source.located import Document
from pipeline.source.workflows import FOLDER, Workflow
from sandbox.github import workflow
from sandbox.github.workflow import RunJob, Source, Sources

CALLEE = """
on:
  workflow_call:
    inputs:
      environment: {type: string, required: true}
      region: {type: string, default: eu-west-1}
jobs:
  deploy:
    environment: ${{ inputs.environment }}
    steps: [{uses: "acme/tool@0123 # v1"}]
  look:
    permissions: {}
    steps: []
"""
CONTEXTS: dict[str, Any] = {"github": {"ref_name": "v1.0.0"}, "inputs": {}, "vars": {}}


def tree(root: Path, **files: str) -> Path:
    """A tree with these workflows."""
    folder = root / FOLDER
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / f"{name}.yml").write_text(text)
    return root


def sources(root: Path, branch: Path | None = None) -> Sources:
    """Of a run on a tag, whose files are in `root`; the branch has the same, unless it has its own."""
    event, newest = (
        Source(root, root, "refs/tags/v1.0.0", "a" * 40),
        Source(branch or root, branch or root, "refs/heads/main", "b" * 40),
    )
    return Sources(event, newest, ("acme/ledger", "main"))


def jobs(root: Path, name: str = "main") -> dict[str, RunJob]:
    found = workflow.reachable(sources(root), workflow.load(root, f"{FOLDER}/{name}.yml"), CONTEXTS)
    return {"/".join(job.path): job for job in found}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("on: push", {"push": {}}),
        ("on: [push, pull_request]", {"push": {}, "pull_request": {}}),
        ("'on': {push: {branches: [main]}}", {"push": {"branches": ["main"]}}),
        ("on: {workflow_dispatch: }", {"workflow_dispatch": {}}),
    ],
)
def test_reads_every_form_of_on(tmp_path: Path, written: str, expected: dict[str, Any]) -> None:
    """A trigger is a name, a list or a mapping, and YAML 1.1's `on` is no boolean."""
    root = tree(tmp_path, main=f"{written}\njobs: {{}}\n")

    assert expected == workflow.all_of(root)[0].triggers


def test_reaches_the_jobs_of_called_workflows(tmp_path: Path) -> None:
    """A call's jobs carry the caller's path, permissions and inputs; the calling job itself runs nothing."""
    main = """
on: push
permissions: {}
jobs:
  test: {name: Test, steps: []}
  prod:
    name: To ${{ github.ref_name }}
    permissions: {id-token: write, contents: read}
    uses: ./.github/workflows/callee.yml
    with: {environment: prod}
"""
    found = jobs(tree(tmp_path, main=main, callee=CALLEE))

    assert ["test", "prod/deploy", "prod/look"] == list(found)
    assert ("To v1.0.0",) == found["prod/deploy"].callers
    assert {"prod"} == found["prod/deploy"].environments()
    assert "eu-west-1" == found["prod/deploy"].contexts["inputs"]["region"]
    assert ["none", "write", "none"] == [job.permissions["id-token"] for job in found.values()]


def test_a_callee_may_not_ask_for_more(tmp_path: Path) -> None:
    """A run whose callee asks for more than its caller has does not start, and the error names the file."""
    callee = CALLEE.replace("permissions: {}", "permissions: {id-token: write}")
    main = "on: push\njobs: {a: {uses: ./.github/workflows/callee.yml, with: {environment: dev}}}\n"

    with pytest.raises(GateError, match=r"callee\.yml: job `look` requests `id-token: write`"):
        jobs(tree(tmp_path, main=main, callee=callee))


def test_an_input_that_only_the_run_knows_is_unknown(tmp_path: Path) -> None:
    """An environment taken from another job's output is not guessed."""
    main = """
on: push
jobs:
  a:
    uses: ./.github/workflows/callee.yml
    with: {environment: "${{ needs.x.outputs.environment }}"}
"""
    found = jobs(tree(tmp_path, main=main, callee=CALLEE))

    with pytest.raises(Unknown, match=r"inputs\.environment"):
        found["a/deploy"].environment()


def test_each_environment_of_a_matrix(tmp_path: Path) -> None:
    """A matrix over environments reaches each of them, in a job and in a call."""
    main = """
on: push
jobs:
  direct:
    environment: {name: "${{ matrix.to }}"}
    strategy: {matrix: {to: [dev, prod]}}
    steps: []
  call:
    strategy: {matrix: {to: [dev, prod]}}
    uses: ./.github/workflows/callee.yml
    with: {environment: "${{ matrix.to }}"}
"""
    root = tree(tmp_path, main=main, callee=CALLEE)
    main_file = workflow.load(root, f"{FOLDER}/main.yml")
    found = workflow.reachable(sources(root), main_file, CONTEXTS)
    environments = [sorted(job.environments()) for job in found if job.id != "look"]

    assert [["dev", "prod"], ["dev"], ["prod"]] == environments


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ({"a": ["1", "2"], "b": ["x"]}, [{"a": "1", "b": "x"}, {"a": "2", "b": "x"}]),
        ({"a": [3.1, True]}, [{"a": 3.1}, {"a": True}]),
        ({"a": ["1", "2"], "exclude": [{"a": "1"}]}, [{"a": "2"}]),
        ({"a": ["1", "2"], "include": [{"a": "1", "c": "y"}]}, [{"a": "1", "c": "y"}, {"a": "2"}]),
        ({"a": ["1"], "include": [{"a": "3"}]}, [{"a": "1"}, {"a": "3"}]),
        ({"include": [{"a": "1"}, {"a": "2"}]}, [{"a": "1"}, {"a": "2"}]),
        ("${{ fromJSON(needs.x.outputs.y) }}", [{}]),
        (None, [{}]),
    ],
)
def test_the_combinations_of_a_matrix(matrix: object, expected: list[dict[str, str]]) -> None:
    """Products, exclude and include give the jobs that GitHub would start."""
    document = Document("w.yml", "", {"jobs": {"j": {"strategy": {"matrix": matrix}}}}, {})

    assert expected == next(Workflow(document).jobs).combinations


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("on: push\njobs: [", r"main\.yml:\d+: the workflow is not valid YAML"),
        ("jobs: {}", "is no workflow"),
        ("on: push", "is no workflow"),
        ("on: push\njobs: {a: [1]}", "job `a` is not a mapping"),
        ("on: push\njobs: {a: {uses: acme/other/.github/workflows/x.yml@main}}", "of this repository only"),
        (
            "on: push\njobs: {a: {uses: ./.github/workflows/gone.yml}}",
            r"gone\.yml:1: the workflow can't be read",
        ),
        ("on: push\njobs: {a: {uses: ./.github/workflows/main.yml}}", "levels deep"),
    ],
)
def test_a_bad_workflow_is_named(tmp_path: Path, text: str, said: str) -> None:
    """What can't be run is an error that says which file and why."""
    with pytest.raises((ConfigurationError, GateError), match=said):
        jobs(tree(tmp_path, main=text))


def test_finds_third_party_actions(tmp_path: Path) -> None:
    """Every remote action of workflows and local actions is found once, whole repositories by their name."""
    main = """
on: push
jobs:
  a:
    steps:
      - uses: ./.github/actions/setup
      - uses: github/codeql-action/upload-sarif@abc
      - uses: github/codeql-action/init@abc
      - uses: docker://alpine@sha256:1
"""
    root = tree(tmp_path, main=main, callee=CALLEE.replace(" # v1", ""))
    local = root / ".github/actions/setup"
    local.mkdir(parents=True)
    (local / "action.yml").write_text("runs: {steps: [{uses: acme/local@def}]}\n")

    assert {
        "acme/tool@0123": ".github/workflows/callee.yml",
        "github/codeql-action@abc": ".github/workflows/main.yml",
        "acme/local@def": ".github/actions/setup/action.yml",
    } == workflow.actions(root)


def test_a_workflow_of_the_branch_is_taken_from_there(tmp_path: Path) -> None:
    """Whatever the event's commit has in its place; so is what that calls in turn, by the same commit."""
    calls = "on: push\njobs: {go: {uses: acme/ledger/.github/workflows/outer.yml@main}}\n"
    outer = "on: {workflow_call: }\njobs: {on: {uses: ./.github/workflows/inner.yml}}\n"
    inner = "on: {workflow_call: }\njobs: {GOOD: {environment: prod, steps: []}}\n"
    event = tree(
        tmp_path / "event",
        main=calls,
        outer=inner.replace("GOOD", "evil"),
        inner=inner.replace("GOOD", "evil"),
    )
    branch = tree(tmp_path / "branch", outer=outer, inner=inner.replace("GOOD", "deploy"))
    [found] = workflow.reachable(sources(event, branch), workflow.load(event, f"{FOLDER}/main.yml"), CONTEXTS)

    assert ("go", "on", "deploy") == found.path
    assert ("refs/heads/main", "b" * 40) == (found.source.ref, found.source.commit)


@pytest.mark.parametrize(
    "uses", ["acme/ledger/.github/workflows/main.yml@v1", "evil/ledger/.github/workflows/main.yml@main"]
)
def test_a_workflow_of_elsewhere_is_not_run(tmp_path: Path, uses: str) -> None:
    """Nor one of this repository at another ref: what runs of it here would not be that."""
    root = tree(tmp_path, main=f"on: push\njobs: {{go: {{uses: {uses}}}}}\n")

    with pytest.raises(ConfigurationError, match="calls"):
        jobs(root)
