"""What act is given of a workflow: act itself says whether it takes it."""

from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT, run, tool
from pipeline.source.workflows import FOLDER, Workflow
from sandbox.github import adapted
from sandbox.github.log import GATE
from sandbox.github.workflow import load

pytestmark = pytest.mark.outside

WRITTEN = """
on: push
concurrency: { group: all, queue: max }
jobs:
  a:
    runs-on: ubuntu-24.04
    concurrency: { group: a, queue: max, cancel-in-progress: false }
    environment: { name: dev, url: "https://example.com", deployment: false }
    steps: [{ run: echo }]
  b: { runs-on: ubuntu-24.04, concurrency: b, environment: dev, steps: [{ run: echo }] }
  c: { runs-on: ubuntu-24.04, steps: [{ run: echo }] }
"""


def accepted(file: Path) -> str:
    """What act says against a workflow file; empty where it takes it."""
    done = run([tool("act"), "--list", "--workflows", file], cwd=file.parent, check=False)
    return "" if done.status == 0 else done.stderr


@pytest.fixture
def workflow(tmp_path: Path) -> Workflow:
    (tmp_path / "written.yml").write_text(WRITTEN)
    return load(tmp_path, "written.yml")


def test_act_refuses_what_is_left_out(workflow: Workflow, tmp_path: Path) -> None:
    """Else nothing would have to be left out: act knows the keys by now."""
    assert "Unknown Property" in accepted(tmp_path / "written.yml")


def test_act_takes_what_is_left(workflow: Workflow, tmp_path: Path) -> None:
    """And the rest is as it was written, but for the step that asks whether the job may begin."""
    adapted.write(workflow, tmp_path / "acts.yml", "acme/ledger", "a" * 40)
    jobs = load(tmp_path, "acts.yml").data["jobs"]

    assert "" == accepted(tmp_path / "acts.yml")
    assert {"group": "a", "cancel-in-progress": False} == jobs["a"]["concurrency"]
    assert {"name": "dev", "url": "https://example.com"} == jobs["a"]["environment"]
    assert [GATE, None] == [one.get("name") for one in jobs["b"]["steps"]]
    assert workflow.data["jobs"]["b"]["steps"] == jobs["b"]["steps"][1:]
    assert workflow.data["jobs"]["c"] == jobs["c"]


@pytest.mark.parametrize("path", sorted((CHECKOUT / FOLDER).glob("*.yml")), ids=lambda path: path.name)
def test_act_takes_the_repositorys_own(path: Path, tmp_path: Path) -> None:
    """Each workflow, with what of it only GitHub knows left out."""
    file = tmp_path / path.name
    adapted.write(load(CHECKOUT, f"{FOLDER}/{path.name}"), file, "acme/ledger", "a" * 40)

    assert "" == accepted(file)
