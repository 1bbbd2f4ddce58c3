"""The end-to-end story, told as `make demo` tells it, by the real workflows, and without a network."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.run import run
from pipeline.source import application
from tests.e2e import offline

pytestmark = pytest.mark.e2e

PROJECT = Path(__file__).resolve().parents[2]
TELL = "import sys, pathlib; from sandbox import story; sys.exit(story.tell(pathlib.Path(sys.argv[1])))"
EVERY = (
    "start the sandbox, bootstrap both accounts",
    "a pull request changes the application",
    "its token is refused by both roles",
    "merged: dev serves the new version",
    "a tag outside of main is refused",
    "one with its own workflow gets no role",
    "v1.2 is refused",
    "v1.2.3-rc.1 is refused",
    "a lightweight tag is refused",
    "v1.0.0 is promoted: prod serves dev's bytes",
    "the deploy roles are refused the secret",
    "a second change: dev serves it, prod what it had",
    "v1.1.0 with a tampered bundle is refused",
    "v1.1.0, its bytes as they were, is promoted",
    "while alarms ring v1.0.0 is put back, v1.1.0 withdrawn",
    "v1.1.0, withdrawn, is refused",
    "dev is changed by hand: drift opens an issue",
    "the change is undone: the issue is closed",
    "a failing smoke test: the previous version serves",
    "a failing migration: the previous version serves",
    "the ledger lists what happened",
    "the passport is verified without AWS",
)
ABSENT = set() if application.read(PROJECT).ledger else {"the ledger lists what happened"}
STEPS = tuple(step for step in EVERY if step not in ABSENT)
"""Those of this application."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, Any]]:
    """What came of each step, by its name; `output` is what a person saw."""
    folder = tmp_path_factory.mktemp("story") / "demo"
    done = run(offline.command([sys.executable, "-c", TELL, str(folder)]), cwd=PROJECT, check=False)
    print(done.stdout, done.stderr)
    record = folder / "story.json"
    steps = json.loads(record.read_text(encoding="utf-8")) if record.exists() else []
    return {step["name"]: step for step in steps} | {"output": {"said": done.stdout + done.stderr}}


@pytest.mark.parametrize("name", STEPS)
def test_step(told: Mapping[str, Mapping[str, Any]], name: str) -> None:
    """Each step goes as it should."""
    step = told.get(
        name, {"passed": False, "said": "not told: an earlier step failed\n" + told["output"]["said"]}
    )

    assert (step["passed"], step["said"] if not step["passed"] else "") == (True, "")


def test_the_steps_are_these(told: Mapping[str, Mapping[str, Any]]) -> None:
    """No step of the story is left out here, and none is missing there."""
    actual = tuple(name for name in told if name != "output")

    assert actual == STEPS


def test_own_overhead(told: Mapping[str, Mapping[str, Any]]) -> None:
    """The table at the end says where the time went, the pipeline's own code among it."""
    said = told["output"]["said"]

    assert "Where the time went" in said
    assert "pipeline's own code" in said
