"""Every action of others that a workflow names has a stand-in, which takes the inputs that it is given."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.github.hub import STAND_INS
from tests import judged

PROJECT = judged.repository()
USED = sorted(
    {
        (step.uses.partition("@")[0], tuple(sorted(step.body.get("with") or ())))
        for one in PROJECT.automations
        if one.file.startswith(".github/")
        for step in one.steps
        if step.uses and not step.uses.startswith("./")
    }
)
# Those that can't do here what they are for, and don't pass for having done it.
REFUSING = (
    "actions/dependency-review-action",
    "github/codeql-action/analyze",
    "github/codeql-action/init",
    "ossf/scorecard-action",
)


def action(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((STAND_INS / name / "action.yml").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(("name", "given"), USED)
def test_a_stand_in_takes_what_it_is_given(name: str, given: tuple[str, ...]) -> None:
    """An input that it doesn't know would be dropped with a warning that nobody reads."""
    assert set(given) <= set(action(name).get("inputs", {}))


@pytest.mark.parametrize("name", REFUSING)
def test_what_cannot_judge_here_fails(name: str) -> None:
    """With a reason; a green step would be a verdict."""
    (step,) = action(name)["runs"]["steps"]

    assert "::error::The sandbox has no " in step["run"]
    assert step["run"].rstrip().endswith("exit 1")


def test_no_other_stand_in_refuses() -> None:
    """The list above is whole."""
    found = {
        path.parent.relative_to(STAND_INS).as_posix()
        for path in Path(STAND_INS).rglob("action.yml")
        if "The sandbox has no " in path.read_text(encoding="utf-8")
    }

    assert set(REFUSING) == found
