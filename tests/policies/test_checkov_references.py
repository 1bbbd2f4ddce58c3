"""checkov without its own filling in of references: the same verdicts on resolved templates, in a third of the time."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT, run, tool
from pipeline.gate.engines import checkov_driver
from pipeline.source.project import Project
from pipeline.source.stacks import Stack
from tests.policies.test_seeds import CLEAN, ROOT, SEEDS

EVERY = 30  # all of them take a quarter of an hour
OPTIONS = ("--framework", "cloudformation", "--skip-download", "--output", "json", "--soft-fail")


def faulty(every: int) -> Iterator[Stack]:
    """prod's stacks of the seeds that change one, each alone."""
    clean = [stack.for_tools() for stack in Project(ROOT, CLEAN).stacks]
    for _, seed in SEEDS[::every]:
        for stack in Project(ROOT, seed.apply(CLEAN)[0]).stacks:
            if stack.environment.name == "prod" and stack.for_tools() not in clean:
                yield stack


@pytest.mark.proof
def test_the_same_is_found(tmp_path: Path) -> None:
    """With references filled in and without, on many faulty templates at once."""
    folder, mark = tmp_path / "stacks", tmp_path / "mark"
    folder.mkdir()
    mark.touch()
    stacks = list(faulty(EVERY))
    for number, stack in enumerate(stacks):
        content = json.dumps(stack.for_tools(), default=str)
        (folder / f"{number}.json").write_text(content, encoding="utf-8")
    python = CHECKOUT / ".tools/policy/bin/python"
    driven: list[str | Path] = [python, "-P", checkov_driver.__file__, mark, folder]

    plain = run([tool("checkov"), "--directory", folder, *OPTIONS], cwd=tmp_path).stdout
    quick = run([*driven, *OPTIONS], cwd=tmp_path).stdout

    assert len(json.loads(plain)["results"]["failed_checks"]) > len(stacks) > 5
    assert _verdicts(quick) == _verdicts(plain)


def _verdicts(output: str) -> list[tuple[str, str, str, str]]:
    results = json.loads(output)["results"]
    return sorted(
        (kind, one["check_id"], one["file_path"], one["resource"])
        for kind in ("failed_checks", "passed_checks")
        for one in results[kind]
    )
